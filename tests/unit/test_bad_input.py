"""Bad input in the middle of a history: a reason in words, the old value ages, and no decision loosens.

The model asks for far less than what holds the whole time: without the fault a loosening would be reported within the
walk (the first test says so), so every fault has the chance to let one through.
"""

from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace

import pytest
from determinism_walk import quiet_pool
from factories import (
    MID_TICK,
    make_block,
    make_live,
    make_settings,
    make_snapshot,
    make_words,
    market_settings,
    pair_reading,
    pool_reading,
)

from keeper.feeds import FEEDS
from keeper.fold import fold_sample
from keeper.records.core import decode_core
from keeper.records.decision import Due, Folded
from keeper.records.estimates import SampleDepth
from keeper.records.live import ContractWords
from keeper.records.pools import Cumulative, UniswapV3State
from keeper.records.snapshot import Answer, FeedReading, MarketSnapshot
from keeper.records.units import BlockRef
from keeper.risk.effective import haircut_bps

MARKET, FIRST = market_settings(), 1000
SETTINGS = make_settings(markets=(MARKET,))
BEFORE, DURING, AFTER = 60, 3, 60
"""Samples of 300 s: five hours, a quarter, five hours; the dwell is six."""
START = make_block(25 * FIRST)
WORDS = make_words(make_live(haircut_bps=6000, observed_time=START.timestamp - 600, observed_block=24_000))
TRAILING = tuple(SampleDepth(FIRST - 288 * day, 0, 10**21, 10**21, 10**21, 10**21) for day in (3, 2, 1))


def state_at(block: BlockRef) -> UniswapV3State:
    return quiet_pool(block, MID_TICK, MID_TICK * (block.timestamp - START.timestamp))


def good(block: BlockRef) -> MarketSnapshot:
    return make_snapshot(block, pools=(pool_reading(state_at(block)), pair_reading()), words=WORDS)


def with_pool(row: MarketSnapshot, **changes: object) -> MarketSnapshot:
    return replace(row, pools=(pool_reading(replace(state_at(row.block), **changes)), row.pools[1]))


def fed(answer: int, age: int = 0, *, cut: int = 0) -> Callable[[MarketSnapshot], MarketSnapshot]:
    """The feed answers this, through its real adapter."""

    def change(row: MarketSnapshot) -> MarketSnapshot:
        words = (7, answer % (1 << 256), row.block.timestamp - age, row.block.timestamp - age, 7)
        data = b"".join(word.to_bytes(32, "big") for word in words)[: 160 - cut]
        reading = FEEDS["chainlink"].read(MARKET.feed, row.block)
        next(reading)
        with pytest.raises(StopIteration) as stop:
            reading.send((Answer(True, data),))
        assert isinstance(stop.value.value, FeedReading)
        return replace(row, feed=stop.value.value)

    return change


@dataclass(frozen=True)
class Fault:
    """What is wrong with the samples in the middle."""

    change: Callable[[MarketSnapshot], MarketSnapshot]
    reason: str = ""
    """Part of the line that names it; empty: the sample has a value."""
    restarts: bool = True
    """Whether the dwell clock starts anew."""
    hole: int = 0
    """Windows that nobody sampled before it."""


FAULTS = {
    "a pool that could not be read": Fault(
        lambda row: replace(row, pools=(pool_reading(failure="garbage"), row.pools[1])), "garbage"
    ),
    "an idle pool": Fault(
        lambda row: with_pool(row, last_observation_time=row.block.timestamp - 90_000), "idle: nothing was traded"
    ),
    "a frozen feed": Fault(fed(2061 * 10**8, 3601), "3601 s old, at most 3600 s count"),
    "a feed from the future": Fault(fed(2061 * 10**8, -5), "after the block"),
    "a negative answer": Fault(fed(-1), "answer -1 is not positive"),
    "an answer of zero": Fault(fed(0), "answer 0 is not positive"),
    "an answer that is no number": Fault(fed(2061 * 10**8, cut=1), "159 bytes are not a round"),
    "no liquidity at the sample": Fault(lambda row: with_pool(row, liquidity=0, ticks=()), "nothing can be sold there"),
    "a gap of two hours": Fault(lambda row: row, hole=24),
    "a hole of 166 days": Fault(lambda row: row, "not warm since the gap: 4 more windows are needed", hole=166 * 288),
    "a bad print": Fault(lambda row: with_pool(row, now=_jumped(row)), restarts=False),
    "time that stood still": Fault(lambda row: with_pool(row, now=_earlier(row, 0)), restarts=False),
    "time that went back": Fault(lambda row: with_pool(row, now=_earlier(row, 9000)), restarts=False),
}


def _jumped(row: MarketSnapshot) -> Cumulative:
    now = state_at(row.block).now
    return replace(now, tick_cumulative=now.tick_cumulative + 50_000 * 1800)


def _earlier(row: MarketSnapshot, seconds: int) -> Cumulative:
    """The pool's clock shows an earlier second than the block's."""
    return replace(state_at(row.block).now, time=START.timestamp + BEFORE * 300 - seconds)


