"""``keeper depth``: how much can be sold, at one block, from the same reading that the fold uses."""

import sys
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, cast

import typer

from keeper.cli.common import Chain, Context, Json, configuration, find_market, open_chain
from keeper.errors import ConfigError

if TYPE_CHECKING:
    from keeper.records.pools import PoolState
    from keeper.records.settings import MarketSettings, Settings
    from keeper.records.snapshot import MarketSnapshot

SHOWN_BPS = (50, 100, 200, 500, 1_000)


def depth(  # noqa: PLR0917 - typer makes an option of each
    context: Context,
    market: Annotated[str, typer.Argument(help="A market, or the token that is sold.", show_default=False)],
    token_out: Annotated[str, typer.Argument(help="The token that is bought.", show_default=False)] = "",
    at: Annotated[int | None, typer.Option(help="Block; the newest when not given.", min=0)] = None,
    size: Annotated[str, typer.Option(help="Also the cost of selling this much, in whole tokens.")] = "",
    plot: Annotated[Path | None, typer.Option(help="Picture of the curves, .png or .svg; numbers beside it.")] = None,
    as_json: Json = False,
) -> int:
    """Show how much can be sold within 1, 2 and 5 % of the price, both ways, over all venues and by venue."""
    from keeper.cli.output import emit_json

    config = configuration(context)
    key, chosen = _choose(config.settings, market, token_out)
    raw = _raw_size(size, chosen.collateral_decimals)
    with open_chain(config) as chain:
        document = _measure(chain, config.settings, key, chosen, at, raw)
    if plot:
        from keeper.cli.depth_plot import write_plot

        numbers = write_plot(document, plot)
        print(f"{plot} written, its numbers in {numbers}", file=sys.stderr)
    if as_json:
        emit_json(document)
    else:
        _show(document, chosen)
    return 0


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


def _choose(settings: "Settings", market: str, token_out: str) -> "tuple[bytes, MarketSettings]":
    if not token_out:
        return find_market(settings, market)
    wanted = f"{market}/{token_out}".lower()
    for row in settings.markets:
        if wanted in (row.name.lower(), f"{row.collateral}/{row.debt}"):
            return find_market(settings, row.name)
    raise ConfigError(f"no market sells {market} for {token_out}", "name tokens as in the market's name, or by address")


def _measure(  # noqa: PLR0917 - what is measured, where, and when
    chain: Chain, settings: "Settings", key: bytes, market: "MarketSettings", at: int | None, size: int
) -> dict[str, Any]:
    from keeper.depth_curves import curves_of, sale_of
    from keeper.fold import fold_sample, market_reading, read_plan
    from keeper.risk.outliers import spot_off_mean_ticks
    from keeper.risk.windows import window_of

    block = chain.reader.block("latest" if at is None else at)
    plan = read_plan(b"", market, settings)
    (snapshot,) = cast(
        "list[MarketSnapshot]",
        chain.reader.run([market_reading(market, settings, plan, chain.contract, block)], block),
    )
    estimates = fold_sample(
        b"", snapshot, window_of(block.number, settings.cadence_blocks), (), market, settings
    ).estimates
    sizes = estimates.depth
    price = estimates.mid_price
    return {
        "market": market.name,
        "key": key,
        "block": block.number,
        "time": block.timestamp,
        "collateralDecimals": market.collateral_decimals,
        "debtDecimals": market.debt_decimals,
        "price": price and {"numerator": str(price.numerator), "denominator": str(price.denominator)},
        "sellable": {
            "100": _text(sizes.at_100_bps),
            "200": _text(sizes.at_200_bps),
            "500": _text(sizes.at_500_bps),
            "liquidator": _text(sizes.bound),
        },
        "sigmaWad": _text(estimates.sigma_wad),
        "harmonicSeconds": settings.harmonic_seconds,
        "venues": [
            {
                "venue": pool.venue,
                "address": pool.address,
                "failure": reading.failure or None,
                "spotOffMeanTicks": None if reading.state is None else spot_off_mean_ticks(reading.state),
                "feeGrowthX128": _fee_growth(reading.state),
            }
            for pool, reading in zip(market.pools, snapshot.pools, strict=True)
        ],
        "missing": list(estimates.missing),
        "curves": curves_of(market, snapshot),
        "sale": sale_of(market, snapshot, size) if size else None,
    }


def _fee_growth(state: "PoolState | None") -> list[str] | None:
    """Both words of a pool that keeps them, token 0 first."""
    from keeper.records.pools import UniswapV3State, UniswapV4State

    if not isinstance(state, UniswapV3State | UniswapV4State):
        return None
    return [str(state.fee_growth0_x128), str(state.fee_growth1_x128)]


def _show_curves(document: dict[str, Any], market: "MarketSettings") -> None:
    from keeper.cli.output import amount, percent, table

    labels = [f"{row['venue']} {row['address'][:8]}" for row in document["venues"]]
    directions = (
        ("sell", "selling the collateral", market.collateral_decimals),
        ("buy", "selling the debt asset", market.debt_decimals),
    )
    for direction, title, decimals in directions:
        points = [point for point in document["curves"][direction] if point["lossBps"] in SHOWN_BPS]
        rows = [
            (
                percent(point["lossBps"]),
                amount(int(point["taken"]), decimals),
                *(amount(int(taken), decimals) for taken, _ in point["fills"]),
            )
            for point in points
        ]
        if rows:
            print(table((f"{title}, loss up to", "all venues", *labels), rows))
    if sale := document["sale"]:
        sold = amount(int(sale["taken"]), market.collateral_decimals)
        got = amount(int(sale["given"]), market.debt_decimals)
        print(f"selling {sold} brings {got}, an average loss of {percent(sale['lossBps'])}")


def _text(value: int | None) -> str | None:
    return None if value is None else str(value)


def _show(document: dict[str, Any], market: "MarketSettings") -> None:
    from keeper.cli.output import amount, table, wad_percent

    print(f"{market.name} at block {document['block']}")
    price = document["price"]
    if price:
        # raw debt per raw collateral -> whole debt per whole collateral, with six places
        shift = 10 ** (market.collateral_decimals + 6)
        raw = int(price["numerator"]) * shift // (int(price["denominator"]) * 10**market.debt_decimals)
        print(f"price {amount(raw, 6, 6)}")
    names = {"100": "within 1 %", "200": "within 2 %", "500": "within 5 %", "liquidator": "liquidators break even"}
    rows = [
        (names[bound], amount(None if value is None else int(value), market.collateral_decimals))
        for bound, value in document["sellable"].items()
    ]
    print(table(("sale", "collateral"), rows))
    _show_curves(document, market)
    sigma = document["sigmaWad"]
    print(f"volatility {wad_percent(None if sigma is None else int(sigma))} a year, from the pools' own rings")
    for row in document["venues"]:
        off = row["spotOffMeanTicks"]
        pushed = "" if off is None else f", spot {off:+d} ticks off its mean of {document['harmonicSeconds']} s"
        said = (row["failure"] or "ok").removeprefix(row["address"] + ": ")
        print(f"{row['venue']:<17} {row['address']} {said}{pushed}")
    for line in document["missing"]:
        print(f"missing: {line}")
