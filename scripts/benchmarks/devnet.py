"""Figure 7: the local chain that demo, tests and developers start with, from nothing to listed markets."""

import time

from benchmarks.measure import Effort, Figure, say
from keeper.chain.anvil import Anvil, AnvilOptions
from keeper.testing.client import DevChain
from keeper.testing.devnet import build_devnet

AIM_SECONDS = 20


def run(effort: Effort, *, peers: bool) -> list[Figure]:  # noqa: ARG001 - nobody else does this
    """Seconds by the clock; the chain is a process of its own."""
    say("devnet: tokens, pools with history, contract, listing")
    seconds = [_once() for _ in range(1 if effort.quick else 3)]
    return [Figure("building the devnet", sorted(seconds)[len(seconds) // 2], None, "s", f"<= {AIM_SECONDS}")]


def _once() -> float:
    began = time.perf_counter()
    with Anvil.start(AnvilOptions(no_mining=True)) as node:
        build_devnet(DevChain(node.url), keepers=2)
        return time.perf_counter() - began
