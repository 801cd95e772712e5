"""The guard in front of a key: what it lets a key sign, and that it believes no answer."""

import traceback
from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Any

import pytest
import rlp
from eth_account import Account
from eth_account.messages import encode_typed_data
from hypothesis import given
from hypothesis import strategies as st
from sender_desk import CONTRACT, KEY, SELECTOR

from keeper.chain.ecdsa import ORDER, BadSignature, EcdsaSignature, from_der, normalised, recover, unpack
from keeper.chain.fees import GWEI
from keeper.chain.keys import local_key
from keeper.chain.kms import kms_key
from keeper.chain.signer import DigestKey, Key, KeySigner
from keeper.chain.transactions import encode, signature_of, signing_hash
from keeper.errors import Refused, RetryLater
from keeper.maths.eip712 import batch_digest, typed_data
from keeper.maths.keccak import keccak
from keeper.records.outcome import TxFields
from keeper.records.report import Batch
from keeper.records.units import Address

CHAIN = 31337
ACCOUNT = Account.from_key(KEY)
OWN = Address(ACCOUNT.address.lower())
OTHER = Account.from_key(b"\x07" * 32)
BATCH = Batch(25, b"\x01" * 32, 1_700_000_000, 1_700_001_800, b"\x02" * 32, b"\x03" * 32, b"\x04" * 32)
FIELDS = TxFields(CHAIN, 3, CONTRACT, SELECTOR + b"data", 100_000, 50 * GWEI, GWEI)


def signer(key: Key | None = None) -> KeySigner:
    return KeySigner(key or local_key(ACCOUNT), CHAIN, CONTRACT, [SELECTOR])


@pytest.mark.parametrize(
    "changes",
    [
        {"to": Address("0x" + "dd" * 20)},
        {"data": b"\xff\xff\xff\xff"},
        {"data": b""},
        {"data": SELECTOR[:3]},
        {"chain_id": 1},
        {"to": OWN},
        {"to": OWN, "data": b"\x01"},
    ],
)
def test_only_our_functions_of_our_contract_are_signed(changes: dict[str, Any]) -> None:
    asked: list[bytes] = []

    def sign(digest: bytes) -> EcdsaSignature:
        asked.append(digest)
        raise AssertionError

    with pytest.raises(Refused, match="signs no call"):
        signer(DigestKey(OWN, sign)).sign_transaction(replace(FIELDS, **changes))
    assert asked == []


def test_a_call_and_a_no_op_are_signed_as_the_library_signs_them() -> None:
    for fields in (FIELDS, replace(FIELDS, to=OWN, data=b"")):
        raw, tx_hash = signer().sign_transaction(fields)
        wanted = {
            "type": 2,
            "chainId": fields.chain_id,
            "nonce": fields.nonce,
            "to": bytes.fromhex(fields.to[2:]),
            "data": fields.data,
            "gas": fields.gas,
            "maxFeePerGas": fields.max_fee_wei,
            "maxPriorityFeePerGas": fields.tip_wei,
            "value": 0,
        }
        assert raw == bytes(ACCOUNT.sign_transaction(wanted).raw_transaction)
        assert tx_hash == keccak(raw)


def test_a_batch_is_signed_in_its_own_domain_alone() -> None:
    signature = signer().sign_batch(BATCH, CHAIN, CONTRACT)
    assert Account._recover_hash(batch_digest(BATCH, CHAIN, CONTRACT), signature=signature.data).lower() == OWN
    assert signature.data[64] in (27, 28)
    for chain_id, contract in ((1, CONTRACT), (CHAIN, Address("0x" + "dd" * 20))):
        with pytest.raises(Refused, match="signs no batch"):
            signer().sign_batch(BATCH, chain_id, contract)


def test_the_typed_document_hashes_to_the_digest_that_we_compute() -> None:
    message = encode_typed_data(full_message=typed_data(BATCH, CHAIN, CONTRACT))
    assert keccak(b"\x19" + message.version + message.header + message.body) == batch_digest(BATCH, CHAIN, CONTRACT)


@pytest.mark.parametrize("number", range(8))
def test_a_signature_of_another_key_or_another_form_is_never_used(number: int) -> None:
    good = unpack(bytes(ACCOUNT.unsafe_sign_hash(batch_digest(BATCH, CHAIN, CONTRACT)).signature))
    foreign = unpack(bytes(OTHER.unsafe_sign_hash(batch_digest(BATCH, CHAIN, CONTRACT)).signature))
    bad = [
        foreign,
        replace(good, s=ORDER - good.s, parity=1 - good.parity),
        replace(good, s=ORDER - good.s),
        replace(good, parity=1 - good.parity),
        replace(good, r=0),
        replace(good, s=ORDER),
        replace(good, r=ORDER + 5),
        replace(good, parity=2),
    ][number]
    with pytest.raises(Refused, match="is not used"):
        signer(DigestKey(OWN, lambda _digest: bad)).sign_batch(BATCH, CHAIN, CONTRACT)
    with pytest.raises(Refused, match="is not used"):
        signer(DigestKey(OWN, lambda _digest: bad)).sign_transaction(FIELDS)


@dataclass
class Answering:
    """A key that answers a transaction with whatever bytes."""

    raw: bytes
    address: Address = OWN

    def sign_batch(self, _batch: Batch, _chain_id: int, _contract: Address) -> EcdsaSignature:
        raise NotImplementedError

    def sign_transaction(self, _fields: TxFields) -> bytes:
        return self.raw


