"""What the ``watch`` job saw at one block: plain values for metrics, health, alarms and ``keeper top``."""

from collections.abc import Mapping
from dataclasses import dataclass, field


@dataclass(frozen=True, slots=True)
class MarketReading:
    """One market at the head."""

    name: str
    """As configured."""
    regime: str
    """Breaker level as the contract shows it: NORMAL, GUARDED, STRESSED, HALTED."""
    onchain_bps: int | None
    """Effective haircut; None: not listed."""
    proposed_bps: int | None
    """Target of the last sample; None: there is no sample, or it has no target."""
    age_seconds: int | None
    """Chain time since the live value's observed block."""
    expiry_seconds: int | None
    """Age from which the effective value widens."""
    lag_blocks: int | None
    """Head less the last sample's block."""
    degraded: str = ""
    """Why nothing loosens or nothing is reported; empty: all is well."""
    reason: str = ""
    """Last reason of the last decision."""

    @property
    def deviation_bps(self) -> int | None:
        """Proposed less on-chain; positive: a tightening is wanted."""
        if self.proposed_bps is None or self.onchain_bps is None:
            return None
        return self.proposed_bps - self.onchain_bps


@dataclass(frozen=True, slots=True)
class IntentReading:
    """One open intent."""

    intent: str
    """Head of its key, hex, as the log calls it."""
    purpose: str
    state: str
    nonce: int | None
    markets: tuple[str, ...]
    blocks: int
    """Since it was first signed; without a signature, since it was first seen open."""
    seconds: int
    """Chain time since it was first seen open."""
    unmined: bool
    """Signed or sent, and in no block."""
    error: str = ""


@dataclass(frozen=True, slots=True)
class KeyReading:
    """The signing account."""

    address: str
    balance_wei: int
    nonce_chain: int
    nonce_next: int
    emergency_transactions: int
    """Emergency transactions at the fee cap that the balance pays."""


@dataclass(frozen=True, slots=True)
class Reading:
    """Everything, at one block."""

    head_block: int
    head_time: int
    """Unix seconds, the chain's."""
    head_age_seconds: float
    """Wall clock less ``head_time``."""
    finalized_block: int
    clock_skew_seconds: float
    provider: str
    """Name of the node that answered."""
    heartbeat_seconds: int
    markets: tuple[MarketReading, ...]
    intents: tuple[IntentReading, ...] = ()
    key: KeyReading | None = None
    """None: shadow mode."""
    db_size_bytes: int | None = None
    budget_ratio: float | None = None
    """Least share of a day's fee budget that is left; None: not known."""
    providers: Mapping[str, str] = field(default_factory=dict)
    """Name -> state."""
