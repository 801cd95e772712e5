"""``keeper depth``: how much can be sold, at one block, from the same reading that the fold uses."""

from typing import TYPE_CHECKING, Annotated, Any, cast

import typer

from keeper.cli.common import Chain, Context, Json, configuration, find_market, open_chain
from keeper.errors import ConfigError

if TYPE_CHECKING:
    from keeper.records.settings import MarketSettings, Settings
    from keeper.records.snapshot import MarketSnapshot


def depth(
    context: Context,
    market: Annotated[str, typer.Argument(help="A market, or the token that is sold.", show_default=False)],
    token_out: Annotated[str, typer.Argument(help="The token that is bought.", show_default=False)] = "",
    at: Annotated[int | None, typer.Option(help="Block; the newest when not given.", min=0)] = None,
    as_json: Json = False,
) -> int:
    """Show how much collateral can be sold within 1, 2 and 5 % of the price."""
    from keeper.cli.output import emit_json

    config = configuration(context)
    key, chosen = _choose(config.settings, market, token_out)
    with open_chain(config) as chain:
        document = _measure(chain, config.settings, key, chosen, at)
    if as_json:
        emit_json(document)
    else:
        _show(document, chosen)
    return 0


def _choose(settings: "Settings", market: str, token_out: str) -> "tuple[bytes, MarketSettings]":
    if not token_out:
        return find_market(settings, market)
    wanted = f"{market}/{token_out}".lower()
    for row in settings.markets:
        if wanted in (row.name.lower(), f"{row.collateral}/{row.debt}"):
            return find_market(settings, row.name)
    raise ConfigError(f"no market sells {market} for {token_out}", "name tokens as in the market's name, or by address")


def _measure(
    chain: Chain, settings: "Settings", key: bytes, market: "MarketSettings", at: int | None
) -> dict[str, Any]:
    from keeper.fold import fold_sample, market_reading, read_plan
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
        "price": price and {"numerator": str(price.numerator), "denominator": str(price.denominator)},
        "sellable": {
            "100": _text(sizes.at_100_bps),
            "200": _text(sizes.at_200_bps),
            "500": _text(sizes.at_500_bps),
            "liquidator": _text(sizes.bound),
        },
        "sigmaWad": _text(estimates.sigma_wad),
        "venues": [
            {"venue": pool.venue, "address": pool.address, "failure": reading.failure or None}
            for pool, reading in zip(market.pools, snapshot.pools, strict=True)
        ],
        "missing": list(estimates.missing),
    }


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
    sigma = document["sigmaWad"]
    print(f"volatility {wad_percent(None if sigma is None else int(sigma))} a year, from the pools' own rings")
    for row in document["venues"]:
        print(f"{row['venue']:<11} {row['address']} {(row['failure'] or 'ok').removeprefix(row['address'] + ': ')}")
    for line in document["missing"]:
        print(f"missing: {line}")
