"""Tokens by symbol and address, pairs either way round, legs of routes as pairs."""

from dataclasses import replace

import pytest
from factories import USDC, V2_POOL, V3_POOL, WETH, make_settings, market_settings, pair_settings

from keeper.depth_pairs import find_pair, pair_of, tokens_of
from keeper.errors import ConfigError
from keeper.records.settings import RouteSettings
from keeper.records.units import BPS, Address

WBTC = Address("0x" + "bc" * 20)
BRIDGE = Address("0x" + "b1" * 20)
FIRST, SECOND = (pair_settings(address=Address("0x" + digit * 40)) for digit in "12")
OTHER = pair_settings(address=Address("0x" + "3" * 40), collateral_index=1, debt_index=0)
MARKETS = (
    market_settings(routes=(RouteSettings(BRIDGE, 9, (FIRST,), (SECOND,), 0),)),
    market_settings(
        name="WBTC/USDC",
        collateral=WBTC,
        collateral_decimals=8,
        routes=(RouteSettings(WETH, 18, (OTHER,), (replace(SECOND, address=V2_POOL),), 0),),
    ),
)
SETTINGS = make_settings(markets=MARKETS)


def test_a_market_is_found_by_symbols_addresses_and_any_case() -> None:
    wanted = pair_of(MARKETS[0], SETTINGS)
    for sold, bought in (("WETH", "USDC"), ("weth", "Usdc"), (WETH, USDC), (WETH.upper().replace("0X", "0x"), "USDC")):
        assert find_pair(SETTINGS, sold, bought) == wanted
    assert wanted.is_market
    assert [route.counted_bps for route in wanted.routes] == [BPS]


def test_backwards_every_pool_and_route_is_turned() -> None:
    pair = find_pair(SETTINGS, "USDC", "WETH")
    assert (pair.name, pair.sold.address, pair.sold.decimals, pair.is_market) == ("USDC/WETH", USDC, 6, False)
    assert [(pool.address, pool.collateral_index) for pool in pair.pools] == [(V3_POOL, 1), (V2_POOL, 1)]
    (route,) = pair.routes
    assert [pool.address for pool in route.collateral_pools] == [SECOND.address]
    assert (route.debt_pools[0].collateral_index, route.debt_pools[0].debt_index) == (1, 0)
    assert pair.turned() == pair_of(MARKETS[0], SETTINGS)


def test_a_leg_is_a_pair_by_itself() -> None:
    pair = find_pair(SETTINGS, "WETH", "WBTC")
    assert pair.market is None
    assert [(pool.address, pool.collateral_index, pool.debt_index) for pool in pair.pools] == [(OTHER.address, 0, 1)]
    through = find_pair(SETTINGS, BRIDGE, "USDC")
    assert (through.sold.symbol, through.sold.decimals) == (BRIDGE[:8], 9)
    assert through.pools == (SECOND,)


@pytest.mark.parametrize(
    ("sold", "bought", "line"),
    [
        (
            "WETH",
            "DAI",
            f"DAI is no token of the settings (choose from: WETH, USDC, {BRIDGE[:8]}, WBTC; or give an address)",
        ),
        ("WETH", "0x" + "99" * 20, "is no token of the settings"),
        ("WETH", "WETH", "WETH and WETH are the same token"),
        ("WBTC", BRIDGE, f"no pool of the settings trades WBTC for {BRIDGE[:8]}"),
    ],
)
def test_what_is_not_there_is_one_line(sold: str, bought: str, line: str) -> None:
    with pytest.raises(ConfigError) as error:
        find_pair(SETTINGS, sold, bought)
    assert line in str(error.value)
    assert "\n" not in str(error.value)


def test_a_symbol_of_two_tokens_asks_for_the_address() -> None:
    twin = market_settings(name="WETH/USDT", collateral=BRIDGE, debt=WBTC)
    settings = make_settings(markets=(MARKETS[0], twin))
    with pytest.raises(ConfigError, match=f"WETH names 2 tokens, {WETH} and {BRIDGE}"):
        find_pair(settings, "WETH", "USDC")
    assert find_pair(settings, WETH, "USDC").sold.address == WETH
    assert len(tokens_of(settings)) == 4
