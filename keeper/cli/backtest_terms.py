"""Under which terms ``keeper backtest`` walks: starting values and its own options, or a settings file."""

from pathlib import Path
from typing import TYPE_CHECKING

from keeper.cli.common import Context
from keeper.errors import ConfigError

if TYPE_CHECKING:
    from keeper.backtest.terms import Terms
    from keeper.records.settings import Settings

OF_SETTINGS = ("model", "tau_hours", "k", "half_lives", "stress_weight", "buffer")
"""Options that a settings file replaces."""


def starting(name: str, tau_hours: float, k: str, half_lives: str) -> "Terms":
    """What a first listing starts with."""
    from dataclasses import replace

    from keeper.backtest.assumptions import ONE, market_of, starting_model, starting_settings
    from keeper.backtest.terms import Terms
    from keeper.haircuts import MODELS

    if name not in MODELS:
        raise ConfigError(f"--model: there is no haircut model {name!r}", f"choose from: {', '.join(sorted(MODELS))}")
    model = replace(starting_model(name, round(tau_hours * 3600), ONE), k_wad=_wad("--k", k))
    settings = _with_half_lives(starting_settings(market_of("", model)), half_lives)
    return Terms(settings, model, "starting values", ())


def terms_of(context: Context, file: Path | None, market: str) -> "Terms | None":
    """Those of a settings file, if one is named."""
    from keeper.backtest.terms import read_terms

    if file is None:
        if market:
            raise ConfigError("--market chooses from a settings file", "name it with --settings")
        return None
    given = [name for name in OF_SETTINGS if _is_given(context, name)]
    if given:
        option = f"--{given[0].replace('_', '-')}"
        raise ConfigError(f"{option} and --settings say the same thing", f"leave {option} out, or write it in {file}")
    return read_terms(file, market)


def _is_given(context: Context, name: str) -> bool:
    source = context.get_parameter_source(name)
    return source is not None and source.name != "DEFAULT"


def _with_half_lives(settings: "Settings", text: str) -> "Settings":
    from dataclasses import replace

    parts = text.split(",")
    if len(parts) != 2:
        raise ConfigError(f"--half-lives: {text!r} are not two numbers of days", "write them as 1,11")
    quick, slow = (_wad("--half-lives", part) * 86_400 // 10**18 for part in parts)
    return replace(settings, half_life_fast_seconds=max(1, quick), half_life_slow_seconds=max(1, slow))


def _wad(option: str, text: str) -> int:
    from decimal import Decimal, InvalidOperation

    try:
        value = Decimal(text)
    except InvalidOperation:
        value = Decimal(0)
    if not value.is_finite() or not 0 < value <= 1000:
        raise ConfigError(f"{option}: {text!r} is not a number above 0 and at most 1000", "write it as 3.6915")
    return int(value * 10**18)
