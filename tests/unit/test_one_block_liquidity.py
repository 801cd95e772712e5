"""Liquidity that stands for one block: a venue without a memory (Uniswap v4, v2) must not loosen anything by it."""

from dataclasses import replace

import pytest
from factories import (
    MID_TICK,
    USDC,
    WETH,
    make_block,
    make_live,
    make_settings,
    make_snapshot,
    make_words,
    market_settings,
    pool_reading,
    pool_settings,
    pool_state,
)

from keeper.fold import fold_sample, sample_depth
from keeper.records.decision import Due, Folded
from keeper.records.estimates import SampleDepth
from keeper.records.pools import UniswapV4State
from keeper.records.settings import PoolSettings
from keeper.records.snapshot import MarketSnapshot, PoolReading
from keeper.records.units import NO_ADDRESS, Address
from keeper.venues.uniswap_v4_words import pool_id_of

MANAGER = Address("0x" + "04" * 20)
V4 = PoolSettings(
    "uniswap_v4", MANAGER, pool_id_of(WETH, USDC, 3000, 60, NO_ADDRESS), NO_ADDRESS, 0, 1, 3000, 60, (), False
)
MARKET = market_settings(pools=(pool_settings(), V4))
SETTINGS = make_settings(markets=(MARKET,))
WINDOW, DAY = 288 * 1000, 288
LOOSE = make_words(make_live(haircut_bps=5000, observed_time=make_block().timestamp - 600))
USUAL = 10**18
HUGE = 10**22


def v4_reading(liquidity: int) -> PoolReading:
    same = pool_state()
    low, high = MID_TICK - 6980, MID_TICK + 6940
    state = UniswapV4State(
        sqrt_price_x96=same.sqrt_price_x96,
        tick=same.tick,
        liquidity=liquidity,
        ticks=((low, liquidity), (high, -liquidity)),
        lowest_tick=same.lowest_tick,
        highest_tick=same.highest_tick,
        fee0_pips=3000,
        fee1_pips=3000,
        fee_growth0_x128=0,
        fee_growth1_x128=0,
    )
    return replace(pool_reading(), state=state)


def sample(liquidity: int) -> MarketSnapshot:
    return make_snapshot(pools=(pool_reading(), v4_reading(liquidity)), words=LOOSE, market=MARKET)


def depth(liquidity: int, window: int = WINDOW) -> SampleDepth:
    return sample_depth(sample(liquidity), window, MARKET, SETTINGS)


def days(*liquidities: int) -> tuple[SampleDepth, ...]:
    """One sample a day before the window's own day, newest last."""
    first = WINDOW - DAY * len(liquidities)
    return tuple(depth(liquidity, first + DAY * at) for at, liquidity in enumerate(liquidities))


def fold(liquidity: int, trailing: tuple[SampleDepth, ...]) -> Folded:
    return fold_sample(b"", sample(liquidity), WINDOW, trailing, MARKET, SETTINGS)


def test_the_whole_pool_counts_at_its_sample() -> None:
    usual, huge = depth(USUAL).bound, depth(HUGE).bound
    assert usual is not None
    assert huge is not None
    assert huge > 1000 * usual


@pytest.mark.parametrize("known", range(1, 30))
def test_one_block_of_liquidity_does_not_move_the_stressed_depth(known: int) -> None:
    trailing = days(*[USUAL] * known)
    assert fold(HUGE, trailing).estimates.q_star == fold(USUAL, trailing).estimates.q_star


def test_liquidity_at_one_sample_of_two_days_in_thirty_does_not_either() -> None:
    assert (
        fold(HUGE, days(*[USUAL] * 27, HUGE, HUGE)).estimates.q_star
        == fold(USUAL, days(*[USUAL] * 29)).estimates.q_star
    )


def test_the_first_sample_of_all_loosens_nothing_however_much_it_sees() -> None:
    got = fold(HUGE, ())
    assert not got.estimates.warm
    assert got.decision.due is not Due.LOOSEN
    assert got.decision.predicted_haircut_bps >= LOOSE.live.haircut_bps


def test_liquidity_that_leaves_is_gone_at_once() -> None:
    trailing = days(*[USUAL] * 20)
    gone = fold(USUAL // 1000, trailing).estimates.q_star
    stood = fold(USUAL, trailing).estimates.q_star
    assert gone is not None
    assert stood is not None
    assert gone < stood
