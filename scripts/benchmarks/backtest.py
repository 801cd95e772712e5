"""Figure 6: a whole backtest of 66,000 half hours: walk, three others, both layers, page and numbers."""

import math
import random
import tempfile
import time
from pathlib import Path

from benchmarks.measure import Effort, Figure, say
from keeper.backtest.assumptions import constant_product, market_of, starting_model, starting_settings, starting_words
from keeper.backtest.bars import read_prices
from keeper.backtest.evaluate import Options, evaluate
from keeper.backtest.files import write
from keeper.backtest.readings import read_history

BARS = 66_000
FEW = 3_000
STEP = 1800
AIM_SECONDS = 20
SIZE = 10**18


def run(effort: Effort, *, peers: bool) -> list[Figure]:  # noqa: ARG001 - nobody else does this
    """Seconds of one core, from the file to the page."""
    bars = FEW if effort.quick else BARS
    with tempfile.TemporaryDirectory() as folder:
        file = Path(folder) / "walk.csv"
        file.write_text(random_prices(bars))
        say(f"backtest: {bars} bars")
        times = [_once(file, Path(folder) / "out", bars) for _ in range(1 if effort.quick else 2)]
    aim = f"<= {AIM_SECONDS} for 66,000 bars on one core"
    return [Figure(f"backtest of {bars:,} bars, processor time", min(times), None, "s", aim)]


def random_prices(bars: int) -> str:
    """Candles of a random walk whose volatility wanders; the same every time."""
    chance, price, level = random.Random(9), 1000.0, 0.004  # noqa: S311 - prices, no secrets
    lines = ["ts,open,high,low,close,volume"]
    for at in range(bars):
        level = min(0.02, max(0.001, level * math.exp(chance.gauss(0, 0.05))))
        close = price * math.exp(chance.gauss(0, level))
        high, low = max(price, close) * (1 + level / 2), min(price, close) * (1 - level / 2)
        lines.append(f"{at * STEP},{price:.6f},{high:.6f},{low:.6f},{close:.6f},1")
        price = float(f"{close:.6f}")
    return "\n".join(lines) + "\n"


def _once(file: Path, out: Path, bars: int) -> float:
    started = time.process_time()
    model = starting_model("liquidity_adjusted", 43_200, SIZE)
    market = market_of("walk", model)
    history = read_history(
        read_prices(file),
        market,
        starting_settings(market),
        starting_words(),
        constant_product(100 * SIZE, model),
        _silent,
    )
    write([evaluate(history, Options(judge_from=bars * STEP * 6 // 10), _silent)], (), out)
    return time.process_time() - started


def _silent(_what: str, _done: int, _total: int) -> None:
    """Progress that nobody watches."""
