"""A sender over a node made of a dict: a mempool with geth's replacement rule, blocks, reorgs, and lies on demand."""

from collections.abc import Callable
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

import rlp
from eth_account import Account

from keeper.chain.fees import GWEI, FeePolicy
from keeper.chain.guards import CONFIRMED_DEPTH, Guards
from keeper.chain.keys import local_key
from keeper.chain.rpc import RpcError
from keeper.chain.sender import TxSender
from keeper.chain.signer import KeySigner
from keeper.errors import RetryLater
from keeper.maths.keccak import keccak
from keeper.records.outcome import Tier, TxIntent
from keeper.records.units import Address
from keeper.store.store import KeeperStore

CONTRACT = Address("0x" + "cc" * 20)
KEY = keccak(b"test key")
ACCOUNT = Account.from_key(KEY).address.lower()
SELECTOR = b"\x01\x02\x03\x04"
TIME = 1_700_000_000
POLICY = FeePolicy(routine_cap_wei=80 * GWEI, emergency_cap_wei=1_500 * GWEI, least_tip_wei=GWEI, gas_limit=1_000_000)


@dataclass(frozen=True, slots=True)
class Raw:
    """A signed transaction as a node reads it."""

    data: bytes
    nonce: int
    tip_wei: int
    fee_wei: int
    to: bytes
    call: bytes

    @property
    def hash(self) -> str:
        return "0x" + keccak(self.data).hex()


def read_raw(data: bytes) -> Raw:
    fields = rlp.decode(data[1:])
    nonce, tip, fee = (int.from_bytes(item, "big") for item in fields[1:4])
    return Raw(data, nonce, tip, fee, fields[5], fields[7])


@dataclass(slots=True)
class Answer:
    accepted: bool
    errors: tuple[tuple[str, str], ...] = ()


@dataclass
class Node:  # its methods are named as the JSON-RPC methods they answer
    """Answers what a test put into it; keeps every raw transaction it was sent."""

    label = "node test"
    nonce: int = 0
    base_fee: int = 10 * GWEI
    tip: int = GWEI
    head: int = 100
    time: int = TIME
    balance: int = 10**18
    degraded: bool = False
    sent: list[bytes] = field(default_factory=list)
    private: list[bytes] = field(default_factory=list)
    pool: dict[int, Raw] = field(default_factory=dict)
    receipts: dict[str, dict[str, str]] = field(default_factory=dict)
    send_error: str = ""
    call_error: Exception | None = None
    calls: list[tuple[str, Any]] = field(default_factory=list)
    mines: bool = True
    """Whether blocks take our transactions."""
    deep_count: int | None = None

    def call(self, method: str, params: Any = ()) -> Any:
        self.calls.append((method, params))
        return getattr(self, method)(*params)

    agreed = call

    def broadcast(self, raw: bytes, *, private: bool = False) -> Answer:
        if private:
            self.private.append(raw)
            return Answer(accepted=True)
        if self.send_error:
            return Answer(accepted=False, errors=(("test", self.send_error),))
        tx = read_raw(raw)
        before = self.pool.get(tx.nonce)
        self.sent.append(raw)
        if tx.hash in self.receipts or (before and before.data == raw):
            return Answer(accepted=False, errors=(("test", "already known"),))
        if tx.nonce < self.nonce:
            return Answer(accepted=False, errors=(("test", "nonce too low: next nonce 1, tx nonce 0"),))
        if before and (tx.fee_wei * 10 < before.fee_wei * 11 or tx.tip_wei * 10 < before.tip_wei * 11):
            return Answer(accepted=False, errors=(("test", "replacement transaction underpriced"),))
        self.pool[tx.nonce] = tx
        return Answer(accepted=True)

    def eth_getBlockByNumber(self, at: str, _full: bool) -> dict[str, str]:  # noqa: N802
        number = self.head - 2 if at == "finalized" else self.head if at == "latest" else int(at, 16)
        return {"number": hex(number), "timestamp": hex(self.time + 12 * (number - 100))}

    def eth_feeHistory(self, blocks: str, _newest: str, _percentiles: list[int]) -> dict[str, Any]:  # noqa: N802
        count = int(blocks, 16)
        return {"baseFeePerGas": [hex(self.base_fee)] * (count + 1), "reward": [[hex(self.tip)]] * count}

    def eth_getTransactionCount(self, _address: str, tag: str) -> str:  # noqa: N802
        assert tag in {"latest", hex(self.head - CONFIRMED_DEPTH)}
        return hex(self.nonce if tag == "latest" or self.deep_count is None else self.deep_count)

    def eth_getBalance(self, _address: str, _tag: str) -> str:  # noqa: N802
        return hex(self.balance)

    def eth_estimateGas(self, call: dict[str, str], at: str) -> str:  # noqa: N802
        assert at == "latest"
        require_ours(call)
        if self.call_error:
            raise self.call_error
        return hex(100_000)

    def eth_call(self, call: dict[str, str], at: str) -> str:
        assert at == "latest" or int(at, 16) <= self.head
        require_ours(call)
        if self.call_error:
            raise self.call_error
        return "0x"

    def eth_getTransactionReceipt(self, tx_hash: str) -> dict[str, str] | None:  # noqa: N802
        return self.receipts.get(tx_hash)

    def eth_getTransactionByHash(self, tx_hash: str) -> dict[str, str] | None:  # noqa: N802
        known = {tx.hash for tx in self.pool.values()} | set(self.receipts)
        return {"hash": tx_hash} if tx_hash in known else None

    def mine(self, blocks: int = 1, *, ok: bool = True) -> None:
        """Blocks; the first takes what is paid well enough, in nonce order."""
        for _ in range(blocks):
            self.head += 1
            while self.mines and (tx := self.pool.get(self.nonce)) and tx.fee_wei >= self.base_fee:
                self.take(tx, ok=ok)
                del self.pool[tx.nonce]

    def take(self, tx: Raw, *, ok: bool = True) -> None:
        """Put one transaction into the newest block."""
        self.receipts[tx.hash] = {
            "blockNumber": hex(self.head),
            "blockHash": "0x" + keccak(self.head.to_bytes(8, "big")).hex(),
            "gasUsed": hex(90_000),
            "effectiveGasPrice": hex(self.base_fee + tx.tip_wei),
            "status": hex(int(ok)),
        }
        self.nonce = tx.nonce + 1

    def reorg(self) -> None:
        """Every receipt is gone, and nothing goes back into the mempool."""
        self.nonce -= len(self.receipts)
        self.receipts.clear()


