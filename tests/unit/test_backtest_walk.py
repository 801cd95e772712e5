"""The walk over small histories whose answer is known: calm, a crash, a hole, stale bars."""

from dataclasses import replace
from functools import partial
from pathlib import Path

import pytest
from backtests import SIZE, START, STEP, history_of, rows_of, silent, wobble

from keeper.backtest.candidates import baselines, chosen_smoothing, mean_of, ours
from keeper.backtest.haircut_layer import coverage
from keeper.backtest.losses import losses, sale_seconds
from keeper.backtest.records import History, Series, Span, Step
from keeper.backtest.walk import model_bps, walk
from keeper.errors import ConfigError
from keeper.haircuts import MODELS
from keeper.maths.variance import SIGMA_STEP, to_step_up
from keeper.records.units import WAD

DAY_BARS = 48


def walked(history: History) -> list[Step]:
    return walk(ours(history.market.model, None), history, silent)


def test_a_source_starts_when_a_whole_day_stands_behind_it(tmp_path: Path) -> None:
    history = history_of(tmp_path, rows_of(wobble(200)))
    known = [row.sigma_wad is not None for row in history.readings]
    assert known.index(True) == DAY_BARS - 1
    assert all(known[DAY_BARS - 1 :])
    assert history.readings[0].missing == ("volatility: the ring covers 0 windows, 48 are needed",)


def test_a_hole_in_the_first_day_starts_the_day_anew(tmp_path: Path) -> None:
    closes: list[float | None] = [*wobble(200)]
    closes[30] = None
    history = history_of(tmp_path, rows_of(closes))
    known = [row.sigma_wad is not None for row in history.readings]
    assert known.index(True) == 31 + DAY_BARS - 1


def test_a_constant_price_has_the_haircut_of_the_floor_and_never_an_exception(tmp_path: Path) -> None:
    history = history_of(tmp_path, rows_of([1000.0] * 600))
    steps, model = walked(history), history.market.model
    want = MODELS["liquidity_adjusted"](model, model.sigma_floor_wad, history.readings[0].q_star or 0).haircut_bps
    assert {row.sigma_wad for row in history.readings[DAY_BARS:]} == {0}
    assert {step.model_bps for step in steps[DAY_BARS:]} == {want}
    assert {step.published_bps for step in steps[DAY_BARS:]} == {want + model.buffer_bps}
    series = Series("ours", "model", tuple(step.model_bps for step in steps))
    got = coverage(series, losses(history), Span("all", 0, 600), history.slots(model.tau0_seconds))
    # The loss of every start is the sale's own cost.
    assert (got.n, got.exceptions, got.episodes) == (600 - 12 - (DAY_BARS - 1), 0, 0)
    assert got.loss_quantile_bps == pytest.approx(history.readings[0].cost * 10_000)


def test_one_crash_is_so_many_exceptions_as_bars_saw_it_coming(tmp_path: Path) -> None:
    """The price halves nearly, between two bars, and stays. Only the starts in the six hours before lose it."""
    closes = wobble(400) + wobble(200, price=600.0)
    history = history_of(tmp_path, rows_of(closes))
    steps = walked(history)
    series = Series("ours", "model", tuple(step.model_bps for step in steps))
    got = coverage(series, losses(history), Span("all", DAY_BARS, 600), 12)
    assert (got.exceptions, got.episodes) == (12, 1)
    before, after = steps[399], steps[401]
    assert before.model_bps is not None
    assert after.model_bps is not None
    assert after.model_bps > before.model_bps
    published = Series("ours", "published", tuple(step.published_bps for step in steps))
    assert coverage(published, losses(history), Span("all", DAY_BARS, 600), 12).exceptions == 12


def test_after_a_crash_the_published_haircut_rises_at_once_and_falls_by_the_day_s_budget(tmp_path: Path) -> None:
    history = history_of(tmp_path, rows_of(wobble(400) + wobble(1200, price=800.0)))
    steps = walked(history)
    peak = max(range(len(steps)), key=lambda at: steps[at].published_bps)
    assert 400 <= peak <= 404
    assert "tighten" in {step.due for step in steps[400:405]}
    limits = history.words.limits
    for later in range(peak + DAY_BARS, len(steps)):
        fall = steps[later - DAY_BARS].published_bps - steps[later].published_bps
        assert fall <= limits.bucket_bps + limits.refill_bps_per_day
    assert steps[-1].published_bps < steps[peak].published_bps


