"""``keeper depth``: how much can be sold, at one block, from the same reading that the fold uses."""

import sys
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, cast

import typer

from keeper.cli.common import Chain, Context, Json, configuration, find_market, open_chain
from keeper.errors import ConfigError

if TYPE_CHECKING:
    from keeper.depth_curves import Read
    from keeper.depth_pairs import Pair
    from keeper.records.settings import Settings
    from keeper.records.snapshot import MarketSnapshot
    from keeper.records.units import BlockRef

FEWEST_TOGETHER = 2


def depth(  # noqa: PLR0917 - typer makes an option of each
    context: Context,
    market: Annotated[str, typer.Argument(help="A market, or the token that is sold.", show_default=False)] = "",
    token_out: Annotated[str, typer.Argument(help="The token that is bought.", show_default=False)] = "",
    at: Annotated[int | None, typer.Option(help="Block; the newest when not given.", min=0)] = None,
    size: Annotated[str, typer.Option(help="Also the cost of selling this much, in whole tokens.")] = "",
    together: Annotated[str, typer.Option(help="Markets that are sold at the same time, as A/B,C/B.")] = "",
    plot: Annotated[Path | None, typer.Option(help="Picture of the curves, .png or .svg; numbers beside it.")] = None,
    as_json: Json = False,
) -> int:
    """Show how much can be sold within 1, 2 and 5 % of the price, both ways, over all venues and by venue."""
    from keeper.cli import depth_plot, depth_show
    from keeper.cli.output import emit_json

    config = configuration(context)
    if together:
        _refuse_beside_together(market, size)
        pairs = _several(config.settings, together)
    else:
        pairs = [_one(config.settings, market, token_out)]
    raw = _raw_size(size, pairs[0].sold.decimals)
    with open_chain(config) as chain:
        document = (_together if together else _measure)(chain, config.settings, pairs, at, raw)
    if plot:
        draw = depth_plot.write_together if together else depth_plot.write_plot
        numbers = draw(document, plot)
        print(f"{plot} written, its numbers in {numbers}", file=sys.stderr)
    if as_json:
        emit_json(document)
    elif together:
        depth_show.show_together(document)
    else:
        depth_show.show(document)
    return 0


def _refuse_beside_together(market: str, size: str) -> None:
    if market or size:
        what = "a market" if market else "--size"
        raise ConfigError(f"--together: {what} is named beside it", "name all markets in --together, and no size")


def _raw_size(text: str, decimals: int) -> int:
    """Whole tokens as raw units; 0 when none is asked for."""
    from decimal import Decimal, InvalidOperation

    try:
        raw = int(Decimal(text.replace(",", "").replace("_", "")) * 10**decimals) if text else 0
    except (InvalidOperation, ValueError, OverflowError):
        raw = -1
    if raw < 0 or (text and not raw) or raw >= 1 << 128:
        raise ConfigError(f"--size: {text!r} is not an amount of tokens", "write it as 12.5")
    return raw


def _one(settings: "Settings", market: str, token_out: str) -> "Pair":
    from keeper.depth_pairs import find_pair, pair_of

    if token_out:
        return find_pair(settings, market, token_out)
    if not market:
        names = ", ".join(row.name for row in settings.markets)
        raise ConfigError("no market is named", f"choose from: {names}; or name two tokens")
    return pair_of(find_market(settings, market)[1], settings)


def _several(settings: "Settings", text: str) -> "list[Pair]":
    from keeper.depth_pairs import pair_of

    names = [name.strip() for name in text.split(",") if name.strip()]
    markets = [find_market(settings, name)[1] for name in names]
    if len(markets) < FEWEST_TOGETHER or len({market.name for market in markets}) < len(markets):
        raise ConfigError(f"--together: {text!r} does not name two markets or more, each once", "write A/B,C/B")
    return [pair_of(market, settings) for market in markets]