def altered(**changes: Any) -> bytes:
    return signed(replace(FIELDS, **changes))


def signed(fields: TxFields) -> bytes:
    return encode(fields, unpack(bytes(ACCOUNT.unsafe_sign_hash(signing_hash(fields)).signature)))


def listed() -> list[bytes]:
    items = rlp.decode(signed(FIELDS)[1:])
    valued = [*items[:6], b"\x01", *items[7:]]
    padded = [*items[:10], b"\x00" + items[10], items[11]]
    return [b"\x02" + rlp.encode(row) for row in (valued, padded, items[:9], [*items[:9], [], b"", b""])]


@pytest.mark.parametrize(
    "raw",
    [
        altered(nonce=4),
        altered(chain_id=1),
        altered(max_fee_wei=51 * GWEI),
        altered(to=Address("0x" + "dd" * 20)),
        altered(data=SELECTOR + b"datb"),
        altered(gas=100_001),
        signed(FIELDS) + b"\x00",
        b"\x01" + signed(FIELDS)[1:],
        signed(FIELDS)[:-1],
        b"",
        b"\x02",
        b"\x02\xff\xff",
        *listed(),
    ],
)
def test_signed_bytes_of_anything_else_than_was_asked_are_never_used(raw: bytes) -> None:
    with pytest.raises(Refused, match="is not used"):
        signer(Answering(raw)).sign_transaction(FIELDS)


@given(st.binary(max_size=300))
def test_no_bytes_pass_for_a_signed_transaction_by_chance(raw: bytes) -> None:
    with pytest.raises(BadSignature):
        signature_of(raw, FIELDS)
    with pytest.raises(BadSignature):
        signature_of(b"\x02" + raw, FIELDS)


def der(r: int, s: int) -> bytes:
    parts = b""
    for number in (r, s):
        body = number.to_bytes(number.bit_length() // 8 + 1, "big")
        parts += bytes([2, len(body)]) + body
    return bytes([0x30, len(parts)]) + parts


class FakeKms:
    """Signs as services do: DER, either half of s, no parity."""

    def __init__(self, *, high: bool = False, answer: Callable[[bytes], bytes] | None = None) -> None:
        self.high, self.answer = high, answer

    def sign_digest(self, digest: bytes) -> bytes:
        if self.answer:
            return self.answer(digest)
        signature = unpack(bytes(ACCOUNT.unsafe_sign_hash(digest).signature))
        return der(signature.r, ORDER - signature.s if self.high else signature.s)


@pytest.mark.parametrize("high", [False, True])
def test_what_a_key_service_signs_is_brought_into_the_one_form(high: bool) -> None:
    keyed = signer(kms_key(FakeKms(high=high), OWN))
    assert keyed.sign_batch(BATCH, CHAIN, CONTRACT) == signer().sign_batch(BATCH, CHAIN, CONTRACT)
    assert keyed.sign_transaction(FIELDS) == signer().sign_transaction(FIELDS)


@pytest.mark.parametrize(
    "answer",
    [
        b"",
        b"\x30\x00",
        der(1, 1),
        der(ORDER, 1),
        der(5, 5) + b"\x00",
        b"\x30\x06\x02\x01\x81\x02\x01\x01",
        b"\xff" * 72,
    ],
)
def test_a_key_service_that_answers_nonsense_is_refused(answer: bytes) -> None:
    with pytest.raises(Refused, match="is not used"):
        signer(kms_key(FakeKms(answer=lambda _digest: answer), OWN)).sign_transaction(FIELDS)


def test_a_key_service_that_is_away_is_tried_again_later() -> None:
    def away(_digest: bytes) -> bytes:
        raise RetryLater("the key service does not answer")

    with pytest.raises(RetryLater):
        signer(kms_key(FakeKms(answer=away), OWN)).sign_batch(BATCH, CHAIN, CONTRACT)


@given(st.binary(min_size=32, max_size=32), st.booleans())
def test_recovery_finds_the_signer_of_any_digest_from_r_and_s_alone(digest: bytes, high: bool) -> None:
    signature = unpack(bytes(ACCOUNT.unsafe_sign_hash(digest).signature))
    s = ORDER - signature.s if high else signature.s
    assert normalised(digest, *from_der(der(signature.r, s)), OWN) == signature
    assert recover(digest, signature) == OWN


def test_the_key_shows_in_no_text_of_a_signer_or_of_what_it_raises() -> None:
    def leaking(_digest: bytes) -> EcdsaSignature:
        raise BadSignature("nothing")

    shown = [repr(signer()), str(signer()), repr(local_key(ACCOUNT)), repr(vars(signer()))]
    for key in (DigestKey(OWN, leaking), Answering(b"\x02"), local_key(ACCOUNT)):
        for act in (lambda one: one.sign_batch(BATCH, 1, CONTRACT), lambda one: one.sign_transaction(FIELDS)):
            try:
                act(signer(key))
            except (Refused, RetryLater) as error:
                shown += chain_of(error)
    number = int.from_bytes(KEY, "big")
    for text in shown:
        assert KEY.hex() not in text.lower()
        assert str(number) not in text


def chain_of(error: BaseException | None) -> list[str]:
    """Every text of an exception: message, causes, contexts, traceback with the frames' variables."""
    texts: list[str] = []
    while error is not None:
        texts += [str(error), repr(error), repr(error.args)]
        texts += traceback.TracebackException.from_exception(error, capture_locals=True).format()
        error = error.__cause__ or error.__context__
    return texts
