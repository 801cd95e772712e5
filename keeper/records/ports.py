"""Protocols that edges and plug-ins fulfil, so that no layer has to import another."""

from collections.abc import Callable, Generator, Sequence
from typing import Any, Protocol

from keeper.records.core import SourceCore
from keeper.records.estimates import FeeSample, ImpliedVolatility, SourceVolatility, Waterfall
from keeper.records.live import ContractWords
from keeper.records.outcome import Attempt, IntentState, Landing, Outcome, TxFields, TxIntent
from keeper.records.pools import PoolState
from keeper.records.report import Batch, Signature
from keeper.records.settings import FeedSettings, MarketSettings, ModelSettings, PoolSettings, Settings
from keeper.records.snapshot import Answer, Ask, FeedReading, Input, PoolReading, PositionsReading, ReadPlan
from keeper.records.units import Address, BlockRef, Price

Reading = Generator[tuple[Ask, ...], tuple[Answer, ...]]
"""An adapter's read without its return type: yields calls, is sent raw answers."""

ViewPlan = Callable[[Ask, BlockRef], Generator[tuple[Ask, ...], tuple[Answer, ...], Answer]]
"""What a reader of raw words would answer to an ask, by the contract's own view functions."""


class SaleCurve(Protocol):
    """What selling collateral into one venue yields, exactly as the venue's contract would compute it."""

    @property
    def mid(self) -> Price:
        """Price before any trade and fee."""

    def sell_exact_in_down(self, amount_in: int) -> tuple[int, int]:
        """(amount taken, amount out); takes less than asked when the known range ends."""

    def sell_to_price(self, sqrt_price_x96: int) -> tuple[int, int]:
        """(amount in up, amount out down) for pushing the after-fee marginal price down to the given one.

        ``sqrt_price_x96`` is sqrt(raw debt per raw collateral) * 2**96, whatever the venue's own orientation.
        (0, 0) when the marginal price is already there or below.
        """


class Swaps(Protocol):
    """Exact quotes of one venue in both directions, nothing scaled."""

    def exact_in_down(self, amount_in: int, *, sells_collateral: bool) -> tuple[int, int]:
        """(amount taken, amount out); takes less than asked when the known range ends."""

    def exact_out_up(self, amount_out: int, *, sells_collateral: bool) -> tuple[int, int]:
        """(amount in, amount given); gives less than asked when the known range or the pool ends."""


class Venue(Protocol):
    """One pool type."""

    def read(
        self, pool: PoolSettings, plan: ReadPlan, block: BlockRef
    ) -> Generator[tuple[Ask, ...], tuple[Answer, ...], PoolReading]:
        """Ask for the pool's words and decode them; a fault of the pool becomes ``failure``, never an exception."""

    def check(
        self, pool: PoolSettings, collateral: Address, debt: Address
    ) -> Generator[tuple[Ask, ...], tuple[Answer, ...], tuple[str, ...]]:
        """Compare settings and raw layout with the pool's own view functions; one line for every disagreement."""

    def curve(self, pool: PoolSettings, state: PoolState) -> SaleCurve:
        """Sale of collateral, liquidity capped by its harmonic mean where the venue knows one."""

    def swaps(self, pool: PoolSettings, state: PoolState) -> Swaps:
        """Quotes as the venue's contract would answer them."""


class Feed(Protocol):
    """One kind of price feed."""

    def read(self, feed: FeedSettings, block: BlockRef) -> Generator[tuple[Ask, ...], tuple[Answer, ...], FeedReading]:
        """Ask for the latest answer."""


class LendingProtocol(Protocol):
    """One lending protocol, or the bare contract of ours; updates go to our contract, whatever the protocol."""

    def read(
        self, contract: Address, market: bytes
    ) -> Generator[tuple[Ask, ...], tuple[Answer, ...], tuple[ContractWords | None, tuple[Input, ...]]]:
        """Our contract's words for the market."""

    def positions(
        self, market: MarketSettings
    ) -> Generator[tuple[Ask, ...], tuple[Answer, ...], PositionsReading | None]:
        """Positions of the market's holder list; None where it has none. A fault becomes ``failure``, no exception."""

    def check_market(self, market: MarketSettings) -> Generator[tuple[Ask, ...], tuple[Answer, ...], tuple[str, ...]]:
        """Compare settings with the protocol's own view of the market; one line for every disagreement."""

    def encode_publish(self, batch: Batch, reports: bytes, signatures: Sequence[Signature]) -> bytes:
        """Calldata of ``publish``; ``reports`` as ``risk.commit.make_batch`` packed them."""