def walk(fault: Fault, words: ContractWords = WORDS) -> Iterator[tuple[str, MarketSnapshot, Folded]]:
    core, window = b"", FIRST
    for phase, count in (("before", BEFORE), ("during", DURING), ("after", AFTER)):
        window += fault.hole if phase == "during" else 0
        for _ in range(count):
            window += 1
            row = replace(good(make_block(25 * window)), words=words)
            row = fault.change(row) if phase == "during" else row
            # Days that are warm wherever the walk is: what holds loosening back is the fault.
            trailing = tuple(replace(day, window=window - 288 * at) for at, day in enumerate(TRAILING, start=1))
            folded = fold_sample(core, row, window, trailing, MARKET, SETTINGS)
            core = folded.decision.core_after
            yield phase, row, folded


def test_without_a_fault_the_walk_loosens() -> None:
    rows = list(walk(Fault(lambda row: row)))
    assert Due.LOOSEN in {folded.decision.due for _, _, folded in rows}


@pytest.mark.parametrize("name", FAULTS)
def test_no_decision_loosens_over_a_fault(name: str) -> None:
    fault = FAULTS[name]
    seen = list(walk(fault))
    resumed = next(row.block.timestamp for phase, row, _ in seen if phase == "after")
    for phase, row, folded in seen:
        decision, core = folded.decision, decode_core(folded.decision.core_after)
        assert core is not None
        assert decision.predicted_haircut_bps >= WORDS.live.haircut_bps
        if decision.due is Due.LOOSEN:
            assert not fault.restarts, (phase, decision.reasons)
            assert phase == "after"
        if phase == "during" and fault.reason:
            assert any(fault.reason in line for line in folded.estimates.missing), folded.estimates.missing
            assert core.dwell_since == 0
        if phase == "after" and fault.restarts:
            assert core.dwell_since == 0 or core.dwell_since >= resumed - 300 * DURING, name
        # The old value ages by itself: what readers see only widens.
        age = row.block.timestamp
        assert haircut_bps(WORDS, age, age) >= WORDS.live.haircut_bps


@pytest.mark.parametrize("name", [name for name, fault in FAULTS.items() if not fault.reason])
def test_a_fault_that_leaves_a_value_never_lowers_the_volatility(name: str) -> None:
    seen = list(walk(FAULTS[name]))
    calm = max(row.estimates.sigma_wad or 0 for phase, _, row in seen if phase == "before")
    for phase, _, folded in seen:
        if phase == "during" and not FAULTS[name].hole:
            assert (folded.estimates.sigma_wad or 0) >= min(calm, MARKET.model.sigma_floor_wad)


def test_after_a_hole_of_166_days_the_source_is_silent_for_four_windows_and_then_says_what_it_said() -> None:
    wild = replace(MARKET, model=replace(MARKET.model, sigma_floor_wad=0))
    core, seen = b"", []
    for window in (*range(FIRST, FIRST + 40), *range(FIRST + 166 * 288, FIRST + 166 * 288 + 40)):
        row = good(make_block(25 * window))
        folded = fold_sample(core, row, window, TRAILING, wild, SETTINGS)
        core = folded.decision.core_after
        seen.append(folded)
    sigma = [folded.estimates.sigma_wad for folded in seen]
    assert None not in sigma[:40]
    # The sample after the hole, and four half hours of six samples each.
    assert sigma[40:64] == [None] * 24
    assert None not in sigma[64:]
    before, after = sigma[39], sigma[64]
    assert before is not None
    assert after is not None
    assert before > after > before * 99 // 100
    assert {folded.decision.due for folded in seen[40:64]} == {Due.NONE}


RINGS: dict[str, tuple[Callable[[tuple[Cumulative, ...]], tuple[Cumulative, ...]], str]] = {
    "no observation": (lambda _: (), "the ring covers 0 windows, 4 are needed"),
    "one observation": (lambda ring: ring[-1:], "the ring covers 1 windows, 4 are needed"),
    "too few": (lambda ring: ring[-3:], "the ring covers 3 windows, 4 are needed"),
    "a time that is there twice": (lambda ring: (*ring[:5], ring[4], *ring[5:]), "the ring's times do not rise"),
    "times that go back": (lambda ring: ring[::-1], "the ring's times do not rise"),
}


@pytest.mark.parametrize("name", RINGS)
def test_a_ring_that_cannot_be_used_is_no_value_with_its_reason(name: str) -> None:
    change, reason = RINGS[name]
    row = good(START)
    got = fold_sample(b"", with_pool(row, ring=change(state_at(START).ring)), FIRST, TRAILING, MARKET, SETTINGS)
    assert got.estimates.sigma_wad is None
    assert any(reason in line for line in got.estimates.missing)
    assert (got.decision.targets, got.decision.due) == (None, Due.NONE)
    assert got.decision.predicted_haircut_bps == WORDS.live.haircut_bps


def test_a_constant_price_is_a_value_and_the_floor_counts() -> None:
    flat = tuple(Cumulative(row.time, MID_TICK * (row.time - START.timestamp), 0) for row in state_at(START).ring)
    got = fold_sample(b"", with_pool(good(START), ring=flat), FIRST, TRAILING, MARKET, SETTINGS)
    assert got.estimates.missing == ()
    assert got.estimates.sigma_wad == MARKET.model.sigma_floor_wad
    assert got.decision.due is not Due.LOOSEN
