"""18-decimal arithmetic of Balancer v2 pools: checked as the contract checks it, rounding named.

Two versions of the power exist. The first pools (20210418) always go through the logarithm; pools since
20220908-weighted-pool-v2 multiply instead when the exponent is exactly 1, 2 or 4 (``shortcuts``).
Reference: balancer-v2-monorepo ``FixedPoint``.
"""

from keeper.maths.balancer_log_exp import OutOfBounds, power
from keeper.maths.fixed import cdiv
from keeper.records.units import WAD

POWER_ERROR = 10_000
"""Relative error that the contract allows its power, 18 decimals: 1e-14."""

_UINT256 = 1 << 256


def checked(value: int) -> int:
    """The value, if it is a uint256.

    Raises
    ------
    OutOfBounds
        Below 0 or beyond 256 bits: the contract reverts.
    """
    if not 0 <= value < _UINT256:
        raise OutOfBounds(f"{value} is no uint256")
    return value


def mul_down(a: int, b: int) -> int:
    """floor(a b / WAD)."""
    return checked(a * b) // WAD


def mul_up(a: int, b: int) -> int:
    """ceil(a b / WAD)."""
    return cdiv(checked(a * b), WAD)


def div_down(a: int, b: int) -> int:
    """floor(a WAD / b)."""
    return checked(a * WAD) // _divisor(b)


def div_up(a: int, b: int) -> int:
    """ceil(a WAD / b)."""
    return cdiv(checked(a * WAD), _divisor(b))


def complement(a: int) -> int:
    """1 - a, at least 0."""
    return max(0, WAD - a)


def pow_down(x: int, y: int, *, shortcuts: bool) -> int:
    """x**y, not above the true value."""
    if shortcuts and y in _SHORTCUTS:
        return _multiplied(x, y, up=False)
    raw = power(x, y)
    return max(0, raw - mul_up(raw, POWER_ERROR) - 1)


def pow_up(x: int, y: int, *, shortcuts: bool) -> int:
    """x**y, not below the true value."""
    if shortcuts and y in _SHORTCUTS:
        return _multiplied(x, y, up=True)
    raw = power(x, y)
    return checked(raw + mul_up(raw, POWER_ERROR) + 1)


_SHORTCUTS = {WAD: 0, 2 * WAD: 1, 4 * WAD: 2}
"""Exponent -> how often the base is squared."""


def _multiplied(x: int, y: int, *, up: bool) -> int:
    for _ in range(_SHORTCUTS[y]):
        x = mul_up(x, x) if up else mul_down(x, x)
    return x


def _divisor(b: int) -> int:
    if b == 0:
        raise OutOfBounds("division by zero")
    return b
