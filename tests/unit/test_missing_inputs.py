"""A missing input loosens nothing, on either road: not by a slower decay, and not by helping an open pending along."""

from dataclasses import replace
from types import SimpleNamespace
from typing import cast

import pytest
from factories import (
    CHAIN_ID,
    CONTRACT,
    MID_TICK,
    make_block,
    make_live,
    make_settings,
    make_snapshot,
    make_words,
    market_settings,
    pair_reading,
    pool_reading,
    pool_state,
)

from keeper import cycle
from keeper.budgets import Budgets
from keeper.fold import fold_sample
from keeper.records.decision import Due, Folded
from keeper.records.live import AuxWord, ContractWords
from keeper.records.snapshot import MarketSnapshot, PoolReading
from keeper.store.samples import StoredSample

RICH = Budgets(10**18, 10**18, 10**18)
SETTINGS, WINDOW = make_settings(), 1000
BLOCK = make_block(WINDOW * 25)
V2_DOWN = (pool_reading(), pool_reading(failure="down"))
WHOLE = (pool_reading(pool_state(tick=MID_TICK)), pair_reading())


def fold(pools: tuple[PoolReading, ...], words: ContractWords) -> tuple[MarketSnapshot, Folded]:
    snapshot = make_snapshot(block=BLOCK, pools=pools, words=words)
    return snapshot, fold_sample(b"", snapshot, WINDOW, (), market_settings(), SETTINGS)


def test_a_sample_with_a_missing_input_does_not_slow_the_decay() -> None:
    words = make_words(make_live(decay=16_000, sequence=0))
    for pools, kept in ((V2_DOWN, True), (WHOLE, False)):
        decision = fold(pools, words)[1].decision
        assert decision.due is Due.FIRST
        assert decision.targets is not None
        assert (decision.targets.decay == 16_000) is kept


@pytest.mark.parametrize(("missing", "held", "plans"), [((), False, 1), (("feed: down",), False, 0), ((), True, 0)])
def test_a_pending_is_not_activated_on_a_sample_with_a_missing_input_nor_while_its_market_is_held(
    monkeypatch: pytest.MonkeyPatch, missing: tuple[str, ...], held: bool, plans: int
) -> None:
    live = make_live(haircut_bps=5000, observed_time=BLOCK.timestamp)
    words = make_words(live, AuxWord(pending_bps=4950, pending_time=BLOCK.timestamp - 30_000))
    snapshot, folded = fold(WHOLE, words)
    folded = replace(folded, estimates=replace(folded.estimates, missing=missing))
    row = StoredSample(snapshot.market, WINDOW, 1, b"", snapshot, folded)
    follower = SimpleNamespace(settings=SETTINGS, chain_id=CHAIN_ID, contract=CONTRACT)
    samples = SimpleNamespace(latest=lambda _market: row)
    intents = SimpleNamespace(landed_since=lambda _time: [])
    monkeypatch.setattr(cycle, "read_words", lambda *_: {snapshot.market: words})
    monkeypatch.setattr(cycle, "due_batches", lambda *_: [])
    monkeypatch.setattr(cycle, "refused_now", lambda *_: [])
    monkeypatch.setattr(cycle, "_safe_number", lambda _ports: 0)
    keys = frozenset({snapshot.market}) if held else frozenset()
    ports = cast(
        "cycle.Ports", SimpleNamespace(follower=follower, samples=samples, intents=intents, budgets=RICH, held=keys)
    )
    assert len(cycle.plan(ports, make_block(WINDOW * 25 + 5))) == plans
