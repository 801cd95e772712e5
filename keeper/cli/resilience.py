"""``keeper resilience``: how low depth went over a stretch of time, and how fast it came back."""

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from keeper.cli.common import Context, Json, Market, configuration, find_market, open_chain
from keeper.errors import ConfigError, RetryLater

if TYPE_CHECKING:
    from keeper.config import Config
    from keeper.depth_history import Seen
    from keeper.records.settings import MarketSettings

MOST_BLOCKS = 20_000
"""Each is a call to the node."""
ALL_SAMPLES = 1_000_000


def resilience(  # noqa: PLR0917 - typer makes an option of each
    context: Context,
    market: Market,
    first: Annotated[
        int | None, typer.Option("--from", help="Read from this block on; the keeper's own samples otherwise.", min=0)
    ] = None,
    last: Annotated[int | None, typer.Option("--to", help="Up to this block; the newest otherwise.", min=0)] = None,
    every: Annotated[int, typer.Option(help="Read every n-th block.", min=1)] = 25,
    loss: Annotated[str, typer.Option(help="Depth that is followed: 100, 200, 500 bps or liquidator.")] = "200",
    drop: Annotated[int, typer.Option(help="A shock is this much less than normal, bps.", min=500, max=9_500)] = 3_000,
    plot: Annotated[Path | None, typer.Option(help="Picture, .png or .svg; its numbers beside it.")] = None,
    as_json: Json = False,
) -> int:
    """Show how low a market's depth went, its shocks, and how fast it refilled after them."""
    from keeper.cli.output import deliver
    from keeper.cli.resilience_plot import write_plot
    from keeper.depth_history import LOSSES, describe
    from keeper.refill import Rules

    if loss not in LOSSES:
        raise ConfigError(f"--loss: there is no depth at {loss!r}", f"choose from: {', '.join(LOSSES)}")
    config = configuration(context)
    key, chosen = find_market(config.settings, market)
    seen = _stored(config, key, chosen) if first is None else _read(config, chosen, first, last, every)
    document = {
        "market": chosen.name,
        "key": key,
        "collateralDecimals": chosen.collateral_decimals,
        "tRepSeconds": chosen.model.t_rep_seconds,
        **describe(seen, loss, Rules(drop=drop / 10_000)),
    }
    deliver(document, plot=plot, draw=write_plot, show=None if as_json else lambda: _show(document, chosen))
    return 0


def _stored(config: "Config", key: bytes, market: "MarketSettings") -> "list[Seen]":
    from keeper.depth_history import of_samples
    from keeper.store.store import KeeperStore

    with KeeperStore(config.operator.store_url) as store:
        rows = store.samples.history(key, ALL_SAMPLES)
    if not rows:
        raise RetryLater(f"{market.name} has no sample", "run: keeper run --once, or read the chain with --from")
    return of_samples(rows)


def _read(config: "Config", market: "MarketSettings", first: int, last: int | None, every: int) -> "list[Seen]":
    from keeper.cli.progress import bar
    from keeper.depth_history import of_blocks

    with open_chain(config) as chain, bar("blocks read") as progress:
        end = chain.reader.block("latest").number if last is None else last
        blocks = range(first, end + 1, every)
        if not blocks:
            raise ConfigError(f"--from: block {first} is after block {end}", "give an earlier block")
        if len(blocks) > MOST_BLOCKS:
            raise ConfigError(f"--every: {len(blocks)} blocks are more than {MOST_BLOCKS}", "read fewer of them")
        return of_blocks(chain.reader, config.settings, market, chain.contract, blocks, progress)


def _show(document: dict[str, Any], market: "MarketSettings") -> None:
    from keeper.cli.output import amount, percent, table

    def size(raw: str) -> str:
        return amount(int(raw), market.collateral_decimals)

    print(f"{market.name}, {document['blocks']} blocks from {document['firstBlock']} to {document['lastBlock']}")
    names = {"100": "1 %", "200": "2 %", "500": "5 %", "liquidator": "liquidators break even"}
    rows = [
        (names[loss], size(row["lowest"]), row["lowestBlock"], size(row["tenth"]), size(row["median"]))
        for loss, row in document["levels"].items()
        if row
    ]
    print(table(("sale within", "lowest", "at block", "10th percentile", "median"), rows))
    if document["withoutValue"]:
        print(f"missing: {document['withoutValue']} blocks have no depth")
    if document["shocks"]:
        shown = [
            (
                row["start"],
                size(row["normal"]),
                percent(row["missingBps"]),
                "not known yet" if row["halfLifeSeconds"] is None else row["halfLifeSeconds"],
                "yes" if row["recovered"] else "no",
            )
            for row in document["shocks"]
        ]
        print(table(("shock at", "normal", "missing", "half-life, s", "came back"), shown))
    refill = document["refill"]
    if refill is None:
        print("no shock that could be followed: nothing is said about refilling")
        return
    print(
        f"half-life over {refill['count']} shocks: median {refill['medianSeconds']} s, "
        f"90th percentile {refill['p90Seconds']} s; the settings' t_rep_seconds is {document['tRepSeconds']}"
    )
