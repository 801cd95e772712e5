"""The key: what it signs, how it is opened, and that it never shows."""

import json
from dataclasses import replace
from pathlib import Path

import pytest
from eth_account import Account
from sender_desk import CONTRACT, KEY, SELECTOR

from keeper.chain.failpoints import check_failpoint
from keeper.chain.fees import GWEI
from keeper.chain.keys import KeySigner, open_account
from keeper.chain.rpc import Reverted, RpcError
from keeper.errors import ConfigError, Refused, RetryLater
from keeper.maths.keccak import keccak
from keeper.records.outcome import TxFields
from keeper.records.units import Address


def test_the_key_signs_only_our_functions_of_our_contract() -> None:
    signer = KeySigner(Account.from_key(KEY), CONTRACT, [SELECTOR])
    good = TxFields(31337, 0, CONTRACT, SELECTOR, 21_000, GWEI, GWEI)
    raw, tx_hash = signer.sign_transaction(good)
    assert keccak(raw) == tx_hash
    with pytest.raises(Refused):
        signer.sign_transaction(replace(good, to=Address("0x" + "dd" * 20)))
    with pytest.raises(Refused):
        signer.sign_transaction(replace(good, data=b"\xff\xff\xff\xff"))


def test_a_batch_signature_recovers_to_the_signer() -> None:
    signer = KeySigner(Account.from_key(KEY), CONTRACT, [SELECTOR])
    digest = keccak(b"digest")
    signature = signer.sign_batch(digest)
    assert len(signature.data) == 65
    assert Account._recover_hash(digest, signature=signature.data).lower() == signer.address == signature.signer
    assert signature.data[64] in (27, 28)
    assert KEY.hex() not in repr(signer)


def test_a_raw_key_file_and_a_keystore_open_to_the_same_account(tmp_path: Path) -> None:
    raw, store, password = tmp_path / "raw", tmp_path / "store.json", tmp_path / "password"
    raw.write_text("0x" + KEY.hex() + "\n")
    store.write_text(json.dumps(Account.encrypt(KEY, "hunter2", kdf="pbkdf2", iterations=2)))
    password.write_text("hunter2\n")
    opened = [open_account(raw, None), open_account(store, password), open_account(None, None, KEY.hex())]
    assert {account.address for account in opened} == {Account.from_key(KEY).address}


@pytest.mark.parametrize("text", ["", "12", "zz" * 32, "0" * 64, "f" * 64])
def test_a_bad_raw_key_is_refused_without_showing_it(tmp_path: Path, text: str) -> None:
    file = tmp_path / "raw"
    file.write_text(text)
    with pytest.raises(ConfigError, match="not 32 bytes of hex") as caught:
        open_account(file, None)
    assert not text or len(text) < 10 or text not in str(caught.value)


def test_a_wrong_or_missing_password_is_refused(tmp_path: Path) -> None:
    store, password = tmp_path / "store.json", tmp_path / "password"
    store.write_text(json.dumps(Account.encrypt(KEY, "hunter2", kdf="pbkdf2", iterations=2)))
    password.write_text("hunter3")
    with pytest.raises(ConfigError, match="does not open"):
        open_account(store, password)
    with pytest.raises(ConfigError, match="needs a password"):
        open_account(store, None)
    store.write_text('{"version": 3}')
    with pytest.raises(ConfigError, match="does not open"):
        open_account(store, password)


@pytest.mark.parametrize(
    ("changes", "said"),
    [
        ({"version": 4}, "is no keystore of version 3"),
        ({"version": 99}, "is no keystore of version 3"),
        ({"version": None}, "is no keystore of version 3"),
        ({"kdf": "argon2id"}, "does not open"),
        ({"mac": "00"}, "does not open"),
    ],
)
def test_a_keystore_of_another_kind_is_refused_in_a_line(tmp_path: Path, changes: dict[str, object], said: str) -> None:
    store, password = tmp_path / "store.json", tmp_path / "password"
    document = Account.encrypt(KEY, "hunter2", kdf="pbkdf2", iterations=2)
    for name, value in changes.items():
        (document if name in document else document["crypto"])[name] = value
    store.write_text(json.dumps(document))
    password.write_text("hunter2")
    with pytest.raises(ConfigError, match=said) as caught:
        open_account(store, password)
    assert caught.value.hint
    assert document["crypto"]["ciphertext"] not in str(caught.value)


def test_failpoints_are_refused_on_a_real_chain(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("KEEPER_FAILPOINT", "signed:post_commit=kill")
    check_failpoint(31337)
    with pytest.raises(ConfigError, match="chain 1"):
        check_failpoint(1)
    monkeypatch.setenv("KEEPER_FAILPOINT", "nowhere=kill")
    with pytest.raises(ConfigError, match="names no failpoint"):
        check_failpoint(31337)


def test_errors_of_the_outside_world_are_told_apart() -> None:
    assert issubclass(RpcError, RetryLater)
    assert issubclass(Reverted, Refused)
