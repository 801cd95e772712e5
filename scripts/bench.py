#!/usr/bin/env python3
"""How quick and how cheap the keeper's reading and arithmetic are, side by side with what others would use.

Usage: scripts/bench.py [--json] [--only NAME]... [--quick] [--no-peers]
Peers come from environments of their own: scripts/setup bench.
"""

import argparse
import json
import sys
from collections.abc import Callable

from benchmarks import backtest, decision, devnet, markets, quotes, reading, rebuild
from benchmarks.measure import BenchError, Figure, effort, machine, say

from keeper.errors import KeeperError

PARTS: dict[str, Callable[..., list[Figure]]] = {
    "reading": reading.run,
    "quotes": quotes.run,
    "growth": quotes.growth,
    "markets": markets.run,
    "decision": decision.run,
    "backtest": backtest.run,
    "devnet": devnet.run,
    "rebuild": rebuild.run,
}


def main() -> int:
    """Run the parts; exit code 2 when one can't be run."""
    parser = argparse.ArgumentParser(
        prog="scripts/bench.py", description="Figures of speed and gas, with peers beside."
    )
    parser.add_argument("--json", action="store_true", help="one document on stdout")
    parser.add_argument("--only", action="append", choices=sorted(PARTS), help="this part alone; may be repeated")
    parser.add_argument(
        "--quick", action="store_true", help="small cases, two repetitions: whether it works, no figures"
    )
    parser.add_argument("--no-peers", action="store_true", help="leave out the peers that need scripts/setup bench")
    options = parser.parse_args()
    before = machine()
    figures: list[Figure] = []
    try:
        for name in options.only or PARTS:
            say(f"== {name}")
            figures += PARTS[name](effort(quick=options.quick), peers=not options.no_peers)
    except (BenchError, KeeperError) as error:
        print(f"bench: {error}", file=sys.stderr)
        return 2
    around = {"before": before, "after": machine()}
    if options.json:
        print(json.dumps({"machine": around, "quick": options.quick, "results": [row.document() for row in figures]}))
    else:
        show(figures, around)
    return 0


def show(figures: list[Figure], around: dict[str, dict[str, object]]) -> None:
    """For people."""
    print(f"{'medians; ratio = peer / ours':<66} {'ours':>12} {'peer':>12} {'ratio':>8}")
    for row in figures:
        ratio = "" if row.ratio is None else f"{row.ratio:,.1f}"
        print(f"{row.name:<66} {number(row.ours):>12} {number(row.peer):>12} {ratio:>8} {row.unit}")
        if row.aim or row.note:
            print(" " * 6 + "; ".join(part for part in (row.aim and f"aim {row.aim}", row.note) if part))
    for when, facts in around.items():
        print(f"load {when}: {facts['load']} on {facts['cores']} cores")


def number(value: float | None) -> str:
    """Three digits of small ones, all of large ones."""
    if value is None:
        return ""
    return f"{value:,.0f}" if value >= 1000 else f"{value:.3g}"


if __name__ == "__main__":
    sys.exit(main())
