"""Departures: less liquidity is never more depth, whoever goes in whatever order, and nobody means nothing."""

from dataclasses import replace
from fractions import Fraction

import pytest
from factories import MID_TICK, V2_POOL, facing, make_block, pair_settings, pool_settings, pool_state
from hypothesis import given, settings
from hypothesis import strategies as st

from keeper.departures import LOSSES_BPS, Departures
from keeper.maths.fixed import isqrt_down
from keeper.maths.tick_math import MAX_TICK, MIN_TICK
from keeper.maths.tick_walk import swap
from keeper.records.pools import Cumulative, UniswapV2State, UniswapV3State, UniswapV4State
from keeper.records.providers import LOCKED, Book, Holding, Move, Position, Provision, apply
from keeper.records.settings import PoolSettings
from keeper.records.snapshot import Answer
from keeper.records.units import BPS, NO_ADDRESS, Address
from keeper.venues import VENUES
from keeper.venues.positions import PROVIDED, owned
from keeper.venues.tick_positions import known_ticks

WHO = [Address(f"0x{number:040x}") for number in range(1, 6)]
SPACING = 60
MIDDLE = MID_TICK // SPACING


@st.composite
def rows(draw: st.DrawFn) -> list[Position]:
    """Positions around the price; the first spans it, so that something can be sold."""
    found = [Position(draw(st.sampled_from(WHO)), (MIDDLE - 90) * SPACING, (MIDDLE + 90) * SPACING, 10**17)]
    for _ in range(draw(st.integers(0, 7))):
        lower = MIDDLE + draw(st.integers(-60, 40))
        upper = lower + draw(st.integers(1, 60))
        size = draw(st.integers(1, 10**19))
        found.append(Position(draw(st.sampled_from(WHO)), lower * SPACING, upper * SPACING, size))
    return found


