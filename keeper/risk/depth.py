"""How much collateral can really be sold: venues merged by marginal price, loss against max(oracle, mid) (models.md 4).

Selling into several venues is best when all end at the same after-fee marginal price, so the merged curve has one
parameter, and the largest acceptable sale is found by bisection over it. Amounts in round up, amounts out round down,
the search stops on the acceptable side, and the answer loses all but three digits: always less depth, never more.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from fractions import Fraction

from keeper.maths.fixed import cdiv, isqrt_down, isqrt_up
from keeper.records.estimates import SampleDepth
from keeper.records.ports import SaleCurve
from keeper.records.settings import MarketSettings, ModelSettings
from keeper.records.units import BPS, WAD, Price

SIGNIFICANT_DIGITS = 3
"""models.md 1.2."""

_HALVINGS = 16
"""How often sqrt(price) may halve while all that is sold is still acceptable: down to 2**-32 of the price."""

_PRECISION = 40
"""The search ends when sqrt(price) is known to this many bits."""

_PROBE_SHIFT = 8
"""A venue that takes nothing down to 2**-16 of its price sells nothing."""

_LOSSES_BPS = (100, 200, 500)


@dataclass(frozen=True, slots=True)
class Market:
    """What one block says about price and depth."""

    mid: Price | None
    """Upper median over the venues that sell; None without any."""
    oracle: Price | None
    bound: int | None
    """Largest sale within the liquidator's bound, raw collateral; 0 when liquidating does not pay."""
    at_bps: tuple[int | None, ...]
    """Largest sale at an average loss of 1, 2, 5 %."""


def measure(
    curves: Sequence[SaleCurve],
    oracle: Price | None,
    model: ModelSettings,
    routes: Sequence[SaleCurve] = (),
    flagged: Sequence[Price] = (),
) -> Market:
    """Price and depth of a market at one block.

    Parameters
    ----------
    curves
        Every venue that has a state and sells something.
    oracle
        Price by which the protocol values the collateral; None leaves the depth without a value.
    model
        Gas, profit, bonus and fee of the liquidator's bound.
    routes
        Ways through a third token: they add depth and have no say on the price.
    flagged
        Prices of venues that never count; the market's, with depth 0, when it has no others.
    """
    prices = [curve.mid for curve in curves] or flagged
    mid = upper_median(prices) if prices else None
    if mid is None or oracle is None:
        return Market(mid, oracle, None, (None,) * len(_LOSSES_BPS))
    reference = max(_fraction(mid), _fraction(oracle))
    keep = liquidator_keeps(model)
    venues = [*curves, *routes] if curves else []
    bound = largest_sale(venues, reference * keep) if keep < 1 else 0
    depths = tuple(largest_sale(venues, reference * Fraction(BPS - loss, BPS)) for loss in _LOSSES_BPS)
    return Market(mid, oracle, bound, depths)


