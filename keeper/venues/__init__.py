"""One file a pool type. Adding one is its file and one line here."""

from keeper.records.ports import Venue
from keeper.venues.balancer_stable import BalancerStable
from keeper.venues.balancer_weighted import BalancerWeighted
from keeper.venues.uniswap_v2 import UniswapV2
from keeper.venues.uniswap_v3 import UniswapV3

VENUES: dict[str, Venue] = {
    "balancer_stable": BalancerStable(),
    "balancer_weighted": BalancerWeighted(),
    "uniswap_v2": UniswapV2(),
    "uniswap_v3": UniswapV3(),
}
"""``PoolSettings.venue`` -> adapter."""
