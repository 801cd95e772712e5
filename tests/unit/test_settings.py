"""The settings document: its ABI order is the order of the records, and it survives the chain."""

from dataclasses import fields, replace

from factories import V2_POOL, WETH, make_settings, market_settings, pair_settings, pool_settings

from keeper.records.settings import (
    FEED_ABI,
    MARKET_ABI,
    MODEL_ABI,
    POOL_ABI,
    ROUTE_ABI,
    SETTINGS_ABI,
    FeedSettings,
    MarketSettings,
    ModelSettings,
    PoolSettings,
    RouteSettings,
    Settings,
    decode_settings,
    encode_settings,
)
from keeper.risk.keys import market_key, settings_hash


def members(abi: str) -> int:
    """Number of members of a tuple type; inner tuples count once."""
    depth, count = 0, 1
    for letter in abi[1:-1]:
        depth += (letter == "(") - (letter == ")")
        count += letter == "," and depth == 0
    return count


def test_every_field_is_in_the_document() -> None:
    types = (
        (POOL_ABI, PoolSettings),
        (FEED_ABI, FeedSettings),
        (MODEL_ABI, ModelSettings),
        (ROUTE_ABI, RouteSettings),
        (MARKET_ABI, MarketSettings),
        (SETTINGS_ABI, Settings),
    )
    assert [members(abi) for abi, _ in types] == [len(fields(record)) for _, record in types]


def test_routes_and_flags_survive_their_encoding() -> None:
    route = RouteSettings(V2_POOL, 18, (pool_settings(),), (pair_settings(), pool_settings(rates=(1, 2))), 2_500)
    settings = make_settings(markets=(market_settings(routes=(route, route), flagged=(V2_POOL,)),))
    assert decode_settings(encode_settings(settings)) == settings
    less = make_settings(
        markets=(market_settings(routes=(replace(route, counted_bps=2_499), route), flagged=(V2_POOL,)),)
    )
    assert settings_hash(less) != settings_hash(settings)


def test_a_document_survives_its_encoding() -> None:
    held = market_settings(name="held", holders=(V2_POOL, WETH), shock_bps=1, shock_share_bps=2)
    held = replace(held, feed=replace(held.feed, rounds=3))
    other = market_settings(name="other", pools=(pair_settings(),))
    settings = make_settings(markets=(market_settings(), other, held))
    assert decode_settings(encode_settings(settings)) == settings


def test_distinct_numbers_come_back_in_their_places() -> None:
    names = [field.name for field in fields(Settings) if field.name != "markets"]
    settings = replace(make_settings(), **{name: 100 + index for index, name in enumerate(names)})
    back = decode_settings(encode_settings(settings))
    assert [getattr(back, name) for name in names] == list(range(100, 100 + len(names)))
    model = [field.name for field in fields(ModelSettings) if field.type is int]
    numbers = replace(market_settings().model, **{name: 200 + index for index, name in enumerate(model)})
    back = decode_settings(encode_settings(make_settings(markets=(market_settings(model=numbers),))))
    assert [getattr(back.markets[0].model, name) for name in model] == list(range(200, 200 + len(model)))


def test_any_change_changes_the_hash() -> None:
    base = make_settings()
    changed = [
        replace(base, margin_bps=51),
        replace(base, markets=()),
        replace(base, markets=(market_settings(pools=(pool_settings(fee_pips=500),)),)),
        replace(base, markets=(market_settings(pools=(pool_settings(address=V2_POOL),)),)),
        replace(base, markets=(market_settings(holders=(V2_POOL,)),)),
        replace(base, markets=(market_settings(holders=(WETH,)),)),
        replace(base, markets=(market_settings(shock_bps=1),)),
        replace(base, markets=(market_settings(shock_share_bps=1),)),
        replace(base, markets=(market_settings(feed=replace(market_settings().feed, rounds=1)),)),
    ]
    assert len({settings_hash(row) for row in [base, *changed]}) == 10


def test_a_market_key_names_chain_protocol_id_and_both_assets() -> None:
    base = market_settings()
    others = [
        replace(base, protocol="aave"),
        replace(base, protocol_market_id=b"\x01" * 32),
        replace(base, collateral=base.debt),
        replace(base, debt=base.collateral),
    ]
    keys = {market_key(1, base), market_key(2, base), *(market_key(1, row) for row in others)}
    assert len(keys) == 6
    assert market_key(1, replace(base, name="renamed")) == market_key(1, base)
