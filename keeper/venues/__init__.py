"""One file a pool type. Adding one is its file and one line here."""

from keeper.records.ports import Venue
from keeper.venues.uniswap_v2 import UniswapV2
from keeper.venues.uniswap_v3 import UniswapV3
from keeper.venues.uniswap_v4 import UniswapV4

VENUES: dict[str, Venue] = {
    "uniswap_v2": UniswapV2(),
    "uniswap_v3": UniswapV3(),
    "uniswap_v4": UniswapV4(),
}
"""``PoolSettings.venue`` -> adapter."""
