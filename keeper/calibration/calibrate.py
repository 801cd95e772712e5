"""One asset, from its candles to proposed settings: everything that was estimated, and everything that could not be."""

import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field

from keeper.calibration.answers import Floats, NoValue
from keeper.calibration.blend import one_way
from keeper.calibration.candles import DAY_SECONDS, Candles, History, history_of, log_returns, runs
from keeper.calibration.chain_evidence import ChainEvidence, evaluate_chain
from keeper.calibration.daily_models import DAILY_MODELS, Verdict, fit_ewma, fit_model, judge
from keeper.calibration.horizon import Horizon, measure_horizon, tau0_for
from keeper.calibration.implied import Quote
from keeper.calibration.jumps import Jumps, find_jumps
from keeper.calibration.liquidity import Costs, Spread, measure_costs
from keeper.calibration.multiplier import Multiplier, measure_multiplier
from keeper.calibration.proposal import Proposal, proposals
from keeper.calibration.ranges import yang_zhang
from keeper.calibration.sigmas import RANGE_DAYS, SIGMAS, YEAR_DAYS, Sigma, bars_of, sigma_of_fit
from keeper.calibration.tail_evidence import TailEvidence, measure_tail

TAU0_SECONDS = 43_200
"""Feed heartbeat, inclusion and auction ramp on an L1 (models.md 4, a proposal there)."""
EVT_WARNING = 1.15
"""History may exceed the model's shortfall by this factor before it is a warning (models.md 3)."""
FLOOR_DAYS = 365
"""A shorter history has seen too little for a floor: a warning."""


@dataclass(frozen=True, slots=True)
class Request:
    """What governance decides beforehand."""

    nu: float | None = None
    """Degrees of freedom; None estimates them."""
    tau0_seconds: int = TAU0_SECONDS
    chain: Mapping[float, Sequence[Quote]] = field(default_factory=dict)
    """Option chain by expiry in years; empty without one."""
    rate: float = 0.0
    """Continuous annual rate of the chain."""
    spread: Spread | None = None
    """Quoted spread of the asset; None when it is not known."""


@dataclass(frozen=True, slots=True, eq=False)
class Calibration:
    """All that one history says."""

    asset: str
    history: History
    sigmas: Mapping[str, Sigma | NoValue]
    """Annual volatility today, by estimator; the daily models among them."""
    returns_pct: Floats
    """Daily returns since the last hole, percent: those of the verdict."""
    verdict: Verdict | NoValue
    tail: TailEvidence | NoValue
    multiplier: Multiplier | NoValue
    jumps: Jumps | NoValue
    horizon: Horizon | NoValue
    stressed: float | NoValue
    """Highest Yang-Zhang volatility of any 30 days, annual."""
    chain: ChainEvidence | NoValue
    costs: Costs | NoValue
    blended: float | NoValue
    """Sigma over realised, implied, stress and floor; for the report, nothing publishes it."""
    proposals: tuple[Proposal, ...]
    warnings: tuple[str, ...]


