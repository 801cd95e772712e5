"""The join: what is asked for, what a sample becomes, and that missing data never loosens."""

from collections.abc import Generator
from dataclasses import replace

import pytest
from factories import (
    CONTRACT,
    FEED,
    MID_TICK,
    V2_POOL,
    V3_POOL,
    feed_reading,
    make_block,
    make_live,
    make_settings,
    make_snapshot,
    make_words,
    market_settings,
    model_settings,
    pair_reading,
    pair_settings,
    pool_reading,
    pool_settings,
    pool_state,
)
from hypothesis import given
from hypothesis import strategies as st

from keeper.fold import fold_sample, market_reading, read_plan, sample_depth
from keeper.maths.tick_math import sqrt_ratio_at_tick
from keeper.records.core import decode_core
from keeper.records.decision import Due, Folded
from keeper.records.estimates import SampleDepth
from keeper.records.pools import Cumulative, UniswapV2State
from keeper.records.snapshot import Answer, Ask, MarketSnapshot
from keeper.records.units import WAD, BlockRef
from keeper.risk.keys import market_key

MARKET, SETTINGS = market_settings(), make_settings()
WINDOW = 1000
LOOSE = make_words(make_live(haircut_bps=5000, observed_time=make_block().timestamp - 600))


def fold(snapshot: MarketSnapshot, core: bytes = b"", trailing: tuple[SampleDepth, ...] = ()) -> Folded:
    return fold_sample(core, snapshot, WINDOW, trailing, MARKET, SETTINGS)


def past(*bounds: int) -> tuple[SampleDepth, ...]:
    """One sample a day, newest last."""
    days = range(len(bounds), 0, -1)
    return tuple(
        SampleDepth(WINDOW - 288 * day, 0, bound, bound, bound, bound) for day, bound in zip(days, bounds, strict=True)
    )


def drive(
    reading: Generator[tuple[Ask, ...], tuple[Answer, ...], MarketSnapshot], answer: Answer
) -> tuple[list[tuple[Ask, ...]], MarketSnapshot]:
    """Answer every call the same; return the rounds and the result."""
    rounds, answers = [], None
    while True:
        try:
            asks = next(reading) if answers is None else reading.send(answers)
        except StopIteration as stop:
            return rounds, stop.value
        rounds.append(asks)
        answers = tuple(answer for _ in asks)


def test_the_ring_is_asked_for_until_every_source_has_started() -> None:
    plan = read_plan(b"", MARKET, SETTINGS)
    assert plan.ring_seconds == tuple(range(86_400, 0, -1800))
    assert (plan.harmonic_seconds, plan.depth_range_ticks) == (1800, 7000)
    core = fold(make_snapshot()).decision.core_after
    assert read_plan(core, MARKET, SETTINGS).ring_seconds == ()
    more = market_settings(pools=(*MARKET.pools, pool_settings(address=FEED)))
    assert read_plan(core, more, SETTINGS).ring_seconds == plan.ring_seconds


def test_a_market_is_read_in_one_round() -> None:
    plan = read_plan(b"", MARKET, SETTINGS)
    rounds, snapshot = drive(market_reading(MARKET, SETTINGS, plan, CONTRACT, make_block()), Answer(False, b""))
    assert [[ask.to for ask in asks] for asks in rounds] == [[V3_POOL, V2_POOL, FEED, CONTRACT]]
    assert snapshot.market == market_key(31337, MARKET)
    assert snapshot.words is None
    assert snapshot.feed.answer is None
    assert [pool.state for pool in snapshot.pools] == [None, None]
    assert len(snapshot.inputs) == 4


def test_answers_go_back_to_the_adapter_that_asked() -> None:
    plan = read_plan(b"", MARKET, SETTINGS)
    reading = market_reading(MARKET, SETTINGS, plan, CONTRACT, make_block())
    asks = next(reading)
    reserves = (5 << 112 | 7).to_bytes(32, "big")
    with pytest.raises(StopIteration) as stop:
        reading.send(tuple(Answer(True, reserves) if ask.to == V2_POOL else Answer(False, b"") for ask in asks))
    assert stop.value.value.pools[1].state == UniswapV2State(7, 5)


def test_the_first_sample_starts_the_core_and_says_what_it_saw() -> None:
    got = fold(make_snapshot())
    core = decode_core(got.decision.core_after)
    assert core is not None
    assert (core.window, core.time, len(core.sources)) == (WINDOW, make_block().timestamp, 1)
    assert got.estimates.sigma_wad == got.estimates.sources[0].sigma_wad
    assert got.estimates.missing == ()
    assert got.estimates.daily_minima == (got.estimates.depth.bound,)
    assert got.decision.targets is not None
    assert got.decision.targets.liquidation_haircut_bps == got.estimates.waterfall.haircut_bps


def test_the_same_sample_gives_the_same_bytes() -> None:
    assert fold(make_snapshot(), trailing=past(9, 8)) == fold(make_snapshot(), trailing=past(9, 8)[::-1])


