"""Concentrated liquidity: known answers, recorded mainnet answers, and the properties of every swap."""

import json
from dataclasses import dataclass

from hypothesis import assume, given
from hypothesis import strategies as st
from shared import shared_path, vectors

from keeper.maths.concentrated import swap_step
from keeper.maths.tick_curve import TickCurve
from keeper.maths.tick_math import MAX_TICK, MIN_SQRT_RATIO, MIN_TICK, sqrt_ratio_at_tick, tick_at_sqrt_ratio
from keeper.maths.tick_walk import TickRange, clamped_limit, next_boundary, stretches, swap

HUGE = 1 << 254


def known(nets: dict[int, int], *, sqrt_price: int, tick: int, liquidity: int, spacing: int, fee: int) -> TickRange:
    ticks = tuple(sorted(nets))
    ends = (MIN_TICK, MAX_TICK)
    return TickRange(sqrt_price, tick, liquidity, ticks, tuple(nets[at] for at in ticks), *ends, spacing, fee)


@dataclass(frozen=True)
class Case:
    pool: TickRange
    amount: int
    zero: bool
    expected: dict[str, str | int]


def vector_cases() -> dict[str, Case]:
    cases = {}
    for case in vectors("amm_v3"):
        inputs = case["inputs"]
        pool = known(
            {int(tick): int(net) for tick, net in inputs["liquidity_net"].items()},
            sqrt_price=int(inputs["sqrt_price_x96"]),
            tick=inputs["tick"],
            liquidity=int(inputs["liquidity"]),
            spacing=10,
            fee=inputs["fee_pips"],
        )
        cases[case["id"]] = Case(pool, int(inputs["amount_in"]), inputs["zero_for_one"], case["expected"])
    return cases


def test_the_known_swaps_step_by_step_over_initialised_ticks_alone() -> None:
    """The vectors stop at initialised ticks only, so they are gates of the step, not of the walk."""
    for name, case in vector_cases().items():
        price, liquidity, remaining, taken, given_out = (
            case.pool.sqrt_price_x96,
            case.pool.liquidity,
            case.amount,
            0,
            0,
        )
        nets = dict(zip(case.pool.ticks, case.pool.nets, strict=True))
        order = [tick for tick in reversed(case.pool.ticks) if tick <= case.pool.tick]
        if not case.zero:
            order = [tick for tick in case.pool.ticks if tick > case.pool.tick]
        last = MIN_SQRT_RATIO + 1
        for target in [*(sqrt_ratio_at_tick(tick) for tick in order), last]:
            step = swap_step(price, target, liquidity, remaining, case.pool.fee_pips)
            remaining -= step.amount_in + step.fee
            taken, given_out, price = (
                taken + step.amount_in + step.fee,
                given_out + step.amount_out,
                step.sqrt_price_x96,
            )
            if remaining == 0 or price == last:
                break
            net = nets[order.pop(0)]
            liquidity += -net if case.zero else net
        assert price == int(case.expected["sqrt_price_x96"]), name
        assert taken == int(case.expected["amount_in_used"]), name
        assert given_out == int(case.expected["amount_out"]), name
        assert liquidity == int(case.expected["liquidity"]), name
        assert tick_at_sqrt_ratio(price) == case.expected["tick"], name


def test_the_walk_meets_the_known_swaps_to_a_wei_a_word_border() -> None:
    for name, case in vector_cases().items():
        result = swap(case.pool, case.amount, zero_for_one=case.zero)
        stops = sum(1 for _ in stretches(case.pool, zero_for_one=case.zero))
        assert result.sqrt_price_x96 == int(case.expected["sqrt_price_x96"]), name
        assert result.tick == case.expected["tick"], name
        assert 0 <= result.amount_in - int(case.expected["amount_in_used"]) <= stops, name
        assert 0 <= int(case.expected["amount_out"]) - result.amount_out <= stops, name


def mainnet_pool() -> TickRange:
    recorded = json.loads(shared_path("data/pools/uniswap_v3_wbtc_weth_block_24407242.json").read_text())
    now = recorded["scalars"]
    return known(
        {int(tick): row[1] for tick, row in recorded["tick_data"].items()},
        sqrt_price=now["sqrt_price_x96"],
        tick=now["tick"],
        liquidity=now["liquidity"],
        spacing=now["tick_spacing"],
        fee=now["fee"],
    )


def test_all_recorded_mainnet_answers_to_the_wei() -> None:
    pool = mainnet_pool()
    curves = {zero: TickCurve(pool, zero_for_one=zero) for zero in (True, False)}
    answers = json.loads(shared_path("data/pools/uniswap_v3_wbtc_weth_answers_exact_in.json").read_text())["entries"]
    assert len(answers) == 40
    for key, answer in answers.items():
        _, function, direction, amount = key.split("|")
        assert function == "quoteExactInputSingle"
        zero = direction == "WBTC->WETH"
        result = swap(pool, int(amount), zero_for_one=zero)
        assert result.amount_out == answer["value"], key
        assert curves[zero].exact_in_down(int(amount)) == (result.amount_in, result.amount_out), key


