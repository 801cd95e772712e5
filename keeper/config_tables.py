"""Starting values and ranges of the settings."""

from collections.abc import Mapping
from dataclasses import MISSING, fields
from typing import Any

from keeper.records.settings import DYNAMIC_FEE, SCHEMA, ModelSettings
from keeper.records.units import NO_ADDRESS
from keeper.risk.sigma import MAX_SIGMA_WAD

DEFAULTS: Mapping[str, Any] = {
    "schema": SCHEMA,
    "cadence_blocks": 25,
    "window_seconds": 1_800,
    "bootstrap_windows": 48,
    "bootstrap_min_windows": 4,
    "half_life_fast_seconds": 86_400,
    "half_life_slow_seconds": 950_400,
    "harmonic_seconds": 1_800,
    "depth_range_ticks": 7_000,
    "windows_per_day": 288,
    "trailing_days": 30,
    "warm_days": 7,
    "deviation_up_bps": 50,
    "deviation_down_bps": 100,
    "margin_bps": 50,
    "dwell_seconds": 21_600,
    "max_gap_seconds": 7_200,
    "heartbeat_seconds": 64_800,
    "protocol": "bulkhead",
    "protocol_market_id": bytes(32),
    "pool_id": bytes(32),
    "companion": NO_ADDRESS,
    "rates": (),
    "tick_spacing": 0,
    "rounds": 0,
    "holders": (),
    "shock_bps": 3_000,
    "shock_share_bps": 5_000,
    "routes": (),
    "counted_bps": 0,
    "flagged": (),
    "volatility_feeds": (),
    **{field.name: field.default for field in fields(ModelSettings) if field.default is not MISSING},
}
"""Starting values of design.md section 5."""

MAX_SECONDS = 100 * 86_400
"""Nothing in the model lasts longer; a larger number was given in milliseconds or is a date."""

MOST_DECIMALS = 36
"""Of a token; with more, not even one whole token would fit into a pool's 112 bits."""
MOST_PORT = 65_535
"""Largest number of a TCP port."""
MOST_SHOWN = 64
"""Letters of a name, and of what is repeated of a strange one."""

KEEPER_NUMBERS = (
    "poll_seconds",
    "max_fee_gwei",
    "emergency_fee_gwei",
    "tip_gwei_milli",
    "in_flight",
    "market_budget_gwei",
    "market_reserve_gwei",
    "key_budget_gwei",
    "gas_limit",
    "call_gas",
    "start_block",
)
"""Whole numbers of the table [keeper]."""

FRACTIONS = frozenset({"oracle_deviation_wad", "gas_fraction_wad", "profit_fraction_wad", "protocol_fee_wad"})
RANGES: Mapping[str, tuple[int, int]] = {
    "schema": (SCHEMA, SCHEMA),
    "cadence_blocks": (1, 4_096),
    "decimals": (0, MOST_DECIMALS),
    "collateral_decimals": (0, MOST_DECIMALS),
    "debt_decimals": (0, MOST_DECIMALS),
    "bridge_decimals": (0, MOST_DECIMALS),
    "fee_pips": (0, DYNAMIC_FEE),
    "tick_spacing": (0, 32_767),
    "rounds": (0, 8),
    "collateral_index": (0, 7),
    "debt_index": (0, 7),
    "bootstrap_windows": (1, 1_000),
    "bootstrap_min_windows": (2, 1_000),
    "depth_range_ticks": (1, 200_000),
    "windows_per_day": (1, 65_535),
    "trailing_days": (1, 3_650),
    "warm_days": (0, 3_650),
    "size": (1, 2**255),
    "implied_min_liquidity": (0, 2**128 - 1),
    "implied_change_wad": (0, MAX_SIGMA_WAD),
    "stressed_sigma_wad": (0, MAX_SIGMA_WAD),
    "chain_id": (1, 2**53),
    "emergency_quorum": (1, 2),
    "max_reply_mib": (1, 1_024),
    "poll_seconds": (1, 3_600),
    "max_fee_gwei": (1, 100_000),
    "emergency_fee_gwei": (1, 100_000),
    "tip_gwei_milli": (0, 10_000),
    "in_flight": (1, 16),
    "market_budget_gwei": (1, 10**13),
    "market_reserve_gwei": (1, 10**13),
    "key_budget_gwei": (1, 10**13),
    "gas_limit": (100_000, 16_777_216),
    "call_gas": (1_000_000, 2_000_000_000),
    "start_block": (0, 2**53),
}
"""Lowest and highest value of the numbers whose unit is not in their name."""
