"""What ``keeper depth`` prints."""

from typing import Any

from keeper.cli.output import amount, percent, table, wad_percent

SHOWN_BPS = (50, 100, 200, 500, 1_000)
TOGETHER_BPS = (100, 200, 500, 1_000)
_BOUNDS = {"100": "within 1 %", "200": "within 2 %", "500": "within 5 %", "liquidator": "liquidators break even"}


def show(document: dict[str, Any]) -> None:
    """One pair: price, sizes, curves both ways by venue, and how every venue was read."""
    decimals = document["collateralDecimals"]
    print(f"{document['market']} at block {document['block']}")
    if price := document["price"]:
        # raw bought per raw sold -> whole bought per whole sold, with six places
        shift = 10 ** (decimals + 6)
        raw = int(price["numerator"]) * shift // (int(price["denominator"]) * 10 ** document["debtDecimals"])
        print(f"price {amount(raw, 6, 6)}")
    rows = [
        (_BOUNDS[bound], amount(None if value is None else int(value), decimals))
        for bound, value in document["sellable"].items()
    ]
    print(table(("sale", "collateral" if "key" in document else "sold"), rows))
    _show_curves(document)
    if "key" in document:
        sigma = document["sigmaWad"]
        print(f"volatility {wad_percent(None if sigma is None else int(sigma))} a year, from the pools' own rings")
    for row in document["venues"]:
        _show_venue(row, document)
    for line in document["missing"]:
        print(f"missing: {line}")


def show_together(document: dict[str, Any]) -> None:
    """Several markets: what each sells alone and with the others, and the pools that they share."""
    print(f"sold together at block {document['block']}, in the proportions of their stressed sizes")
    for row in document["markets"]:
        decimals = row["collateralDecimals"]
        points = [point for point in row["points"] if point["lossBps"] in TOGETHER_BPS]
        cells = [
            (
                percent(point["lossBps"]),
                amount(int(point["alone"]), decimals),
                amount(int(point["together"]), decimals),
                percent(_kept_bps(point)),
            )
            for point in points
        ]
        print(table((f"{row['market']}, loss up to", "alone", "together", "keeps"), cells))
    for pool in document["shared"]:
        print(f"shared: {pool['venue']} {pool['address']} by {', '.join(pool['markets'])}")
    if not document["shared"]:
        print("shared: no pool, so each keeps all")


def label(venue: dict[str, Any]) -> str:
    """A column's or a plot's name for a venue or a route."""
    return f"via {venue['through']}" if venue["venue"] == "route" else f"{venue['venue']} {venue['address'][:8]}"


def _kept_bps(point: dict[str, Any]) -> int | None:
    alone = int(point["alone"])
    return int(point["together"]) * 10_000 // alone if alone else None


def _show_curves(document: dict[str, Any]) -> None:
    labels = [label(row) for row in document["venues"]]
    market = "key" in document
    sold, _, bought = document["market"].partition("/")
    titles = (
        ("selling the collateral", "selling the debt asset") if market else (f"selling {sold}", f"selling {bought}")
    )
    sides = (("sell", "collateralDecimals"), ("buy", "debtDecimals"))
    for (direction, decimals), title in zip(sides, titles, strict=True):
        places = document[decimals]
        rows = [
            (
                percent(point["lossBps"]),
                amount(int(point["taken"]), places),
                *(amount(int(taken), places) for taken, _ in point["fills"]),
            )
            for point in document["curves"][direction]
            if point["lossBps"] in SHOWN_BPS
        ]
        if rows:
            print(table((f"{title}, loss up to", "all venues", *labels), rows))
    if sale := document["sale"]:
        got = amount(int(sale["given"]), document["debtDecimals"])
        sold_amount = amount(int(sale["taken"]), document["collateralDecimals"])
        print(f"selling {sold_amount} brings {got}, an average loss of {percent(sale['lossBps'])}")


def _show_venue(row: dict[str, Any], document: dict[str, Any], indent: str = "") -> None:
    if row["venue"] == "route":
        counted = document.get("countedBps", {}).get(row["address"])
        share = {None: "", 0: ", not in the published depth"}.get(
            counted, f", {percent(counted)} of its second leg counts"
        )
        print(f"{label(row):<17} {row['address']} {row['failure'] or 'ok'}{share}")
        for leg in row["legs"]:
            _show_venue(leg, document, f"  {leg['leg']} leg: ")
        return
    off = row["spotOffMeanTicks"]
    pushed = "" if off is None else f", spot {off:+d} ticks off its mean of {document['harmonicSeconds']} s"
    if (apart := row["adjacentTicks"]) is not None:
        pushed += f", newest two windows {apart} ticks apart"
    said = (row["failure"] or "ok").removeprefix(row["address"] + ": ")
    print(f"{indent}{row['venue']:<17} {row['address']} {said}{pushed}")
