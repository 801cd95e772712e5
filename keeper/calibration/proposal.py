"""Settings for governance: integers, rounded to the safe side, each with the evidence that it rests on.

A number that cannot be had is not proposed, and the reason stands in its place; nothing falls back to something looser.
"""

import math
from dataclasses import dataclass
from fractions import Fraction

from keeper.calibration.answers import NoValue
from keeper.calibration.candles import History
from keeper.calibration.horizon import tau0_for
from keeper.calibration.multiplier import Multiplier
from keeper.calibration.sigmas import Sigma
from keeper.calibration.student_t import ES_CONFIDENCE, student_tail
from keeper.calibration.tail_evidence import TailEvidence
from keeper.records.units import WAD

K_STEP = WAD // 100
MULTIPLIER_STEP = WAD // 100
SIGMA_STEP = 10**14
"""1 bp of volatility, as the published path rounds (models.md 1.2)."""
TOML_INTEGER_MAX = 2**63 - 1


@dataclass(frozen=True, slots=True)
class Proposal:
    """One setting of ``[markets.model]``."""

    setting: str
    """Its name in the settings."""
    value: int | NoValue
    """In the setting's own unit, rounded up."""
    shown: str
    """For people."""
    n: str
    """Observations."""
    interval: str
    """95 % interval of what was estimated, or a dash."""
    method: str
    reference: str


def quantise_up(value: float, step: int) -> int:
    """Smallest multiple of ``step`` (WAD) that is not below ``value``; exact, from the double's own bits."""
    return math.ceil(Fraction(value) * WAD / step) * step


def proposals(  # noqa: PLR0917 - one argument a source of evidence
    history: History,
    floor: Sigma | NoValue,
    tail: TailEvidence | NoValue,
    multiplier: Multiplier | NoValue,
    nu_given: float | None,
    tau0_seconds: int,
) -> tuple[Proposal, ...]:
    """Every setting that calibration speaks about, in the order of the settings."""
    return (
        _tail_multiplier(tail, nu_given),
        _sigma_floor(floor),
        _model_multiplier(multiplier),
        _horizon(history, tau0_seconds),
        Proposal(
            "t_rep_seconds",
            NoValue("candles hold no depth; the refill half-life comes from a depth series"),
            "-",
            "-",
            "-",
            "90th percentile of ln 2 / rho after shocks",
            "models.md 4",
        ),
    )


def toml_fragment(asset: str, rows: tuple[Proposal, ...], source: str) -> str:
    """Settings of one market's ``[markets.model]``, ready to paste; what has no value stands as a comment."""
    lines = [f"# {asset}: proposed by keeper calibrate from {source}", "[markets.model]"]
    for row in rows:
        if isinstance(row.value, NoValue):
            lines.append(f"# {row.setting}: no value: {row.value.reason}")
        else:
            text = str(row.value) if row.value <= TOML_INTEGER_MAX else f'"{row.value}"'
            lines.append(f"{row.setting} = {text} # {row.shown}")
    return "\n".join(lines) + "\n"


def _tail_multiplier(tail: TailEvidence | NoValue, nu_given: float | None) -> Proposal:
    method, reference = "99 % ES of a unit-variance Student-t", "McNeil, Frey, Embrechts; models.md 3"
    if not isinstance(tail, NoValue):
        nu = tail.nu
        n, interval = ("-", "-") if isinstance(nu, NoValue) else (str(nu.n), f"nu {nu.low:.2f} to {nu.high:.2f}")
        k, why = tail.k, f"nu {tail.nu_used:.2f} ({tail.nu_reason})"
    else:
        # Governance's own nu needs no history.
        chosen = tail if nu_given is None else student_tail(nu_given, ES_CONFIDENCE)
        if isinstance(chosen, NoValue):
            return Proposal("k_wad", chosen, "-", "-", "-", method, reference)
        n, interval, k, why = "-", "-", chosen.es_unit_variance, f"nu {nu_given:.2f} (as given)"
    value = quantise_up(k, K_STEP)
    return Proposal("k_wad", value, f"{value / WAD:.2f}", n, interval, f"{method}, {why}", reference)


def _sigma_floor(floor: Sigma | NoValue) -> Proposal:
    method, reference = "root mean square of all daily returns", "EMIR RTS 153/2013 art. 28; models.md 2.8"
    if not isinstance(floor, NoValue) and not floor.annual > 0:
        floor = NoValue("the price did not move; the class floor of the limits applies")
    if isinstance(floor, NoValue):
        return Proposal("sigma_floor_wad", floor, "-", "-", "-", method, reference)
    value = quantise_up(floor.annual, SIGMA_STEP)
    interval = "-" if floor.low is None or floor.high is None else f"{floor.low * 100:.1f} to {floor.high * 100:.1f} %"
    shown = f"{value / WAD * 100:.2f} % a year"
    return Proposal("sigma_floor_wad", value, shown, str(floor.n), interval, method, reference)


def _model_multiplier(multiplier: Multiplier | NoValue) -> Proposal:
    method, reference = "1 + 1.2816 sqrt((kurt - 1) / 4 n_eff)", "models.md 2.8"
    if isinstance(multiplier, NoValue):
        return Proposal("model_mult_wad", multiplier, "-", "-", "-", method, reference)
    value = quantise_up(multiplier.value, MULTIPLIER_STEP)
    kurtosis = max(multiplier.scaled_kurtosis, multiplier.raw_kurtosis)
    method += f", kurt {kurtosis:.1f} of {multiplier.window_seconds} s windows, n_eff {multiplier.n_effective:.1f}"
    return Proposal("model_mult_wad", value, f"{value / WAD:.2f}", str(multiplier.pairs), "-", method, reference)


def _horizon(history: History, seconds: int) -> Proposal:
    value, why = tau0_for(history, seconds)
    n = str(len(history.candles.times))
    return Proposal("tau0_seconds", value, f"{value / 3600:g} h", n, "-", why, "models.md 4")