@st.composite
def pools(draw: st.DrawFn) -> TickRange:
    """A pool whose liquidity adds up: a few positions around a price somewhere."""
    spacing, fee = draw(st.sampled_from([(1, 100), (10, 500), (60, 3000), (200, 10_000)]))
    tick = draw(st.integers(-300_000, 300_000))
    ratio = sqrt_ratio_at_tick(tick)
    price = draw(st.integers(ratio, sqrt_ratio_at_tick(tick + 1) - 1))
    nets: dict[int, int] = {}
    active = 0
    for _ in range(draw(st.integers(1, 8))):
        lower = (tick + draw(st.integers(-6000, 6000))) // spacing * spacing
        upper = lower + spacing * draw(st.integers(1, 600))
        liquidity = draw(st.integers(1, 10**22))
        nets[lower] = nets.get(lower, 0) + liquidity
        nets[upper] = nets.get(upper, 0) - liquidity
        active += liquidity if lower <= tick < upper else 0
    ticks = tuple(sorted(nets))
    reach = draw(st.integers(1, 20_000))
    inside = tuple(at for at in ticks if tick - reach <= at <= tick + reach)
    ends = (tick - reach, tick + reach)
    return TickRange(price, tick, active, inside, tuple(nets[at] for at in inside), *ends, spacing, fee)


AMOUNT = st.integers(1, 10**30)


@given(pools(), st.booleans(), st.lists(AMOUNT, min_size=1, max_size=6), st.data())
def test_the_summed_curve_answers_what_the_walk_does(
    pool: TickRange, zero: bool, amounts: list[int], data: st.DataObject
) -> None:
    curve = TickCurve(pool, zero_for_one=zero)
    everything = swap(pool, HUGE, zero_for_one=zero)
    # Amounts within the range are more telling than such that always exhaust it.
    amounts += [data.draw(st.integers(1, everything.amount_in + 1)) for _ in range(5)]
    for amount in amounts:
        result = swap(pool, amount, zero_for_one=zero)
        assert curve.exact_in_down(amount) == (result.amount_in, result.amount_out)
    limit = data.draw(st.integers(pool.sqrt_price_x96 // 4, pool.sqrt_price_x96 * 4))
    to_limit = swap(pool, HUGE, zero_for_one=zero, sqrt_limit_x96=limit)
    assert curve.to_price(limit) == (to_limit.amount_in, to_limit.amount_out)


@given(pools(), st.booleans())
def test_the_stretches_end_where_one_boundary_after_another_is_looked_up(pool: TickRange, zero: bool) -> None:
    limit, tick, expected = clamped_limit(pool, zero, None), pool.tick, []
    while pool.sqrt_price_x96 != limit and (not expected or expected[-1] != limit):
        boundary, _ = next_boundary(pool, tick, zero)
        at = sqrt_ratio_at_tick(boundary)
        expected.append(max(at, limit) if zero else min(at, limit))
        tick = boundary - 1 if zero else boundary
    assert [part.sqrt_to for part in stretches(pool, zero_for_one=zero)] == expected


@given(pools(), st.booleans(), AMOUNT, AMOUNT)
def test_two_sales_in_a_row_never_beat_one(pool: TickRange, zero: bool, first: int, second: int) -> None:
    whole = swap(pool, first + second, zero_for_one=zero)
    one = swap(pool, first, zero_for_one=zero)
    assume(one.amount_in == first)
    moved = TickRange(
        one.sqrt_price_x96,
        one.tick,
        one.liquidity,
        pool.ticks,
        pool.nets,
        pool.lowest_tick,
        pool.highest_tick,
        pool.spacing,
        pool.fee_pips,
    )
    two = swap(moved, second, zero_for_one=zero)
    assume(two.amount_in == second)
    assert one.amount_out + two.amount_out <= whole.amount_out


@given(pools(), st.booleans(), AMOUNT, AMOUNT)
def test_more_input_never_earns_less(pool: TickRange, zero: bool, amount: int, more: int) -> None:
    less, greater = (swap(pool, size, zero_for_one=zero) for size in (amount, amount + more))
    assert less.amount_out <= greater.amount_out
    assert less.amount_in <= greater.amount_in


@given(pools(), st.booleans(), AMOUNT)
def test_there_and_back_never_gains(pool: TickRange, zero: bool, amount: int) -> None:
    there = swap(pool, amount, zero_for_one=zero)
    assume(there.amount_out > 0)
    moved = TickRange(
        there.sqrt_price_x96,
        there.tick,
        there.liquidity,
        pool.ticks,
        pool.nets,
        pool.lowest_tick,
        pool.highest_tick,
        pool.spacing,
        pool.fee_pips,
    )
    back = swap(moved, there.amount_out, zero_for_one=not zero)
    assert back.amount_out <= there.amount_in


@given(pools(), st.booleans(), st.integers(1, 10**24))
def test_the_input_for_an_output_buys_at_least_it(pool: TickRange, zero: bool, wanted: int) -> None:
    bought = swap(pool, -wanted, zero_for_one=zero)
    assert bought.amount_out <= wanted
    sold = swap(pool, bought.amount_in, zero_for_one=zero) if bought.amount_in else bought
    assert sold.amount_out >= bought.amount_out


@given(pools(), st.booleans())
def test_the_walk_ends_at_the_known_range(pool: TickRange, zero: bool) -> None:
    end = swap(pool, HUGE, zero_for_one=zero)
    assert end.sqrt_price_x96 == sqrt_ratio_at_tick(pool.lowest_tick if zero else pool.highest_tick)


def test_no_liquidity_at_all_gives_nothing() -> None:
    pool = known({}, sqrt_price=1 << 96, tick=0, liquidity=0, spacing=60, fee=3000)
    assert swap(pool, 10**18, zero_for_one=True).amount_out == 0
    assert TickCurve(pool, zero_for_one=False).exact_in_down(10**18) == (0, 0)
