"""Writes the operator's TOML: the inverse of ``config.load_config``."""

import json
from collections.abc import Mapping
from dataclasses import asdict
from typing import Any

from keeper.records.settings import Settings

HEADER = (
    "# Bulkhead keeper. Amounts are integers: *_bps basis points (100 = 1 %), *_wad 18 decimals, *_seconds seconds.\n"
    "# Of [markets.model], implied_seconds and what follows it may be left out: 0 and false are off.\n"
)
TOML_INTEGER_MAX = 2**63 - 1
"""Larger integers travel as decimal strings, since TOML promises 64 bits only."""


def dump(
    network: Mapping[str, Any],
    keeper: Mapping[str, Any],
    store: Mapping[str, Any],
    settings: Settings,
    monitor: Mapping[str, Any] | None = None,
) -> str:
    """All tables in the order in which a person reads them."""
    scalars = asdict(settings)
    markets = scalars.pop("markets")
    del scalars["chain_id"]  # stands in [network]
    parts = [HEADER]
    providers = network["providers"]
    parts.append(_table("network", {key: value for key, value in network.items() if key != "providers"}))
    parts.append(_table("network.providers", providers))
    parts.append(_table("keeper", keeper))
    parts.append(_table("store", store))
    if monitor is not None:
        parts.append(_table("monitor", monitor))
    parts.append(_table("settings", scalars))
    parts.extend(_market(market) for market in markets)
    return "\n".join(parts)


def _market(market: dict[str, Any]) -> str:
    pools, feed, model, routes, others = (
        market.pop(name) for name in ("pools", "feed", "model", "routes", "volatility_feeds")
    )
    lines = ["[[markets]]", *_pairs(market), ""]
    lines += ["[markets.feed]", *_pairs(feed), "", "[markets.model]", *_pairs(model), ""]
    for other in others:
        lines += ["[[markets.volatility_feeds]]", *_pairs(other), ""]
    for pool in pools:
        lines += ["[[markets.pools]]", *_pairs(pool), ""]
    for route in routes:
        legs = {name: route.pop(name) for name in ("collateral_pools", "debt_pools")}
        lines += ["[[markets.routes]]", *_pairs(route), ""]
        for name, leg in legs.items():
            for pool in leg:
                lines += [f"[[markets.routes.{name}]]", *_pairs(pool), ""]
    return "\n".join(lines)


def _table(name: str, values: Mapping[str, Any]) -> str:
    return "\n".join([f"[{name}]", *_pairs(values), ""])


def _pairs(values: Mapping[str, Any]) -> list[str]:
    return [f"{_key(key)} = {_value(value)}" for key, value in values.items()]


def _key(key: str) -> str:
    return key if key.replace("_", "").replace("-", "").isalnum() and key.isascii() else json.dumps(key)


def _value(value: object) -> str:
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, int):
        return str(value) if value <= TOML_INTEGER_MAX else f'"{value}"'
    if isinstance(value, list | tuple):
        return f"[{', '.join(_value(item) for item in value)}]"
    if isinstance(value, bytes):
        return f'"0x{value.hex()}"'
    return json.dumps(str(value), ensure_ascii=False)
