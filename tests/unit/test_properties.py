"""Properties of models.md that span rooms: decimals, no risk, missing inputs, order, evidence, silence."""

import json
from dataclasses import replace

from factories import (
    MID_TICK,
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
from hypothesis import assume, given
from hypothesis import strategies as st
from properties import thorough

from keeper.fold import fold_sample
from keeper.haircuts import MODELS
from keeper.haircuts.liquidity_adjusted import Inputs, compute
from keeper.maths.keccak import keccak
from keeper.maths.staleness import widened_bps
from keeper.maths.tick_math import sqrt_ratio_at_tick
from keeper.records.core import Core, SourceCore, decode_core, encode_core
from keeper.records.decision import Due, Folded
from keeper.records.estimates import SampleDepth
from keeper.records.live import LiveWord
from keeper.records.positions import Position, Positions
from keeper.records.settings import MarketSettings
from keeper.records.snapshot import MarketSnapshot, PoolReading, WordInput
from keeper.records.units import WAD, YEAR_SECONDS, Address, Price
from keeper.risk.commit import make_batch, prepare_report
from keeper.risk.commitments import inputs_root
from keeper.risk.effective import DECAY_UNIT_WAD, haircut_bps
from keeper.risk.evidence import MAX_INTEGER, canonical
from keeper.risk.keys import settings_hash
from keeper.risk.positions import size_up

MARKET, SETTINGS, WINDOW = market_settings(), make_settings(), 1000
LOOSE = make_words(make_live(haircut_bps=5000, observed_time=make_block().timestamp - 600))


def fold(snapshot: MarketSnapshot, market: MarketSettings = MARKET, trailing: tuple[SampleDepth, ...] = ()) -> Folded:
    return fold_sample(b"", snapshot, WINDOW, trailing, market, SETTINGS)


def in_other_units(collateral: int, debt: int, feed: int) -> Folded:
    """One pair sells, a pool that sells nothing gives the volatility; everything in units of so many more digits."""
    market = market_settings(
        collateral_decimals=18 + collateral,
        debt_decimals=6 + debt,
        feed=replace(MARKET.feed, decimals=8 + feed),
        model=model_settings(size=1000 * 10 ** (18 + collateral)),
        flagged=(V3_POOL,),
    )
    reserves = 5003 * 10 ** (18 + collateral), 10_307_011 * 10 ** (6 + debt)
    pools = (pool_reading(), pair_reading(*reserves))
    return fold(make_snapshot(pools=pools, feed=feed_reading(2061 * 10 ** (8 + feed)), market=market), market)


@thorough
@given(collateral=st.integers(0, 9), debt=st.integers(0, 20), feed=st.integers(0, 20))
def test_p05_prices_and_amounts_in_other_decimals_give_the_same_haircut(collateral: int, debt: int, feed: int) -> None:
    got, plain = in_other_units(collateral, debt, feed).estimates, _PLAIN.estimates
    assert got.waterfall == plain.waterfall
    assert got.q_star is not None
    assert plain.q_star is not None
    assert got.q_star == plain.q_star * 10**collateral
    assert got.sigma_wad == plain.sigma_wad


_PLAIN = in_other_units(0, 0, 0)


@thorough
@given(
    k=st.integers(0, 10 * WAD),
    size=st.integers(0, 10**9),
    spare=st.integers(0, 10**9),
    tau0=st.integers(0, 10 * YEAR_SECONDS),
    mult=st.integers(WAD, 10 * WAD),
    floor=st.integers(0, 10_000),
)
def test_p10_no_risk_is_the_floor(  # noqa: PLR0917 - hypothesis passes each by name
    k: int, size: int, spare: int, tau0: int, mult: int, floor: int
) -> None:
    calm = Inputs(0, k, size, size + spare, tau0, 3600, 0, 0, 0, mult, floor)
    assert compute(calm).haircut_bps == floor
    assert compute(replace(calm, sigma_wad=WAD, k_wad=0)).haircut_bps == floor


BROKEN = {
    "pool": lambda row: replace(row, pools=(pool_reading(failure="x"), row.pools[1])),
    "both": lambda row: replace(row, pools=(pool_reading(failure="x"), pool_reading(failure="y"))),
    "feed": lambda row: replace(row, feed=feed_reading(None)),
    "idle": lambda row: replace(row, pools=(pool_reading(_idle()), row.pools[1])),
    "ring": lambda row: replace(row, pools=(pool_reading(pool_state(ring=())), row.pools[1])),
    "unlisted": lambda row: replace(row, words=None),
}


def _idle():  # type: ignore[no-untyped-def]
    return pool_state(last_observation_time=make_block().timestamp - 90_000)


@thorough
@given(
    broken=st.sets(st.sampled_from(sorted(BROKEN)), min_size=1),
    live=st.integers(1000, 9000),
    age=st.integers(0, 10**6),
    minima=st.lists(st.integers(10**18, 10**22), max_size=4),
)
def test_p11_a_missing_input_publishes_nothing_and_says_so(
    broken: set[str], live: int, age: int, minima: list[int]
) -> None:
    words = make_words(make_live(haircut_bps=live, observed_time=make_block().timestamp - age))
    snapshot = make_snapshot(words=words)
    for name in sorted(broken):
        snapshot = BROKEN[name](snapshot)
    got = fold(snapshot, trailing=days(minima))
    assert (got.decision.targets, got.decision.due) == (None, Due.NONE)
    assert got.decision.predicted_haircut_bps == (0 if "unlisted" in broken else live)
    assert got.decision.reasons
    assert "unlisted" in broken or got.estimates.missing
    core = decode_core(got.decision.core_after)
    assert core is None or core.dwell_since == 0


def days(bounds: list[int]) -> tuple[SampleDepth, ...]:
    return tuple(SampleDepth(WINDOW - 288 * (at + 1), 0, bound, bound, bound, bound) for at, bound in enumerate(bounds))


SECOND, THIRD = Address("0x" + "13" * 20), Address("0x" + "23" * 20)
POOLS = (
    (pool_settings(), pool_reading()),
    (pair_settings(), pair_reading()),
    (pool_settings(address=SECOND), pool_reading(pool_state(tick=MID_TICK + 9))),
    (pair_settings(address=THIRD), pair_reading(4000 * 10**18, 8_300_000 * 10**6)),
)


def permuted(order: list[int]) -> tuple[MarketSettings, MarketSnapshot]:
    rows = [POOLS[at] for at in order]
    market = market_settings(pools=tuple(pool for pool, _ in rows))
    return market, make_snapshot(pools=tuple(reading for _, reading in rows), words=LOOSE, market=market)


@thorough
@given(order=st.permutations(range(4)), minima=st.permutations([10**21, 10**20, 3 * 10**20]))
def test_p13_the_order_of_pools_and_samples_changes_no_number(order: list[int], minima: list[int]) -> None:
    market, snapshot = permuted(order)
    trailing = days([10**21, 10**20, 3 * 10**20])
    shuffled = tuple(sorted(trailing, key=lambda row: minima.index(row.bound or 0)))
    got = fold(snapshot, market, shuffled)
    want = _ORDERED
    assert replace(got.estimates, sources=(), missing=()) == replace(want.estimates, sources=(), missing=())
    assert set(got.estimates.sources) == set(want.estimates.sources)
    assert got.decision.targets == want.decision.targets
    cores = [decode_core(row.decision.core_after) for row in (got, want)]
    assert set(cores[0].sources) == set(cores[1].sources)  # type: ignore[union-attr]


_ORDERED = fold(permuted([0, 1, 2, 3])[1], permuted([0, 1, 2, 3])[0], days([10**21, 10**20, 3 * 10**20]))


@thorough
@given(
    amounts=st.lists(st.tuples(st.integers(0, 100), st.integers(0, 200_000)), min_size=1, max_size=6),
    chance=st.randoms(use_true_random=False),
)
def test_p13_the_order_of_positions_changes_no_size(amounts: list[tuple[int, int]], chance) -> None:  # type: ignore[no-untyped-def]
    holders = [
        Position(Address(f"0x{at:040x}"), supplied * WAD, True, supplied * 3000 * 10**6, debt * 10**6, 8000)
        for at, (supplied, debt) in enumerate(amounts)
    ]
    shuffled = list(holders)
    chance.shuffle(shuffled)
    sizes = [
        size_up(
            Positions(1000 * WAD, Price(3000 * 10**6, WAD), tuple(rows)), shock_bps=3000, share_bps=5000, bonus_bps=500
        )
        for rows in (holders, shuffled)
    ]
    assert sizes[0] == sizes[1]


OTHERS = tuple(market_settings(protocol_market_id=bytes([at]) * 32) for at in range(4))
PREPARED = [
    prepare_report(fold(row, market), [row], b"", market, SETTINGS)
    for market, row in ((market, make_snapshot(market=market)) for market in OTHERS)
]


@thorough
@given(order=st.permutations(range(4)))
def test_p13_the_order_of_markets_changes_no_byte_of_a_batch(order: list[int]) -> None:
    got = make_batch([PREPARED[at] for at in order], make_block(), settings_hash(SETTINGS))
    assert got == make_batch(PREPARED, make_block(), settings_hash(SETTINGS))


@thorough
@given(sold=st.integers(10**20, 10**24), answer=st.integers(10**10, 10**13), shift=st.integers(-900, 900))
def test_p14_the_evidence_alone_gives_the_haircut_again(sold: int, answer: int, shift: int) -> None:
    state = pool_state(tick=MID_TICK + shift, sqrt_price_x96=sqrt_ratio_at_tick(MID_TICK + shift))
    market = market_settings(model=model_settings(size=sold))
    pools = (pool_reading(state), pair_reading())
    snapshot = make_snapshot(pools=pools, feed=feed_reading(answer), words=LOOSE, market=market)
    folded = fold(snapshot, market)
    assume(folded.decision.targets is not None)
    document = json.loads(prepare_report(folded, [snapshot], b"", market, SETTINGS).evidence)
    found = document["estimates"]
    model = replace(market.model, size=int(found["size"]), oracle_deviation_wad=int(found["oracleDeviationWad"]))
    again = MODELS[document["model"]](model, int(found["sigmaWad"]), int(found["qStar"]))
    assert again.haircut_bps == found["waterfall"]["haircutBps"]
    assert again.haircut_bps == found["liquidationBps"]


@thorough
@given(live=st.builds(make_live, haircut_bps=st.integers(1000, 9000), decay=st.integers(0, 2000)), ages=st.data())
def test_p19_the_same_words_widen_by_themselves(live: LiveWord, ages: st.DataObject) -> None:
    """No transaction: the view needs nothing but the time."""
    words = make_words(live)
    seconds = sorted(ages.draw(st.lists(st.integers(0, 10**7), min_size=2, max_size=5)))
    seen = [haircut_bps(words, live.observed_time + age, live.observed_time + age) for age in seconds]
    assert seen == sorted(seen)
    limits = words.limits
    ks = max(live.decay, limits.decay_floor) * DECAY_UNIT_WAD
    for age, got in zip(seconds, seen, strict=True):
        assert got == widened_bps(live.haircut_bps, ks, age, limits.grace_seconds, limits.cap_bps)


@thorough
@given(pool=st.integers(0, 1), byte=st.integers(0, 31), change=st.integers(1, 255))
def test_p50_any_byte_of_an_input_changes_the_hash(pool: int, byte: int, change: int) -> None:
    base = make_snapshot()
    (word,) = base.pools[pool].inputs
    assert isinstance(word, WordInput)
    value = bytearray(word.value)
    value[byte] ^= change
    pools = list(base.pools)
    pools[pool] = PoolReading(pools[pool].state, (replace(word, value=bytes(value)),))
    other = replace(base, pools=tuple(pools))
    assert inputs_root([other]) != _ROOT
    assert keccak(prepare_report(_FOLDED, [other], b"", MARKET, SETTINGS).evidence) != _DIGEST


_FOLDED = fold(make_snapshot())
_ROOT = inputs_root([make_snapshot()])
_DIGEST = keccak(prepare_report(_FOLDED, [make_snapshot()], b"", MARKET, SETTINGS).evidence)

PLAIN_TEXT = st.text(st.characters(max_codepoint=0xD7FF), max_size=12)
DOCUMENTS = st.recursive(
    st.booleans() | st.integers(-MAX_INTEGER, MAX_INTEGER) | PLAIN_TEXT,
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(PLAIN_TEXT, inner, max_size=4),
    max_leaves=8,
)


@thorough
@given(document=DOCUMENTS)
def test_p51_canonical_bytes_are_those_of_any_serialiser(document: object) -> None:
    """Two serialisers by two authors; the fold's own bytes on other platforms are in test_determinism."""
    compact = json.dumps(document, sort_keys=True, separators=(",", ":"), ensure_ascii=False)
    assert canonical(document) == compact.encode()  # type: ignore[arg-type]


@thorough
@given(document=DOCUMENTS)
def test_p52_a_document_reads_back_as_itself(document: object) -> None:
    data = canonical(document)  # type: ignore[arg-type]
    assert json.loads(data) == document
    assert canonical(json.loads(data)) == data


I56, U32, U96 = st.integers(-(1 << 55), (1 << 55) - 1), st.integers(0, 2**32 - 1), st.integers(0, 2**96 - 1)
SOURCES = st.builds(SourceCore, st.binary(min_size=7, max_size=7), U32, I56, I56, U32, U96, U96)


@thorough
@given(core=st.builds(Core, U32, U32, U32, st.lists(SOURCES, max_size=3).map(tuple)))
def test_p52_a_core_reads_back_as_itself(core: Core) -> None:
    assert decode_core(encode_core(core)) == core
    assert len(encode_core(core)) <= 192


def test_the_worlds_above_are_worlds() -> None:
    assert _PLAIN.estimates.missing == ()
    assert _PLAIN.estimates.q_star
    assert not _PLAIN.estimates.waterfall.unquotable  # type: ignore[union-attr]
    assert dict(_PLAIN.estimates.waterfall.bars)["time_to_liquidate"] > 0  # type: ignore[union-attr]
    assert len(set(_ORDERED.estimates.sources)) == 2
