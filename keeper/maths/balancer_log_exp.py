"""Powers as Balancer v2 computes them: e**(y ln x) in 18 decimals, every division truncated as in the contract.

Not accurate to the last digit and not monotone there; callers widen the result by the library's own error margin
(``maths.balancer_fixed``). Arguments out of the domain raise, as the contract reverts.
Reference: balancer-v2-monorepo ``LogExpMath`` (MIT).
"""

from keeper.maths.fixed import tdiv

ONE_18, ONE_20, ONE_36 = 10**18, 10**20, 10**36

MAX_EXPONENT, MIN_EXPONENT = 130 * ONE_18, -41 * ONE_18
"""Largest and smallest argument of ``exp``."""

_LN_36_LOW, _LN_36_HIGH = ONE_18 - 10**17, ONE_18 + 10**17
"""Between them the logarithm is taken with 36 decimals."""

_Y_BOUND = 2**254 // ONE_20
"""Exponents of ``power`` stay below, so that y ln x fits int256."""

_POWERS_OF_E_INTEGER = (
    (128 * ONE_18, 38877084059945950922200000000000000000000000000000000000),
    (64 * ONE_18, 6235149080811616882910000000),
)
"""(x in 18 decimals, e**x as an integer)."""

_POWERS_OF_E = (
    (32 * ONE_20, 7896296018268069516100000000000000),
    (16 * ONE_20, 888611052050787263676000000),
    (8 * ONE_20, 298095798704172827474000),
    (4 * ONE_20, 5459815003314423907810),
    (2 * ONE_20, 738905609893065022723),
    (ONE_20, 271828182845904523536),
    (ONE_20 // 2, 164872127070012814685),
    (ONE_20 // 4, 128402541668774148407),
    (ONE_20 // 8, 113314845306682631683),
    (ONE_20 // 16, 106449445891785942956),
)
"""(x, e**x), both in 20 decimals."""

_EXP_FACTORS = len(_POWERS_OF_E) - 2
"""``exp`` leaves the last two to its series."""

_EXP_TERMS = 12
_LN_TERMS = (3, 5, 7, 9, 11)
_LN_36_TERMS = (3, 5, 7, 9, 11, 13, 15)


class OutOfBounds(ArithmeticError):
    """The contract reverts here."""


def power(x: int, y: int) -> int:
    """x**y, both unsigned with 18 decimals; 0**0 is 1.

    Raises
    ------
    OutOfBounds
        When x, y or y ln x leaves the contract's domain.
    """
    if y == 0:
        return ONE_18
    if x == 0:
        return 0
    if x >> 255 or y >= _Y_BOUND:
        raise OutOfBounds(f"power({x}, {y})")
    if _LN_36_LOW < x < _LN_36_HIGH:
        precise = _ln_36(x)
        whole = tdiv(precise, ONE_18)
        exponent = whole * y + tdiv((precise - whole * ONE_18) * y, ONE_18)
    else:
        exponent = _ln(x) * y
    return exp(tdiv(exponent, ONE_18))


def exp(x: int) -> int:
    """e**x, 18 decimals.

    Raises
    ------
    OutOfBounds
        Outside [MIN_EXPONENT, MAX_EXPONENT].
    """
    if not MIN_EXPONENT <= x <= MAX_EXPONENT:
        raise OutOfBounds(f"exp({x})")
    if x < 0:
        return ONE_36 // exp(-x)
    first = 1
    for at, value in _POWERS_OF_E_INTEGER:
        if x >= at:
            x, first = x - at, value
            break
    x *= 100
    product = ONE_20
    for at, value in _POWERS_OF_E[:_EXP_FACTORS]:
        if x >= at:
            x, product = x - at, product * value // ONE_20
    total, term = ONE_20 + x, x
    for n in range(2, _EXP_TERMS + 1):
        term = term * x // ONE_20 // n
        total += term
    return product * total // ONE_20 * first // 100


def ln(x: int) -> int:
    """Natural logarithm of x, 18 decimals.

    Raises
    ------
    OutOfBounds
        For x <= 0.
    """
    if x <= 0:
        raise OutOfBounds(f"ln({x})")
    return tdiv(_ln_36(x), ONE_18) if _LN_36_LOW < x < _LN_36_HIGH else _ln(x)


def _ln(x: int) -> int:
    """18 decimals; x outside the band of ``_ln_36``."""
    if x < ONE_18:
        return -_ln(ONE_36 // x)
    total = 0
    for at, value in _POWERS_OF_E_INTEGER:
        if x >= value * ONE_18:
            x, total = x // value, total + at
    x, total = x * 100, total * 100
    for at, value in _POWERS_OF_E:
        if x >= value:
            x, total = x * ONE_20 // value, total + at
    return (total + _series(x, ONE_20, _LN_TERMS)) // 100


def _ln_36(x: int) -> int:
    """36 decimals, of an x with 18."""
    return _series(x * ONE_18, ONE_36, _LN_36_TERMS)


def _series(x: int, one: int, terms: tuple[int, ...]) -> int:
    """2 artanh((x - 1) / (x + 1)) with the odd powers of ``terms``."""
    z = tdiv((x - one) * one, x + one)
    squared = z * z // one
    power_of_z = total = z
    for n in terms:
        power_of_z = tdiv(power_of_z * squared, one)
        total += tdiv(power_of_z, n)
    return 2 * total
