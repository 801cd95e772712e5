"""Halmos with one thing said more simply: OpenZeppelin's choice without a jump is a choice.

``Math.ternary`` is ``b ^ ((a ^ b) * condition)``. To Halmos that is a product of two unknowns, which it leaves open at
first and then hands to the solver as a multiplier of 256 bits, a hundred in a path. Here the same value is written
``condition ? a : b``, and any other number times a condition ``condition ? number : 0``. Nothing else of Halmos is
touched. Runs in the environment of Halmos, with -P, in place of its command.
"""

import sys
from typing import Any

import z3
from halmos.__main__ import main
from halmos.bitvec import HalmosBitVec

_times = HalmosBitVec.mul
_xor = HalmosBitVec.bitwise_xor
# By the term's id; each entry holds its term, so that no id is given twice.
_differences: dict[int, tuple[Any, Any, Any]] = {}
"""a ^ b: itself, a, b."""
_chosen: dict[int, tuple[Any, Any, Any, Any]] = {}
"""(a ^ b) * condition: itself, condition, a, b."""


def _mul(self: Any, other: Any, *, abstraction: Any = None) -> Any:
    for factor, number in ((self, other), (other, self)):
        condition = _condition(factor)
        if condition is None:
            continue
        term = number.as_z3()
        product = HalmosBitVec(z3.If(condition, term, z3.BitVecVal(0, number.size)), size=number.size)
        if term.get_id() in _differences:
            _, a, b = _differences[term.get_id()]
            key = product.as_z3()
            _chosen[key.get_id()] = (key, condition, a, b)
        return product
    return _times(self, other, abstraction=abstraction)


def _bitwise_xor(self: Any, other: Any) -> Any:
    a, b = self.as_z3(), other.as_z3()
    for left, right in ((a, b), (b, a)):
        if left.get_id() in _chosen:
            _, condition, *both = _chosen[left.get_id()]
            for this, that in (both, reversed(both)):
                if right.get_id() == this.get_id():
                    return HalmosBitVec(z3.If(condition, that, this), size=self.size)
    difference = _xor(self, other)
    key = difference.as_z3()
    _differences[key.get_id()] = (key, a, b)
    return difference


def _condition(word: Any) -> Any:
    """When the word is 1 under a condition and else 0, or the other way round: the condition of 1."""
    term = word.as_z3()
    if word.is_concrete or not z3.is_app_of(term, z3.Z3_OP_ITE):
        return None
    values = [int(part.as_long()) if z3.is_bv_value(part) else None for part in term.children()[1:]]
    if values == [1, 0]:
        return term.arg(0)
    return z3.Not(term.arg(0)) if values == [0, 1] else None


if __name__ == "__main__":
    HalmosBitVec.mul = _mul
    HalmosBitVec.bitwise_xor = _bitwise_xor
    sys.exit(main())
