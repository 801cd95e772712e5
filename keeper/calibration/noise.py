"""Realised variance under noise and jumps: two scales, realised kernel, bipower, MedRV, and the jump test.

n returns of one day at equal spacing; no jitter at the ends. Needed below five minutes, where the fee-wide bounce of a
pool's price is larger than its moves (models.md 2.5).
"""

import math
from dataclasses import dataclass

import numpy as np

from keeper.calibration.answers import Floats, NoValue, bad_numbers, finite

JUMP_Z = 3.09
"""A day has a jump when the test statistic is above: one day in a thousand without any (models.md)."""
_THETA = math.pi**2 / 4 + math.pi - 5
_MU_4_3 = 2 ** (2 / 3) * math.gamma(7 / 6) / math.gamma(1 / 2)
"""E|z|**(4/3) of a standard normal."""
_BANDWIDTH = 3.51
"""Constant of the Parzen kernel's bandwidth rule, as commonly quoted from Barndorff-Nielsen et al. (2009)."""
LEAST_RETURNS = 10


@dataclass(frozen=True, slots=True)
class Realised:
    """One day's variance, seen in eight ways; variances per day, of log returns."""

    rv: float
    """Sum of squared returns."""
    tsrv: float
    """Two-scale. Zhang, Mykland, Ait-Sahalia (2005)."""
    tsrv_adjusted: float
    """The same without its small-sample bias."""
    realised_kernel_parzen: float
    """Barndorff-Nielsen, Hansen, Lunde, Shephard (2008)."""
    bipower: float
    """Blind to jumps. Barndorff-Nielsen, Shephard (2004)."""
    med_rv: float
    """Blind to jumps and to zero returns. Andersen, Dobrev, Schaumburg (2012)."""
    tripower_quarticity: float
    """Integrated fourth power, variance squared."""
    jump_variation: float
    """max(0, rv - bipower)."""
    bns_ratio_z: float
    """Jump test, standard normal without jumps. Barndorff-Nielsen, Shephard (2006)."""
    noise_variance_naive: float
    """rv / 2n: what noise would be if nothing else moved the price."""
    n: int


@finite
def realised(log_prices: Floats, subgrids: int, bandwidth: int) -> Realised | NoValue:
    """Estimate one day's variance from equally spaced log prices.

    Parameters
    ----------
    log_prices
        n + 1 log prices, n at least 10.
    subgrids
        K of the two-scale estimator, 1 <= K < n.
    bandwidth
        H of the Parzen kernel, 0 <= H < n.

    Returns
    -------
    Realised or NoValue
        No value also for a day without any move: the jump test is not defined there.
    """
    if problem := bad_numbers(log_prices, LEAST_RETURNS + 1, "prices of a day"):
        return problem
    returns = np.diff(log_prices)
    n = len(returns)
    if not (1 <= subgrids < n and 0 <= bandwidth < n):
        return NoValue(f"{n} returns are too few for {subgrids} subgrids and bandwidth {bandwidth}")
    rv = float(returns @ returns)
    bipower = _bipower(returns)
    quarticity = _tripower_quarticity(returns)
    if rv <= 0 or bipower <= 0:
        return NoValue("the price did not move")
    two_scale, adjusted = _two_scale(log_prices, rv, subgrids)
    spread = _THETA * max(1.0, quarticity / bipower**2) / n
    return Realised(
        rv=rv,
        tsrv=two_scale,
        tsrv_adjusted=adjusted,
        realised_kernel_parzen=_kernel(returns, bandwidth),
        bipower=bipower,
        med_rv=_med_rv(returns),
        tripower_quarticity=quarticity,
        jump_variation=max(0.0, rv - bipower),
        bns_ratio_z=(rv - bipower) / rv / math.sqrt(spread),
        noise_variance_naive=rv / (2 * n),
        n=n,
    )


def bandwidth_for(log_prices: Floats) -> int:
    """Bandwidth by rule, ``3.51 xi**0.8 n**0.6`` with ``xi**2 = noise variance / sqrt(IQ)``, from 1 to a third of n."""
    returns = np.diff(log_prices)
    n = len(returns)
    quarticity = _tripower_quarticity(returns)
    most = max(1, n // 3)
    if not quarticity > 0:
        return most
    xi_squared = float(returns @ returns) / (2 * n) / math.sqrt(quarticity)
    return min(most, max(1, int(_BANDWIDTH * xi_squared**0.4 * n**0.6 + 0.5)))


def subgrids_for(log_prices: Floats) -> int:
    """K of the two-scale estimator, ``(12 noise variance**2 / IQ)**(1/3) n**(2/3)``, from 2 to a third of n.

    Zhang, Mykland, Ait-Sahalia (2005). Without noise it is small, which matters at 48 returns a day: the subgrids lose
    the ends of the day, and a K of ``n**(2/3)`` loses a quarter of the variance.
    """
    returns = np.diff(log_prices)
    n = len(returns)
    quarticity = _tripower_quarticity(returns)
    most = max(2, n // 3)
    if not quarticity > 0:
        return 2
    noise = float(returns @ returns) / (2 * n)
    return min(most, max(2, int((12 * noise**2 / quarticity) ** (1 / 3) * n ** (2 / 3) + 0.5)))


def _two_scale(log_prices: Floats, rv: float, k: int) -> tuple[float, float]:
    n = len(log_prices) - 1
    average = float(((log_prices[k:] - log_prices[:-k]) ** 2).sum()) / k
    share = (n - k + 1) / k / n
    estimate = average - share * rv
    return estimate, estimate / (1 - share)


def _kernel(returns: Floats, bandwidth: int) -> float:
    total = float(returns @ returns)
    for lag in range(1, bandwidth + 1):
        total += 2 * _parzen(lag / (bandwidth + 1)) * float(returns[lag:] @ returns[:-lag])
    return total


def _parzen(x: float) -> float:
    half = 0.5
    return 1 - 6 * x**2 + 6 * x**3 if x <= half else 2 * (1 - x) ** 3


def _bipower(returns: Floats) -> float:
    n = len(returns)
    sizes = np.abs(returns)
    return math.pi / 2 * n / (n - 1) * float(sizes[1:] @ sizes[:-1])


def _med_rv(returns: Floats) -> float:
    n = len(returns)
    sizes = np.abs(returns)
    medians = np.median(np.stack((sizes[2:], sizes[1:-1], sizes[:-2])), axis=0)
    return math.pi / (6 - 4 * math.sqrt(3) + math.pi) * n / (n - 2) * float(medians @ medians)


def _tripower_quarticity(returns: Floats) -> float:
    n = len(returns)
    sizes = np.abs(returns)
    products = (sizes[2:] * sizes[1:-1] * sizes[:-2]) ** (4 / 3)
    return n * _MU_4_3**-3 * n / (n - 2) * float(products.sum())
