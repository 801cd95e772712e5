"""Lending protocols: where a market's words are read and how an update is encoded."""

from keeper.protocols.bulkhead import Bulkhead, by_views
from keeper.records.ports import LendingProtocol, ViewPlan

PROTOCOLS: dict[str, LendingProtocol] = {"bulkhead": Bulkhead()}
"""By the name that settings use."""

VIEW_PLANS: dict[str, ViewPlan] = {"market": by_views}
"""``Ask.reader`` -> how to get the same words without placing code."""
