"""What was read at one block: states of pools and feeds, the contract's own words, and every input word behind them."""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from typing import Literal, overload

from keeper.records.live import ContractWords
from keeper.records.pools import PoolState
from keeper.records.positions import Positions
from keeper.records.units import Address, BlockRef


@dataclass(frozen=True, slots=True)
class Ask:
    """One call an adapter wants made at the snapshot's block."""

    to: Address
    data: bytes
    reader: str = ""
    """Name of the reader code to place at ``to`` by state override; empty = call the contract's own code."""
    gas: int = 5_000_000
    """Fixed stipend. Running out of it is an answer of the pool; a lack of gas for the whole read is not."""


@dataclass(frozen=True, slots=True)
class Answer:
    """What the EVM answered. A transport failure never becomes one."""

    ok: bool
    data: bytes


@dataclass(frozen=True, slots=True)
class WordInput:
    """A storage word: recomputable and provable (eth_getProof)."""

    account: Address
    slot: bytes
    """32 bytes."""
    value: bytes
    """32 bytes."""


@dataclass(frozen=True, slots=True)
class CallInput:
    """An answer of code with unknown layout, or a failure: recomputable, not provable."""

    account: Address
    calldata: bytes
    ok: bool
    answer: bytes


Input = WordInput | CallInput


class LateInputs(Sequence[Input]):
    """Inputs that are worked out when somebody first looks at them.

    The fold never does: evidence, store and proofs do. Equal to a tuple of the same inputs.
    """

    __slots__ = ("_make", "_rows")

    def __init__(self, make: Callable[[], tuple[Input, ...]]) -> None:
        self._make = make
        self._rows: tuple[Input, ...] | None = None

    @property
    def rows(self) -> tuple[Input, ...]:
        """The inputs themselves."""
        if self._rows is None:
            self._rows = self._make()
        return self._rows

    @overload
    def __getitem__(self, index: int) -> Input: ...

    @overload
    def __getitem__(self, index: slice) -> tuple[Input, ...]: ...

    def __getitem__(self, index: int | slice) -> Input | tuple[Input, ...]:
        return self.rows[index]

    def __len__(self) -> int:
        return len(self.rows)

    def __iter__(self) -> Iterator[Input]:
        return iter(self.rows)

    def __eq__(self, other: object) -> bool:
        return self.rows == (other.rows if isinstance(other, LateInputs) else other)

    def __hash__(self) -> int:
        return hash(self.rows)

    def __repr__(self) -> str:
        return repr(self.rows)


@dataclass(frozen=True, slots=True)
class ReadPlan:
    """What an adapter should fetch beside the state proper."""

    harmonic_seconds: int
    ring_seconds: tuple[int, ...] = ()
    """Seconds ago, descending; empty once every price source has started."""
    depth_range_ticks: int = 7000
    whole: bool = True
    """Whether the accounts of the holder list and volatility feeds are read; depths of past windows need none."""


@dataclass(frozen=True, slots=True)
class PoolReading:
    """One venue's part of a snapshot: a state, or why there is none."""

    state: PoolState | None
    inputs: Sequence[Input]
    """A tuple, or :class:`LateInputs`."""
    failure: str = ""
    """Empty, or one line: the pool's own fault (EVM failure, garbage, wrong layout)."""


@dataclass(frozen=True, slots=True)
class FeedRound:
    """One earlier answer of a feed."""

    round_id: int
    """As the feed counts: of a proxy, its phase from bit 64 and the aggregator's own round below."""
    answer: int
    """Positive, in the feed's decimals."""
    updated_at: int
    """Unix seconds."""


@dataclass(frozen=True, slots=True)
class FeedReading:
    """The price feed's part of a snapshot."""

    answer: int | None
    """In the feed's decimals; None with a reason in ``failure``."""
    updated_at: int
    inputs: tuple[Input, ...]
    failure: str = ""
    rounds: tuple[FeedRound, ...] = ()
    """Rounds before the latest, newest first; one that the feed does not give is left out."""


@dataclass(frozen=True, slots=True)
class PositionsReading:
    """The lending protocol's part of a snapshot: the committed holders, or why there are none."""

    state: Positions | None
    inputs: tuple[Input, ...]
    failure: str = ""
    """Empty, or one line: without the market's own words no position means anything."""
    doubts: tuple[str, ...] = ()
    """One line for every holder that could not be read."""


@dataclass(frozen=True, slots=True)
class MarketSnapshot:
    """Everything one market's fold reads at one sampled block."""

    market: bytes
    """Market key, 32 bytes."""
    block: BlockRef
    pools: tuple[PoolReading, ...]
    """In the order of the settings."""
    feed: FeedReading
    words: ContractWords | None
    """The contract's own words; None before the contract knew the market."""
    words_inputs: tuple[Input, ...]
    positions: PositionsReading | None = None
    """None where the market has no holder list, or the plan asked for none."""
    legs: tuple[PoolReading, ...] = ()
    """Pools of the counted routes, in the order of ``MarketSettings.legs``."""
    volatility: tuple[FeedReading, ...] = ()
    """Volatility feeds, in the order of the settings; empty where the plan asked for none."""

    @property
    def inputs(self) -> tuple[Input, ...]:
        """Every input in a fixed order: pools, legs of routes, feed, own words, positions, volatility feeds."""
        rows = [row for pool in (*self.pools, *self.legs) for row in pool.inputs]
        held = self.positions.inputs if self.positions else ()
        others = [row for feed in self.volatility for row in feed.inputs]
        return (*rows, *self.feed.inputs, *self.words_inputs, *held, *others)


Side = Literal["collateral", "debt"]
