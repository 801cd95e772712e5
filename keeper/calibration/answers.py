"""What an estimator answers: a finite number, or a typed "no value" with its reason (models.md P54)."""

import math
from collections.abc import Callable
from dataclasses import dataclass, fields, is_dataclass
from functools import wraps
from typing import ParamSpec, TypeVar

import numpy as np
import numpy.typing as npt

Floats = npt.NDArray[np.float64]
"""One-dimensional array of doubles; the docstring that uses it says its length and unit."""

P = ParamSpec("P")
T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class NoValue:
    """There is no answer. It is neither 0 nor NaN, and it never loosens anything."""

    reason: str
    """One line: what was missing or wrong, with the number that shows it."""


def finite(estimator: Callable[P, T | NoValue]) -> Callable[P, T | NoValue]:
    """Make sure that no NaN and no infinity leaves an estimator.

    Parameters
    ----------
    estimator
        Answers a float, an array, or a record of them, nested as one likes; or :class:`NoValue`.

    Returns
    -------
    Callable
        The same, but a number that is not finite, a division by zero, an overflow and an argument
        outside a function's domain become :class:`NoValue`.
    """

    @wraps(estimator)
    def guarded(*args: P.args, **kwargs: P.kwargs) -> T | NoValue:
        try:
            with np.errstate(all="ignore"):
                answer = estimator(*args, **kwargs)
        except (ArithmeticError, ValueError) as error:  # ValueError: math says so outside a function's domain
            return NoValue(f"{estimator.__name__}: {error or type(error).__name__}")
        if not is_finite(answer):
            return NoValue(f"{estimator.__name__}: the result is not a finite number")
        return answer

    return guarded


def is_finite(value: object) -> bool:
    """Whether every number inside is finite; text and integers are."""
    if isinstance(value, float):
        return math.isfinite(value)
    if isinstance(value, np.ndarray):
        return bool(np.isfinite(value).all())
    if isinstance(value, tuple | list):
        return all(is_finite(item) for item in value)
    if isinstance(value, dict):
        return all(is_finite(item) for item in value.values())
    if is_dataclass(value):
        return all(is_finite(getattr(value, field.name)) for field in fields(value))
    return True


def bad_numbers(values: Floats, least: int, what: str) -> NoValue | None:
    """Say why a series cannot be used: too short, or not numbers.

    Parameters
    ----------
    values
        Any length, any unit.
    least
        Fewest observations.
    what
        What one observation is called, in the plural.
    """
    if len(values) < least:
        return NoValue(f"{len(values)} {what}, {least} are needed")
    if not np.isfinite(values).all():
        return NoValue(f"{int((~np.isfinite(values)).sum())} of the {what} are not finite numbers")
    return None


def bad_prices(values: Floats, least: int, what: str = "prices") -> NoValue | None:
    """Say why prices cannot be used: as :func:`bad_numbers`, and zero or negative ones."""
    if problem := bad_numbers(values, least, what):
        return problem
    if (values <= 0).any():
        return NoValue(f"{int((values <= 0).sum())} of the {what} are zero or negative")
    return None
