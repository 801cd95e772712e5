"""Halmos with two things said more simply, so that the solver need not find them out at 256 bits.

A choice is a choice: OpenZeppelin's ``Math.ternary`` is ``b ^ ((a ^ b) * condition)``. To Halmos that is a product of
two unknowns, which it leaves open at first and then hands to the solver as a multiplier, a hundred in a path. Here the
same value is written ``condition ? a : b``, and any other number times a condition ``condition ? number : 0``.

A product or quotient is as wide as it can be: factors of 14 and 17 bits are multiplied in 31, what fits 31 bits is
divided in 31, and what a checked product divides by one factor is the other one where the product cannot overflow.

Nothing else of Halmos is touched. Runs in the environment of Halmos, with -P, in place of its command.
"""

import sys
from typing import Any

import z3
from halmos.__main__ import main
from halmos.bitvec import HalmosBitVec
from halmos.sevm import OP_DIV, SEVM

_times = HalmosBitVec.mul
_xor = HalmosBitVec.bitwise_xor
_divide = HalmosBitVec.div
_compute = SEVM.arith
# By the term's id; each entry holds its term, so that no id is given twice.
_differences: dict[int, tuple[Any, Any, Any]] = {}
"""a ^ b: itself, a, b."""
_chosen: dict[int, tuple[Any, Any, Any, Any]] = {}
"""(a ^ b) * condition: itself, condition, a, b."""
_quotients: dict[int, tuple[Any, list[Any]]] = {}
"""a / b: itself, what holds of it."""
_products: dict[int, tuple[Any, Any, Any]] = {}
"""a * b without overflow: itself, a, b."""


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
    return _narrow_product(self, other) or _times(self, other, abstraction=abstraction)


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


def _div(self: Any, other: Any, *, abstraction: Any = None) -> Any:
    dividend, divisor, size = self.as_z3(), other.as_z3(), self.size
    factor = _other_factor(dividend, divisor)
    if factor is not None:
        zero = z3.BitVecVal(0, size)
        return HalmosBitVec(z3.If(divisor == zero, zero, factor), size=size)
    width = _width(dividend)
    if (self.is_concrete and other.is_concrete) or not 0 < width < size:
        return _divide(self, other, abstraction=abstraction)
    if other.is_concrete and not 1 < divisor.as_long() < 1 << width:
        return _divide(self, other, abstraction=abstraction)
    # By name, as Halmos leaves a division open until it must know it; z3's own would be written in words of its own.
    bits = z3.BitVecSort(width)
    low, by = z3.Extract(width - 1, 0, dividend), z3.Extract(width - 1, 0, divisor)
    quotient = z3.Function(f"f_evm_bvudiv_{width}", bits, bits, bits)(low, by)
    term = z3.ZeroExt(size - width, quotient)
    if not other.is_concrete:
        # A divisor that does not fit is larger than the dividend.
        fits = z3.Extract(size - 1, width, divisor) == 0
        return HalmosBitVec(z3.If(fits, term, z3.BitVecVal(0, size)), size=size)
    answer = HalmosBitVec(term, size=size)
    # What a division is, said by a product: with it the solver hardly ever needs the division itself.
    most = z3.BitVecVal(((1 << width) - 1) // divisor.as_long(), width)
    facts = [z3.ULE(quotient, most), z3.ULE(quotient * by, low), z3.ULT(low - quotient * by, by)]
    key = answer.as_z3()
    _quotients[key.get_id()] = (key, facts)
    return answer


def _arith(self: Any, ex: Any, op: int, w1: Any, w2: Any) -> Any:
    term = _compute(self, ex, op, w1, w2)
    if op == OP_DIV and term.is_symbolic:
        _, facts = _quotients.get(term.as_z3().get_id(), (None, []))
        for fact in facts:
            ex.path.append(fact)
    return term


def _other_factor(product: Any, factor: Any) -> Any:
    """``y`` when the product is ``factor * y`` and cannot overflow, else None."""
    _, *both = _products.get(product.get_id(), (None,))
    for this, that in (both, reversed(both)) if both else ():
        if this.eq(factor):
            return that
    return None


def _narrow_product(self: Any, other: Any) -> Any:
    """The product in as many bits as it can have; None when it may overflow or both are numbers."""
    a, b, size = self.as_z3(), other.as_z3(), self.size
    width = _width(a) + _width(b)
    if (self.is_concrete and other.is_concrete) or not 0 < width < size:
        return None
    low_a, low_b = (z3.Extract(width - 1, 0, part) for part in (a, b))
    if self.is_concrete or other.is_concrete:
        low = low_a * low_b
    else:
        bits = z3.BitVecSort(width)
        low = z3.Function(f"f_evm_bvmul_{width}", bits, bits, bits)(low_a, low_b)
    product = HalmosBitVec(z3.ZeroExt(size - width, low), size=size)
    key = product.as_z3()
    _products[key.get_id()] = (key, a, b)
    return product


def _width(term: Any) -> int:
    """Bits that the term fits, whatever its unknowns are; its own size when nothing better is seen."""
    parts = term.children()
    width = term.size()
    if z3.is_bv_value(term):
        width = term.as_long().bit_length()
    elif _is(term, z3.Z3_OP_CONCAT):
        while parts and _width(parts[0]) == 0:
            width -= parts.pop(0).size()
        width += _width(parts[0]) - parts[0].size() if parts else 0
    elif _is(term, z3.Z3_OP_ZERO_EXT):
        width = _width(parts[0])
    elif _is(term, z3.Z3_OP_ITE):
        test, this, that = parts
        width = max(min(_width(this), _width_when(test, this)), _width(that))
    elif _is(term, z3.Z3_OP_BMUL):
        width = sum(map(_width, parts))
    elif _is(term, z3.Z3_OP_BADD):
        width = max(map(_width, parts)) + len(parts) - 1
    return min(width, term.size())


def _width_when(test: Any, term: Any) -> int:
    """Bits that the term fits where the test holds: ``x <= y ? x : 0`` is how a difference stops at zero."""
    width = term.size()
    for clause in test.children() if z3.is_and(test) else [test]:
        left, right = clause.children() if clause.num_args() == 2 else (None, None)
        if _is(clause, z3.Z3_OP_ULEQ) and left.eq(term):
            width = min(width, _width(right))
        # The same bound as z3 writes it where the other side is narrow: the upper bits are zero.
        for part, value in ((left, right), (right, left)) if z3.is_eq(clause) else ():
            if _is(part, z3.Z3_OP_EXTRACT) and part.arg(0).eq(term) and z3.is_bv_value(value) and value.as_long() == 0:
                high, low = part.params()
                width = min(width, low if high == term.size() - 1 else width)
    return width


def _is(term: Any, kind: int) -> bool:
    return bool(z3.is_app_of(term, kind))


if __name__ == "__main__":
    HalmosBitVec.mul = _mul
    HalmosBitVec.div = _div
    SEVM.arith = _arith
    HalmosBitVec.bitwise_xor = _bitwise_xor
    sys.exit(main())
