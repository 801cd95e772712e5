"""Routes and flags in the file: what is written comes back, and no liquidity stands in it twice."""

from dataclasses import replace
from pathlib import Path

import pytest
from factories import V2_POOL, V3_POOL, make_settings, market_settings, pair_settings, pool_settings
from test_config import BASE, LISTED_TWICE, THROUGH, problems, write

from keeper.config import load_config
from keeper.records.settings import RouteSettings, Settings
from keeper.records.units import Address

BRIDGE = Address("0x" + "b1" * 20)
LEGS = tuple(pair_settings(address=Address(f"0x{number:040x}")) for number in range(1, 5))
ROUTE = RouteSettings(BRIDGE, 18, LEGS[:2], LEGS[2:3], 5_000)


def with_routes(*routes: RouteSettings, **changes: object) -> Settings:
    return make_settings(markets=(market_settings(routes=routes, **changes),))


def test_routes_and_flags_survive_the_file(tmp_path: Path) -> None:
    settings = with_routes(ROUTE, flagged=(BRIDGE, V3_POOL))
    assert load_config(write(tmp_path, settings), {}).settings == settings
    text = (tmp_path / "keeper.toml").read_text()
    assert text.count("[[markets.routes.collateral_pools]]") == 2
    (tmp_path / "keeper.toml").write_text(text.replace("counted_bps = 5000\n", ""))
    assert load_config(tmp_path / "keeper.toml", {}).settings.markets[0].routes[0].counted_bps == 0


@pytest.mark.parametrize(
    ("settings", "line"),
    [
        (
            with_routes(replace(ROUTE, bridge=market_settings().collateral)),
            "markets[0].routes[0].bridge: is the collateral; name a third token",
        ),
        (
            with_routes(replace(ROUTE, bridge=market_settings().debt)),
            "markets[0].routes[0].bridge: is the debt asset; name a third token",
        ),
        (
            with_routes(ROUTE, replace(ROUTE, collateral_pools=LEGS[3:], debt_pools=(pair_settings(address=BRIDGE),))),
            (
                "markets[0].routes[1].bridge: is that of routes[0], too; keep one route for each third token, "
                "with all its pools"
            ),
        ),
        (
            with_routes(replace(ROUTE, debt_pools=(pair_settings(),))),
            f"markets[0].routes[0].debt_pools[0].address: {V2_POOL} {LISTED_TWICE}",
        ),
        (
            with_routes(replace(ROUTE, debt_pools=LEGS[:1])),
            f"markets[0].routes[0].debt_pools[0].address: {LEGS[0].address} {LISTED_TWICE}",
        ),
        (
            with_routes(replace(ROUTE, collateral_pools=(BASE,), debt_pools=(THROUGH,))),
            (
                f"markets[0].routes[0].debt_pools[0].address: what {BASE.address} holds would count twice; "
                "keep one of the routes through it"
            ),
        ),
        (
            with_routes(replace(ROUTE, collateral_pools=())),
            "markets[0].routes[0].collateral_pools: is missing; add collateral_pools",
        ),
        (
            with_routes(replace(ROUTE, debt_pools=(pool_settings(address=BRIDGE),))),
            (
                "markets[0].routes[0].debt_pools[0].price_source: is true, "
                "but a leg's ticks are not the market's price; set it to false"
            ),
        ),
        (
            with_routes(replace(ROUTE, debt_pools=(replace(LEGS[2], debt_index=0),))),
            (
                "markets[0].routes[0].debt_pools[0].debt_index: is the collateral's own; "
                "0 and 1 are the tokens of a pair, lower address first"
            ),
        ),
    ],
)
def test_a_route_that_would_count_liquidity_twice_or_leads_nowhere_is_refused(
    tmp_path: Path, settings: Settings, line: str
) -> None:
    assert problems(write(tmp_path, settings)) == (line,)


def test_a_share_above_one_and_a_flag_that_is_no_address_are_found(tmp_path: Path) -> None:
    path = write(tmp_path, with_routes(ROUTE, flagged=(BRIDGE,)))
    text = path.read_text()
    path.write_text(text.replace("counted_bps = 5000", "counted_bps = 10001"))
    assert problems(path) == (
        "markets[0].routes[0].counted_bps: 10001 is above 10000; give basis points from 0 to 10000: 250 is 2.5 %",
    )
    path.write_text(text.replace(f'flagged = ["{BRIDGE}"]', 'flagged = ["0x12"]'))
    assert problems(path) == (
        "markets[0].flagged[0]: '0x12' is not an address; write 0x and 40 hex digits, as \"0xC02a...\"",
    )
