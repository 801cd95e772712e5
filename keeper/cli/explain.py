"""``keeper explain``: one decision, from the inputs to the haircut, with its reasons in plain sentences."""

from dataclasses import asdict
from typing import TYPE_CHECKING, Annotated, Any

import typer

from keeper.cli.common import Context, Json, Market, configuration, find_market
from keeper.errors import RetryLater

if TYPE_CHECKING:
    from keeper.records.settings import MarketSettings
    from keeper.store.samples import StoredSample

EVER = 2**62
"""Above every block."""


def explain(
    context: Context,
    market: Market,
    at: Annotated[int | None, typer.Option(help="The sample at or before this block.", min=0)] = None,
    as_json: Json = False,
) -> int:
    """Show why a market's haircut is what it is."""
    from keeper.cli.output import emit_json
    from keeper.risk.evidence import decision_document, estimates_document
    from keeper.store.store import KeeperStore

    config = configuration(context)
    key, chosen = find_market(config.settings, market)
    with KeeperStore(config.operator.store_url) as store:
        sample = store.samples.at(key, EVER if at is None else at)
    if sample is None:
        if at is not None:
            raise RetryLater(
                f"{chosen.name} has no sample at or before block {at}", "name a later block, or leave it out"
            )
        raise RetryLater(f"{chosen.name} has no sample", "run: keeper run --once")
    if as_json:
        emit_json(
            {
                "market": chosen.name,
                "key": key,
                "window": sample.window,
                "block": sample.snapshot.block.number,
                "blockHash": sample.snapshot.block.hash,
                "estimates": estimates_document(sample.folded.estimates),
                "decision": decision_document(sample.folded.decision),
                "words": _words(sample),
                "positions": _positions(sample, chosen),
                "rounds": [
                    {"roundId": row.round_id, "answer": row.answer, "updatedAt": row.updated_at}
                    for row in sample.snapshot.feed.rounds
                ],
            }
        )
    else:
        _show(sample, chosen)
    return 0


def _positions(sample: "StoredSample", market: "MarketSettings") -> dict[str, Any] | None:
    """What the size is made of, raw units; None where the setting is the size."""
    from keeper.risk.positions import sizing_of

    reading = sample.snapshot.positions
    if reading is None or reading.state is None:
        return None
    sizing = sizing_of(reading.state, market)
    return {"holders": len(reading.state.holders), "supply": reading.state.supply, **asdict(sizing)}


def _words(sample: "StoredSample") -> dict[str, Any] | None:
    from keeper.risk.adjacent import most_ticks_down
    from keeper.risk.effective import describe
    from keeper.risk.regime import NAMES

    words = sample.snapshot.words
    if words is None:
        return None
    shown = describe(words, sample.snapshot.block.timestamp)
    return {
        "liveBps": words.live.haircut_bps,
        "effectiveBps": shown.haircut_bps,
        "regime": NAMES[shown.regime],
        "ageSeconds": shown.age_seconds,
        "stale": shown.stale,
        "liquidationBps": words.live.liquidation_target_bps,
        "stagedBps": words.aux.staged_bps,
        "pendingBps": words.aux.pending_bps,
        "pendingTime": words.aux.pending_time,
        "sequence": words.live.sequence,
        "mostAdjacentTicks": most_ticks_down(words.live.haircut_bps),
    }


def _show(sample: "StoredSample", market: "MarketSettings") -> None:
    from keeper.cli.explain_terms import haircut_lines, say, volatility_lines
    from keeper.cli.output import amount, percent, wad_percent
    from keeper.risk.effective import describe
    from keeper.risk.regime import NAMES

    estimates, decision = sample.folded.estimates, sample.folded.decision
    unit = market.collateral_decimals
    print(f"{market.name}, window {sample.window}, sampled at block {sample.snapshot.block.number}")
    print(f"\nvolatility  {wad_percent(estimates.sigma_wad)} a year")
    for source in estimates.sources:
        fast, slow = wad_percent(source.fast_wad), wad_percent(source.slow_wad)
        value = wad_percent(source.sigma_wad)
        apart = "" if source.adjacent_ticks is None else f", newest two windows {source.adjacent_ticks} ticks apart"
        print(f"  {source.pool}  {value}  (fast {fast}, slow {slow}; {source.reason}{apart})")
    say(volatility_lines(estimates))
    depth = estimates.depth
    print(f"\ndepth       {amount(depth.bound, unit)} before liquidators lose")
    for name, size in (("1 %", depth.at_100_bps), ("2 %", depth.at_200_bps), ("5 %", depth.at_500_bps)):
        print(f"  within {name}  {amount(size, unit)}")
    lowest = amount(min(estimates.daily_minima, default=None), unit)
    print(f"  stressed    {amount(estimates.q_star, unit)}")
    print(f"  over {len(estimates.daily_minima)} daily minima, the lowest {lowest}")
    print(f"\nsize        {amount(estimates.size, unit)} must be sold in the reference shock")
    if made := _positions(sample, market):
        taken, supplied = amount(made["liquidated"], unit), amount(made["supply"], unit)
        print(f"  {made['failing']} of {made['holders']} holders fail it and lose {taken}")
        print(f"  {amount(made['uncovered'], unit)} of {supplied} supplied is nobody's on the list and counts fully")
    if estimates.waterfall:
        print("\nhaircut, bar by bar")
        for name, bps in estimates.waterfall.bars:
            print(f"  {name:<24} {percent(bps):>9}")
        print(f"  {'liquidation haircut':<24} {percent(estimates.waterfall.haircut_bps):>9}")
        print(f"  {'buffer':<24} {percent(market.model.buffer_bps):>9}")
    if decision.targets:
        print(f"  {'target':<24} {percent(decision.targets.haircut_bps):>9}")
    say(haircut_lines(estimates, decision, market))
    words = sample.snapshot.words
    if words:
        print(f"\nlive {percent(words.live.haircut_bps)}, staged {percent(words.aux.staged_bps or None)}, ", end="")
        print(f"pending {percent(words.aux.pending_bps if words.aux.pending_time else None)}")
        shown = describe(words, sample.snapshot.block.timestamp)
        stale = ", stale: it widens" if shown.stale else ""
        print(f"effective {percent(shown.haircut_bps)}, {NAMES[shown.regime]}, report {shown.age_seconds} s old{stale}")
    print(f"\ndue: {decision.due.value}")
    for reason in decision.reasons:
        print(f"- {reason}")