def test_sigma_has_a_floor_but_no_value_is_not_the_floor() -> None:
    flat = pool_state(
        ring=tuple(
            replace(row, tick_cumulative=MID_TICK * (row.time - make_block().timestamp)) for row in pool_state().ring
        ),
        now=Cumulative(make_block().timestamp, 0, pool_state().now.seconds_per_liquidity_x128),
    )
    assert fold(make_snapshot(pools=(pool_reading(flat), pair_reading()))).estimates.sigma_wad == WAD // 5
    idle = pool_state(last_observation_time=make_block().timestamp - 90_000)
    got = fold(make_snapshot(pools=(pool_reading(idle), pair_reading())))
    assert (got.estimates.sigma_wad, got.estimates.waterfall, got.decision.due) == (None, None, Due.NONE)
    assert got.estimates.missing == (f"volatility: {V3_POOL}: idle: nothing was traded for 90000 seconds",)


def test_sigma_is_the_largest_of_the_sources() -> None:
    second = pool_settings(address=FEED)
    market = market_settings(pools=(pool_settings(), second))
    calm = pool_state()
    wild = replace(calm, ring=tuple(replace(row, tick_cumulative=row.tick_cumulative * 2) for row in calm.ring))
    for states in ((calm, wild), (wild, calm)):
        snapshot = make_snapshot(pools=tuple(pool_reading(state) for state in states), market=market)
        got = fold_sample(b"", snapshot, WINDOW, (), market, SETTINGS).estimates
        assert got.sigma_wad == max(row.sigma_wad or 0 for row in got.sources)
        assert len(got.sources) == 2


def test_a_venue_that_fails_is_left_out_and_only_tightens() -> None:
    whole = fold(make_snapshot(words=LOOSE), trailing=past(10**21, 10**21, 10**21))
    broken = make_snapshot(pools=(pool_reading(), pool_reading(failure="the storage could not be read")), words=LOOSE)
    got = fold(broken, trailing=past(10**21, 10**21, 10**21))
    assert got.estimates.depth.bound < whole.estimates.depth.bound
    assert got.decision.targets.haircut_bps >= whole.decision.targets.haircut_bps
    assert got.estimates.missing == (f"depth: {V3_POOL}: the storage could not be read",)
    assert decode_core(whole.decision.core_after).dwell_since == make_block().timestamp
    assert decode_core(got.decision.core_after).dwell_since == 0


@pytest.mark.parametrize(
    "snapshot",
    [
        make_snapshot(feed=feed_reading(None), words=LOOSE),
        make_snapshot(pools=(pool_reading(failure="x"), pair_reading()), words=LOOSE),
        make_snapshot(pools=(pool_reading(failure="x"), pool_reading(failure="y")), words=LOOSE),
        make_snapshot(words=None),
    ],
)
def test_p11_a_missing_input_publishes_nothing(snapshot: MarketSnapshot) -> None:
    got = fold(snapshot)
    assert (got.decision.targets, got.decision.due) == (None, Due.NONE)


def test_a_failed_source_keeps_its_entry() -> None:
    core = fold(make_snapshot()).decision.core_after
    block = make_block(25 * 1001)
    broken = make_snapshot(block, pools=(pool_reading(failure="x"), pair_reading()))
    after = fold_sample(core, broken, 1001, (), MARKET, SETTINGS).decision.core_after
    assert decode_core(after).sources == decode_core(core).sources
    assert decode_core(after).window == 1001


def test_an_unchanged_source_keeps_its_entry_when_the_settings_change() -> None:
    core = fold(make_snapshot()).decision.core_after
    market = market_settings(pools=(pool_settings(address=FEED), pool_settings()))
    snapshot = make_snapshot(make_block(25 * 1001), pools=(pool_reading(failure="x"), pool_reading()), market=market)
    after = fold_sample(core, snapshot, 1001, (), market, SETTINGS).decision.core_after
    assert decode_core(after).sources == decode_core(core).sources


def test_trailing_minima_hold_the_depth_down() -> None:
    alone = fold(make_snapshot()).estimates
    trailing = past(10**21, 10**18, 10**21)
    got = fold(make_snapshot(), trailing=trailing).estimates
    assert got.daily_minima == (10**21, 10**18, 10**21, alone.depth.bound)
    assert got.q_star == 10**18 // 2
    assert (alone.warm, got.warm) == (False, True)


def test_samples_outside_the_trailing_days_do_not_count() -> None:
    old = SampleDepth(WINDOW - 288 * 30, 0, 1, 1, 1, 1)
    own = SampleDepth(WINDOW, 0, 1, 1, 1, 1)
    assert fold(make_snapshot(), trailing=(old, own)).estimates == fold(make_snapshot()).estimates


