"""Folds one fixed small history and prints what came out as one line of JSON: digest of every byte, heavy modules.

Run by test_determinism.py in many surroundings. ``--digest`` prints the digest alone, for tests/determinism.sha256.
"""

import hashlib
import json
import random
import sys
from collections.abc import Iterator
from dataclasses import replace

from factories import (
    MID_TICK,
    feed_reading,
    make_block,
    make_live,
    make_settings,
    make_snapshot,
    make_words,
    market_settings,
    pair_reading,
    pool_reading,
    pool_state,
)

from keeper.fold import fold_sample
from keeper.maths.tick_math import sqrt_ratio_at_tick
from keeper.records.decision import Due
from keeper.records.estimates import SampleDepth
from keeper.records.pools import Cumulative, UniswapV3State
from keeper.records.snapshot import MarketSnapshot
from keeper.records.units import BlockRef
from keeper.risk.commit import make_batch, prepare_report
from keeper.risk.keys import settings_hash
from keeper.risk.limits import apply_report

WINDOWS, FIRST, CRASH = 110, 1000, 80
MARKET = market_settings()
SETTINGS = make_settings(markets=(MARKET,))
LIQUIDITY = 10**18
WATCHED = ("numpy", "scipy", "pandas", "matplotlib", "numba")
"""Floating point that must not be there."""


def history() -> Iterator[MarketSnapshot]:
    """A price that wanders and crashes by a fifth; a pool that fails; a feed that is silent for a while."""
    chance, tick, cumulative, ring = random.Random(1), MID_TICK, 0, ()
    for step in range(WINDOWS):
        block = make_block(25 * (FIRST + step))
        tick += chance.randint(-40, 40) - (2231 if step == CRASH else 0)
        cumulative += tick * 300
        state = quiet_pool(block, tick, cumulative, ring)
        ring = (*state.ring, state.now)[-60:]
        # Integers here too: powers of floats differ between machines.
        price = sqrt_ratio_at_tick(tick) ** 2 * 10**20 >> 192
        pools = (pool_reading(state), pair_reading(5000 * 10**18, 5000 * price // 100))
        if step > CRASH and step % 17 == 5:
            pools = (pools[0], pool_reading(failure="the pair could not be read"))
        feed = feed_reading(None if 90 <= step < 94 else price)
        yield make_snapshot(block, pools=pools, feed=feed)


def quiet_pool(block: BlockRef, tick: int, cumulative: int, ring: tuple[Cumulative, ...] = ()) -> UniswapV3State:
    """A pool that traded just now, with liquidity that has stood; without a ring of its own a calm one."""
    per_liquidity = (block.timestamp << 128) // LIQUIDITY
    now = Cumulative(block.timestamp, cumulative, per_liquidity)
    earlier = replace(now, time=now.time - 1800, seconds_per_liquidity_x128=((now.time - 1800) << 128) // LIQUIDITY)
    shift = [Cumulative(now.time - ago, cumulative - tick * ago + 30 * (ago // 1800 % 2) * 1800, 0) for ago in _AGO]
    return pool_state(
        tick=tick,
        sqrt_price_x96=sqrt_ratio_at_tick(tick),
        now=now,
        harmonic=earlier,
        ring=ring or tuple(shift),
        last_observation_time=block.timestamp - 12,
        lowest_tick=tick - 7000,
        highest_tick=tick + 7000,
    )


_AGO = tuple(range(21_600, 0, -1800))


def walk() -> tuple[str, dict[str, int]]:
    """(digest of every estimate, decision, core and evidence; how many of each kind of decision)."""
    digest, core, dues = hashlib.sha256(), b"", {}
    first = make_block(25 * FIRST)
    words = make_words(make_live(haircut_bps=2000, observed_time=first.timestamp - 600, observed_block=24_000))
    trailing = [SampleDepth(FIRST - 288 * day, 0, 10**21, 10**21, 10**21, 10**21) for day in (3, 2, 1)]
    for step, seen in enumerate(history()):
        snapshot, block = replace(seen, words=words), seen.block
        folded = fold_sample(core, snapshot, FIRST + step, tuple(trailing), MARKET, SETTINGS)
        digest.update(repr(folded).encode())
        if folded.decision.due is not Due.NONE:
            prepared = prepare_report(folded, [snapshot], core, MARKET, SETTINGS)
            batch, packed = make_batch([prepared], block, settings_hash(SETTINGS))
            digest.update(prepared.evidence + packed + repr(batch).encode())
            now = block.timestamp
            words = apply_report(words, prepared.report, block.number, now, 0, now, routine=True).words
        core, due = folded.decision.core_after, folded.decision.due
        trailing.append(folded.estimates.depth)
        dues[due.value] = dues.get(due.value, 0) + 1
    return digest.hexdigest(), dues


def main() -> None:
    """Walk and print."""
    value, dues = walk()
    loaded = sorted(name for name in WATCHED if name in sys.modules)
    document = {"digest": value, "dues": dues, "loaded": loaded, "python": list(sys.version_info[:2])}
    sys.stdout.write((value if "--digest" in sys.argv else json.dumps(document)) + "\n")


if __name__ == "__main__":
    main()
