"""The one answer of the fold for one market at one sample, with its reasons."""

from dataclasses import dataclass
from enum import StrEnum

from keeper.records.estimates import Estimates


class Due(StrEnum):
    """Why a report should be sent, or that none should."""

    NONE = "none"
    FIRST = "first"
    """The market has never had a report."""
    TIGHTEN = "tighten"
    LOOSEN = "loosen"
    HEARTBEAT = "heartbeat"


@dataclass(frozen=True, slots=True)
class Targets:
    """What the model wants the contract to hold; the contract clamps it."""

    haircut_bps: int
    liquidation_haircut_bps: int
    """Advisory: shown and signed, never moved by a report."""
    bonus_bps: int
    premium_bps: int = 0
    ceiling: int = 0
    crunch_permille: int = 0
    regime: int = 0
    decay: int = 0
    """k times sigma per sqrt(year) in 1/256, rounded up."""


@dataclass(frozen=True, slots=True)
class Decision:
    """Result of ``fold_sample``."""

    targets: Targets | None
    """None: an input is missing, so there is nothing to report and the old value ages."""
    due: Due
    reasons: tuple[str, ...]
    """Plain sentences, in the order in which the rules spoke."""
    predicted_haircut_bps: int
    """Live haircut that the contract would hold right after this report (its twin says so)."""
    core_after: bytes
    """Packed core with this sample folded in."""


@dataclass(frozen=True, slots=True)
class Folded:
    """One sample after the fold: the estimates it rests on and the decision."""

    estimates: Estimates
    decision: Decision
