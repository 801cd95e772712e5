"""The write-ahead sender against a node made of a dict: nothing lost, nothing doubled, whatever the node says."""

import json
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from eth_account import Account

from keeper.chain.failpoints import check_failpoint
from keeper.chain.fees import GWEI, FeePolicy
from keeper.chain.keys import KeySigner, TxFields, open_account
from keeper.chain.rpc import Reverted, RpcError
from keeper.chain.sender import TxSender
from keeper.errors import ConfigError, Refused, RetryLater
from keeper.maths.keccak import keccak
from keeper.records.outcome import IntentState, TxIntent
from keeper.records.units import Address
from keeper.store.store import KeeperStore

CONTRACT = Address("0x" + "cc" * 20)
KEY = keccak(b"test key")
SELECTOR = b"\x01\x02\x03\x04"
TIME = 1_700_000_000
POLICY = FeePolicy(80 * GWEI, GWEI, 1_000_000)


class Node:  # its methods are named as the JSON-RPC methods they answer
    """Answers what a test put into it; keeps every raw transaction it was sent."""

    label = "node test"

    def __init__(self) -> None:
        self.nonce = 0
        self.base_fee = 10 * GWEI
        self.head = 100
        self.time = TIME
        self.sent: list[bytes] = []
        self.pool: set[str] = set()
        self.receipts: dict[str, dict[str, str]] = {}
        self.send_error: Exception | None = None
        self.call_error: Exception | None = None
        self.calls: list[tuple[str, Any]] = []

    def call(self, method: str, params: Any = ()) -> Any:
        self.calls.append((method, params))
        return getattr(self, method)(*params)

    def eth_getBlockByNumber(self, _tag: str, _full: bool) -> dict[str, str]:  # noqa: N802
        return {"number": hex(self.head), "timestamp": hex(self.time), "baseFeePerGas": hex(self.base_fee)}

    def eth_blockNumber(self) -> str:  # noqa: N802
        return hex(self.head)

    def eth_getTransactionCount(self, _address: str, tag: str) -> str:  # noqa: N802
        assert tag == "latest"
        return hex(self.nonce)

    def eth_estimateGas(self, _call: dict[str, str]) -> str:  # noqa: N802
        if self.call_error:
            raise self.call_error
        return hex(100_000)

    def eth_call(self, _call: dict[str, str], _at: str) -> str:
        if self.call_error:
            raise self.call_error
        return "0x"

    def eth_sendRawTransaction(self, raw: str) -> str:  # noqa: N802
        if self.send_error:
            raise self.send_error
        self.sent.append(bytes.fromhex(raw[2:]))
        tx_hash = "0x" + keccak(self.sent[-1]).hex()
        self.pool.add(tx_hash)
        return tx_hash

    def eth_getTransactionReceipt(self, tx_hash: str) -> dict[str, str] | None:  # noqa: N802
        return self.receipts.get(tx_hash)

    def eth_getTransactionByHash(self, tx_hash: str) -> dict[str, str] | None:  # noqa: N802
        return {"hash": tx_hash} if tx_hash in self.pool or tx_hash in self.receipts else None

    def mine(self, *, ok: bool = True) -> None:
        self.head += 1
        for tx_hash in self.pool:
            facts = {"blockNumber": hex(self.head), "gasUsed": hex(90_000), "status": hex(int(ok))}
            self.receipts[tx_hash] = facts
            self.nonce += 1
        self.pool.clear()


class Desk:
    """A sender with its node and its store."""

    def __init__(self, folder: Path) -> None:
        self.node = Node()
        self.store = KeeperStore(f"sqlite:///{folder / 'keeper.sqlite'}")
        self.superseded = False

    @property
    def sender(self) -> TxSender:
        """A fresh sender, as after a restart."""
        signer = KeySigner(Account.from_key(KEY), CONTRACT, [SELECTOR])
        return TxSender(
            self.node,  # type: ignore[arg-type]
            self.store.intents,
            signer,
            chain_id=31337,
            policy=POLICY,
            describe=lambda data: f"decoded {data.hex()}",
            is_superseded=lambda _intent: self.superseded,
        )


@pytest.fixture
def desk(tmp_path: Path) -> Any:
    made = Desk(tmp_path)
    yield made
    made.store.close()


def intent(name: str = "a", **changes: object) -> TxIntent:
    base = TxIntent(keccak(name.encode()), "publish", CONTRACT, SELECTOR + b"data", 50, TIME + 600, (bytes(32),))
    return replace(base, **changes)


def test_a_submitted_intent_is_sent_and_becomes_final_two_blocks_deep(desk: Desk) -> None:
    assert desk.sender.submit(intent()).state is IntentState.SENT
    assert desk.sender.settle() == []
    desk.node.mine()
    (row,) = desk.sender.settle()
    assert (row.state, row.block_number, row.gas_used) == (IntentState.MINED, 101, 90_000)
    desk.node.head += 1
    assert desk.sender.settle() == []
    desk.node.head += 1
    (row,) = desk.sender.settle()
    assert row.state is IntentState.FINAL_OK
    assert desk.store.intents.open_intents() == []


def test_a_key_is_never_sent_twice(desk: Desk) -> None:
    for _ in range(3):
        desk.sender.submit(intent())
    desk.node.mine()
    desk.node.head += 2
    desk.sender.settle()
    assert desk.sender.submit(intent()).state is IntentState.FINAL_OK
    assert len(desk.node.sent) == 1