def require_ours(call: dict[str, str]) -> None:
    """A simulation is of a call that the key may sign: the contract's, or the no-op."""
    assert call["from"].lower() == ACCOUNT
    to = call["to"].lower()
    assert to == CONTRACT or (to, call["data"]) == (ACCOUNT, "0x")


class Desk:
    """A sender with its node and its store."""

    def __init__(self, folder: Path, **options: Any) -> None:
        self.node = Node()
        self.store = KeeperStore(f"sqlite:///{folder / 'keeper.sqlite'}")
        self.superseded = False
        self.is_superseded: Callable[[TxIntent], bool] = lambda _intent: self.superseded
        self.halted = ""
        self.budget = 10**20
        self.afford: Callable[[TxIntent], bool] = lambda _intent: True
        self.refusal: Exception | None = None
        self.events: list[tuple[str, dict[str, Any]]] = []
        self.options = options
        self.sender = self.restarted()

    def restarted(self) -> TxSender:
        """A fresh sender over the same rows."""
        guards = Guards(
            describe=lambda data: f"decoded {data.hex()}",
            is_superseded=self._superseded,
            rehearse=self._rehearse,
            afford=self._afford,
            halted=lambda: self.halted,
        )
        self.sender = TxSender(
            self.node,
            self.store.intents,
            KeySigner(local_key(Account.from_key(KEY)), 31337, CONTRACT, [SELECTOR]),
            chain_id=31337,
            policy=POLICY,
            guards=guards,
            emit=lambda event, **fields: self.events.append((event, fields)),
            **self.options,
        )
        return self.sender

    def said(self, event: str) -> list[dict[str, Any]]:
        """Fields of every event of a name."""
        return [fields for name, fields in self.events if name == event]

    def block(self, blocks: int = 1, **options: Any) -> list[str]:
        """Blocks, with a look of the sender after each; the states that rows moved to."""
        states = []
        for _ in range(blocks):
            self.node.mine(**options)
            states += [row.state.value for row in self.sender.settle()]
        return states

    def _superseded(self, wanted: TxIntent) -> bool:
        return self.is_superseded(wanted)

    def _afford(self, wanted: TxIntent, wei: int, _now: int) -> None:
        if wei > self.budget or not self.afford(wanted):
            raise RetryLater(f"{wei} wei are above the budget of {self.budget}")

    def _rehearse(self, _intent: TxIntent) -> None:
        if self.refusal:
            raise self.refusal


def intent(name: str = "a", **changes: object) -> TxIntent:
    base = TxIntent(keccak(name.encode()), "publish", CONTRACT, SELECTOR + b"data", 50, TIME + 6_000, (bytes(32),))
    return replace(base, **changes)


def urgent(name: str = "urgent", **changes: object) -> TxIntent:
    return intent(name, tier=Tier.EMERGENCY, **changes)


def down(text: str = "node test did not answer within 5 s") -> RpcError:
    return RpcError(text)