Estimator = Callable[
    [SourceCore | None, PoolSettings, PoolState, BlockRef, Settings],
    tuple[SourceCore | None, SourceVolatility],
]
"""(entry before, pool, state, block, settings) -> (entry after, what it says)."""

ImpliedEstimator = Callable[[str, FeeSample | None, Sequence[FeeSample], ModelSettings], ImpliedVolatility]
"""(label, the pool now, the pool at earlier samples, oldest first, settings) -> what it implies."""

HaircutModel = Callable[[ModelSettings, int, int], Waterfall]
"""(settings, sigma_wad, q_star) -> waterfall."""


class ChainReader(Protocol):
    """Runs adapters in lock step at one block hash."""

    def run(
        self, readings: Sequence[Generator[tuple[Ask, ...], tuple[Answer, ...], object]], block: BlockRef
    ) -> list[object]:
        """Return values in order. One ``eth_call`` a round, more only when gas forces it.

        Raises
        ------
        RetryLater
            The node failed; nothing of it enters a record.
        """

    def block(self, number: int | str) -> BlockRef:
        """Header by number or tag."""


class Broadcast(Protocol):
    """What became of sending the same bytes to every node."""

    @property
    def accepted(self) -> bool:
        """Whether any node took them."""

    @property
    def errors(self) -> Sequence[tuple[str, str]]:
        """(name of the node, what it said) of those that did not."""


class Asking(Protocol):
    """Whatever answers JSON-RPC."""

    def call(self, method: str, params: Sequence[Any] = ()) -> Any:
        """Result of one request."""


class SendingNode(Asking, Protocol):
    """One node or a pool of them, as the sender sees it."""

    @property
    def degraded(self) -> bool:
        """Whether one node is alone because the others are silent: then only tightening goes out."""

    def agreed(self, method: str, params: Sequence[Any] = ()) -> Any:
        """Result on which enough nodes agree.

        Raises
        ------
        RetryLater
            They do not.
        """

    def broadcast(self, raw: bytes, *, private: bool = False) -> Broadcast:
        """Send signed bytes to every node that can be written to; ``private``: to the private relay alone."""


class Signer(Protocol):
    """The operator's key, wherever it is kept; it signs nothing but what the keeper is for."""

    @property
    def address(self) -> Address:
        """Its account."""

    def sign_batch(self, batch: Batch, chain_id: int, contract: Address) -> Signature:
        """Sign a batch of the domain that the signer was made for; the digest is its own business.

        Raises
        ------
        Refused
            Another domain, or the signature is another key's.
        RetryLater
            The key is kept elsewhere, and does not answer.
        """

    def sign_transaction(self, fields: TxFields) -> tuple[bytes, bytes]:
        """(raw bytes, hash); the same bytes for the same fields.

        Raises
        ------
        Refused
            Destination or function is not on the list, or the signature is another key's.
        RetryLater
            The key is kept elsewhere, and does not answer.
        """


class Sender(Protocol):
    """Write-ahead sender."""

    def submit(self, intent: TxIntent) -> Outcome:
        """Store, simulate, sign, store, send. Never twice for one key."""

    def settle(self) -> list[Outcome]:
        """Drive every open intent on; return those that moved."""


class Store(Protocol):
    """What the sender needs to be durable. Every method that changes a row is one committed transaction."""

    def open_intents(self) -> list[Outcome]:
        """Rows that are not terminal, oldest first."""

    def find(self, key: bytes) -> Outcome | None:
        """The row with this key."""

    def highest_nonce(self) -> int | None:
        """Highest nonce that any row ever held."""

    def plan(self, intent: TxIntent) -> Outcome:
        """Insert as PLANNED, or return the row that already has this key."""

    def advance(self, key: bytes, state: IntentState, *, error: str = "") -> Outcome:
        """A state edge; ``error`` says how it came to it."""

    def note(self, key: bytes, error: str) -> Outcome:
        """Why the row waits, in whatever state it is."""

    def prepare(self, key: bytes, nonce: int, attempt: Attempt, *, fills: bool = False) -> Outcome:
        """Take a nonce, fees and gas: PREPARED. ``fills``: a gap below others."""

    def sign(self, key: bytes, number: int, raw: bytes, tx_hash: bytes) -> Outcome:
        """Keep the signed bytes of an attempt: SIGNED."""

    def add_attempt(self, key: bytes, attempt: Attempt) -> Outcome:
        """Keep another signed transaction at the same nonce: SIGNED."""

    def acknowledge(self, key: bytes, number: int, block: int) -> Outcome:
        """A node took an attempt: SENT."""

    def land(self, key: bytes, state: IntentState, landing: Landing | None, *, error: str = "") -> Outcome:
        """Keep a receipt, or take it back."""
