"""Worker: reads the ticks of pools through web3.py as its documentation shows it, one contract call at a time."""

import json
import sys
import time
from importlib.metadata import version

from web3 import Web3

ABI = [
    {"name": name, "type": "function", "stateMutability": "view", "inputs": inputs, "outputs": outputs}
    for name, inputs, outputs in (
        (
            "slot0",
            [],
            [
                {"name": f"v{i}", "type": kind}
                for i, kind in enumerate(("uint160", "int24", "uint16", "uint16", "uint16", "uint8", "bool"))
            ],
        ),
        ("liquidity", [], [{"name": "", "type": "uint128"}]),
        ("tickBitmap", [{"name": "word", "type": "int16"}], [{"name": "", "type": "uint256"}]),
        (
            "ticks",
            [{"name": "tick", "type": "int24"}],
            [
                {"name": f"v{i}", "type": kind}
                for i, kind in enumerate(
                    ("uint128", "int128", "uint256", "uint256", "int56", "uint160", "uint32", "bool")
                )
            ],
        ),
    )
]


def read(w3: Web3, address: str, spacing: int, reach: int) -> list[tuple[int, int]]:
    pool = w3.eth.contract(address=Web3.to_checksum_address(address), abi=ABI)
    tick = pool.functions.slot0().call()[1]
    pool.functions.liquidity().call()
    low, high = tick - reach, tick + reach
    found = []
    for word in range(-(-low // spacing) >> 8, (high // spacing >> 8) + 1):
        bits = pool.functions.tickBitmap(word).call()
        for bit in range(256):
            here = ((word << 8) + bit) * spacing
            if bits >> bit & 1 and low <= here <= high:
                found.append((here, pool.functions.ticks(here).call()[1]))
    return found


def main() -> None:
    for line in sys.stdin:
        question = json.loads(line)
        w3 = Web3(Web3.HTTPProvider(question["url"]))
        w3.eth.block_number  # noqa: B018 - opens the connection
        started = time.perf_counter()
        ticks = [read(w3, pool, question["spacing"], question["reach"]) for pool in question["pools"]]
        spent = (time.perf_counter() - started) * 1000
        print(json.dumps({"ms": spent, "ticks": ticks, "version": version("web3")}), flush=True)


main()
