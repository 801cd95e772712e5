"""Python's fixed point against solady's own bytecode: 10,000 random and all boundary arguments, equal bit for bit."""

import random

import pytest

from keeper.chain.artifacts import load
from keeper.maths.fixed import exp_wad, isqrt_down, ln_wad
from keeper.records.units import Address
from keeper.testing.client import DevChain

EXP_ENDS = (-41446531673892822313, 135305999368893231589)


@pytest.fixture(scope="module")
def maths(module_chain: DevChain) -> Address:
    return module_chain.deploy(load("DevMaths", "keeper.testing"))


def spread(chance: random.Random, count: int, bits: int) -> list[int]:
    """Magnitudes of every size, and both sides of every power of two."""
    rows = [chance.getrandbits(chance.randint(1, bits)) for _ in range(count)]
    return rows + [(1 << power) + step for power in range(bits + 1) for step in (-1, 0, 1)]


def test_exp_wad(module_chain: DevChain, maths: Address) -> None:
    chance = random.Random(1)
    xs = [chance.randint(EXP_ENDS[0] - 10, EXP_ENDS[1] - 1) for _ in range(4000)]
    xs += [sign * x for x in spread(chance, 1000, 66) for sign in (1, -1)]
    xs += [EXP_ENDS[0] - 1, *EXP_ENDS[:1], EXP_ENDS[0] + 1, EXP_ENDS[1] - 1, -(1 << 255)]
    assert len(xs) > 6000
    answers = module_chain.call(maths, "expWad(int256[])", xs, returns="(int256[])")
    assert [exp_wad(x) for x in xs] == list(answers)


def test_ln_wad(module_chain: DevChain, maths: Address) -> None:
    xs = [x for x in spread(random.Random(2), 5000, 255) if 0 < x < 1 << 255]
    answers = module_chain.call(maths, "lnWad(int256[])", xs, returns="(int256[])")
    assert [ln_wad(x) for x in xs] == list(answers)


def test_sqrt(module_chain: DevChain, maths: Address) -> None:
    xs = [x for x in spread(random.Random(3), 3000, 256) if x < 1 << 256]
    answers = module_chain.call(maths, "sqrt(uint256[])", xs, returns="(uint256[])")
    assert [isqrt_down(x) for x in xs] == list(answers)