def test_sample_depth_is_a_function_of_its_block_alone() -> None:
    got = fold(make_snapshot())
    assert sample_depth(make_snapshot(words=None), WINDOW, MARKET, SETTINGS) == got.estimates.depth
    blind = sample_depth(make_snapshot(feed=feed_reading(None)), WINDOW, MARKET, SETTINGS)
    assert blind == SampleDepth(WINDOW, 25_000, None, None, None, None)


def test_unprofitable_liquidation_puts_the_haircut_at_its_cap() -> None:
    market = market_settings(model=model_settings(bonus_bps=10))
    got = fold_sample(b"", make_snapshot(market=market), WINDOW, (), market, SETTINGS)
    assert (got.estimates.depth.bound, got.estimates.waterfall.unquotable) == (0, True)
    assert got.decision.targets.haircut_bps == 9000


@pytest.mark.parametrize("window", [999, 1000])
def test_a_window_that_does_not_rise_is_refused(window: int) -> None:
    core = fold(make_snapshot()).decision.core_after
    with pytest.raises(ValueError, match="is not after window 1000"):
        fold_sample(core, make_snapshot(), window, (), MARKET, SETTINGS)


def test_another_markets_snapshot_is_refused() -> None:
    with pytest.raises(ValueError, match="not of market"):
        fold(make_snapshot(market=market_settings(protocol_market_id=b"\x01" * 32)))


def run_of(count: int, moved: int = 0) -> list[Folded]:
    """Samples five minutes apart of a quiet pool that trades, each folded on the one before."""
    core, rows = b"", []
    for step in range(count):
        block = make_block(25 * (WINDOW + step))
        rows.append(
            fold_sample(core, _later(block, moved), WINDOW + step, past(10**22, 10**22, 10**22), MARKET, SETTINGS)
        )
        core = rows[-1].decision.core_after
    return rows


def _later(block: BlockRef, moved: int) -> MarketSnapshot:
    time, state = block.timestamp, pool_state()
    ahead = time - state.now.time
    liquidity = state.liquidity

    def shifted(row: Cumulative) -> Cumulative:
        spl = row.seconds_per_liquidity_x128 + (ahead << 128) // liquidity
        return Cumulative(row.time + ahead, row.tick_cumulative + MID_TICK * ahead, spl)

    harmonic = None if state.harmonic is None else shifted(state.harmonic)
    state = replace(
        state,
        now=shifted(state.now),
        last_observation_time=time - 12,
        harmonic=harmonic,
        ring=tuple(shifted(row) for row in state.ring),
        sqrt_price_x96=sqrt_ratio_at_tick(MID_TICK + moved),
        tick=MID_TICK + moved,
    )
    words = make_words(make_live(haircut_bps=5000, observed_time=time - 600))
    return make_snapshot(block, pools=(pool_reading(state), pair_reading()), words=words)


def test_loosening_comes_after_the_dwell_and_not_before() -> None:
    rows = run_of(74)
    first = next(step for step, row in enumerate(rows) if row.decision.due is Due.LOOSEN)
    assert first == 72  # 21,600 s at 300 s a sample
    assert all(row.decision.due is Due.NONE for row in rows[:first])


def test_windows_close_at_the_first_sample_after_half_an_hour() -> None:
    closes = [decode_core(row.decision.core_after).sources[0].last_time for row in run_of(20)]
    assert [closes[step] != closes[step - 1] for step in range(1, 20)] == [step % 6 == 0 for step in range(1, 20)]


@given(
    failures=st.lists(st.sampled_from(["", "pool", "pair", "feed"]), min_size=1, max_size=12),
    live=st.integers(1000, 9000),
)
def test_a_history_with_holes_never_loosens_sooner(failures: list[str], live: int) -> None:
    core, since = b"", 0
    for step, failure in enumerate(failures):
        block = make_block(25 * (WINDOW + step))
        snapshot = _later(block, 0)
        pools = tuple(
            pool_reading(failure="x") if failure == name else row
            for name, row in zip(("pool", "pair"), snapshot.pools, strict=True)
        )
        words = make_words(make_live(haircut_bps=live, observed_time=block.timestamp - 600))
        feed = feed_reading(None) if failure == "feed" else snapshot.feed
        snapshot = replace(snapshot, pools=pools, feed=feed, words=words)
        got = fold_sample(core, snapshot, WINDOW + step, past(10**22, 10**22, 10**22), MARKET, SETTINGS)
        core = got.decision.core_after
        since = decode_core(core).dwell_since
        assert got.decision.due is not Due.LOOSEN
        assert got.decision.predicted_haircut_bps >= live
        if failure:
            assert since == 0
    assert since == 0 or since >= make_block(25 * WINDOW).timestamp


def test_pairs_alone_have_depth_but_no_volatility() -> None:
    market = market_settings(pools=(pair_settings(),))
    snapshot = make_snapshot(pools=(pair_reading(),), market=market)
    got = fold_sample(b"", snapshot, WINDOW, (), market, SETTINGS)
    assert got.estimates.depth.bound is not None
    assert got.decision.targets is None