def _measure(chain: Chain, settings: "Settings", pairs: "list[Pair]", at: int | None, size: int) -> dict[str, Any]:
    from keeper.depth_curves import curves_of, sale_of, venues_of

    (pair,) = pairs
    block = chain.reader.block("latest" if at is None else at)
    (read,), published = _read(chain, settings, pairs, block)
    curves = curves_of(read)
    return {
        "market": pair.name,
        "block": block.number,
        "time": block.timestamp,
        "collateralDecimals": pair.sold.decimals,
        "debtDecimals": pair.bought.decimals,
        "harmonicSeconds": settings.harmonic_seconds,
        **(published or _unpublished(read, curves["sell"])),
        "venues": venues_of(read),
        "curves": curves,
        "sale": sale_of(read, size) if size else None,
    }


def _together(chain: Chain, settings: "Settings", pairs: "list[Pair]", at: int | None, _size: int) -> dict[str, Any]:
    from keeper.depth_together import together_of

    block = chain.reader.block("latest" if at is None else at)
    reads, _ = _read(chain, settings, pairs, block)
    return {"block": block.number, "time": block.timestamp, **together_of(reads)}


def _read(
    chain: Chain, settings: "Settings", pairs: "list[Pair]", block: "BlockRef"
) -> "tuple[list[Read], dict[str, Any]]":
    """The pairs at one block and, for a single market, what the fold makes of its own part of the same reading."""
    from keeper.depth_curves import pair_reading
    from keeper.fold import market_reading, read_plan
    from keeper.records.snapshot import ReadPlan

    market = pairs[0].market if len(pairs) == 1 and pairs[0].is_market else None
    plan = (
        ReadPlan(settings.harmonic_seconds, depth_range_ticks=settings.depth_range_ticks)
        if market is None
        else read_plan(b"", market, settings)
    )
    readings: list[Any] = [pair_reading(pair, plan, block) for pair in pairs]
    if market is None:
        return cast("list[Read]", chain.reader.run(readings, block)), {}
    readings.append(market_reading(market, settings, plan, chain.contract, block))
    *reads, snapshot = chain.reader.run(readings, block)
    return cast("list[Read]", reads), _published(cast("MarketSnapshot", snapshot), settings, pairs[0])


def _published(snapshot: "MarketSnapshot", settings: "Settings", pair: "Pair") -> dict[str, Any]:
    from keeper.fold import fold_sample
    from keeper.risk.adjacent import most_ticks_down
    from keeper.risk.windows import window_of

    window = window_of(snapshot.block.number, settings.cadence_blocks)
    market = pair.market
    if market is None:
        raise TypeError("a pair without a market has nothing published")
    estimates = fold_sample(b"", snapshot, window, (), market, settings).estimates
    sizes, price = estimates.depth, estimates.mid_price
    return {
        "key": snapshot.market,
        "price": price and {"numerator": str(price.numerator), "denominator": str(price.denominator)},
        "sellable": {
            "100": _text(sizes.at_100_bps),
            "200": _text(sizes.at_200_bps),
            "500": _text(sizes.at_500_bps),
            "liquidator": _text(sizes.bound),
        },
        "sigmaWad": _text(estimates.sigma_wad),
        "missing": list(estimates.missing),
        "mostAdjacentTicks": snapshot.words and most_ticks_down(snapshot.words.live.haircut_bps),
        "countedBps": {route.bridge: route.counted_bps for route in market.routes},
    }


def _unpublished(read: "Read", points: list[dict[str, Any]]) -> dict[str, Any]:
    """The same for a pair of which nothing is published: all that its pools say."""
    from keeper.depth_curves import side_of

    reference = side_of(read).reference
    taken = {str(point["lossBps"]): point["taken"] for point in points}
    return {
        "price": reference and {"numerator": str(reference.numerator), "denominator": str(reference.denominator)},
        "sellable": {loss: taken.get(loss) for loss in ("100", "200", "500")},
        "missing": [f"{row.failure}" for row in (*read.pools, *read.legs) if row.failure],
    }


def _text(value: int | None) -> str | None:
    return None if value is None else str(value)
