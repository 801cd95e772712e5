"""The integer haircut: known answers and the properties of models.md 5.3 that are about its inside."""

from dataclasses import fields, replace
from decimal import ROUND_CEILING, Decimal, localcontext

import pytest
from factories import model_settings
from hypothesis import assume, example, given
from hypothesis import strategies as st
from properties import thorough
from shared import vectors

from keeper.haircuts.liquidity_adjusted import MAX_AMOUNT, Inputs, components, compute, horizon_wad, waterfall
from keeper.records.units import BPS, WAD, YEAR_SECONDS

NAMES = {
    "sigma_wad": "sigma",
    "k_wad": "k",
    "size": "size",
    "q_star": "q_star",
    "tau0_seconds": "tau0",
    "t_rep_seconds": "t_rep",
    "oracle_deviation_wad": "oracle_dev",
    "bonus_wad": "bonus",
    "gas_fraction_wad": "gas_frac",
    "model_mult_wad": "model_mult",
    "haircut_min_bps": "h_min_bps",
    "haircut_max_bps": "h_max_bps",
}

BASE = Inputs(
    sigma_wad=8 * 10**17,
    k_wad=3 * WAD,
    size=10**20,
    q_star=2 * 10**19,
    tau0_seconds=3600,
    t_rep_seconds=1800,
    oracle_deviation_wad=5 * 10**15,
    bonus_wad=5 * 10**16,
    gas_fraction_wad=5 * 10**14,
    model_mult_wad=115 * 10**16,
)

