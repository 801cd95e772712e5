"""Every way of reading a node, one at a time."""

import json
from pathlib import Path

from keeper.chain.reader import Reader
from keeper.chain.routes import MULTICALL3, Deployless, Multicall3, Override
from keeper.chain.rpc import Rpc
from keeper.reading import open_reader
from keeper.testing.client import DevChain

DATA = Path(__file__).parent / "data" / "multicall3.json"
ROUTES = (Override(), Deployless(), Multicall3())


def reader_by(rpc: Rpc, route: object) -> Reader:
    whole = open_reader(rpc)
    return Reader(rpc, plans=whole._plans, routes=(route,))  # type: ignore[arg-type]


def with_multicall3(chain: DevChain) -> DevChain:
    """The chain with the well-known contract at its address."""
    creation = {"from": chain.accounts[0], "data": json.loads(DATA.read_text())["creation"], "gas": hex(3_000_000)}
    sent = chain.rpc("eth_sendTransaction", creation)
    chain.mine()
    address = chain.rpc("eth_getTransactionReceipt", sent)["contractAddress"]
    chain.rpc("anvil_setCode", MULTICALL3, chain.rpc("eth_getCode", address, "latest"))
    return chain
