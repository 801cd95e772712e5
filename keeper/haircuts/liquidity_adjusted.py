"""The liquidity-adjusted haircut: what the collateral can lose until it is really sold (models.md 5).

``h = 1 - exp(-(oracle + price move + time to liquidate + model uncertainty + bonus + gas))`` in integers, each part
rounded up. Where the size exceeds the stressed depth, the horizon grows by the time the depth needs to refill.
"""

from dataclasses import dataclass

from keeper.haircuts.bars import bounded, of_log_losses, unquotable
from keeper.maths.fixed import cdiv, isqrt_up, ln_up, mul_up
from keeper.records.estimates import Waterfall
from keeper.records.settings import ModelSettings
from keeper.records.units import BPS, WAD, YEAR_SECONDS

MAX_AMOUNT = 1 << 112
"""Amounts are below it (models.md 1.3), so that the Solidity twin does not overflow."""
_MAX_SECONDS = 1 << 32
_MAX_WAD = 1 << 80
_WAD_PER_BPS = WAD // BPS


@dataclass(frozen=True, slots=True)
class Inputs:
    """Arguments of the integer core, in the units of models.md 5.2."""

    sigma_wad: int
    k_wad: int
    size: int
    """Same unit as ``q_star``."""
    q_star: int
    tau0_seconds: int
    t_rep_seconds: int
    oracle_deviation_wad: int
    bonus_wad: int
    gas_fraction_wad: int
    model_mult_wad: int
    haircut_min_bps: int = 0
    haircut_max_bps: int = BPS


def waterfall(model: ModelSettings, sigma_wad: int, q_star: int) -> Waterfall:
    """Haircut of a market under its settings.

    Gas is inside Q* (liquidators pay it from the bonus), so it has no bar of its own here (models.md 5.1).
    """
    return compute(
        Inputs(
            sigma_wad=sigma_wad,
            k_wad=model.k_wad,
            size=model.size,
            # Depth beyond the domain counts as its edge: less depth, never a looser haircut.
            q_star=min(q_star, MAX_AMOUNT - 1),
            tau0_seconds=model.tau0_seconds,
            t_rep_seconds=model.t_rep_seconds,
            oracle_deviation_wad=model.oracle_deviation_wad,
            bonus_wad=model.bonus_bps * _WAD_PER_BPS,
            gas_fraction_wad=0,
            model_mult_wad=model.model_mult_wad,
            haircut_min_bps=model.haircut_min_bps,
            haircut_max_bps=model.haircut_max_bps,
        )
    )


def compute(inputs: Inputs) -> Waterfall:
    """Integer core (models.md 5.2).

    Raises
    ------
    ValueError
        When an input lies outside the domain that the Solidity twin accepts.
    """
    _check(inputs)
    horizon = horizon_wad(inputs)
    if horizon is None or inputs.oracle_deviation_wad >= WAD or inputs.gas_fraction_wad >= WAD:
        return unquotable(inputs.haircut_max_bps)
    bars = of_log_losses(components(inputs, horizon))
    return bounded(bars, inputs.haircut_min_bps, inputs.haircut_max_bps)


def horizon_wad(inputs: Inputs) -> int | None:
    """Time until everything is sold, WAD seconds, rounded up; None when there is nothing to sell into."""
    base = inputs.tau0_seconds * WAD
    if inputs.size <= inputs.q_star:
        return base
    if inputs.q_star == 0:
        return None
    return base + cdiv((inputs.size - inputs.q_star) * inputs.t_rep_seconds * WAD, inputs.q_star)


def components(inputs: Inputs, horizon: int) -> tuple[tuple[str, int], ...]:
    """Log losses in WAD, in the fixed order: attribution of a product depends on it."""
    root0 = isqrt_up(cdiv(inputs.tau0_seconds * WAD * WAD, YEAR_SECONDS))
    root = isqrt_up(cdiv(horizon * WAD, YEAR_SECONDS))
    speed = mul_up(inputs.k_wad, inputs.sigma_wad)
    at_once, in_time = mul_up(speed, root0), mul_up(speed, root)
    return (
        ("oracle", _loss_of_fraction(inputs.oracle_deviation_wad)),
        ("price_move", at_once),
        ("time_to_liquidate", in_time - at_once),
        ("model_uncertainty", mul_up(in_time, inputs.model_mult_wad - WAD)),
        ("liquidation_bonus", ln_up(WAD + inputs.bonus_wad) if inputs.bonus_wad else 0),
        ("gas", _loss_of_fraction(inputs.gas_fraction_wad)),
    )


def _loss_of_fraction(fraction: int) -> int:
    """-ln(1 - fraction) in WAD, rounded up."""
    return ln_up(cdiv(WAD * WAD, WAD - fraction)) if fraction else 0


def _check(inputs: Inputs) -> None:
    domain = (
        ("size", inputs.size, 0, MAX_AMOUNT),
        ("q_star", inputs.q_star, 0, MAX_AMOUNT),
        ("tau0_seconds", inputs.tau0_seconds, 0, _MAX_SECONDS),
        ("t_rep_seconds", inputs.t_rep_seconds, 0, _MAX_SECONDS),
        ("sigma_wad", inputs.sigma_wad, 0, _MAX_WAD),
        ("k_wad", inputs.k_wad, 0, _MAX_WAD),
        ("bonus_wad", inputs.bonus_wad, 0, _MAX_WAD),
        ("model_mult_wad", inputs.model_mult_wad, WAD, _MAX_WAD),
        ("haircut_max_bps", inputs.haircut_max_bps, inputs.haircut_min_bps, BPS + 1),
        ("haircut_min_bps", inputs.haircut_min_bps, 0, BPS + 1),
    )
    for name, value, lowest, limit in domain:
        if not lowest <= value < limit:
            raise ValueError(f"{name}={value} is outside [{lowest}, {limit})")
