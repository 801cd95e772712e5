"""One file a kind of price feed. Adding one is its file and one line here."""

from keeper.feeds import chainlink_views
from keeper.feeds.chainlink import Chainlink
from keeper.records.ports import Feed, ViewPlan

FEEDS: dict[str, Feed] = {"chainlink": Chainlink()}
"""``FeedSettings.kind`` -> adapter."""

VIEW_PLANS: dict[str, ViewPlan] = {"chainlink": chainlink_views.by_views}
"""``Ask.reader`` -> how to get the same rounds without placing code."""