INPUTS = st.builds(
    Inputs,
    sigma_wad=st.integers(0, 5 * WAD),
    k_wad=st.integers(0, 10 * WAD),
    size=st.integers(0, 10**9),
    q_star=st.integers(10**6, 10**9),
    tau0_seconds=st.integers(0, 86_400),
    t_rep_seconds=st.integers(0, 7200),
    oracle_deviation_wad=st.integers(0, WAD // 5),
    bonus_wad=st.integers(0, WAD // 4),
    gas_fraction_wad=st.integers(0, WAD // 20),
    model_mult_wad=st.integers(WAD, 2 * WAD),
)


def of_vector(raw: dict[str, str]) -> Inputs:
    given_names = {field.name: NAMES[field.name] for field in fields(Inputs)}
    return Inputs(**{name: int(raw[key]) for name, key in given_names.items() if key in raw})


def real_bps(inputs: Inputs) -> Decimal:
    """The haircut of the formula, 60 digits."""
    with localcontext() as context:
        context.prec = 60

        def wad(value: int) -> Decimal:
            return Decimal(value) / WAD

        over = max(Decimal(0), Decimal(inputs.size) / inputs.q_star - 1)
        tau = inputs.tau0_seconds + inputs.t_rep_seconds * over
        price = wad(inputs.k_wad) * wad(inputs.sigma_wad) * (tau / YEAR_SECONDS).sqrt() * wad(inputs.model_mult_wad)
        loss = price - (1 - wad(inputs.oracle_deviation_wad)).ln() - (1 - wad(inputs.gas_fraction_wad)).ln()
        return (1 - (-loss - (1 + wad(inputs.bonus_wad)).ln()).exp()) * BPS


def test_every_vector_comes_out_to_the_unit() -> None:
    for case in vectors("haircut"):
        inputs, want = of_vector(case["inputs"]), case["expected"]
        got = compute(inputs)
        assert got.haircut_bps == want["h_bps"], case["id"]
        assert dict(got.bars) == want["waterfall_bps"], case["id"]
        assert got.capped is want["capped"], case["id"]
        horizon = horizon_wad(inputs)
        assert horizon == (None if want["horizon_wad"] is None else int(want["horizon_wad"])), case["id"]
        if horizon is not None:
            assert {name: str(loss) for name, loss in components(inputs, horizon)} == want["components"], case["id"]


@thorough
@given(inputs=INPUTS)
def test_p07_the_haircut_is_never_below_the_formula_and_less_than_a_basis_point_above(inputs: Inputs) -> None:
    exact = real_bps(inputs)
    got = compute(inputs).haircut_bps
    assert exact <= got + Decimal("1e-30")
    assert got < exact + 1 + Decimal("1e-9")


@thorough
@given(inputs=INPUTS)
def test_p08_the_bars_add_up_in_their_order(inputs: Inputs) -> None:
    got = compute(replace(inputs, haircut_min_bps=300, haircut_max_bps=2000))
    assert sum(bps for _, bps in got.bars) == got.haircut_bps
    assert [name for name, _ in got.bars][:6] == [
        "oracle",
        "price_move",
        "time_to_liquidate",
        "model_uncertainty",
        "liquidation_bonus",
        "gas",
    ]
    assert {name for name, _ in got.bars[6:]} <= {"floor", "cap"}


@thorough
@given(inputs=INPUTS)
@example(inputs=Inputs(1_505_587_781_028_019_659, 9_997_682_025_709_594_699, 640, 5_172_413, 60, 7200, 0, 0, 0, WAD))
def test_p06_one_unit_of_size_moves_at_most_a_basis_point(inputs: Inputs) -> None:
    # At a horizon of nothing the square root is vertical: a unit beyond Q* takes a moment, and moves by more.
    assume(inputs.tau0_seconds >= 60)
    got = compute(inputs).haircut_bps
    assert 0 <= compute(replace(inputs, size=inputs.size + 1)).haircut_bps - got <= 1
    at_depth = compute(replace(inputs, size=inputs.q_star)).haircut_bps
    assert 0 <= compute(replace(inputs, size=inputs.q_star + 1)).haircut_bps - at_depth <= 1
    for name in ("sigma_wad", "k_wad", "oracle_deviation_wad", "bonus_wad", "gas_fraction_wad", "model_mult_wad"):
        moved = compute(replace(inputs, **{name: getattr(inputs, name) + 10**12}))
        assert 0 <= moved.haircut_bps - got <= 1, name


def test_p10_no_risk_is_the_floor() -> None:
    calm = Inputs(0, 3 * WAD, 1, 1, 0, 0, 0, 0, 0, WAD)
    assert compute(calm).haircut_bps == 0
    floored = compute(replace(calm, haircut_min_bps=250))
    assert (floored.haircut_bps, floored.bars[-1]) == (250, ("floor", 250))


def test_a_cap_that_is_exactly_reached_leaves_no_bar() -> None:
    reached = compute(BASE).haircut_bps
    capped = compute(replace(BASE, haircut_max_bps=reached))
    assert (capped.capped, len(capped.bars)) == (False, 6)
    cut = compute(replace(BASE, haircut_max_bps=reached - 1))
    assert (cut.haircut_bps, cut.bars[-1], cut.capped) == (reached - 1, ("cap", -1), True)


def test_nothing_to_sell_needs_no_depth() -> None:
    assert horizon_wad(replace(BASE, size=0, q_star=0)) == 3600 * WAD


@pytest.mark.parametrize("change", [{"oracle_deviation_wad": WAD}, {"gas_fraction_wad": WAD}])
def test_a_whole_loss_is_unquotable(change: dict[str, int]) -> None:
    got = compute(replace(BASE, **change, haircut_max_bps=9000))
    assert (got.haircut_bps, got.bars, got.unquotable) == (9000, (("unquotable", 9000),), True)


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("size", MAX_AMOUNT),
        ("q_star", -1),
        ("tau0_seconds", 2**32),
        ("sigma_wad", 2**80),
        ("k_wad", -1),
        ("model_mult_wad", WAD - 1),
        ("bonus_wad", 2**80),
        ("haircut_max_bps", 10_001),
        ("haircut_min_bps", 10_001),
    ],
)
def test_inputs_outside_the_domain_are_refused(name: str, value: int) -> None:
    with pytest.raises(ValueError, match=name if name != "haircut_min_bps" else "haircut_max_bps"):
        compute(replace(BASE, **{name: value}))


def test_the_magnitudes_of_the_specification() -> None:
    """models.md 5.2: k 3.69, multiplier 1.15, deviation 0.5 %, no gas; per cent with two digits."""
    base = replace(BASE, k_wad=369 * 10**16, gas_fraction_wad=0, size=10**9, q_star=10**9)
    stormy = replace(base, sigma_wad=14 * 10**17, bonus_wad=WAD // 10)
    for hours, calm_bps, stormy_bps in (
        (1, 862, 1511),
        (4, 1187, 2033),
        (6, 1330, 2258),
        (12, 1643, 2741),
        (24, 2067, 3373),
    ):
        for inputs, want in ((base, calm_bps), (stormy, stormy_bps)):
            assert 0 <= compute(replace(inputs, tau0_seconds=hours * 3600)).haircut_bps - want <= 1
    for times, want in {1: 1330, 5: 1551, 20: 2096, 100: 3466}.items():
        inputs = replace(base, tau0_seconds=6 * 3600, t_rep_seconds=3600, size=times * 10**9)
        assert 0 <= compute(inputs).haircut_bps - want <= 1


def test_settings_reach_the_core_and_gas_has_no_bar_of_its_own() -> None:
    model = model_settings(bonus_bps=1000, haircut_max_bps=3000, haircut_min_bps=0)
    got = waterfall(model, 8 * 10**17, 10**24)
    assert dict(got.bars)["gas"] == 0
    assert got == compute(
        Inputs(
            8 * 10**17, model.k_wad, model.size, 10**24, 21_600, 3600, 5 * 10**15, WAD // 10, 0, model.model_mult_wad,
            0, 3000,
        )
    )  # fmt: skip
    assert waterfall(model, 8 * 10**17, 2**200) == waterfall(model, 8 * 10**17, MAX_AMOUNT - 1)


def test_rounding_of_the_reference_is_what_it_says() -> None:
    assert real_bps(BASE).to_integral_value(ROUND_CEILING) == compute(BASE).haircut_bps == 1001
