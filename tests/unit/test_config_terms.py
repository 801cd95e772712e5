"""Settings of the terms that are off by default: written and read back, and each contradiction in one line."""

from dataclasses import replace
from pathlib import Path

import pytest
from factories import FEED, V2_POOL, make_settings, market_settings, model_settings, pair_settings, pool_settings
from test_config import problems, replaced, write

from keeper.config import load_config
from keeper.records.settings import FeedSettings, ModelSettings, Settings, decode_settings, encode_settings
from keeper.records.units import WAD, Address
from keeper.venues import VENUES

DVOL = FeedSettings("chainlink", Address("0x" + "d0" * 20), 8, 7200)
TERMS = {
    "implied_seconds": 86_400,
    "implied_change_wad": 2 * 10**16,
    "implied_min_liquidity": 10**30,
    "stressed_sigma_wad": 15 * WAD // 10,
    "stress_weight_bps": 2_600,
    "realised_weight_bps": 4_000,
    "sigma_buffer_bps": 2_501,
    "basis": True,
    "jump_bps": 1_500,
    "same_issuer": True,
    "tail_coefficient_bps": 5_001,
    "ceiling_share_bps": 5_000,
    "premium_max_bps": 800,
}


def settings(feeds: tuple[FeedSettings, ...] = (), **terms: object) -> Settings:
    return make_settings(markets=(market_settings(model=model_settings(**terms), volatility_feeds=feeds),))


EVERY = settings((DVOL, replace(DVOL, address=V2_POOL)), **TERMS)


def test_every_term_is_written_and_read_back(tmp_path: Path) -> None:
    assert load_config(write(tmp_path, EVERY), {}).settings == EVERY
    assert decode_settings(encode_settings(EVERY)) == EVERY


def test_terms_that_are_left_out_are_off(tmp_path: Path) -> None:
    path = write(tmp_path, EVERY)
    lines = [line for line in path.read_text().splitlines() if line.split(" = ")[0] not in TERMS]
    text = "\n".join(lines)
    head, tail = text.index("[[markets.volatility_feeds]]"), text.index("[[markets.pools]]")
    path.write_text(text[:head] + text[tail:])
    assert load_config(path, {}).settings == make_settings()
    off = ModelSettings(*[getattr(model_settings(), name) for name in list(ModelSettings.__annotations__)[:16]])
    assert load_config(path, {}).settings.markets[0].model == off


@pytest.mark.parametrize(
    ("wrong", "line"),
    [
        (
            settings(implied_seconds=86_400),
            (
                "markets[0].model.implied_min_liquidity: is 0, so a pool of dust would speak; "
                "write the least liquidity() at which a pool's fees mean something"
            ),
        ),
        (
            settings(same_issuer=True),
            (
                "markets[0].model.stressed_sigma_wad: is 0, but collateral and debt fall together; "
                "write the pair's annual volatility under stress: 1.5 is 1500000000000000000"
            ),
        ),
        (
            settings(tail_coefficient_bps=5_001),
            (
                "markets[0].model.stressed_sigma_wad: is 0, but collateral and debt fall together; "
                "write the pair's annual volatility under stress: 1.5 is 1500000000000000000"
            ),
        ),
        (
            settings(jump_bps=10_000),
            "markets[0].model.jump_bps: leaves nothing of the price; make it smaller: 1500 is a fall by 15 %",
        ),
        (
            settings(jump_bps=1, model="smart_ltv"),
            "markets[0].model.jump_bps: smart_ltv does not know the oracle's error; choose liquidity_adjusted",
        ),
        (
            settings(basis=True, model="sigma_band"),
            "markets[0].model.basis: sigma_band does not know the oracle's error; choose liquidity_adjusted",
        ),
        (
            settings((DVOL, DVOL)),
            "markets[0].volatility_feeds[1].address: is that of volatility_feeds[0], too; name each feed once",
        ),
        (
            settings((replace(DVOL, address=FEED),)),
            "markets[0].volatility_feeds[0].address: is the price feed; name each feed once",
        ),
        (
            settings((replace(DVOL, rounds=1),)),
            "markets[0].volatility_feeds[0].rounds: is not 0, but earlier volatilities are not used; write 0",
        ),
        (
            settings(tuple(replace(DVOL, address=Address(f"0x{at:040x}")) for at in range(1, 6))),
            "markets[0].volatility_feeds: 5 are named; keep 4",
        ),
    ],
)
def test_a_contradiction_between_terms_is_one_line(tmp_path: Path, wrong: Settings, line: str) -> None:
    assert problems(write(tmp_path, wrong)) == (line,)


def test_fees_need_a_pool_that_keeps_them() -> None:
    from keeper.config_rules import FEE_GROWTH_VENUES, consistency

    assert set(VENUES) >= FEE_GROWTH_VENUES
    chosen = market_settings(
        model=model_settings(implied_seconds=1, implied_min_liquidity=1), pools=(pair_settings(), pool_settings())
    )
    assert consistency(make_settings(markets=(chosen,))) == []
    other = replace(chosen, pools=(pair_settings(price_source=True),))
    keys = [key for key, _, _ in consistency(make_settings(markets=(other,)))]
    assert "markets[0].model.implied_seconds" in keys


@pytest.mark.parametrize(
    ("old", "new", "line"),
    [
        (
            "basis = false",
            "basis = 1",
            "markets[0].model.basis: input should be a valid boolean; give the kind of value that the key asks for",
        ),
        (
            "stressed_sigma_wad = 0",
            'stressed_sigma_wad = "150000000000000000000"',
            (
                "markets[0].model.stressed_sigma_wad: 150000000000000000000 is above 100000000000000000000; "
                "give a WAD, 18 decimals: 0.3 is 300000000000000000"
            ),
        ),
        (
            "premium_max_bps = 0",
            "premium_max_bps = 10001",
            "markets[0].model.premium_max_bps: 10001 is above 10000; give basis points from 0 to 10000: 250 is 2.5 %",
        ),
    ],
)
def test_a_wrong_value_of_a_term_is_one_line(tmp_path: Path, old: str, new: str, line: str) -> None:
    assert problems(replaced(write(tmp_path), old, new)) == (line,)