def test_a_hole_is_no_value_ages_the_old_one_and_loosens_nothing(tmp_path: Path) -> None:
    """Calm after a storm: loosening is under way when the bars stop for two days."""
    closes: list[float | None] = [*wobble(200, step=0.02), *wobble(800, step=0.0005)]
    closes[700:796] = [None] * 96
    history = history_of(tmp_path, rows_of(closes))
    assert (history.absent, len(history.readings)) == (96, 1000)
    steps = walked(history)
    inside = range(700, 796)
    assert "loosen" in {step.due for step in steps[500:700]}
    assert {(steps[at].model_bps, steps[at].due) for at in inside} == {(None, "none")}
    assert {history.readings[at].missing for at in inside} == {("volatility: there is no bar",)}
    held = [steps[at].published_bps for at in range(699, 796)]
    assert held == sorted(held)
    assert held[-1] > held[0], "silence beyond the grace widens"


def test_after_a_hole_of_166_days_nothing_loosens_until_a_day_has_been_seen(tmp_path: Path) -> None:
    hole = 166 * DAY_BARS
    closes: list[float | None] = [*wobble(300, step=0.02), *[None] * hole, *wobble(300, step=0.02)]
    history = history_of(tmp_path, rows_of(closes))
    end = 300 + hole
    said = [row.missing for row in history.readings[end : end + DAY_BARS + 1]]
    assert said[0] == ("volatility: not warm since the gap: 48 more windows are needed",)
    assert said[DAY_BARS - 1] == ("volatility: not warm since the gap: 1 more window is needed",)
    assert said[DAY_BARS] == ()
    before, after = history.readings[299].sigma_wad, history.readings[end + DAY_BARS].sigma_wad
    assert before is not None
    assert after is not None
    # The same price moves as before: what is said is the same, not the next to nothing of a mean over 166 days.
    assert after == pytest.approx(before, rel=0.02)
    steps = walked(history)
    held = [step.published_bps for step in steps[299 : end + DAY_BARS]]
    assert held == sorted(held)
    assert "loosen" not in {step.due for step in steps[300 : end + DAY_BARS + 12]}


def test_the_jump_over_a_hole_counts_once_over_its_whole_time(tmp_path: Path) -> None:
    closes: list[float | None] = [*wobble(300), *wobble(300, price=900.0)]
    gapped = [*closes[:300], *[None] * 8, *closes[300:]]
    history, whole = history_of(tmp_path, rows_of(gapped)), history_of(tmp_path, rows_of(closes))

    def peak(one: History) -> int:
        return max(row.sigma_wad or 0 for row in one.readings)

    # Seen over four and a half hours instead of half an hour it weighs more, by the square root of 1.34 / 0.75.
    assert peak(whole) < peak(history) < peak(whole) * 1.4
    assert all(row.sigma_wad is None for row in history.readings[300:308])


def test_flat_bars_without_volume_are_stale_not_calm(tmp_path: Path) -> None:
    rows = rows_of(wobble(400))
    price = rows[299][4]
    stale = [(row[0], price, price, price, price, 0) for row in rows[300:310]]
    history = history_of(tmp_path, [*rows[:300], *stale, *rows[310:]])
    assert history.stale == 10
    sigma = [row.sigma_wad for row in history.readings]
    assert sigma[300] == sigma[299], "no window closes without trade"
    assert sigma[303:310] == [None] * 7, "idle for four windows: no value"
    assert history.readings[305].missing[0].startswith("volatility: idle: nothing was traded for")


def test_bars_coarser_than_the_law_s_clocks_are_refused(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match="bars of 86400 seconds are longer than the largest gap"):
        history_of(tmp_path, rows_of(wobble(200), step=86_400))


