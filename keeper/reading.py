"""One reader over one node or several, which knows every way of reading that the adapters know."""

from collections.abc import Callable

from keeper.chain.headers import HeaderCheck
from keeper.chain.pool import Pool
from keeper.chain.quorum import QuorumReader
from keeper.chain.reader import GAS_CAP, Reader
from keeper.chain.rpc import Rpc
from keeper.feeds import VIEW_PLANS as FEED_PLANS
from keeper.protocols import VIEW_PLANS as PROTOCOL_PLANS
from keeper.venues import VIEW_PLANS as VENUE_PLANS

PLANS = VENUE_PLANS | FEED_PLANS | PROTOCOL_PLANS


def open_reader(rpc: Rpc, gas_cap: int = GAS_CAP) -> Reader:
    """Reader of one node that takes the best way the node allows."""
    return Reader(rpc, gas_cap, PLANS)


def open_quorum_reader(pool: Pool, emit: Callable[..., None], gas_cap: int = GAS_CAP) -> QuorumReader:
    """Reader that believes what two nodes say, by the best way that both allow."""
    return QuorumReader(pool, HeaderCheck(emit), gas_cap, PLANS)
