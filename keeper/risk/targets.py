"""What the model wants the contract to hold, before anybody asks whether and when it should move (models.md 5.1)."""

from keeper.maths.fixed import cdiv
from keeper.records.decision import Targets
from keeper.records.estimates import Estimates
from keeper.records.live import ContractWords
from keeper.records.settings import ModelSettings
from keeper.records.units import WAD
from keeper.risk.exposure import wanted
from keeper.risk.limits import MAX_DECAY, least_bps

LEAST_SOURCES = 2
"""Independent price sources without which no report moves the liquidation haircut (design.md 5.4)."""

NO_MOVE = "no move of the liquidation haircut is wished"
PART = "the liquidation haircut is wished at"
"""How the reason begins where a wish of open loans was held, wholly or in part."""

DECAY_STEPS = 256
"""The live word holds k times sigma in 1/256 (records/live.py)."""


def wanted_targets(
    estimates: Estimates, words: ContractWords, model: ModelSettings, supported_bps: int | None
) -> tuple[Targets, tuple[str, ...]]:
    """Targets, and a reason where the wish for the liquidation haircut is held.

    haircut = max(live liquidation haircut, min(cap, model + buffer)). Without a waterfall the model asks for its cap.
    """
    asked = estimates.waterfall.haircut_bps if estimates.waterfall else model.haircut_max_bps
    haircut = max(least_bps(words.live), min(model.haircut_max_bps, asked + model.buffer_bps))
    exposure = wanted(estimates, haircut, words.live, model)
    liquidation, bonus, reasons = _wanted_of_loans(estimates, words, model, supported_bps)
    decay = cdiv(model.k_wad * (estimates.sigma_wad or 0) * DECAY_STEPS, WAD * WAD)
    targets = Targets(
        haircut_bps=haircut,
        liquidation_haircut_bps=liquidation,
        bonus_bps=bonus,
        premium_bps=exposure.premium_bps,
        ceiling=exposure.ceiling,
        decay=min(decay, MAX_DECAY),
    )
    return targets, reasons


def _wanted_of_loans(
    estimates: Estimates, words: ContractWords, model: ModelSettings, supported_bps: int | None
) -> tuple[int, int, tuple[str, ...]]:
    """Liquidation haircut and bonus; what holds where a bounded move has too little to rest on (design.md 5.4).

    A bounded rise goes as far as ``supported_bps``, a fall to what all inputs ask for: in between what holds stays.
    """
    live, wish = words.live, estimates.liquidation_bps
    speaking = sum(row.sigma_wad is not None for row in estimates.sources)
    doubts = []
    if words.limits.bounded and speaking < LEAST_SOURCES:
        doubts.append(f"{speaking} of {LEAST_SOURCES} price sources that it needs have a value")
    if words.limits.bounded and estimates.missing_for_loans:
        doubts.append("an input is missing")
    if words.limits.bounded and not estimates.warm:
        doubts.append("the baseline is not warm")
    if wish is None or doubts:
        reasons = (f"{NO_MOVE}: {', '.join(doubts)}",) if doubts else ()
        return live.liquidation_target_bps, live.bonus_bps, reasons
    if not words.limits.bounded:
        return wish, model.bonus_bps, ()
    live_bps = live.liquidation_target_bps
    supported = min(wish, live_bps if supported_bps is None else supported_bps)
    held = max(supported, min(live_bps, wish))
    return held, model.bonus_bps, _held_reasons(held, wish, supported, live_bps)


def _held_reasons(held: int, wish: int, supported: int, live_bps: int) -> tuple[str, ...]:
    if held == wish:
        return ()
    start = NO_MOVE if held == live_bps else f"{PART} {held} bps"
    alone = f"the second-highest price source and the holders on the list alone for {supported} bps"
    return (f"{start}: all inputs ask for {wish} bps, but {alone}",)
