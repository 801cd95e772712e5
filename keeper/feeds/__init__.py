"""One file a kind of price feed. Adding one is its file and one line here."""

from keeper.feeds.chainlink import Chainlink
from keeper.records.ports import Feed

FEEDS: dict[str, Feed] = {
    "chainlink": Chainlink(),
}
"""``FeedSettings.kind`` -> adapter."""
