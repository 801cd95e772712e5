"""How far the oracle may be off: its own threshold, what pools trade below it, a jump of a pegged asset (models.md 4).

Collateral whose oracle is not its pool price (staked, capped or pegged) is sold at the pools' price, while loans are
valued at the oracle's. The lowest price that any pool shows counts, so a push can only tighten. Rounded up.
"""

from collections.abc import Iterable
from fractions import Fraction

from keeper.maths.tick_math import MAX_TICK, sqrt_ratio_at_tick
from keeper.records.pools import PoolState
from keeper.records.settings import PoolSettings
from keeper.records.units import BPS, WAD, Price
from keeper.risk.outliers import mean_tick_down

_Q192 = 1 << 192


def mean_price_down(pool: PoolSettings, state: PoolState) -> Price | None:
    """Geometric mean price of the harmonic stretch, raw debt per raw collateral; None without observations."""
    tick = mean_tick_down(state, inverted=not pool.collateral_is_token0)
    if tick is None or abs(tick) > MAX_TICK:
        return None
    # The ratio of a tick is rounded up.
    return Price((sqrt_ratio_at_tick(tick) - 1) ** 2, _Q192)


def deviation_up(threshold_wad: int, oracle: Price, pools: Iterable[Price]) -> int:
    """``1 - (1 - threshold) min(1, pool / oracle)`` of the lowest pool price, WAD.

    Parameters
    ----------
    threshold_wad
        The feed's own, below 1 WAD.
    oracle, pools
        Raw debt per raw collateral; no pool means no basis.
    """
    reference = Fraction(oracle.numerator, oracle.denominator)
    lowest = min((Fraction(price.numerator, price.denominator) for price in pools), default=reference)
    if lowest >= reference:
        return threshold_wad
    kept = (WAD - threshold_wad) * lowest.numerator * reference.denominator
    return WAD - kept // (lowest.denominator * reference.numerator)


def with_jump_up(deviation_wad: int, jump_bps: int) -> int:
    """``1 - (1 - deviation)(1 - jump)``, WAD."""
    return WAD - (WAD - deviation_wad) * (BPS - jump_bps) // BPS
