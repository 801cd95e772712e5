"""What the demo sees: the keeper's own store, and the contract's events and words on the chain."""

from dataclasses import dataclass
from typing import Any, Self

from keeper.protocols.bulkhead import parse_words, word_slots
from keeper.protocols.bulkhead_events import Event, decode_event
from keeper.records.decision import Folded
from keeper.records.live import ContractWords
from keeper.records.settings import MarketSettings
from keeper.records.units import Price
from keeper.store.samples import StoredSample
from keeper.store.store import KeeperStore
from keeper.testing import world
from keeper.testing.client import DevChain, hex_of
from keeper.testing.devnet import Devnet


@dataclass(frozen=True, slots=True)
class ChainEvent:
    """One event of the contract, where and when."""

    event: Event
    block: int
    time: int
    """Header time of its block."""
    tx_hash: str


@dataclass(frozen=True, slots=True)
class MarketView:
    """One market after one step."""

    settings: MarketSettings
    sample: StoredSample | None
    """Newest sample in the keeper's store."""
    words: ContractWords
    """The contract's words at the head."""

    @property
    def folded(self) -> Folded | None:
        """What the keeper made of the sample."""
        return self.sample.folded if self.sample else None

    @property
    def price(self) -> float | None:
        """Mid price, whole debt for whole collateral."""
        mid = self.folded.estimates.mid_price if self.folded else None
        return None if mid is None else whole_price(mid, self.settings)

    @property
    def depth(self) -> tuple[float | None, ...]:
        """Sale within 1, 2 and 5 %, whole collateral."""
        if self.folded is None:
            return (None, None, None)
        depth, unit = self.folded.estimates.depth, 10**self.settings.collateral_decimals
        amounts = (depth.at_100_bps, depth.at_200_bps, depth.at_500_bps)
        return tuple(None if amount is None else amount / unit for amount in amounts)


@dataclass(frozen=True, slots=True)
class Transaction:
    """A transaction of the keeper that was mined."""

    tx_hash: str
    block: int
    gas_used: int
    ok: bool


class Watch:
    """Reads both sides between steps."""

    def __init__(self, chain: DevChain, devnet: Devnet, store_url: str) -> None:
        self.chain = chain
        self.devnet = devnet
        self.store = KeeperStore(store_url)
        self.events: list[ChainEvent] = []
        self._next_block = devnet.listed_block

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.store.close()

    def window_seen(self) -> int:
        """Newest window that the keeper has folded for every market; 0 before the first."""
        samples = [self.store.samples.latest(key) for key in self.devnet.market_keys]
        return min((sample.window if sample else 0) for sample in samples)

    def views(self) -> list[MarketView]:
        """Every market: newest sample, words at the head."""
        rows = list(zip(self.devnet.settings.markets, self.devnet.market_keys, strict=True))
        return [MarketView(market, self.store.samples.latest(key), self._words(key)) for market, key in rows]

    def _words(self, key: bytes) -> ContractWords:
        """By raw slots, as the keeper reads them; every market has the first limits profile."""
        slots = word_slots(key, world.PROFILE)
        calls = [("eth_getStorageAt", (self.devnet.contract, hex_of(slot), "latest")) for slot in slots]
        return parse_words(*(int(word, 16) for word in self.chain.batch(calls)))

    def new_events(self) -> list[ChainEvent]:
        """Events since the last call; all of them are kept in ``events``."""
        rows = self.chain.logs(self.devnet.contract, self._next_block)
        found = [event for row in rows if (event := self._event(row)) is not None]
        if rows:
            self._next_block = int(rows[-1]["blockNumber"], 16) + 1
        self.events += found
        return found

    def keeper_transactions(self, sender: str, last_block: int) -> list[Transaction]:
        """Every transaction that the keeper's account got mined since the listing, counted from the blocks."""
        found: list[Transaction] = []
        for first in range(self.devnet.listed_block, last_block + 1, 50):
            numbers = range(first, min(first + 50, last_block + 1))
            for receipts in self.chain.batch([("eth_getBlockReceipts", (hex(number),)) for number in numbers]):
                found += [_transaction(row) for row in receipts if row["from"].lower() == sender]
        return found

    def _event(self, row: dict[str, Any]) -> ChainEvent | None:
        topics = [bytes.fromhex(topic[2:]) for topic in row["topics"]]
        event = decode_event(topics, bytes.fromhex(row["data"][2:]))
        block = int(row["blockNumber"], 16)
        if event is None:
            return None
        return ChainEvent(event, block, self.chain.block(block).timestamp, row["transactionHash"])


def whole_price(price: Price, market: MarketSettings) -> float:
    """Whole debt for whole collateral, for people."""
    scale = 10.0 ** (market.collateral_decimals - market.debt_decimals)
    return price.numerator / price.denominator * scale


def _transaction(row: dict[str, Any]) -> Transaction:
    return Transaction(
        row["transactionHash"], int(row["blockNumber"], 16), int(row["gasUsed"], 16), row["status"] == "0x1"
    )