def sells(curve: SaleCurve) -> bool:
    """Whether the venue takes anything at all; without a harmonic liquidity it does not."""
    root = isqrt_down((curve.mid.numerator << 192) // curve.mid.denominator)
    return curve.sell_to_price(max(1, root >> _PROBE_SHIFT))[0] > 0


def largest_sale(curves: Sequence[SaleCurve], lowest_average: Fraction) -> int:
    """Largest amount whose average price over all venues is at least the given one.

    Parameters
    ----------
    curves
        The venues; order does not matter.
    lowest_average
        Raw debt per raw collateral.

    Returns
    -------
    int
        Raw collateral, rounded down to three significant digits; never below what the best single venue takes.
    """
    if len(curves) == 1:
        return significant_down(_bisect(curves, lowest_average, whole=False))
    least = _bisect(curves, lowest_average, whole=False)
    if not any(_takes_more(curve, least, lowest_average) for curve in curves):
        return significant_down(least)
    best = _bisect(curves, lowest_average, whole=True)
    for curve in curves:
        if _takes_more(curve, best, lowest_average):
            best = max(best, _bisect((curve,), lowest_average, whole=True))
    return significant_down(best)


def liquidator_keeps(model: ModelSettings) -> Fraction:
    """Share of the reference price that a sale must bring: (1 + gas + profit) / (1 + bonus (1 - fee)).

    At 1 or above, liquidating does not pay at any size.
    """
    cost = WAD + model.gas_fraction_wad + model.profit_fraction_wad
    gain = BPS * WAD + model.bonus_bps * (WAD - model.protocol_fee_wad)
    return Fraction(cost * BPS, gain)


def oracle_price(answer: int, market: MarketSettings) -> Price:
    """Feed answer (whole debt per whole collateral) as raw debt per raw collateral."""
    return Price(answer * 10**market.debt_decimals, 10 ** (market.feed.decimals + market.collateral_decimals))


def upper_median(prices: Sequence[Price]) -> Price:
    """Middle price; of two middle ones the higher, which makes the loss larger."""
    return sorted(prices, key=_fraction)[len(prices) // 2]


def significant_down(amount: int) -> int:
    """Round down to three significant digits."""
    unit: int = 10 ** max(0, len(str(amount)) - SIGNIFICANT_DIGITS)
    return amount // unit * unit


def lowest_tenth(values: Sequence[int]) -> int:
    """10th percentile, the lower neighbour: element floor((n-1)/10) of the sorted values."""
    return sorted(values)[(len(values) - 1) // 10]


def stressed_depth(now: int, daily_minima: Sequence[int], depth_factor_bps: int) -> int:
    """Q*: the smaller of the present depth and the 10th percentile of the daily minima, times the factor, down."""
    return min(now, lowest_tenth(daily_minima)) * depth_factor_bps // BPS


def daily_minima(samples: Sequence[SampleDepth], windows_per_day: int) -> tuple[int, ...]:
    """Smallest bound of each day that has one, oldest day first."""
    days: dict[int, int] = {}
    for sample in samples:
        bound = sample.bound
        if bound is not None:
            day = sample.window // windows_per_day
            if (lowest := days.get(day)) is None or bound < lowest:
                days[day] = bound
    return tuple(days[day] for day in sorted(days))


def _takes_more(curve: SaleCurve, amount: int, lowest_average: Fraction) -> bool:
    """Whether the venue alone acceptably takes more than this."""
    taken, out = curve.sell_exact_in_down(amount + 1)
    return taken > amount and _acceptable(taken, out, lowest_average)


def _bisect(curves: Sequence[SaleCurve], lowest_average: Fraction, *, whole: bool) -> int:
    """Largest acceptable amount at one marginal price; unless ``whole``, exact in the significant digits only.

    What is sold never falls as the price falls. So once the amounts at both ends of the search have the same digits,
    every further halving ends between them.
    """
    # At a marginal price equal to the average asked for, everything was sold above it: acceptable but for dust.
    high = isqrt_up(cdiv(lowest_average.numerator << 192, lowest_average.denominator))
    best, out = _sold(curves, high)
    if not _acceptable(best, out, lowest_average):
        return 0
    low = high
    for _ in range(_HALVINGS):
        low >>= 1
        most, out = _sold(curves, max(1, low))
        if not _acceptable(most, out, lowest_average):
            break
        high, best = low, most
    else:
        return best
    while high - low > max(1, high >> _PRECISION) and (whole or significant_down(best) != significant_down(most)):
        middle = (high + low) // 2
        amount, out = _sold(curves, middle)
        if _acceptable(amount, out, lowest_average):
            high, best = middle, amount
        else:
            low, most = middle, amount
    return best


def _sold(curves: Sequence[SaleCurve], sqrt_price_x96: int) -> tuple[int, int]:
    taken, out = 0, 0
    for curve in curves:
        amount_in, amount_out = curve.sell_to_price(sqrt_price_x96)
        taken, out = taken + amount_in, out + amount_out
    return taken, out


def _acceptable(taken: int, out: int, lowest_average: Fraction) -> bool:
    return out * lowest_average.denominator >= taken * lowest_average.numerator


def _fraction(price: Price) -> Fraction:
    return Fraction(price.numerator, price.denominator)
