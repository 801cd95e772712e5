"""``keeper explain``: one decision, from the inputs to the haircut, with its reasons in plain sentences."""

import sys
from dataclasses import asdict, replace
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from keeper.cli.common import Context, Json, Market, configuration, find_market
from keeper.errors import RetryLater

if TYPE_CHECKING:
    from keeper.haircuts.sensitivities import Sensitivity
    from keeper.records.settings import MarketSettings
    from keeper.store.samples import StoredSample

EVER = 2**62
"""Above every block."""


def explain(
    context: Context,
    market: Market,
    at: Annotated[int | None, typer.Option(help="The sample at or before this block.", min=0)] = None,
    plot: Annotated[
        Path | None, typer.Option(help="Picture of the waterfall, .png or .svg; numbers beside it.")
    ] = None,
    as_json: Json = False,
) -> int:
    """Show why a market's haircut is what it is, which rule bound it, and what would move it by a percent."""
    from keeper.cli.explain_plot import write_plot
    from keeper.cli.explain_show import show
    from keeper.cli.output import emit_json
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
    document = explained(sample, chosen)
    if plot:
        if sample.folded.estimates.waterfall is None:
            raise RetryLater(
                f"{chosen.name} has no haircut at block {document['block']}: {document['rules'][0]['sentence']}",
                "name another block with --at, or leave --plot out",
            )
        numbers = write_plot(document, plot)
        print(f"{plot} written, its numbers in {numbers}", file=sys.stderr)
    if as_json:
        emit_json({"key": key} | document)
    else:
        show(sample, chosen, document)
    return 0


def explained(sample: "StoredSample", market: "MarketSettings") -> dict[str, Any]:
    """Everything that explains one decision, as the JSON document has it; without a value: None."""
    from keeper.risk.binding import binding_rules
    from keeper.risk.evidence import decision_document, estimates_document

    snapshot, estimates, decision = sample.snapshot, sample.folded.estimates, sample.folded.decision
    waterfall, words = estimates.waterfall, _words(sample)
    rules = binding_rules(estimates, decision, snapshot.words, market.model, snapshot.block.timestamp)
    return {
        "market": market.name,
        "window": sample.window,
        "block": snapshot.block.number,
        "blockHash": snapshot.block.hash,
        "rules": [asdict(rule) for rule in rules],
        "bars": [{"name": name, "bps": bps} for name, bps in waterfall.bars] if waterfall else [],
        "bufferBps": market.model.buffer_bps,
        "askedBps": decision.targets.haircut_bps if decision.targets else None,
        "liveBps": words["liveBps"] if words else None,
        "effectiveBps": words["effectiveBps"] if words else None,
        "sensitivities": [_sensitivity(row) for row in _sensitivities(sample, market)],
        "estimates": estimates_document(estimates),
        "decision": decision_document(decision),
        "words": words,
        "positions": _positions(sample, market),
        "rounds": [
            {"roundId": row.round_id, "answer": row.answer, "updatedAt": row.updated_at} for row in snapshot.feed.rounds
        ],
    }


def _sensitivities(sample: "StoredSample", market: "MarketSettings") -> "tuple[Sensitivity, ...]":
    """None of them where there is no haircut, or the settings at hand are not those it was made with."""
    from keeper.fold import asked_haircut
    from keeper.haircuts.sensitivities import sensitivities

    found = sample.folded.estimates
    if found.waterfall is None or found.sigma_wad is None or found.q_star is None or found.size is None:
        return ()
    model = replace(market.model, size=found.size, oracle_deviation_wad=found.oracle_deviation_wad)
    if asked_haircut(model, found.sigma_wad, found.q_star)[0] != found.waterfall:
        return ()
    return sensitivities(lambda *at: asked_haircut(*at)[0], model, found.sigma_wad, found.q_star)


def _sensitivity(row: "Sensitivity") -> dict[str, Any]:
    return {"input": row.name, "value": row.value, "plus100Bps": row.tighter, "minus100Bps": row.looser}


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
