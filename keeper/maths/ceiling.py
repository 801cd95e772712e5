"""Debt ceilings in 20 bits: a 7-bit binary exponent over a 13-bit mantissa, in base units of the debt asset.

0 = no ceiling. Twin of ``contracts/src/types/Ceiling.sol``, bit for bit.
"""

MANTISSA_BITS = 13
_MANTISSA = (1 << MANTISSA_BITS) - 1
CEILING_BITS = 20
"""Width of an encoded ceiling."""


def decode(ceiling: int) -> int:
    """Base units, below 2**140."""
    return (ceiling & _MANTISSA) << (ceiling >> MANTISSA_BITS)


def encode_down(value: int) -> int:
    """Encode base units below 2**140, rounded down to 13 bits."""
    exponent = max(0, value.bit_length() - MANTISSA_BITS)
    return (exponent << MANTISSA_BITS) | (value >> exponent)


def is_lower(a: int, b: int) -> bool:
    """Whether ``a`` is the lower of two encoded ceilings; none is the highest."""
    if a in {0, b}:
        return False
    return b == 0 or decode(a) < decode(b)
