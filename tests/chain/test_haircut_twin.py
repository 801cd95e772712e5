"""Python's integer core against the Solidity library: haircut with every bar, horizon, widening, fixed point.

Random arguments are log-uniform over the whole domain; edges are every limit, every threshold, and one unit around it.
The summary of the run says how many were compared.
"""

import random
from collections.abc import Callable, Iterator, Sequence
from dataclasses import fields
from itertools import combinations, product

import pytest
from eth_abi.abi import decode
from shared import vectors

from keeper.chain.artifacts import load
from keeper.errors import Refused
from keeper.haircuts import smart_ltv
from keeper.haircuts.liquidity_adjusted import Inputs, components, compute, horizon_wad
from keeper.maths.fixed import cdiv, isqrt_up, ln_up, ln_wad, mul_down, mul_up
from keeper.maths.keccak import keccak
from keeper.maths.staleness import widened_bps
from keeper.records.units import BPS, WAD, YEAR_SECONDS, Address
from keeper.testing.client import DevChain, hex_of

Row = tuple[int, ...]

SEED = 20261121
TOP = (1 << 256) - 1
WORDS_A_CALL = 24_000
"""Anvil takes bodies up to 2 MB, 64 letters a word."""
GAS = hex(10**9)

FIELDS = tuple(field.name for field in fields(Inputs))
BITS = (80, 80, 112, 112, 32, 32, 62, 80, 62, 80, 13, 13)
"""Of each input, for numbers of every magnitude."""
LARGEST = (5 * WAD, 10 * WAD, 10**9, 10**9, 86_400, 7_200, WAD // 5, WAD // 4, WAD // 20, 2 * WAD, 300, BPS)
"""Of each input, as markets have them."""
BASE: Row = (8 * 10**17, 3 * WAD, 10**8, 2 * 10**7, 3600, 1800, 5 * 10**15, WAD // 20, 5 * 10**14, 115 * 10**16, 0, BPS)
BARS = ("oracle", "price_move", "time_to_liquidate", "model_uncertainty", "liquidation_bonus", "gas")
BARS += ("floor", "cap", "unquotable")

_WAD_ENDS = (0, 1, WAD - 1, WAD, WAD + 1, (1 << 80) - 1)
_AMOUNT_ENDS = (0, 1, 2 * 10**7 - 1, 2 * 10**7, 2 * 10**7 + 1, (1 << 112) - 1)
_SECONDS_ENDS = (0, 1, YEAR_SECONDS, (1 << 32) - 1)
_FRACTION_ENDS = (0, 1, WAD - 2, WAD - 1, WAD, WAD + 1, TOP)
_BPS_ENDS = (0, 1, 1_000, 1_001, 1_002, BPS - 1, BPS)
ENDS = (_WAD_ENDS, _WAD_ENDS, _AMOUNT_ENDS, _AMOUNT_ENDS, _SECONDS_ENDS, _SECONDS_ENDS, _FRACTION_ENDS, _WAD_ENDS)
ENDS += (_FRACTION_ENDS, (WAD, WAD + 1, 2 * WAD, (1 << 80) - 1), _BPS_ENDS, _BPS_ENDS)

AT_LEAST = {
    "haircut": 24_000,
    "haircut at edges": 12_000,
    "horizonWad": 9_000,
    "widenedBps": 21_000,
    "widenedBps at edges": 12_000,
    "cdiv": 4_000,
    "mulBoth": 8_000,
    "isqrtUp": 8_000,
    "lnUp": 4_000,
    "smartLtv": 6_000,
}
"""Inputs that each comparison holds, whatever the seed."""

EXP_IS_ZERO = 41446531673892822313
"""A loss from which on nothing is left (solady)."""


class Harness:
    """The library on a chain; compares many rows of arguments a call."""

    def __init__(self, chain: DevChain, record: Callable[[str, object], None]) -> None:
        self.chain, self.record = chain, record
        self.address: Address = chain.deploy(load("DevHaircut", "keeper.testing"))

    def compare(self, function: str, rows: Sequence[Row], twin: Callable[..., Row], name: str = "") -> None:
        """Every row's answer is the twin's, in all bits."""
        chunk = WORDS_A_CALL // len(rows[0])
        for start in range(0, len(rows), chunk):
            part = rows[start : start + chunk]
            for row, got in zip(part, self.answers(function, part), strict=True):
                assert got == twin(*row), f"{function}{row}"
        assert len(rows) >= AT_LEAST[name or function]
        self.record("figure", f"{name or function}: {len(rows):,} inputs equal in Python and Solidity")

    def answers(self, function: str, rows: Sequence[Row]) -> list[Row]:
        """One call's answer, cut into as many rows."""
        body = self.call(function, [word for row in rows for word in row])
        words = [int.from_bytes(body[i : i + 32]) for i in range(64, len(body), 32)]
        width = len(words) // len(rows)
        return [tuple(words[i : i + width]) for i in range(0, len(words), width)]

    def call(self, function: str, words: Sequence[int]) -> bytes:
        """Raw answer. ABI-encoded by hand: the general encoder would take longer than both sides compute."""
        data = keccak(f"{function}(uint256[])".encode())[:4]
        data += b"".join(word.to_bytes(32) for word in (32, len(words), *words))
        answer = self.chain.rpc("eth_call", {"to": self.address, "data": hex_of(data), "gas": GAS}, "latest")
        return bytes.fromhex(answer[2:])


@pytest.fixture
def harness(module_chain: DevChain, record_property: Callable[[str, object], None]) -> Harness:
    return Harness(module_chain, record_property)


def any_size(chance: random.Random, bits: int) -> int:
    """Log-uniform in [0, 2**bits)."""
    return chance.getrandbits(chance.randint(0, bits))


def haircut_twin(*row: int) -> Row:
    """What the harness answers a row of haircut arguments."""
    inputs = Inputs(*row)
    got = compute(inputs)
    bars = dict(got.bars)
    words = [got.haircut_bps, *(bars.get(name, 0) for name in BARS), int(got.capped), int(got.unquotable)]
    horizon = None if got.unquotable else horizon_wad(inputs)
    losses = [0] * 6 if horizon is None else [loss for _, loss in components(inputs, horizon)]
    return tuple(word % (1 << 256) for word in (*words, horizon or 0, *losses))


def in_order(row: Sequence[int]) -> Row:
    """The row with its multiplier in the domain, and its floor not above its cap."""
    low, high = sorted(min(limit, BPS) for limit in row[10:])
    return (*row[:9], max(row[9], WAD), low, high)


def random_haircuts(chance: random.Random, count: int) -> Iterator[Row]:
    for i in range(count):
        if i % 2:
            yield in_order([any_size(chance, bits) for bits in BITS])
        else:
            yield in_order([chance.randint(0, largest) for largest in LARGEST])


def haircut_edges(chance: random.Random) -> Iterator[Row]:
    """All corners of the domain, all pairs of edges around one market, and one unit around each threshold."""
    for corner in product(*((ends[0], ends[-1]) for ends in ENDS)):
        yield in_order(corner)
    for (i, ends_i), (j, ends_j) in combinations(enumerate(ENDS), 2):
        for x, y in product(ends_i, ends_j):
            yield in_order([x if at == i else y if at == j else value for at, value in enumerate(BASE)])
    for step in range(-3, 4):
        # k = 1 over a year: the price move is sigma itself.
        yield (EXP_IS_ZERO + step, WAD, 1, 1, YEAR_SECONDS, 0, 0, 0, 0, WAD, 0, BPS)
    for kept_bps, step in product(range(1, BPS, 10), (-1, 0, 1)):
        # What is kept lies at a whole basis point: the last unit of exp decides the last basis point of the haircut.
        yield (step - ln_wad(kept_bps * WAD // BPS), WAD, 1, 1, YEAR_SECONDS, 0, 0, 0, 0, WAD, 0, BPS)
    # horizon * WAD / year is the square of 13681049282643 and a remainder: rounded before the root, not after it.
    yield (WAD, WAD, WAD + 5902628108375424, WAD, 0, 1, 0, 0, 0, WAD, 0, BPS)
    for row in random_haircuts(chance, 400):
        reached = compute(Inputs(*row[:10])).haircut_bps
        for step in (-1, 0, 1):
            yield in_order([*row[:10], 0, reached + step if reached else 0])
            yield in_order([*row[:10], max(0, reached + step), BPS])
            yield (*row[:2], max(0, row[3] + step), *row[3:])


def test_the_comparisons_add_up_to_the_gate_of_fifty_thousand() -> None:
    assert sum(AT_LEAST.values()) >= 50_000


def test_p53_haircut_with_every_bar_on_random_inputs(harness: Harness) -> None:
    harness.compare("haircut", list(random_haircuts(random.Random(SEED), 24_000)), haircut_twin)


def test_p53_haircut_with_every_bar_at_every_edge(harness: Harness) -> None:
    rows = list(haircut_edges(random.Random(SEED + 1)))
    answers = [haircut_twin(*row) for row in rows]
    unquotable, capped = (sum(answer[at] for answer in answers) for at in (11, 10))
    assert min(unquotable, capped - unquotable, sum(answer[7] > 0 for answer in answers)) > 100
    harness.compare("haircut", rows, haircut_twin, "haircut at edges")


def test_haircut_vectors_through_the_harness(harness: Harness) -> None:
    keys = ("sigma", "k", "size", "q_star", "tau0", "t_rep", "oracle_dev", "bonus", "gas_frac", "model_mult")
    cases = vectors("haircut")
    for case in cases:
        raw, want = case["inputs"], case["expected"]
        row = (*(int(raw[key]) for key in keys), int(raw.get("h_min_bps", 0)), int(raw.get("h_max_bps", BPS)))
        body = harness.call("haircut", row)
        words = [int.from_bytes(body[i : i + 32], signed=True) for i in range(64, len(body), 32)]
        bars = {name: bps for name, bps in zip(BARS, words[1:10], strict=True) if bps}
        assert words[0] == want["h_bps"], case["id"]
        assert bars == {name: bps for name, bps in want["waterfall_bps"].items() if bps}, case["id"]
        assert bool(words[10]) is want["capped"], case["id"]
        assert words[12] == int(want["horizon_wad"] or 0), case["id"]
        assert [str(loss) for loss in words[13:]] == (list(want["components"].values()) or ["0"] * 6), case["id"]
    assert len(cases) == 5


def test_inputs_outside_the_domain_are_refused_in_the_same_words(harness: Harness) -> None:
    chance, compared = random.Random(SEED + 2), 0
    limits = (80, 80, 112, 112, 32, 32, None, 80, None, 80)
    for at, bits in enumerate(limits):
        for value in () if bits is None else (1 << bits, (1 << bits) + 1, TOP):
            compared += refused(harness, (*BASE[:at], value, *BASE[at + 1 :]))
    for floor, cap in ((0, BPS + 1), (1, 0), (BPS + 1, BPS), (BPS + 1, BPS + 2), (TOP, TOP)):
        compared += refused(harness, (*BASE[:10], floor, cap))
    compared += refused(harness, (*BASE[:9], WAD - 1, 0, BPS))
    for _ in range(200):
        # Several at once: both sides name the same one first.
        compared += refused(harness, tuple(any_size(chance, bits + 8) for bits in BITS))
    assert compared > 200


def refused(harness: Harness, row: Row) -> bool:
    """Whether Python refuses the row; asserts that Solidity then says the same of it, else that both answer alike."""
    said = words_of_refusal(row)
    if not said:
        assert harness.answers("haircut", [row]) == [haircut_twin(*row)]
        return False
    with pytest.raises(Refused) as caught:
        harness.call("haircut", row)
    data = bytes.fromhex(caught.value.message.split("0x")[-1])
    assert data[:4] == keccak(b"OutsideDomain(string,uint256,uint256,uint256)")[:4]
    name, value, lowest, limit = decode(["string", "uint256", "uint256", "uint256"], data[4:])
    assert f"{name}={value} is outside [{lowest}, {limit})" == said
    return True


def words_of_refusal(row: Row) -> str:
    """What Python says of a row outside the domain; empty when it takes it."""
    try:
        compute(Inputs(*row))
    except ValueError as error:
        return str(error)
    return ""


def horizon_twin(*row: int) -> Row:
    horizon = horizon_wad(Inputs(0, 0, *row, 0, 0, 0, WAD))
    return (horizon or 0, int(horizon is not None))


def test_horizon(harness: Harness) -> None:
    chance = random.Random(SEED + 3)
    rows: list[Row] = [tuple(any_size(chance, bits) for bits in (112, 112, 32, 32)) for _ in range(6_000)]
    rows += [(max(0, size + step), size, *times) for _, size, *times in rows[:1_000] for step in (-1, 0, 1)]
    amounts = (0, 1, 2, (1 << 56) - 1, 1 << 56, (1 << 112) - 2, (1 << 112) - 1)
    rows += product(amounts, amounts, _SECONDS_ENDS, _SECONDS_ENDS)
    rows = [row for row in rows if max(row[:2]) < 1 << 112]
    harness.compare("horizonWad", rows, horizon_twin)


def widened_twin(*row: int) -> Row:
    return (widened_bps(*row),)


def test_widening_on_random_inputs(harness: Harness) -> None:
    chance, rows = random.Random(SEED + 4), []
    for _ in range(18_000):
        haircut, cap = chance.randint(0, BPS), chance.randint(0, BPS)
        rows.append((haircut, any_size(chance, 80), any_size(chance, 40), any_size(chance, 20), cap))
    for haircut, ks, age, grace, _ in rows[:1_000]:
        reached = widened_bps(haircut, ks, age, grace, BPS)
        rows += [(haircut, ks, age, grace, max(0, reached + step)) for step in (-1, 0, 1)]
    harness.compare("widenedBps", rows, widened_twin)


def test_widening_at_every_edge_of_the_machine(harness: Harness) -> None:
    haircuts = (0, 1, 2_500, 8_999, 9_000, 9_001, BPS - 1, BPS, BPS + 1, TOP)
    speeds = (0, 1, WAD - 1, WAD, (1 << 80) - 1, 1 << 80, (1 << 128) - 1, 1 << 128, TOP)
    graces = (0, 3_600, TOP)
    lates = (-1, 0, 1, 2, YEAR_SECONDS, (1 << 40) - 1, (1 << 64) - 1, 1 << 64, TOP)
    caps = (0, 9_000, BPS, BPS + 1, TOP)
    edges = product(haircuts, speeds, lates, graces, caps)
    rows = [(h, ks, min(max(0, grace + late), TOP), grace, cap) for h, ks, late, grace, cap in edges]
    harness.compare("widenedBps", rows, widened_twin, "widenedBps at edges")


def smart_ltv_twin(*row: int) -> Row:
    keep = smart_ltv.before_bonus_wad(*row[:4])
    return keep, smart_ltv.ltv_wad(keep, row[4])


def test_smart_ltv(harness: Harness) -> None:
    chance = random.Random(SEED + 6)
    rows: list[Row] = []
    for _ in range(3_000):
        rows.append((*(any_size(chance, bits) for bits in (80, 80, 140)), any_size(chance, 144) or 1, WAD // 20))
        # As markets have them: something between nothing and everything is left.
        rows.append(
            (chance.randint(0, 20 * WAD), chance.randint(0, 3 * WAD), 10**9, chance.randint(1, 10**8), WAD // 10)
        )
    # The exponent at which nothing may be lent, and one unit around it.
    rows += [(16 * WAD + step, WAD, 1, 1, 0) for step in (-100, -2, -1, 0, 1, 2)]
    left = [smart_ltv_twin(*row)[0] for row in rows]
    assert sum(0 < keep < WAD for keep in left) > 1_000
    harness.compare("smartLtv", rows, smart_ltv_twin)


def spread(chance: random.Random, count: int, bits: int) -> list[int]:
    """Numbers of every magnitude, and both sides of every power of two, below 2**bits."""
    rows = [any_size(chance, bits) for _ in range(count)]
    rows += [(1 << power) + step for power in range(bits + 1) for step in (-1, 0, 1)]
    return [row for row in rows if row < 1 << bits]


def test_fixed_point(harness: Harness) -> None:
    chance = random.Random(SEED + 5)
    above, below = spread(chance, 4_000, 256), spread(chance, 4_000, 256)
    pairs = [(a, chance.choice((b, a)) or 1) for a, b in zip(above, chance.sample(below, len(below)), strict=True)]
    harness.compare("cdiv", pairs, lambda a, b: (cdiv(a, b),))
    factors = [(a, any_size(chance, 256 - a.bit_length())) for a in above]
    factors += [(a, TOP // a) for a in above if a]
    harness.compare("mulBoth", factors, lambda a, b: (mul_up(a, b), mul_down(a, b)))
    squares = [max(0, root * root + step) for root in spread(chance, 1_000, 128) for step in (-1, 0, 1)]
    harness.compare("isqrtUp", [(n,) for n in squares + above], lambda n: (isqrt_up(n),))
    logs = [(x,) for x in spread(chance, 4_000, 255) if x]
    harness.compare("lnUp", logs, lambda x: (ln_up(x) % (1 << 256),))
