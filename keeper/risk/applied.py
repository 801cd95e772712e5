"""A market's words after a call of the contract: what every call shares.

Twin of ``_seal`` and ``_store`` in ``contracts/src/MarketStore.sol``, and of ``_requireCalm`` in
``CollateralParameters.sol``.
"""

from dataclasses import dataclass, replace

from keeper.records.live import (
    FLAG_AUX,
    FLAG_LIQUIDATION,
    FLAG_LISTED,
    AuxWord,
    ContractWords,
    LiquidationWord,
    LiveWord,
)
from keeper.risk.days import note
from keeper.risk.regime import NORMAL, regime_at, with_regime


@dataclass(frozen=True, slots=True)
class Applied:
    """Words after a call, or why it changes nothing."""

    words: ContractWords
    refusal: str = ""
    """Empty, or the contract's name for it: a ``Refusal`` member of a report, a custom error of the other calls."""

    @property
    def live(self) -> LiveWord:
        """Live word after it."""
        return self.words.live

    @property
    def aux(self) -> AuxWord:
        """Aux word after it."""
        return self.words.aux


def stored(old: ContractWords, new: ContractWords, now: int) -> Applied:
    """Words as the contract stores them after a report: with flags, and the day's highest value where it is known."""
    flags = new.live.flags & FLAG_LISTED
    flags |= FLAG_AUX if new.aux.staged_bps or new.aux.pending_time else 0
    flags |= FLAG_LIQUIDATION if new.liquidation != LiquidationWord() else 0
    live = replace(new.live, day_highest_bps=note(old, new, now) or 0, flags=flags)
    return Applied(replace(new, live=live))


def changed(old: ContractWords, new: ContractWords, now: int) -> Applied:
    """Likewise after any other change, which is counted; a regime that has expired leaves the word."""
    aux = replace(new.aux, extra_updates=new.aux.extra_updates + 1)
    return stored(old, replace(new, aux=aux, live=with_regime(new.live, NORMAL, 0, now)), now)


def is_listed(words: ContractWords) -> bool:
    """Whether the market takes reports."""
    return bool(words.live.flags & FLAG_LISTED)


def calm_fault(words: ContractWords, now: int) -> str:
    """Nothing loosens, and no liquidation haircut moves, while a market is not watched, alarmed or held."""
    if not is_listed(words):
        return "UnknownMarket"
    if now > words.live.observed_time + words.limits.fresh_seconds:
        return "ReportNotFresh"
    if regime_at(words.live, now) != NORMAL:
        return "RegimeNotNormal"
    return "LooseningHeld" if now < words.guard.held_until else ""
