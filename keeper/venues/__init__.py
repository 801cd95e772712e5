"""One file a pool type. Adding one is its file and one line here."""

from keeper.records.ports import Venue, ViewPlan
from keeper.venues import balancer_views, uniswap_v2, uniswap_v3_views, uniswap_v4_views
from keeper.venues.balancer_stable import BalancerStable
from keeper.venues.balancer_weighted import BalancerWeighted
from keeper.venues.curve_crypto import CurveCrypto
from keeper.venues.curve_meta import CurveMeta
from keeper.venues.curve_stable import CurveStable
from keeper.venues.uniswap_v2 import UniswapV2
from keeper.venues.uniswap_v3 import UniswapV3
from keeper.venues.uniswap_v4 import UniswapV4

VENUES: dict[str, Venue] = {
    "balancer_stable": BalancerStable(),
    "balancer_weighted": BalancerWeighted(),
    "curve_crypto": CurveCrypto(),
    "curve_meta": CurveMeta(),
    "curve_stable": CurveStable(),
    "uniswap_v2": UniswapV2(),
    "uniswap_v3": UniswapV3(),
    "uniswap_v4": UniswapV4(),
}
"""``PoolSettings.venue`` -> adapter."""

VIEW_PLANS: dict[str, ViewPlan] = {
    "balancer": balancer_views.by_views,
    "uniswap_v2": uniswap_v2.by_views,
    "uniswap_v3": uniswap_v3_views.by_views,
    "uniswap_v4": uniswap_v4_views.by_views,
}
"""``Ask.reader`` -> how to get the same words through the pool's own views."""
