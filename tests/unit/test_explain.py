"""``keeper explain`` on one stored sample: the parts add up, the picture and its numbers lie beside each other."""

import csv
import json
from dataclasses import replace
from itertools import pairwise
from pathlib import Path

import pytest
from factories import (
    feed_reading,
    make_live,
    make_settings,
    make_snapshot,
    make_words,
    market_settings,
    model_settings,
)

from keeper.cli.explain import explained
from keeper.cli.explain_plot import steps, write_plot
from keeper.cli.explain_show import show
from keeper.errors import ConfigError
from keeper.fold import fold_sample
from keeper.haircuts import MODELS
from keeper.records.snapshot import FeedReading
from keeper.store.samples import StoredSample

MARKET, SETTINGS, WINDOW = market_settings(), make_settings(), 1000


def stored(feed: FeedReading | None = None) -> StoredSample:
    snapshot = make_snapshot(words=make_words(make_live(haircut_bps=5000)), feed=feed)
    folded = fold_sample(b"", snapshot, WINDOW, (), MARKET, SETTINGS)
    return StoredSample(snapshot.market, WINDOW, 1, b"", snapshot, folded)


def test_parts_add_up_to_what_is_asked_and_say_what_holds() -> None:
    document = explained(stored(), MARKET)
    rows = steps(document)
    parts, sums = rows[:6], {name: end for name, _, end in rows[6:]}
    assert all(row[1] == before[2] for before, row in pairwise(parts))
    assert parts[-1][2] == sums["liquidation_haircut"] == document["estimates"]["waterfall"]["haircutBps"]
    assert sums["buffer"] == sums["liquidation_haircut"] + MARKET.model.buffer_bps
    assert (sums["live"], sums["effective"]) == (5000, document["effectiveBps"])
    assert [row["rule"] for row in document["rules"]] == ["model", "wait"]


def test_a_named_value_gives_the_step_when_it_is_set() -> None:
    sample = stored()
    found, document = sample.folded.estimates, explained(sample, MARKET)
    rows = {row["input"]: row for row in document["sensitivities"]}
    model = replace(MARKET.model, tau0_seconds=rows["tau0_seconds"]["plus100Bps"])
    assert MODELS[model.model](model, found.sigma_wad, found.q_star).haircut_bps == found.waterfall.haircut_bps + 100
    assert rows["tau0_seconds"]["value"] == 21_600
    assert rows["t_rep_seconds"]["minus100Bps"] is None


def test_people_read_rule_and_sensitivities(capsys: pytest.CaptureFixture[str]) -> None:
    sample = stored()
    show(sample, MARKET, explained(sample, MARKET))
    text = capsys.readouterr().out
    assert "no limit binds; the largest part is" in text
    assert "5000 bps hold" in text
    lines = [" ".join(line.split()) for line in text.splitlines()]
    (tau0,) = [line for line in lines if line.startswith("tau0_seconds")]
    assert tau0.startswith("tau0_seconds 21,600 s ")
    (repeat,) = [line for line in lines if line.startswith("t_rep_seconds")]
    assert repeat.endswith("cannot")


def test_settings_that_have_changed_since_explain_no_sensitivity(capsys: pytest.CaptureFixture[str]) -> None:
    sample, other = stored(), market_settings(model=model_settings(tau0_seconds=100))
    assert explained(sample, other)["sensitivities"] == []
    show(sample, other, explained(sample, other))
    assert "the settings have changed since this sample" in capsys.readouterr().out


def test_a_sample_without_a_haircut_says_why(capsys: pytest.CaptureFixture[str]) -> None:
    sample = stored(feed_reading(None))
    document = explained(sample, MARKET)
    assert (document["bars"], document["sensitivities"], document["askedBps"]) == ([], [], None)
    show(sample, MARKET, document)
    assert f"the old one ages: feed: {sample.snapshot.feed.failure}" in capsys.readouterr().out


@pytest.mark.parametrize("ending", ["png", "svg"])
def test_the_picture_has_its_numbers_beside_it(tmp_path: Path, ending: str) -> None:
    document, file = explained(stored(), MARKET), tmp_path / f"why.{ending}"
    numbers = write_plot(document, file)
    assert file.stat().st_size > 5_000
    with numbers.open() as source:
        header, *rows = csv.reader(source)
    assert header == ["part", "from_bps", "to_bps"]
    assert [(name, int(start), int(end)) for name, start, end in rows] == steps(document)
    with pytest.raises(ConfigError, match="is not a picture"):
        write_plot(document, tmp_path / "why.txt")


def test_the_document_is_json_without_floats() -> None:
    from keeper.cli.output import _safe

    text = json.dumps(_safe(explained(stored(), MARKET)))
    assert json.loads(text, parse_float=pytest.fail)["market"] == "WETH/USDC"
