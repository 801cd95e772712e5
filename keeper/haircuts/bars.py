"""How a waterfall ends, whatever the model: log losses cumulated into bars, then the floor, then the cap."""

from collections.abc import Iterable

from keeper.maths.fixed import cdiv, exp_wad
from keeper.records.estimates import Waterfall
from keeper.records.units import BPS, WAD


def of_log_losses(losses: Iterable[tuple[str, int]]) -> list[tuple[str, int]]:
    """Bars of ``1 - exp(-sum)``, each rounded up as the sum reaches it.

    Parameters
    ----------
    losses
        (name, log loss in WAD) in the order in which they count: the attribution of a product depends on it.
    """
    bars, total, haircut = [], 0, 0
    for name, loss in losses:
        total += loss
        # exp_wad may be above the real value by less than one unit, never by more.
        keep = max(0, exp_wad(-total) - (1 if total else 0))
        reached = fraction_up(WAD - keep)
        bars.append((name, reached - haircut))
        haircut = reached
    return bars


def fraction_up(loss_wad: int) -> int:
    """A share of the whole in WAD as bps, rounded up."""
    return cdiv(loss_wad * BPS, WAD)


def bounded(bars: list[tuple[str, int]], lowest_bps: int, highest_bps: int) -> Waterfall:
    """Add the bars ``floor`` and ``cap`` where they bind; a cap that is exactly reached leaves none."""
    haircut = sum(bps for _, bps in bars)
    if haircut < lowest_bps:
        bars = [*bars, ("floor", lowest_bps - haircut)]
        haircut = lowest_bps
    capped = haircut > highest_bps
    if capped:
        bars = [*bars, ("cap", highest_bps - haircut)]
        haircut = highest_bps
    return Waterfall(haircut, tuple(bars), capped, unquotable=False)


def unquotable(cap_bps: int) -> Waterfall:
    """The cap, because there is nothing to sell into or nothing would be left."""
    return Waterfall(cap_bps, (("unquotable", cap_bps),), capped=True, unquotable=True)
