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

DECAY_STEPS = 256
"""The live word holds k times sigma in 1/256 (records/live.py)."""


def wanted_targets(estimates: Estimates, words: ContractWords, model: ModelSettings) -> tuple[Targets, tuple[str, ...]]:
    """Targets, and a reason where no move of the liquidation haircut is wished.

    haircut = max(live liquidation haircut, min(cap, model + buffer)). Without a waterfall the model asks for its cap.
    """
    asked = estimates.waterfall.haircut_bps if estimates.waterfall else model.haircut_max_bps
    haircut = max(least_bps(words.live), min(model.haircut_max_bps, asked + model.buffer_bps))
    exposure = wanted(estimates, haircut, words.live, model)
    liquidation, bonus, reasons = _wanted_of_loans(estimates, words, model)
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
    estimates: Estimates, words: ContractWords, model: ModelSettings
) -> tuple[int, int, tuple[str, ...]]:
    """Liquidation haircut and bonus; what holds where a bounded move has too little to rest on (design.md 5.4)."""
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
        reasons = (f"no move of the liquidation haircut is wished: {', '.join(doubts)}",) if doubts else ()
        return live.liquidation_target_bps, live.bonus_bps, reasons
    return wish, model.bonus_bps, ()