def test_what_was_signed_is_sent_again_byte_by_byte(desk: Desk) -> None:
    desk.node.send_error = RpcError("node test did not answer within 5 s")
    row = desk.sender.submit(intent())
    assert (row.state, row.error) == (IntentState.SIGNED, "node test did not answer within 5 s")
    desk.node.send_error, desk.node.base_fee = None, 30 * GWEI
    (sent,) = desk.sender.settle()
    assert sent.state is IntentState.SENT
    assert desk.node.sent == [row.raw]


@pytest.mark.parametrize("text", ["already known", "transaction already imported", "ALREADY_KNOWN: already known"])
def test_already_known_counts_as_sent(desk: Desk, text: str) -> None:
    desk.node.send_error = RpcError(f"node test refused eth_sendRawTransaction: {text}", code=-32003)
    assert desk.sender.submit(intent()).state is IntentState.SENT


def test_a_used_nonce_with_our_receipt_is_ours(desk: Desk) -> None:
    desk.node.send_error = RpcError("down")
    row = desk.sender.submit(intent())
    assert row.raw is not None
    desk.node.receipts["0x" + keccak(row.raw).hex()] = {"blockNumber": hex(100), "gasUsed": "0x1", "status": "0x1"}
    desk.node.send_error = RpcError("nonce too low", code=-32000)
    (row,) = desk.sender.settle()
    assert row.state is IntentState.MINED


def test_a_used_nonce_without_our_receipt_is_somebody_elses(desk: Desk) -> None:
    desk.node.send_error = RpcError("nonce too low", code=-32000)
    row = desk.sender.submit(intent())
    assert row.state is IntentState.SUPERSEDED
    assert row.error == "nonce 0 was used by a transaction that is not ours"


def test_a_dropped_transaction_is_sent_again_unchanged(desk: Desk) -> None:
    desk.sender.submit(intent())
    desk.node.pool.clear()
    desk.sender.settle()
    assert len(desk.node.sent) == 2
    assert desk.node.sent[0] == desk.node.sent[1]


def test_a_reorg_takes_a_mined_transaction_back_and_it_is_sent_again(desk: Desk) -> None:
    desk.sender.submit(intent())
    desk.node.mine()
    desk.sender.settle()
    desk.node.receipts.clear()
    (row,) = desk.sender.settle()
    assert row.state is IntentState.SENT
    assert row.block_number is None
    assert desk.node.sent[0] == desk.node.sent[1]


def test_a_refused_simulation_sends_nothing_and_says_why(desk: Desk) -> None:
    desk.node.call_error = Reverted("eth_estimateGas reverted", b"\xaa\xbb")
    row = desk.sender.submit(intent())
    assert (row.state, row.nonce, row.error) == (IntentState.PLANNED, None, "decoded aabb")
    assert desk.node.sent == []
    desk.node.call_error = None
    (row,) = desk.sender.settle()
    assert row.state is IntentState.SENT


def test_the_simulation_has_the_fees_and_gas_of_the_transaction(desk: Desk) -> None:
    row = desk.sender.submit(intent())
    (call,) = [params[0] for method, params in desk.node.calls if method == "eth_call"]
    assert int(call["maxFeePerGas"], 16) == 21 * GWEI
    assert int(call["gas"], 16) == 130_000
    assert row.raw is not None
    assert Account.recover_transaction(row.raw).lower() == call["from"]


def test_an_expired_intent_is_never_signed(desk: Desk) -> None:
    desk.node.time = TIME + 601
    assert desk.sender.submit(intent()).state is IntentState.EXPIRED
    assert desk.node.sent == []


def test_a_superseded_intent_is_never_signed(desk: Desk) -> None:
    desk.superseded = True
    assert desk.sender.submit(intent()).state is IntentState.SUPERSEDED
    assert desk.node.sent == []


def test_one_unmined_nonce_at_a_time(desk: Desk) -> None:
    desk.sender.submit(intent("a"))
    waiting = desk.sender.submit(intent("b"))
    assert (waiting.state, waiting.error) == (IntentState.PLANNED, "waits for the transaction before it")
    desk.node.mine()
    moved = desk.sender.settle()
    assert [(row.intent.key, row.state, row.nonce) for row in moved] == [
        (intent("a").key, IntentState.MINED, 0),
        (intent("b").key, IntentState.SENT, 1),
    ]


def test_a_base_fee_above_the_cap_waits(desk: Desk) -> None:
    desk.node.base_fee = 100 * GWEI
    row = desk.sender.submit(intent())
    assert (row.state, row.nonce) == (IntentState.PLANNED, None)
    assert row.error == "the base fee of 100 gwei is above the cap of 80 gwei"


def test_a_node_that_is_down_leaves_the_plan(desk: Desk) -> None:
    desk.node.call_error = RpcError("down")
    assert desk.sender.submit(intent()).state is IntentState.PLANNED


def test_a_transaction_that_reverts_on_chain_ends_with_its_reason(desk: Desk) -> None:
    desk.sender.submit(intent())
    desk.node.mine(ok=False)
    desk.node.head += 2
    desk.node.call_error = Reverted("eth_call reverted", b"\x01")
    (row,) = desk.sender.settle()
    assert (row.state, row.error) == (IntentState.FINAL_REVERTED, "decoded 01")


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
