"""``keeper providers``: who stands behind a market's depth, and what is left of it when they leave."""

from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from keeper.cli.common import ADDRESS_LENGTH, Chain, Context, Json, configuration, find_market, open_chain
from keeper.errors import ConfigError

if TYPE_CHECKING:
    from keeper.config import Config
    from keeper.provider_report import Question
    from keeper.records.settings import MarketSettings, PoolSettings, Settings
    from keeper.records.units import Address

MOST_FALL_BPS = 3_000
"""Of the price; what is read reaches to about half of it, and the sale after the fall needs the rest."""


def providers(  # noqa: PLR0917 - typer makes an option of each
    context: Context,
    market: Annotated[str, typer.Argument(help="A market, or one of its pools by address.", show_default=False)],
    at: Annotated[int | None, typer.Option(help="Block; the newest when not given.", min=0)] = None,
    first: Annotated[
        int | None,
        typer.Option("--from", help="Block to read events from; the pool's creation when not given.", min=0),
    ] = None,
    without: Annotated[list[str] | None, typer.Option(help="Also what is left when this account leaves.")] = None,
    fall: Annotated[
        list[int] | None,
        typer.Option(help="Also what a fall of the price by so many bps passes.", min=1, max=MOST_FALL_BPS),
    ] = None,
    plot: Annotated[Path | None, typer.Option(help="Picture, .png or .svg; its numbers beside it.")] = None,
    as_json: Json = False,
) -> int:
    """Show who provides a market's depth, how concentrated that is, and what is left when they leave or prices fall."""
    from keeper.cli.output import deliver
    from keeper.cli.providers_plot import write_plot
    from keeper.provider_report import FALLS_BPS, Question

    config = configuration(context)
    key, chosen, only = _choose(config.settings, market)
    question = Question(
        chosen,
        only,
        tuple(_account(text) for text in without or ()),
        tuple(sorted({*FALLS_BPS, *(fall or ())})),
    )
    with open_chain(config) as chain:
        document = {"market": chosen.name, "key": key, **_ask(chain, config, question, at, first)}
    deliver(document, plot=plot, draw=write_plot, show=None if as_json else lambda: _show(document, chosen))
    return 0


def _choose(settings: "Settings", text: str) -> "tuple[bytes, MarketSettings, PoolSettings | None]":
    """The market, and the one pool when a pool was named."""
    wanted = text.lower()
    for market in settings.markets:
        for pool in market.pools:
            if wanted in (pool.address, f"0x{pool.pool_id.hex()}") and (
                wanted != pool.address or not any(pool.pool_id)
            ):
                return *find_market(settings, market.name), pool
    if wanted.startswith("0x") and len(wanted) == ADDRESS_LENGTH:
        raise ConfigError(f"no market counts the pool {text}", "add it to the settings, or name a market")
    return *find_market(settings, text), None


def _account(text: str) -> "Address":
    from keeper.records.units import Address

    try:
        given = text.lower().startswith("0x") and len(text) == ADDRESS_LENGTH and int(text, 16) >= 0
    except ValueError:
        given = False
    if not given:
        raise ConfigError(f"--without: {text!r} is not an address", "write 0x and 40 hex digits")
    return Address(text.lower())


def _ask(chain: Chain, config: "Config", question: "Question", at: int | None, first: int | None) -> dict[str, Any]:
    from keeper.cli.progress import bar
    from keeper.provider_report import report
    from keeper.providers import PositionReader

    block = chain.reader.block("latest" if at is None else at)
    folder = config.operator.data_dir / "providers"
    with bar("blocks") as progress:
        reader = PositionReader(chain.rpc, chain.reader, config.operator.chain_id, folder, progress, first)
        return report(chain.reader, reader, config.settings, chain.contract, block, question)


def _show(document: dict[str, Any], market: "MarketSettings") -> None:
    from keeper.cli.output import amount, percent, table

    def sizes(row: dict[str, Any]) -> tuple[str, ...]:
        return tuple(amount(int(row["depth"][loss]), market.collateral_decimals) for loss in document["depth"])

    losses = tuple(f"{int(loss) // 100} %" for loss in document["depth"])
    print(f"{market.name} at block {document['block']}, sales of the collateral within a loss of {', '.join(losses)}")
    shown = document["providers"][: document["shown"]]
    rows: list[tuple[object, ...]] = [("everybody stays", "", "", *sizes(document))]
    rows += [(row["account"], percent(row["inRangeBps"]), percent(row["depthBps"]), *sizes(row)) for row in shown]
    print(table(("when this one leaves", "at price", "of 2 %", *losses), rows))
    rows = [(f"the largest {row['count']}", *sizes(row)) for row in document["together"]]
    rows += [(row["account"], *sizes(row)) for row in document["without"]]
    if rows:
        print(table(("when these leave", *losses), rows))
    _show_falls(document, sizes, losses)
    for name, key in (("liquidity at the price", "inRange"), ("depth at 2 %", "depth")):
        if figures := document["concentration"][key]:
            print(
                f"{name}: {figures['count']} providers, HHI {figures['hhi']:.4f}, like {figures['effectiveN']:.2f} "
                f"equal ones, largest {figures['top1']:.2%}, Gini {figures['gini']:.4f}"
            )
    for row in document["pools"]:
        print(f"{row['venue']:<17} {row['address']} {row['said']}")
    for line in document["missing"]:
        print(f"missing: {line}")


def _show_falls(
    document: dict[str, Any], sizes: Callable[[dict[str, Any]], tuple[str, ...]], losses: tuple[str, ...]
) -> None:
    from keeper.cli.output import percent, table

    rows = [
        (percent(row["fallBps"]) + (" (a day's sigma)" if row["sigma"] else ""), percent(row["passedBps"]), *sizes(row))
        for row in document["falls"]
    ]
    print(table(("when the price falls by", "ranges passed", *losses), rows))
