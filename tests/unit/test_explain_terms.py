"""What ``keeper explain`` says of the terms: nothing of those that are off, a line of each that is on."""

from dataclasses import replace

from factories import MID_TICK, feed_reading, make_live, make_words, pool_state
from test_fold_terms import DVOL, FEES, NOW, POOR, STALE, earlier, fold, index, market

from keeper.cli.explain_terms import haircut_lines, volatility_lines
from keeper.records.decision import Folded
from keeper.records.settings import MarketSettings


def lines(got: Folded, chosen: MarketSettings) -> list[str]:
    return [*volatility_lines(got.estimates), *haircut_lines(got.estimates, got.decision, chosen)]


def test_terms_that_are_off_say_nothing() -> None:
    assert lines(fold(market()), market()) == []


def test_every_term_has_its_line() -> None:
    chosen = market((DVOL,), **FEES, jump_bps=6000, basis=True, premium_max_bps=800, ceiling_share_bps=5000)
    got = fold(chosen, answers=(index(80),), trailing=(earlier(POOR),), feed=feed_reading(2100 * 10**8))
    text = "\n".join(lines(got, chosen))
    for part in (
        "realised    97.27 %",
        "implied     194.54 % by the pools together; it may only raise",
        "(fees)",
        "keeps no fee growth",
        f"{DVOL.address}  80.00 %  (feed)",
        "the larger of two scenarios: jump (a jump is 60.00 % at once)",
        "pools trade below it; its threshold is 0.50 %",
        "from realised volatility alone, for open loans: ",
        "funding premium ",
        "debt ceiling ",
        " of the debt asset",
    ):
        assert part in text, text


def test_a_silent_index_and_a_market_without_a_haircut_are_shown_with_what_there_is() -> None:
    chosen = market((DVOL,))
    idle = replace(pool_state(tick=MID_TICK), last_observation_time=NOW - 90_000)
    got = fold(chosen, state=idle, answers=(STALE,), words=make_words(make_live()))
    assert lines(got, chosen) == [
        "  realised    -",
        "  implied     - by the pools together; it may only raise",
        f"  {DVOL.address}  -  (3700 s old, at most 3600 s count)",
    ]