def test_finer_bars_close_the_same_windows(tmp_path: Path) -> None:
    coarse = history_of(tmp_path, rows_of(wobble(120)))
    fine = [(row[0] + part * 300, *row[1:]) for row in rows_of(wobble(120)) for part in range(6)]
    dense = history_of(tmp_path, fine)
    assert len(dense.readings) == 6 * len(coarse.readings)
    # Cumulatives round down once a bar: at most the last step of sigma.
    pairs = [(dense.readings[6 * at + 5].sigma_wad or 0, coarse.readings[at].sigma_wad or 0) for at in range(60, 120)]
    assert all(abs(one - other) <= SIGMA_STEP for one, other in pairs)
    assert min(one for one, _ in pairs) > 0


def test_a_sale_larger_than_the_depth_takes_longer_and_costs_by_parts(tmp_path: Path) -> None:
    rich, poor = (history_of(tmp_path, rows_of(wobble(120)), reserve=reserve) for reserve in (1000, 10))
    at = rich.readings[0], poor.readings[0]
    assert sale_seconds(rich.market.model, at[0]) == 6 * 3600
    q_star = at[1].q_star
    assert q_star is not None
    want = 6 * 3600 + -(-(SIZE - q_star) * 3600 // q_star)
    assert sale_seconds(poor.market.model, at[1]) == want
    assert at[0].cost < at[1].cost < 0.04


def test_a_loss_with_a_hole_in_it_is_a_lower_bound(tmp_path: Path) -> None:
    closes: list[float | None] = [1000.0] * 200
    closes[150:160] = [None] * 10
    history = history_of(tmp_path, rows_of(closes))
    got = losses(history)
    assert got[150] is None, "no price to start from"
    assert [loss.complete for loss in got[138:150] if loss] == [False] * 12
    assert got[137] is not None
    assert got[137].complete
    # A start whose sale would end inside the hole sells at the first price after it.
    late = replace(history, readings=tuple(
        replace(row, low_wad=700 * WAD) if at == 160 else row for at, row in enumerate(history.readings)
    ))  # fmt: skip
    cost = history.readings[0].cost
    worse = losses(late)[140]
    assert worse is not None
    assert worse.fraction == pytest.approx(1 - 0.7 * (1 - cost))


def test_the_others_get_our_mean_on_the_span_they_are_matched_on(tmp_path: Path) -> None:
    history = history_of(tmp_path, rows_of([*wobble(300, step=0.01), *wobble(300, step=0.002)]))
    span = Span("first", DAY_BARS, 300)
    mean = mean_of(model_bps(ours(history.market.model, None), history), span)
    assert mean is not None
    others = baselines(history, span, mean)
    assert [one.name for one in others] == ["constant", "smart_ltv", "sigma_band"]
    for one in others:
        got = mean_of(model_bps(one, history), span)
        assert got == pytest.approx(mean, abs=3), one.name


def test_a_model_under_test_is_not_its_own_opponent(tmp_path: Path) -> None:
    history = history_of(tmp_path, rows_of(wobble(200)), model="smart_ltv")
    span = Span("first", DAY_BARS, 200)
    assert ours(history.market.model, None).name == "smart_ltv"
    assert [one.name for one in baselines(history, span, 1000)] == ["constant", "sigma_band"]


def test_smoothing_is_chosen_on_the_first_span_and_only_raises(tmp_path: Path) -> None:
    history = history_of(tmp_path, rows_of([*wobble(300, step=0.01), *wobble(300, step=0.002)]))
    span = Span("first", DAY_BARS, 300)
    rules = chosen_smoothing(history, span, 2500, 0)
    sigmas = sorted(row.sigma_wad or 0 for row in history.readings[DAY_BARS:300])
    assert rules.stressed_wad == sigmas[-(-len(sigmas) * 99 // 100) - 1]
    assert rules.floor_wad == to_step_up(rules.floor_wad)
    plain, smooth = ours(history.market.model, None), ours(history.market.model, rules)
    pairs = zip(model_bps(plain, history), model_bps(smooth, history), strict=True)
    assert all(after >= before for before, after in pairs if before is not None and after is not None)


def test_the_walk_asks_what_the_model_alone_asks(tmp_path: Path) -> None:
    history = history_of(tmp_path, rows_of(wobble(300)))
    one = ours(history.market.model, None)
    assert [step.model_bps for step in walk(one, history, silent)] == model_bps(one, history)
    assert isinstance(one.haircut, partial)
    assert history.readings[0].block.timestamp == START + STEP
