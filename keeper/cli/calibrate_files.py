"""Writes a calibration: TOML fragment, table for governance, a picture of returns, volatility and tail, its numbers."""

import csv
import math
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np

from keeper.calibration.answers import Floats, NoValue
from keeper.calibration.calibrate import Calibration
from keeper.calibration.candles import last_days
from keeper.calibration.proposal import toml_fragment
from keeper.calibration.tails import exceedance, standardised_losses
from keeper.cli.calibrate_report import Section, day, markdown
from keeper.errors import ConfigError

TAIL_POINTS = 200
"""Largest losses drawn in the tail's panel."""


def write_files(found: Calibration, report: Sequence[Section], source: str, folder: Path) -> list[Path]:
    """Write the four files; answers their paths. The same calibration gives the same bytes.

    Raises
    ------
    ConfigError
        The folder cannot be written.
    """
    files = [folder / f"{found.asset}.{ending}" for ending in ("toml", "md", "csv", "png")]
    fragment, document, numbers, picture = files
    try:
        folder.mkdir(parents=True, exist_ok=True)
        fragment.write_text(toml_fragment(found.asset, found.proposals, source))
        document.write_text(markdown(found, report, source, picture.name))
        _write_numbers(found, numbers)
        _write_picture(found, picture)
    except OSError as error:
        raise ConfigError(f"--out: {folder} cannot be written: {error.strerror}", "choose another folder") from None
    return files


def _days(found: Calibration) -> Floats:
    """Unix seconds of each return's day."""
    days = last_days(found.history)
    return np.asarray(found.history.days.times[days][1:], dtype=np.float64)


def _sigma_path(found: Calibration) -> Floats:
    """Annual volatility of each day, a fraction; empty when nothing spoke."""
    if isinstance(found.verdict, NoValue):
        return np.empty(0)
    return np.asarray(np.sqrt(found.verdict.variance[:-1] * 365) / 100)


def _write_numbers(found: Calibration, file: Path) -> None:
    path = _sigma_path(found)
    spoke = "none" if isinstance(found.verdict, NoValue) else found.verdict.spoke
    with file.open("w", newline="") as target:
        rows = csv.writer(target)
        rows.writerow(["date", "log_return_pct", f"sigma_annual_{spoke}", "residual"])
        for at, (time, value) in enumerate(zip(_days(found), found.returns_pct, strict=True)):
            sigma = path[at] if len(path) else math.nan
            residual = value / 100 / sigma * math.sqrt(365) if sigma > 0 else math.nan
            shown = ["" if math.isnan(number) else f"{number:.10g}" for number in (value, sigma, residual)]
            rows.writerow([day(time), *shown])


def _write_picture(found: Calibration, file: Path) -> None:
    import matplotlib as mpl

    mpl.use("Agg")
    from matplotlib import pyplot as plt

    figure, panels = plt.subplots(3, 1, figsize=(10, 11), layout="constrained")
    when = _days(found) / 86_400
    panels[0].plot(when, found.returns_pct, linewidth=0.6)
    panels[0].set_ylabel("daily log return, %")
    path = _sigma_path(found)
    if len(path):
        panels[1].plot(when, path * 100, linewidth=0.9, label=getattr(found.verdict, "spoke", ""))
        panels[1].legend(loc="upper left")
    panels[1].set_ylabel("annual volatility, %")
    for panel in panels[:2]:
        panel.xaxis_date()
    _draw_tail(found, panels[2])
    figure.suptitle(f"{found.asset}: returns, volatility of the estimator that spoke, tail of its residuals")
    figure.savefig(file, dpi=110, metadata={"Software": None})
    plt.close(figure)


def _draw_tail(found: Calibration, axes: Any) -> None:
    axes.set_xlabel("loss, sigmas of the day")
    axes.set_ylabel("share of days with a larger loss")
    if isinstance(found.verdict, NoValue) or isinstance(found.tail, NoValue):
        return
    losses = np.sort(standardised_losses(found.returns_pct, found.verdict.variance))[::-1][:TAIL_POINTS]
    shares = np.arange(1, len(losses) + 1) / found.verdict.n
    axes.semilogy(losses, shares, ".", markersize=4, label="history")
    model = _model_tail(losses, found.tail.nu_used)
    axes.semilogy(losses, model, label=f"Student-t, nu {found.tail.nu_used:.2f}")
    tail = found.tail.tail
    if not isinstance(tail, NoValue):
        above = losses[losses > tail.threshold]
        axes.semilogy(above, exceedance(tail, above), label=f"GPD, xi {tail.xi:.2f}")
    axes.legend(loc="upper right")


def _model_tail(losses: Floats, nu: float) -> Floats:
    from scipy.special import stdtr

    return np.asarray(stdtr(nu, -losses * math.sqrt(nu / (nu - 2))))
