"""Which rule bound a haircut: each rule has a case, and what is asked for is what the fold asks for."""

from dataclasses import replace

import pytest
from factories import make_limits, make_live, make_words, model_settings
from hypothesis import given
from hypothesis import strategies as st

from keeper.records.decision import Decision, Due
from keeper.records.estimates import Estimates, SampleDepth, Waterfall
from keeper.records.live import ContractWords
from keeper.records.settings import ModelSettings
from keeper.records.units import WAD
from keeper.risk.binding import binding_rules, goal_bps
from keeper.risk.limits import clamp
from keeper.risk.targets import wanted_targets

NOW = 1_700_000_600
MODEL = model_settings(buffer_bps=250, haircut_max_bps=9000, haircut_min_bps=500)
WORDS = make_words(make_live(haircut_bps=2500))


def waterfall(*bars: tuple[str, int], unquotable: bool = False) -> Waterfall:
    names = {name for name, _ in bars}
    return Waterfall(sum(bps for _, bps in bars), bars, unquotable or "cap" in names, unquotable=unquotable)


PLAIN = waterfall(("oracle", 50), ("price_move", 1700), ("liquidation_bonus", 500))


def rules(
    found: Waterfall | None = PLAIN,
    holds: int = 2500,
    words: ContractWords | None = WORDS,
    model: ModelSettings = MODEL,
) -> list[tuple[str, str]]:
    depth = SampleDepth(1, 1, 1, 1, 1, 1)
    missing = () if found else ("feed: it reverted", "volatility: idle")
    estimates = Estimates(None, None, WAD, (), depth, (1,), True, 1, found, missing, 1)
    decision = Decision(None, Due.NONE, ("asked", "the dwell clock runs"), holds, b"")
    return [(row.rule, row.sentence) for row in binding_rules(estimates, decision, words, model, NOW)]


def test_no_bound_names_the_largest_part() -> None:
    want = "no limit binds; the largest part is the fall of the price until a liquidation begins: 1700 of 2250 bps"
    assert rules() == [("model", want)]


@pytest.mark.parametrize(
    ("found", "rule", "words"),
    [
        (waterfall(("unquotable", 9000), unquotable=True), "unquotable", "nothing can be sold at a profit"),
        (waterfall(("price_move", 9100), ("cap", -100)), "cap", "9100 bps, more than the cap of 9000 bps"),
        (waterfall(("price_move", 100), ("floor", 400)), "floor", "100 bps, less than the floor of 500 bps"),
        (waterfall(("price_move", 600)), "liquidation", "open loans is 1000 bps"),
        (waterfall(("price_move", 8800)), "market_cap", "9050 bps, more than the settings' cap of 9000 bps"),
    ],
)
def test_the_first_rule_that_changed_the_sum_is_named(found: Waterfall, rule: str, words: str) -> None:
    name, sentence = rules(found)[0]
    assert name == rule
    assert words in sentence


def test_the_contract_s_limits_are_named_where_they_bind() -> None:
    low = make_words(make_live(haircut_bps=2500), limits=make_limits(cap_bps=2400))
    assert rules(words=low)[0] == (
        "contract_cap",
        "with the buffer it would be 2500 bps, more than the contract's cap of 2400 bps",
    )
    high = make_words(make_live(haircut_bps=2500), limits=make_limits(floor_bps=2600))
    assert rules(words=high)[0] == (
        "contract_floor",
        "it would be 2500 bps, less than the contract's floor of 2600 bps",
    )


def test_a_jump_that_is_worse_than_the_volatility_is_named() -> None:
    depth = SampleDepth(1, 1, 1, 1, 1, 1)
    estimates = Estimates(None, None, WAD, (), depth, (1,), True, 1, PLAIN, (), 1, scenario="jump")
    (rule,) = binding_rules(estimates, Decision(None, Due.NONE, ("",), 2500, b""), WORDS, MODEL, NOW)
    assert (rule.rule, "a fall at once is worse" in rule.sentence) == ("jump", True)


def test_what_holds_instead_has_a_rule_of_its_own() -> None:
    stormy = waterfall(("price_move", 5750))
    assert rules(stormy, 3500)[1] == (
        "step",
        "a report moves at most 1000 bps: 3500 bps now, the rest to 6000 bps is staged",
    )
    assert rules(PLAIN, 2700)[1] == ("wait", "2500 bps are asked for, 2700 bps hold: the dwell clock runs")


def test_without_a_haircut_every_reason_is_given() -> None:
    assert rules(None) == [
        ("missing", "there is no haircut to ask for, so the old one ages: feed: it reverted; volatility: idle")
    ]
    assert rules(words=None) == [("unlisted", "the contract does not list this market")]


@given(
    bps=st.integers(0, 10_000),
    buffer=st.integers(0, 2000),
    cap=st.integers(0, 10_000),
    live=st.integers(1000, 9000),
    limit=st.integers(1000, 10_000),
)
def test_the_goal_is_what_the_fold_asks_for_inside_the_limits(
    bps: int, buffer: int, cap: int, live: int, limit: int
) -> None:
    model = replace(MODEL, buffer_bps=buffer, haircut_max_bps=cap)
    words = make_words(make_live(haircut_bps=live), limits=make_limits(cap_bps=limit))
    found = waterfall(("price_move", bps))
    estimates = Estimates(None, None, WAD, (), SampleDepth(1, 1, 1, 1, 1, 1), (1,), True, 1, found, (), 1)
    asked = wanted_targets(estimates, words, model, None)[0].haircut_bps
    assert goal_bps(found, words, model) == clamp(words.live, words.limits, asked)
    ((name, sentence), *_) = rules(found, goal_bps(found, words, model), words, model)
    assert sentence
    assert name != "model" or goal_bps(found, words, model) == bps + buffer
