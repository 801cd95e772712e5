"""The terms that settings switch on, through the whole fold: what they raise, what they never reach, what they say."""

from collections.abc import Callable
from dataclasses import replace

import pytest
from factories import (
    CONTRACT,
    FEED,
    MID_TICK,
    V3_POOL,
    feed_reading,
    make_block,
    make_limits,
    make_live,
    make_settings,
    make_snapshot,
    make_words,
    market_settings,
    model_settings,
    pair_reading,
    pool_reading,
    pool_settings,
    pool_state,
)
from hypothesis import given
from hypothesis import strategies as st
from properties import thorough

from keeper.fold import fold_sample, market_reading, read_plan, sample_depth
from keeper.maths.variance import to_step_up
from keeper.records.decision import Due, Folded
from keeper.records.estimates import FeeSample, SampleDepth
from keeper.records.live import ContractWords
from keeper.records.pools import UniswapV3State
from keeper.records.settings import FeedSettings, MarketSettings
from keeper.records.snapshot import Answer, FeedReading, MarketSnapshot
from keeper.records.units import WAD, Address
from keeper.risk.commitments import estimates_hash
from keeper.risk.evidence import canonical, estimates_document
from keeper.risk.smoothing import Smoothing, blend_up
from keeper.store.codec import dumps, loads

WINDOW, DAY, SETTINGS, NOW = 1000, 86_400, make_settings(), make_block().timestamp
DVOL = FeedSettings("chainlink", Address("0x" + "d0" * 20), 8, 3600)
LOOSE = make_words(make_live(haircut_bps=5000, observed_time=NOW - 600))
FEES = {"implied_seconds": DAY, "implied_min_liquidity": 10**15}


def market(feeds: tuple[FeedSettings, ...] = (), **terms: object) -> MarketSettings:
    return market_settings(model=model_settings(**terms), volatility_feeds=feeds)


def fold(
    chosen: MarketSettings,
    *,
    state: UniswapV3State | None = None,
    answers: tuple[FeedReading, ...] = (),
    trailing: tuple[SampleDepth, ...] = (),
    words: ContractWords = LOOSE,
    feed: FeedReading | None = None,
    core: bytes = b"",
    window: int = WINDOW,
) -> Folded:
    pools = (pool_reading(state or pool_state()), pair_reading())
    block = make_block(25 * window)
    snapshot = make_snapshot(block, pools=pools, words=words, market=chosen, feed=feed)
    return fold_sample(core, replace(snapshot, volatility=answers), window, trailing, chosen, SETTINGS)


