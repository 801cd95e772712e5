"""Lending protocols: where a market's words are read, who borrows against it, and how an update is encoded."""

from keeper.protocols import aave_v3_calls, bulkhead
from keeper.protocols.aave_v3 import AaveV3
from keeper.protocols.bulkhead import Bulkhead
from keeper.records.ports import LendingProtocol, ViewPlan

PROTOCOLS: dict[str, LendingProtocol] = {"aave_v3": AaveV3(), "bulkhead": Bulkhead()}
"""By the name that settings use."""

VIEW_PLANS: dict[str, ViewPlan] = {"aave_v3": aave_v3_calls.by_views, "market": bulkhead.by_views}
"""``Ask.reader`` -> how to get the same words without placing code."""
