"""One reader over one node, which knows every way of reading that the adapters know."""

from keeper.chain.reader import GAS_CAP, Reader
from keeper.chain.rpc import Rpc
from keeper.feeds import VIEW_PLANS as FEED_PLANS
from keeper.protocols import VIEW_PLANS as PROTOCOL_PLANS
from keeper.venues import VIEW_PLANS as VENUE_PLANS


def open_reader(rpc: Rpc, gas_cap: int = GAS_CAP) -> Reader:
    """Reader that takes the best way the node allows."""
    return Reader(rpc, gas_cap, VENUE_PLANS | FEED_PLANS | PROTOCOL_PLANS)
