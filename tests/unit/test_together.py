"""Markets sold at the same time: a shared pool is there once, and all that is answered can be sold."""

from fractions import Fraction
from math import isclose

from hypothesis import given, settings
from hypothesis import strategies as st
from test_routes import BTC, ETH, PRICE, USD, direct, first, second

from keeper.records.ports import SaleCurve
from keeper.records.units import BPS
from keeper.risk.depth import largest_sale
from keeper.risk.routes import RouteCurve
from keeper.risk.together import Seller, shared_pools, sold_together

ETH_PRICE = Fraction(3_000 * USD, ETH)


def seller(
    price: Fraction, loss_bps: int, ways: tuple[tuple[int, ...], ...], curves: list[SaleCurve], size: int
) -> Seller:
    """A market with its depth alone."""
    floor = price * Fraction(BPS - loss_bps, BPS)
    legs = [way for way in ways if len(way) > 1]
    own = [curves[way[0]] for way in ways if len(way) == 1]
    if legs:
        firsts = tuple(curves[at] for at in dict.fromkeys(way[0] for way in legs))
        own.append(RouteCurve(firsts, tuple(curves[at] for at in dict.fromkeys(way[1] for way in legs))))
    return Seller(size, largest_sale(own, floor), floor, ways)


def test_two_equal_markets_on_one_pool_keep_half_each() -> None:
    curves = [second()]
    both = [seller(ETH_PRICE, 300, ((0,),), curves, 10) for _ in range(2)]
    first_kept, second_kept = sold_together(curves, both)
    assert shared_pools(both) == (0,)
    # Each is paid the average of its own slices; who sells first in every turn is paid a little more.
    assert isclose(first_kept + second_kept, both[0].alone, rel_tol=0.02)
    assert isclose(first_kept, second_kept, rel_tol=0.02)


def test_markets_that_share_nothing_keep_all() -> None:
    curves = [second(), second(500), direct()]
    rows = [seller(ETH_PRICE, 200, ((0,), (1,)), curves, 7), seller(PRICE, 200, ((2,),), curves, 3)]
    assert sold_together(curves, rows) == (rows[0].alone, rows[1].alone)
    assert shared_pools(rows) == ()


def test_a_route_through_another_markets_pool_takes_from_both() -> None:
    """WBTC over WETH for USDC and WETH for USDC: the second leg is the other market's only pool."""
    curves: list[SaleCurve] = [second(2_000), first(10**6, 500)]
    weth = seller(ETH_PRICE, 500, ((0,),), curves, 100 * ETH)
    wbtc = seller(PRICE, 500, ((1, 0),), curves, 5 * BTC)
    kept_weth, kept_wbtc = sold_together(curves, (weth, wbtc))
    # Equal worth in each turn and nearly the same bound: each keeps about half of what it shows alone.
    assert 0.4 < kept_weth / weth.alone < 0.6
    assert 0.35 < kept_wbtc / wbtc.alone < 0.6
    # Together the pool pays no more than it can: all that was sold is one sale of it.
    bridged = curves[1].sell_exact_in_down(kept_wbtc)[1]
    taken, out = curves[0].sell_exact_in_down(kept_weth + bridged)
    assert taken == kept_weth + bridged
    floors = kept_weth * weth.lowest_average + kept_wbtc * wbtc.lowest_average
    assert out * 1_000_001 >= floors * 1_000_000


def test_who_has_other_ways_gives_way_to_who_has_none() -> None:
    curves: list[SaleCurve] = [second(2_000), second(20_000)]
    only = seller(ETH_PRICE, 300, ((0,),), curves, ETH)
    other = seller(ETH_PRICE, 300, ((0,), (1,)), curves, ETH)
    kept_only, kept_other = sold_together(curves, (only, other))
    assert kept_other > other.alone * 0.9
    assert kept_only + kept_other > other.alone * 0.95


SIZES = st.integers(1, 10**6)


@given(
    pools=st.lists(st.integers(10, 50_000), min_size=3, max_size=3),
    sizes=st.tuples(SIZES, SIZES, SIZES),
    loss=st.sampled_from([100, 500, 1_000]),
)
@settings(max_examples=40)
def test_what_is_kept_is_never_more_than_alone_and_all_of_it_can_be_sold_at_once(
    pools: list[int], sizes: tuple[int, int, int], loss: int
) -> None:
    curves: list[SaleCurve] = [*map(second, pools), first(1_000)]
    rows = [
        seller(ETH_PRICE, loss, ((0,), (1,)), curves, sizes[0] * ETH),
        seller(ETH_PRICE, loss, ((1,), (2,)), curves, sizes[1] * ETH),
        seller(PRICE, loss, ((3, 0), (3, 2)), curves, sizes[2] * BTC),
    ]
    kept = sold_together(curves, rows)
    assert all(0 <= got <= row.alone for got, row in zip(kept, rows, strict=True))
    assert shared_pools(rows) == (0, 1, 2)
    # Merged by one marginal price the three pools pay for the whole at least what the bounds ask for.
    bridged = curves[3].sell_exact_in_down(kept[2])[1]
    whole = sum(curve.sell_exact_in_down(10**40)[1] for curve in curves[:3])
    owed = sum(got * row.lowest_average for got, row in zip(kept, rows, strict=True))
    assert owed <= whole
    assert (
        kept[0] + kept[1] + bridged
        <= largest_sale(curves[:3], ETH_PRICE * Fraction(BPS - loss, BPS)) * 103 // 100 + 1000
    )
    assert sold_together(curves, rows) == kept


def test_a_market_without_depth_or_way_keeps_nothing_and_stops_nobody() -> None:
    curves: list[SaleCurve] = [second()]
    rows = [Seller(ETH, 0, ETH_PRICE, ()), seller(ETH_PRICE, 300, ((0,),), curves, ETH)]
    assert sold_together(curves, rows) == (0, rows[1].alone)
    assert sold_together([], []) == ()