def v3_of(positions: list[Position], counted: Fraction = Fraction(1)) -> Provision:
    """A v3 pool of these positions whose harmonic mean is this part of its liquidity."""
    state = state_of(positions)
    time = make_block().timestamp
    mean = max(1, state.liquidity * counted.numerator // counted.denominator)
    state = replace(
        state,
        now=Cumulative(time, 0, (1800 << 128) // mean),
        harmonic=Cumulative(time - 1800, 0, 0),
    )
    return Provision(pool_settings(), state, tuple(positions))


def state_of(positions: list[Position]) -> UniswapV3State:
    base = pool_state()
    nets: dict[int, int] = {}
    for row in positions:
        nets[row.tick_lower] = nets.get(row.tick_lower, 0) + row.liquidity
        nets[row.tick_upper] = nets.get(row.tick_upper, 0) - row.liquidity
    liquidity = sum(row.liquidity for row in positions if row.tick_lower <= base.tick < row.tick_upper)
    return replace(base, ticks=tuple(sorted(nets.items())), liquidity=liquidity)


def v4_of(positions: list[Position]) -> Provision:
    same = state_of(positions)
    fields = ("sqrt_price_x96", "tick", "liquidity", "ticks", "lowest_tick", "highest_tick")
    state = UniswapV4State(
        *(getattr(same, name) for name in fields),
        fee0_pips=3000,
        fee1_pips=3000,
        fee_growth0_x128=0,
        fee_growth1_x128=0,
    )
    return Provision(replace(pool_settings(), venue="uniswap_v4"), state, tuple(positions))


def pair_of(shares: list[int]) -> Provision:
    state = UniswapV2State(5000 * 10**18, 10_305_000 * 10**6)
    held = [Position(who, MIN_TICK, MAX_TICK, part) for who, part in zip(WHO, shares, strict=False)]
    return Provision(pair_settings(), state, (*held, Position(NO_ADDRESS, MIN_TICK, MAX_TICK, 1000)))


def market(*wholes: Provision, reference: Fraction | None = None) -> Departures:
    venues = [(whole.pool, VENUES[whole.pool.venue].curve(whole.pool, whole.state)) for whole in wholes]
    mids = [Fraction(curve.mid.numerator, curve.mid.denominator) for _, curve in venues]
    return Departures(venues, {whole.pool: whole for whole in wholes}, reference or max(mids))


@settings(max_examples=60)
@given(rows(), st.lists(st.sampled_from(WHO), unique=True, max_size=5), st.fractions(Fraction(1, 50), 1))
def test_a_departure_never_raises_depth(positions: list[Position], order: list[Address], counted: Fraction) -> None:
    """Also when the harmonic mean binds, however much of the liquidity stood for one block only."""
    whole = market(v3_of(positions, counted), pair_of([5 * 10**18, 3 * 10**18]))
    last = whole.depths
    for count in range(1, len(order) + 1):
        depths = whole.without(order[:count])
        assert all(less <= more for less, more in zip(depths, last, strict=True))
        last = depths
    assert last == whole.without(list(reversed(order)))


def test_liquidity_that_stood_for_one_block_does_not_make_the_rest_count_more_by_leaving() -> None:
    """Scaled anew, the rest would be worth ten times as much beyond the end of the range that left."""
    near = Position(WHO[0], MID_TICK - 40, MID_TICK + 3_980, 9 * 10**18)
    far = Position(WHO[1], MID_TICK - 5_020, MID_TICK + 3_980, 10**18)
    there = market(v3_of([near, far], Fraction(1, 10)))
    left = there.without({WHO[0]})
    assert all(less <= more for less, more in zip(left, there.depths, strict=True))
    alone = market(v3_of([far], Fraction(1, 10)))
    assert left == alone.depths


@pytest.mark.parametrize(
    ("lower", "upper", "inside"), [(0, 60, True), (-60, 0, False), (-60, 60, True), (60, 120, False)]
)
def test_a_range_holds_its_lower_end_and_not_its_upper(lower: int, upper: int, inside: bool) -> None:
    row = Position(WHO[0], MID_TICK + lower, MID_TICK + upper, 7)
    assert PROVIDED["uniswap_v4"].in_range(v4_of([row])) == [7 * inside]
    at_price = PROVIDED["uniswap_v4"].rest(v4_of([row]), [False])
    assert isinstance(at_price, UniswapV4State)
    assert at_price.liquidity == 7 * inside


@given(rows())
def test_nobody_leaving_changes_nothing_and_everybody_leaving_leaves_nothing(positions: list[Position]) -> None:
    for whole in (v3_of(positions), v4_of(positions)):
        kind = PROVIDED[whole.pool.venue]
        assert kind.rest(whole, [False] * len(positions)) == whole.state
        there = market(whole)
        assert there.without(()) == there.depths
        assert there.without(WHO) == (0, 0, 0)
        empty = kind.rest(whole, [True] * len(positions))
        assert isinstance(empty, UniswapV3State | UniswapV4State)
        assert (empty.ticks, empty.liquidity) == ((), 0)


@given(rows(), st.sets(st.sampled_from(WHO)), st.sets(st.sampled_from(WHO)))
def test_one_after_the_other_is_both_at_once(
    positions: list[Position], first: set[Address], second: set[Address]
) -> None:
    whole = v3_of(positions)
    kind = PROVIDED["uniswap_v3"]
    once = kind.rest(whole, [row.provider in first | second for row in positions])
    half = kind.rest(whole, [row.provider in first for row in positions])
    stay = tuple(row for row in positions if row.provider not in first)
    assert kind.rest(replace(whole, state=half, positions=stay), [row.provider in second for row in stay]) == once


@given(rows(), st.integers(1, 10**24))
def test_what_the_positions_take_is_the_sale(positions: list[Position], taken: int) -> None:
    whole = v4_of(positions)
    assert isinstance(whole.state, UniswapV4State)
    sold = swap(known_ticks(whole.pool, whole.state), taken, zero_for_one=True).amount_in
    parts = PROVIDED["uniswap_v4"].taken_by(whole, taken)
    # Every part is rounded down, every stop of the walk up.
    assert sold * (1 - Fraction(1, 10**6)) - 5_000 <= sum(parts) <= sold


@pytest.mark.parametrize("token0", [True, False])
@given(positions=rows(), fall=st.integers(1, 3_000))
def test_a_fall_passes_the_ranges_that_end_before_it(token0: bool, positions: list[Position], fall: int) -> None:
    whole = v4_of(positions)
    whole = replace(whole, pool=facing(whole.pool, token0))
    kind = PROVIDED["uniswap_v4"]
    moved = kind.moved(whole.pool, whole.state, fall)
    assert isinstance(moved, UniswapV4State)
    before, after = (curve.mid for curve in (kind.curve(whole, whole.state), kind.curve(whole, moved)) if curve)
    ratio = Fraction(after.numerator * before.denominator, after.denominator * before.numerator)
    assert abs(ratio - Fraction(BPS - fall, BPS)) < Fraction(1, 10**6)
    inside, ends = kind.in_range(whole), kind.ends_within(whole, fall)
    there = kind.in_range(replace(whole, state=moved))
    # Who was in range and did not drop out is still in range (a range that ends just there may be either).
    for row, was, out, now in zip(positions, inside, ends, there, strict=True):
        edge = row.tick_lower if token0 else row.tick_upper
        if was and abs(edge - moved.tick) > 1:
            assert bool(now) != out
    assert moved.liquidity == sum(there)


def test_crowding_has_a_known_answer() -> None:
    near = Position(WHO[0], MID_TICK - 40, MID_TICK + 3_980, 3 * 10**18)
    far = Position(WHO[1], MID_TICK - 5_020, MID_TICK + 3_980, 10**18)
    there = market(v4_of([near, far]))
    crowd = there.after_fall(100)
    assert crowd.passed == Fraction(3, 4)
    alone = market(v4_of([far])).depths
    assert list(crowd.depths) == pytest.approx(alone, rel=0.02)
    assert there.after_fall(10).passed == 0


def test_a_tick_stays_a_stop_while_a_position_ends_there() -> None:
    """Where one range ends and another of the same size begins nothing changes but the rounding of a sale."""
    rows = [
        Position(WHO[0], MID_TICK - 640, MID_TICK - 340, 10**18),
        Position(WHO[1], MID_TICK - 340, MID_TICK + 620, 10**18),
    ]
    whole = v3_of([*rows, Position(WHO[2], MID_TICK - 640, MID_TICK + 620, 5)])
    assert isinstance(whole.state, UniswapV3State)
    assert dict(whole.state.ticks)[MID_TICK - 340] == 0
    rest = PROVIDED["uniswap_v3"].rest(whole, [False, False, True])
    assert rest == replace(v3_of(rows).state, now=whole.state.now, harmonic=whole.state.harmonic)


def test_a_pair_has_no_ends_and_moves_along_its_curve() -> None:
    whole = pair_of([10**18])
    kind = PROVIDED["uniswap_v2"]
    assert kind.ends_within(whole, 3_000) == [False, False]
    for pool in (whole.pool, facing(whole.pool, False)):
        moved, before = kind.moved(pool, whole.state, 1_900), whole.state
        assert isinstance(moved, UniswapV2State)
        assert isinstance(before, UniswapV2State)
        # The square root of 0.81 is exact.
        grown, was = (
            (moved.reserve0, before.reserve0) if pool.collateral_is_token0 else (moved.reserve1, before.reserve1)
        )
        assert Fraction(grown, was) == pytest.approx(Fraction(10, 9), rel=1e-9)
        assert moved.reserve0 * moved.reserve1 == pytest.approx(before.reserve0 * before.reserve1, rel=1e-9)


def test_shares_of_a_pair_are_its_liquidity_at_the_price() -> None:
    whole = pair_of([5 * 10**18, 3 * 10**18, 2 * 10**18])
    assert isinstance(whole.state, UniswapV2State)
    root = isqrt_down(whole.state.reserve0 * whole.state.reserve1)
    told = PROVIDED["uniswap_v2"].in_range(whole)
    assert [round(part * 10 / root) for part in told] == [5, 3, 2, 0]
    there = market(whole)
    by_range, by_depth = there.concentration()
    assert by_range is not None
    assert by_depth is not None
    assert round(by_range.hhi, 9) == round(by_depth.hhi, 9) == Fraction(38, 100)
    assert {row.account for row in there.providers} == set(WHO[:3])


def test_what_nobody_can_sign_for_is_no_provider_and_never_leaves() -> None:
    dead = next(row for row in LOCKED if row != NO_ADDRESS)
    whole = replace(
        pair_of([10**18]),
        positions=(Position(WHO[0], MIN_TICK, MAX_TICK, 10**18), Position(dead, MIN_TICK, MAX_TICK, 10**18)),
    )
    there = market(whole)
    assert [row.account for row in there.providers] == [WHO[0]]
    left = there.without([*WHO, dead])
    assert all(rest == pytest.approx(half / 2, rel=0.01) for rest, half in zip(left, there.depths, strict=True))


def test_positions_that_do_not_add_up_are_named() -> None:
    whole = v3_of([Position(WHO[0], MID_TICK - 640, MID_TICK + 620, 10**18)])
    book: Book = {Holding(WHO[0], None, MID_TICK - 640, MID_TICK + 620): 10**18}
    assert told(whole, book) == ""
    for wrong, words in (
        ({}, f"leave 0 at tick {MID_TICK - 640}, the pool has {10**18}"),
        (book | {Holding(WHO[1], None, MID_TICK - 340, MID_TICK + 620): 1}, f"leave 1 at tick {MID_TICK - 340}"),
        # Everything cancels but one account took out what another put in.
        (
            book
            | {
                Holding(WHO[1], None, MID_TICK - 640, MID_TICK + 620): 5,
                Holding(WHO[2], None, MID_TICK - 640, MID_TICK + 620): -5,
            },
            "more than they put in",
        ),
        # A position that ends on both sides of what was read shows at the price alone.
        (book | {Holding(WHO[1], None, MIN_TICK, MAX_TICK): 7}, f"leave {10**18 + 7} at the price"),
    ):
        assert words in told(whole, wrong)


def told(whole: Provision, book: Book) -> str:
    checking = PROVIDED[whole.pool.venue].check(whole.pool, whole.state, book)
    with pytest.raises(StopIteration) as stop:
        next(checking)
    return str(stop.value.value)


def test_a_manager_that_names_no_owner_is_one_provider() -> None:
    book: Book = {Holding(WHO[0], 1, -60, 60): 5, Holding(WHO[0], 2, -60, 60): 6, Holding(WHO[1], None, -60, 60): 7}
    asking = owned(book)
    asks = next(asking)
    assert [(ask.to, ask.data[4:]) for ask in asks] == [(WHO[0], n.to_bytes(32, "big")) for n in (1, 2)]
    with pytest.raises(StopIteration) as stop:
        asking.send((Answer(False, b""), Answer(True, int(WHO[2], 16).to_bytes(32, "big"))))
    assert [row.provider for row in stop.value.value] == [WHO[0], WHO[2], WHO[1]]


def test_a_book_forgets_what_was_taken_out() -> None:
    book: Book = {}
    held = Holding(WHO[0], None, -60, 60)
    apply(book, [Move(held, 5), Move(held, -3)])
    assert book == {held: 2}
    apply(book, [Move(held, -2)])
    assert book == {}


def test_pools_that_tell_nobody_stay_as_they_are() -> None:
    told_pool, silent = v3_of([Position(WHO[0], MID_TICK - 640, MID_TICK + 620, 10**18)]), pair_of([10**18])
    silent_pool: PoolSettings = replace(silent.pool, address=V2_POOL)
    venues = [(whole.pool, VENUES[whole.pool.venue].curve(whole.pool, whole.state)) for whole in (told_pool, silent)]
    reference = max(Fraction(curve.mid.numerator, curve.mid.denominator) for _, curve in venues)
    there = Departures(venues, {told_pool.pool: told_pool}, reference)
    assert there.told is not None
    assert 0 < there.told < 1
    alone = Departures([(silent_pool, venues[1][1])], {}, reference)
    assert there.without(WHO) == alone.depths
    assert alone.told == 0
    # After a fall only what can be moved with it counts.
    assert (
        there.after_fall(100).depths
        == Departures(venues[:1], {told_pool.pool: told_pool}, reference).after_fall(100).depths
    )
    assert len(LOSSES_BPS) == len(there.depths)