def earlier(growth: int, ago: int = DAY, liquidity: int = 10**18) -> SampleDepth:
    """A sample at which the pool had earned so much; its depth says nothing."""
    state = pool_state()
    fees = FeeSample(NOW - ago, growth, state.fee_growth1_x128, liquidity, state.sqrt_price_x96)
    return SampleDepth(WINDOW - ago // 300, 0, 10**22, None, None, None, (fees, None))


POOR = ((7 << 128) - (7 << 134)) % 2**256
"""Fee growth (it wraps) from which the pool has earned more in a day than anybody believes."""


def warm() -> tuple[SampleDepth, ...]:
    return tuple(SampleDepth(WINDOW - 288 * day, 0, 10**22, None, None, None) for day in range(1, 4))


def index(per_cent: int) -> FeedReading:
    return feed_reading(per_cent * 10**8)


STALE = replace(feed_reading(None), failure=f"{DVOL.address}: 3700 s old, at most 3600 s count")

OFF = fold(market())


def test_without_terms_nothing_has_changed() -> None:
    found, targets = OFF.estimates, OFF.decision.targets
    assert found.waterfall is not None
    assert targets is not None
    assert (found.sigma_wad, found.scenario, found.implied, found.depth.fees) == (found.realised_wad, "price", (), ())
    assert found.liquidation_bps == found.waterfall.haircut_bps == targets.liquidation_haircut_bps
    assert (targets.premium_bps, targets.ceiling) == (0, 0)


def test_fees_raise_the_volatility_by_the_blend_and_at_most_to_twice_the_realised_figure() -> None:
    realised = OFF.estimates.realised_wad
    assert realised is not None
    got = fold(market(**FEES), trailing=(earlier(POOR),)).estimates
    assert got.implied_wad == 2 * realised
    assert got.sigma_wad == to_step_up(blend_up(realised, 2 * realised, Smoothing(0)).sigma) > realised
    assert [(row.source, row.reason, row.weight) for row in got.implied] == [
        (V3_POOL, "fees", 10**18),
        (market().pools[1].label, "this venue keeps no fee growth, or the pool could not be read", 0),
    ]
    assert got.missing == ()
    assert got.realised_wad == realised
    assert got.depth.fees == (FeeSample(NOW, 7 << 128, 11 << 128, 10**18, pool_state().sqrt_price_x96), None)


def test_fees_below_the_realised_figure_change_nothing() -> None:
    state = pool_state()
    got = fold(market(**FEES), trailing=(earlier(state.fee_growth0_x128 - 1),)).estimates
    assert got.implied[0].sigma_wad is not None
    assert got.implied[0].sigma_wad < got.realised_wad
    assert (got.sigma_wad, got.waterfall) == (OFF.estimates.sigma_wad, fold(market()).estimates.waterfall)


@pytest.mark.parametrize(
    ("trailing", "reason"),
    [
        ((), "no sample between 86400 and 172800 seconds ago"),
        ((earlier(0, DAY - 1),), "no sample between 86400 and 172800 seconds ago"),
        (
            (earlier(0), earlier(0, 600, 10**15 - 1)),
            f"liquidity was down to {10**15 - 1}, at least {10**15} counts",
        ),
    ],
)
def test_a_pool_that_implies_nothing_is_no_missing_input_and_loosening_goes_on(
    trailing: tuple[SampleDepth, ...], reason: str
) -> None:
    got = fold(market(**FEES), trailing=(*warm(), *trailing))
    assert (got.estimates.implied[0].sigma_wad, got.estimates.implied[0].reason) == (None, reason)
    assert got.estimates.missing == ()
    assert got.estimates.sigma_wad == OFF.estimates.sigma_wad
    assert "the dwell clock runs" in got.decision.reasons[-1]


def test_a_flagged_pool_implies_nothing() -> None:
    chosen = replace(market(**FEES), flagged=(V3_POOL,))
    got = fold(chosen, trailing=(earlier(0),)).estimates
    assert V3_POOL not in {row.source for row in got.implied}
    assert got.implied_wad is None


def test_an_index_raises_and_never_lowers() -> None:
    chosen = market((DVOL,))
    quiet, wild = fold(chosen, answers=(index(1),)), fold(chosen, answers=(index(300),))
    assert quiet.estimates.waterfall == OFF.estimates.waterfall
    assert wild.estimates.waterfall is not None
    assert wild.estimates.waterfall.haircut_bps > OFF.estimates.waterfall.haircut_bps  # type: ignore[union-attr]
    (row,) = wild.estimates.implied
    assert (row.source, row.sigma_wad, row.reason) == (DVOL.address, 3 * WAD, "feed")


def test_a_stale_index_is_named_and_stops_loosening_while_tightening_works() -> None:
    chosen = market((DVOL,))
    line = f"volatility feed: {DVOL.address}: 3700 s old, at most 3600 s count"
    got = fold(chosen, answers=(STALE,), trailing=warm())
    assert got.estimates.missing == (line,)
    assert got.decision.reasons[0] == line
    assert "an input is missing: nothing loosens" in got.decision.reasons
    fresh = fold(chosen, answers=(index(1),), trailing=warm())
    assert "the dwell clock runs" in fresh.decision.reasons[-1]
    low = make_words(make_live(haircut_bps=1000, observed_time=NOW - 600))
    assert fold(chosen, answers=(STALE,), words=low).decision.due is Due.TIGHTEN


def test_an_index_is_read_in_the_market_s_own_round_and_not_for_past_windows() -> None:
    chosen, block = market((DVOL,)), make_block()
    plan = read_plan(b"", chosen, SETTINGS)
    for asked, count in ((plan, 5), (replace(plan, whole=False), 4)):
        reading = market_reading(chosen, SETTINGS, asked, CONTRACT, block)
        asks = next(reading)
        assert [ask.to for ask in asks][2:] == [FEED, CONTRACT, DVOL.address][: count - 2]
        with pytest.raises(StopIteration) as stop:
            reading.send(tuple(Answer(False, b"") for _ in asks))
        assert len(stop.value.value.volatility) == count - 4
    assert len(stop.value.value.inputs) == 4


def test_what_an_index_answered_is_an_input() -> None:
    chosen = market((DVOL,))
    snapshot = replace(make_snapshot(market=chosen), volatility=(index(80),))
    assert snapshot.inputs[-1] == index(80).inputs[0]


def test_fees_of_a_sample_are_a_function_of_its_block_alone() -> None:
    chosen = market(**FEES)
    got = fold(chosen, trailing=(earlier(0),))
    blind = make_snapshot(make_block(25 * WINDOW), words=None, market=chosen)
    assert sample_depth(blind, WINDOW, chosen, SETTINGS) == got.estimates.depth


def test_the_basis_adds_what_pools_trade_below_the_oracle() -> None:
    high = feed_reading(2100 * 10**8)
    plain, got = fold(market(), feed=high).estimates, fold(market(basis=True), feed=high).estimates
    assert plain.oracle_deviation_wad == 5 * 10**15
    assert 22 * 10**15 < got.oracle_deviation_wad < 24 * 10**15
    assert got.waterfall is not None
    assert plain.waterfall is not None
    assert dict(got.waterfall.bars)["oracle"] - dict(plain.waterfall.bars)["oracle"] == pytest.approx(175, abs=10)
    assert fold(market(basis=True), feed=feed_reading(1900 * 10**8)).estimates.oracle_deviation_wad == 5 * 10**15


def test_the_basis_sees_a_mean_below_the_spot() -> None:
    state = pool_state()
    assert state.harmonic is not None
    pushed = replace(
        state, harmonic=replace(state.harmonic, tick_cumulative=state.now.tick_cumulative - 1800 * (state.tick - 1000))
    )
    got = fold(market(basis=True), state=pushed).estimates.oracle_deviation_wad
    mean = 1.0001 ** (MID_TICK - 1000) * 10**12
    assert got / WAD == pytest.approx(1 - 0.995 * mean / 2061, rel=1e-6)


def test_the_larger_scenario_is_published_and_its_bars_add_up() -> None:
    small, large = fold(market(jump_bps=100)).estimates, fold(market(jump_bps=6000)).estimates
    assert (small.scenario, large.scenario) == ("price", "jump")
    assert small.waterfall == OFF.estimates.waterfall
    assert large.waterfall is not None
    bars = dict(large.waterfall.bars)
    assert sum(bars.values()) == large.waterfall.haircut_bps
    # 1 - 0.995 * 0.4, and 1 - 0.995 * 0.4 / 1.05, both rounded up.
    assert (bars["oracle"], bars["price_move"]) == (6021, 0)
    assert large.waterfall.haircut_bps == 6210


TERMS: dict[str, Callable[[], Folded]] = {
    "implied": lambda: fold(market(**FEES), trailing=(earlier(POOR),)),
    "feed": lambda: fold(market((DVOL,)), answers=(index(300),)),
    "buffer": lambda: fold(market(sigma_floor_wad=2 * WAD, sigma_buffer_bps=5000)),
    "stress": lambda: fold(market(stressed_sigma_wad=3 * WAD)),
    "wrong way": lambda: fold(market(stressed_sigma_wad=3 * WAD, same_issuer=True)),
    "jump": lambda: fold(market(jump_bps=6000)),
    "basis": lambda: fold(market(basis=True), feed=feed_reading(2100 * 10**8)),
}


@pytest.mark.parametrize("term", TERMS)
def test_no_term_reaches_the_liquidation_haircut(term: str) -> None:
    got, plain = TERMS[term](), OFF
    if term == "buffer":
        plain = fold(market(sigma_floor_wad=2 * WAD))
    if term == "basis":
        plain = fold(market(), feed=feed_reading(2100 * 10**8))
    assert got.estimates.waterfall is not None
    assert plain.estimates.waterfall is not None
    assert got.estimates.waterfall.haircut_bps > plain.estimates.waterfall.haircut_bps
    assert got.estimates.liquidation_bps == plain.estimates.liquidation_bps
    assert got.decision.targets is not None
    assert plain.decision.targets is not None
    assert got.decision.targets.liquidation_haircut_bps == plain.decision.targets.liquidation_haircut_bps
    assert got.decision.targets.haircut_bps > plain.decision.targets.haircut_bps


def bounded_fold(
    count: int, answers: tuple[FeedReading, ...] = (index(1),), trailing: tuple[SampleDepth, ...] = ()
) -> Folded:
    """A bounded profile over so many price sources."""
    others = tuple(pool_settings(address=Address("0x" + f"{at:040x}")) for at in range(1, count))
    base = market((DVOL,))
    chosen = replace(base, pools=(*base.pools, *others))
    live = make_live(haircut_bps=5000, liquidation_target_bps=1100, ramp_from_bps=1100, bonus_bps=777)
    words = make_words(replace(live, observed_time=NOW - 600), limits=make_limits(bounded=1))
    pools = (pool_reading(pool_state()), pair_reading(), *(pool_reading(pool_state()) for _ in others))
    snapshot = replace(make_snapshot(pools=pools, words=words, market=chosen), volatility=answers)
    return fold_sample(b"", snapshot, WINDOW, trailing or warm(), chosen, SETTINGS)


def test_a_bounded_liquidation_haircut_wishes_for_no_move_with_fewer_than_two_price_sources() -> None:
    one, two = bounded_fold(1).decision, bounded_fold(2)
    assert one.targets is not None
    assert (one.targets.liquidation_haircut_bps, one.targets.bonus_bps) == (1100, 777)
    assert any("1 of 2 price sources that it needs have a value" in reason for reason in one.reasons)
    assert two.decision.targets is not None
    assert two.decision.targets.liquidation_haircut_bps == two.estimates.liquidation_bps != 1100
    assert two.decision.targets.bonus_bps == 500


def test_an_index_neither_moves_nor_stops_a_bounded_liquidation_haircut() -> None:
    calm, wild, stale = (bounded_fold(2, (answer,)) for answer in (index(1), index(300), STALE))
    targets = [row.decision.targets for row in (calm, wild, stale)]
    assert len({(row.liquidation_haircut_bps, row.bonus_bps) for row in targets if row}) == 1
    assert stale.estimates.missing != ()
    assert stale.estimates.missing_for_loans == ()


def test_a_baseline_that_is_not_warm_moves_no_bounded_liquidation_haircut() -> None:
    got = bounded_fold(2, trailing=warm()[:1]).decision.targets
    assert got is not None
    assert (got.liquidation_haircut_bps, got.bonus_bps) == (1100, 777)


def test_every_term_is_part_of_evidence_and_commitment() -> None:
    chosen = market((DVOL,), **FEES, jump_bps=100, basis=True)
    found = fold(chosen, answers=(index(80),), trailing=(earlier(0),)).estimates
    first, second = found.implied[0], found.implied[-1]
    changed = [
        replace(found, realised_wad=1),
        replace(found, implied_wad=1),
        replace(found, implied=(replace(first, weight=1), *found.implied[1:])),
        replace(found, implied=(*found.implied[:-1], replace(second, sigma_wad=1))),
        replace(found, oracle_deviation_wad=1),
        replace(found, scenario="jump"),
        replace(found, liquidation_bps=1),
        replace(found, depth=replace(found.depth, fees=())),
        replace(found, depth=replace(found.depth, fees=(None, None))),
    ]
    documents = {canonical(estimates_document(row)) for row in (found, *changed)}
    assert len(documents) == len({estimates_hash(row) for row in (found, *changed)}) == 10


MIXES = st.fixed_dictionaries(
    {
        "stressed_sigma_wad": st.integers(0, 2 * WAD),
        "sigma_buffer_bps": st.integers(0, 10_000),
        "basis": st.booleans(),
        "jump_bps": st.integers(0, 9_999),
        "same_issuer": st.booleans(),
        "implied_seconds": st.sampled_from([0, DAY]),
        "implied_min_liquidity": st.just(1),
    }
)


@thorough
@given(mix=MIXES, growth=st.integers(0, 2**256 - 1), per_cent=st.none() | st.integers(1, 500))
def test_p12_no_mix_of_terms_lowers_the_haircut_or_moves_the_loans(
    mix: dict[str, object], growth: int, per_cent: int | None
) -> None:
    feeds, answers = ((), ()) if per_cent is None else ((DVOL,), (index(per_cent),))
    got = fold(market(feeds, **mix), answers=answers, trailing=(earlier(growth),)).estimates
    plain = OFF.estimates
    assert got.waterfall is not None
    assert plain.waterfall is not None
    assert got.waterfall.haircut_bps >= plain.waterfall.haircut_bps
    assert got.liquidation_bps == plain.liquidation_bps
    assert sum(bps for _, bps in got.waterfall.bars) == got.waterfall.haircut_bps
    assert got.missing == ()


@given(jump=st.integers(0, 9_998), more=st.integers(1, 5_000), answer=st.integers(1900, 3000), rise=st.integers(0, 500))
def test_p2_a_larger_jump_or_basis_never_lowers_the_haircut(jump: int, more: int, answer: int, rise: int) -> None:
    def haircut(jump_bps: int, price: int) -> int:
        found = fold(market(basis=True, jump_bps=jump_bps), feed=feed_reading(price * 10**8)).estimates
        assert found.waterfall is not None
        return found.waterfall.haircut_bps

    assert haircut(min(jump + more, 9_999), answer) >= haircut(jump, answer)
    if answer >= 2100:
        # From here on the oracle is the higher price; depth against it shrinks, too.
        assert haircut(jump, answer + rise) >= haircut(jump, answer)


def test_a_sample_with_every_term_survives_the_store_and_folds_to_the_same_again() -> None:
    chosen = market((DVOL,), **FEES, jump_bps=6000, basis=True, premium_max_bps=800, ceiling_share_bps=5000)
    snapshot = replace(make_snapshot(market=chosen, words=LOOSE), volatility=(index(80),))
    folded = fold_sample(b"", snapshot, WINDOW, (earlier(POOR),), chosen, SETTINGS)
    kept, again = loads(MarketSnapshot, dumps(snapshot)), loads(Folded, dumps(folded))
    assert (kept, again) == (snapshot, folded)
    assert fold_sample(b"", kept, WINDOW, (earlier(POOR),), chosen, SETTINGS) == again
