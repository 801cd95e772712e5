"""Price histories whose truth is known: what estimators must see, and what must not fool them (models.md 2.3)."""

from dataclasses import replace

import numpy as np

from keeper.calibration.answers import Floats
from keeper.calibration.candles import DAY_SECONDS, Candles, History, NoValue, history_of

SIGMA = 0.8
"""Annual volatility of every world unless it says otherwise."""
START = 1_600_041_600
"""A midnight, UTC."""
STEPS = 4
"""Moves inside a candle, from which its high and low come."""
YEAR_DAYS = 365


def rng(seed: int) -> np.random.Generator:
    return np.random.Generator(np.random.Philox(seed))


def gbm(seed: int = 1, days: int = 60, interval: int = 1_800, sigma: float = SIGMA) -> Candles:
    """Geometric Brownian motion."""
    count = days * DAY_SECONDS // interval
    scale = sigma * np.sqrt(interval / DAY_SECONDS / YEAR_DAYS / STEPS)
    return candles_of(rng(seed).standard_normal((count, STEPS)) * scale, interval)


def candles_of(moves: Floats, interval: int) -> Candles:
    """Candles from log moves inside each of them, shape (candles, moves)."""
    path = np.cumsum(moves.reshape(-1)).reshape(moves.shape)
    opens = np.concatenate(([0.0], path[:-1, -1]))
    inner = np.column_stack((opens, path))
    return Candles(
        times=START + interval * np.arange(len(moves), dtype=np.int64),
        open=1_000 * np.exp(opens),
        high=1_000 * np.exp(inner.max(axis=1)),
        low=1_000 * np.exp(inner.min(axis=1)),
        close=1_000 * np.exp(path[:, -1]),
        volume=np.full(len(moves), 10.0),
    )


def garch_t(seed: int = 2, days: int = 1_500, nu: float = 5.0) -> Candles:
    """Daily GARCH(1,1) with Student-t innovations and a leverage effect; four candles a day."""
    chance = rng(seed)
    innovations = chance.standard_t(nu, days) * np.sqrt((nu - 2) / nu)
    variance, returns = 10.0, []
    for z in innovations:
        value = z * np.sqrt(variance)
        returns.append(value / 100)
        variance = 0.4 + (0.05 + 0.1 * (value < 0)) * value**2 + 0.85 * variance
    # The day's return is spread evenly, so that only daily figures carry information.
    moves = np.repeat(np.array(returns) / (4 * STEPS), 4 * STEPS).reshape(-1, STEPS)
    return candles_of(moves, DAY_SECONDS // 4)


def jumps(seed: int = 3, days: int = 60, every: int = 10, size: float = 0.15) -> Candles:
    """Brownian motion that falls by ``size`` at noon of every tenth day."""
    base = gbm(seed, days)
    moves = np.diff(np.log(base.close), prepend=np.log(base.open[0]))[:, None]
    per_day = DAY_SECONDS // 1_800
    moves[per_day // 2 + per_day * np.arange(0, days, every), 0] -= size
    return candles_of(moves, 1_800)


def regime_switch(seed: int = 4, days: int = 200) -> Candles:
    """Calm for the first half, four times as wild in the second."""
    calm, wild = (gbm(seed + at, days // 2, sigma=sigma) for at, sigma in enumerate((SIGMA / 4, SIGMA)))
    logs = [np.diff(np.log(part.close), prepend=np.log(part.open[0])) for part in (calm, wild)]
    return candles_of(np.concatenate(logs)[:, None], 1_800)


def without(candles: Candles, first: int, count: int) -> Candles:
    """The same with ``count`` candles missing."""
    keep = np.ones(len(candles.times), dtype=np.bool_)
    keep[first : first + count] = False
    return Candles(*(getattr(candles, name)[keep] for name in Candles.__slots__))


def stale(candles: Candles, first: int, count: int) -> Candles:
    """The same with ``count`` candles that repeat the last close and say nothing was traded."""
    spots = slice(first, first + count)
    last = candles.close[first - 1]
    changed = {name: getattr(candles, name).copy() for name in Candles.__slots__}
    for name in ("open", "high", "low", "close"):
        changed[name][spots] = last
    changed["volume"][spots] = 0.0
    return Candles(**changed)


def manipulated(candles: Candles, at: int, factor: float) -> Candles:
    """The same with one candle's close pushed away and back in the next."""
    changed = {name: getattr(candles, name).copy() for name in Candles.__slots__}
    changed["close"][at] *= factor
    changed["open"][at + 1] *= factor
    for name, pick in (("high", np.maximum), ("low", np.minimum)):
        for place in (at, at + 1):
            changed[name][place] = pick(changed["open"][place], changed["close"][place])
    return Candles(**changed)


def constant(days: int = 300) -> Candles:
    """A price that never moves, though it is traded."""
    return gbm(0, days, sigma=0.0)


def scaled(candles: Candles, factor: float) -> Candles:
    """The same in another unit."""
    names = ("open", "high", "low", "close")
    return replace(candles, **{name: getattr(candles, name) * factor for name in names})


def prepared(candles: Candles) -> History:
    history = history_of(candles)
    assert not isinstance(history, NoValue), history
    return history


WORLDS = {
    "gbm": gbm,
    "garch_t": garch_t,
    "jumps": jumps,
    "regime_switch": regime_switch,
    "stale_ticks": lambda: stale(gbm(), 500, 20),
    "manipulated_window": lambda: manipulated(gbm(), 2_700, 1.2),
    "gap_of_a_day": lambda: without(gbm(), 2_000, 48),
    "hole_of_166_days": lambda: without(gbm(days=300), 2_000, 166 * 48),
    "constant": constant,
    "two_candles": lambda: gbm(days=1, interval=43_200),
    "one_day": lambda: gbm(days=1),
    "daily_candles": lambda: gbm(days=400, interval=DAY_SECONDS),
    "tiny_prices": lambda: scaled(gbm(), 1e-18),
    "huge_prices": lambda: scaled(gbm(), 1e18),
}