def calibrate(
    asset: str, candles: Candles, request: Request, say: Callable[[str], None] = lambda _: None
) -> Calibration | NoValue:
    """Run every estimator on one history and propose settings.

    Parameters
    ----------
    asset
        Name for people.
    candles
        As recorded.
    request
        Governance's choices.
    say
        Told what is being done, since fits take seconds.

    Returns
    -------
    Calibration or NoValue
        No value only when the history itself is unusable; an estimator's failure is in its own field.
    """
    history = history_of(candles)
    if isinstance(history, NoValue):
        return history
    if not len(history.days.times):
        return NoValue("no UTC day has three quarters of its candles")
    say("volatility by every estimator")
    sigmas: dict[str, Sigma | NoValue] = {name: estimate(history) for name, estimate in SIGMAS.items()}
    returns = log_returns(history)[-1] * 100
    verdict = _daily(returns, sigmas, say)
    say("tail, jumps and horizon")
    tail = verdict if isinstance(verdict, NoValue) else measure_tail(returns, verdict, request.nu)
    multiplier = measure_multiplier(history)
    horizon = measure_horizon(history, tau0_for(history, request.tau0_seconds)[0])
    chain = evaluate_chain(request.chain, request.rate) if request.chain else NoValue("no option chain was given")
    stressed, floor = _stressed(history), sigmas["whole_history"]
    speaker = sigmas["ewma"] if isinstance(verdict, NoValue) else sigmas[verdict.spoke]
    return Calibration(
        asset=asset,
        history=history,
        sigmas=sigmas,
        returns_pct=returns,
        verdict=verdict,
        tail=tail,
        multiplier=multiplier,
        jumps=find_jumps(history),
        horizon=horizon,
        stressed=stressed,
        chain=chain,
        costs=speaker if isinstance(speaker, NoValue) else measure_costs(history, speaker.annual, request.spread),
        blended=_blended(speaker, stressed, floor, chain),
        proposals=proposals(history, floor, tail, multiplier, request.nu, request.tau0_seconds),
        warnings=_warnings(history, tail, multiplier, horizon),
    )


def _daily(returns: Floats, sigmas: dict[str, Sigma | NoValue], say: Callable[[str], None]) -> Verdict | NoValue:
    """Fit the daily models, add their forecasts to the sigmas, and judge GJR against EWMA."""
    fits = {}
    for name, spec in DAILY_MODELS.items():
        say(f"fitting {name}")
        fits[name] = fit = fit_model(returns, spec)
        sigmas[name] = fit if isinstance(fit, NoValue) else sigma_of_fit(fit)
    fallback = fit_ewma(returns)
    return fallback if isinstance(fallback, NoValue) else judge(fits["gjr_t"], fallback)


def _stressed(history: History) -> float | NoValue:
    found = []
    for start, stop in runs(history.days.times, DAY_SECONDS):
        for end in range(start + RANGE_DAYS + 1, stop + 1):
            variance = yang_zhang(bars_of(history, slice(end - RANGE_DAYS, end)))
            if isinstance(variance, NoValue):
                return variance
            found.append(variance)
    if not found:
        return NoValue(f"no {RANGE_DAYS + 1} days without a hole")
    return math.sqrt(YEAR_DAYS * max(found))


def _blended(
    realised: Sigma | NoValue, stressed: float | NoValue, floor: Sigma | NoValue, chain: ChainEvidence | NoValue
) -> float | NoValue:
    if isinstance(realised, NoValue):
        return realised
    if isinstance(stressed, NoValue):
        return stressed
    if isinstance(floor, NoValue):
        return floor
    index = chain if isinstance(chain, NoValue) else chain.index
    return one_way(realised.annual, () if isinstance(index, NoValue) else (index,), stressed, floor.annual)


def _warnings(
    history: History, tail: TailEvidence | NoValue, multiplier: Multiplier | NoValue, horizon: Horizon | NoValue
) -> tuple[str, ...]:
    """What governance should look at before it adopts anything."""
    found = []
    if history.bad_prints:
        found.append(f"{history.bad_prints} candles were taken out as bad prints: look at them in the source")
    if len(history.days.times) < FLOOR_DAYS:
        found.append(f"{len(history.days.times)} days of history are less than a year: raise the floor by judgement")
    if not isinstance(tail, NoValue) and tail.evt_ratio is not None and tail.evt_ratio > EVT_WARNING:
        found.append(f"the EVT shortfall is {tail.evt_ratio:.2f} times the model's (limit {EVT_WARNING}): lower nu")
    if not (isinstance(horizon, NoValue) or isinstance(tail, NoValue) or isinstance(multiplier, NoValue)):
        covered = tail.k * multiplier.value
        reached = horizon.first_passage_multiple_99
        if reached > EVT_WARNING * covered:
            what = f"within {horizon.seconds} s the largest loss on the way reached {reached:.2f} sigmas (99 % ES)"
            found.append(f"{what}; k times the multiplier covers {covered:.2f}")
    return tuple(found)
