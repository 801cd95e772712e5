"""Fixed-point arithmetic with named rounding: the WAD twins of solady's FixedPointMathLib, bit for bit.

Python's integers don't wrap, so each function says its domain and refuses the rest, as the Solidity twin reverts.
Signed division truncates toward zero where Solidity's ``sdiv`` does; ``>>`` is arithmetic in both languages.
Reference: solady 0.1.26 ``FixedPointMathLib``; models.md 1.3.
"""

from math import isqrt

from keeper.records.units import WAD

_EXP_ZERO = -41446531673892822313
"""At and below it exp is under half a unit and is 0."""

_EXP_OVERFLOW = 135305999368893231589
"""At and above it the result does not fit int256."""

_LN2_X96 = 54916777467707473351141471128
"""ln 2 in 2**96."""


def cdiv(a: int, b: int) -> int:
    """ceil(a / b) for b > 0."""
    return -(-a // b)


def mul_up(a: int, b: int) -> int:
    """ceil(a * b / WAD)."""
    return cdiv(a * b, WAD)


def mul_down(a: int, b: int) -> int:
    """floor(a * b / WAD)."""
    return a * b // WAD


def isqrt_down(n: int) -> int:
    """floor(sqrt(n)), solady's ``sqrt``."""
    return isqrt(n)


def isqrt_up(n: int) -> int:
    """ceil(sqrt(n))."""
    root = isqrt(n)
    return root + (root * root != n)


def tdiv(a: int, b: int) -> int:
    """Quotient rounded toward zero, as Solidity divides signed integers."""
    quotient = abs(a) // abs(b)
    return quotient if (a < 0) == (b < 0) else -quotient


def exp_wad(x: int) -> int:
    """e**(x / WAD) in WAD, within (-0.999, +0.0011) of a unit on [-3 WAD, 0].

    Raises
    ------
    OverflowError
        For x >= 135305999368893231589.
    """
    if x <= _EXP_ZERO:
        return 0
    if x >= _EXP_OVERFLOW:
        raise OverflowError(f"exp_wad({x}) does not fit int256")
    x = tdiv(x << 78, 5**18)
    k = (tdiv(x << 96, _LN2_X96) + 2**95) >> 96
    x -= k * _LN2_X96

    y = x + 1346386616545796478920950773328
    y = ((y * x) >> 96) + 57155421227552351082224309758442
    p = y + x - 94201549194550492254356042504812
    p = ((p * y) >> 96) + 28719021644029726153956944680412240
    p = p * x + (4385272521454847904659076985693276 << 96)

    q = x - 2855989394907223263936484059900
    q = ((q * x) >> 96) + 50020603652535783019961831881945
    q = ((q * x) >> 96) - 533845033583426703283633433725380
    q = ((q * x) >> 96) + 3604857256930695427073651918091429
    q = ((q * x) >> 96) - 14423608567350463180887372962807573
    q = ((q * x) >> 96) + 26449188498355588339934803723976023

    return (tdiv(p, q) * 3822833074963236453042738258902158003155416615667) >> (195 - k)


def ln_wad(x: int) -> int:
    """ln(x / WAD) in WAD, within (-1.044, +0.046) of a unit.

    Raises
    ------
    ValueError
        For x <= 0.
    OverflowError
        For x >= 2**255.
    """
    if x <= 0:
        raise ValueError(f"ln_wad({x}) is not defined")
    if x >= 1 << 255:
        raise OverflowError("ln_wad: the argument does not fit int256")
    bits = x.bit_length() - 1
    # Solady's r is 255 - log2(x); x becomes a number in [1, 2) in 2**96.
    r = 255 - bits
    x = (x << r) >> 159

    p = ((x + 3273285459638523848632254066296) * x >> 96) + 24828157081833163892658089445524
    p = (p * x >> 96) + 43456485725739037958740375743393
    p = (p * x >> 96) - 11111509109440967052023855526967
    p = (p * x >> 96) - 45023709667254063763336534515857
    p = (p * x >> 96) - 14706773417378608786704636184526
    p = p * x - (795164235651350426258249787498 << 96)

    q = x + 5573035233440673466300451813936
    q = (x * q >> 96) + 71694874799317883764090561454958
    q = (x * q >> 96) + 283447036172924575727196451306956
    q = (x * q >> 96) + 401686690394027663651624208769553
    q = (x * q >> 96) + 204048457590392012362485061816622
    q = (x * q >> 96) + 31853899698501571402653359427138
    q = (x * q >> 96) + 909429971244387300277376558375

    result = tdiv(p, q) * 1677202110996718588342820967067443963516166
    result += 16597577552685614221487285958193947469193820559219878177908093499208371 * (159 - r)
    result += 600920179829731861736702779321621459595472258049074101567377883020018308
    return result >> 174


def ln_up(x: int) -> int:
    """An upper bound of ln(x / WAD) in WAD, strict for x >= WAD (models.md 1.3)."""
    return ln_wad(x) + 2
