"""Worker: degenbot's exact-input calculation of a v3 pool, from liquidity data that it is given, not fetching any.

The first line builds the pool object against the node (tokens, fee, price: the class insists); after that ``build``
makes its liquidity map anew and ``quote`` asks every size once. Neither touches the node.
"""

import json
import logging
import sys
import time
from importlib.metadata import version

import degenbot
from degenbot.config import set_web3
from degenbot.uniswap.types import UniswapV3BitmapAtWord, UniswapV3LiquidityAtTick
from degenbot.uniswap.v3_libraries import tick_math
from degenbot.uniswap.v3_liquidity_pool import UniswapV3Pool
from web3 import Web3


def liquidity_map(
    rows: list[tuple[int, int, int]], spacing: int
) -> tuple[dict[int, UniswapV3BitmapAtWord], dict[int, UniswapV3LiquidityAtTick]]:
    words: dict[int, int] = {}
    ticks = {}
    for tick, gross, net in rows:
        compressed = tick // spacing
        words[compressed >> 8] = words.get(compressed >> 8, 0) | 1 << (compressed & 255)
        ticks[tick] = UniswapV3LiquidityAtTick(liquidity_net=net, liquidity_gross=gross)
    return {word: UniswapV3BitmapAtWord(bitmap=bits) for word, bits in words.items()}, ticks


def quote(pool: UniswapV3Pool, sizes: list[int]) -> tuple[float, list[int]]:
    token = pool.token0
    started = time.perf_counter()
    amounts = [pool.calculate_tokens_out_from_tokens_in(token, size) for size in sizes]
    return (time.perf_counter() - started) * 1000, amounts


def main() -> None:
    degenbot.logging.logger.setLevel(logging.ERROR)
    pool, rows, sizes = None, [], []
    for line in sys.stdin:
        question = json.loads(line)
        if "url" in question:
            set_web3(Web3(Web3.HTTPProvider(question["url"])))
            rows, sizes = question["ticks"], question["sizes"]
            bitmap, data = liquidity_map(rows, question["spacing"])
            pool = UniswapV3Pool(
                question["pool"], tick_bitmap=bitmap, tick_data=data, verify_address=False, silent=True
            )
        if question.get("cold"):
            tick_math.get_sqrt_ratio_at_tick.cache_clear()
            tick_math.get_tick_at_sqrt_ratio.cache_clear()
        started = time.perf_counter()
        bitmap, data = liquidity_map(rows, pool.tick_spacing)
        pool.tick_bitmap, pool.tick_data = bitmap, data
        build = (time.perf_counter() - started) * 1000
        spent, amounts = quote(pool, sizes)
        answer = {"build_ms": build, "quote_ms": spent, "amounts": [str(row) for row in amounts]}
        print(json.dumps(answer | {"version": version("degenbot")}), flush=True)


main()
