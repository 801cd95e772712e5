"""Properties of Curve's arithmetic: against exact rational solutions, against limits, there and back, and refusals."""

from dataclasses import replace
from decimal import Decimal, localcontext
from math import prod

import pytest
from hypothesis import given, reject
from hypothesis import strategies as st

from keeper.maths.constant_product import amount_out_down
from keeper.maths.curve_crypto import balance_of as crypto_balance_of
from keeper.maths.curve_crypto import fee_at
from keeper.maths.curve_crypto import invariant as crypto_invariant
from keeper.maths.curve_crypto import out_down as crypto_out_down
from keeper.maths.curve_crypto import scaled as crypto_scaled
from keeper.maths.curve_crypto import slope as crypto_slope
from keeper.maths.curve_meta import underlying_out_down, underlying_slope
from keeper.maths.curve_stable import NoQuote, invariant, out_down, scaled, slope, swap_fee
from keeper.records.pools import CurveCryptoState, CurveMetaState, CurveProduct, CurveRules, CurveStableState

BALANCE = st.integers(10**23, 10**26)
AMP = st.integers(20, 5_000)
LATER = CurveRules(product=CurveProduct.AT_THE_END)


def stable(balances: list[int], amp: int = 200, fee: int = 4 * 10**6, **changes: object) -> CurveStableState:
    base = CurveStableState(tuple(balances), (10**18,) * len(balances), amp * 100, fee)
    return replace(base, **changes)


def d_of(pool: CurveStableState) -> int:
    """D; an example whose iteration does not come to rest says nothing."""
    try:
        return invariant(scaled(pool), pool.amp, pool.rules)
    except NoQuote:
        reject()


def jitter(pool: CurveStableState, d: int) -> int:
    """How far the divisions may leave D off: each rounding is multiplied by D / (n x) of the coins after it."""
    return 8 + 4 * prod(d // (len(pool.balances) * x) + 1 for x in pool.balances)


@given(balances=st.lists(BALANCE, min_size=2, max_size=4), amp=AMP, rules=st.sampled_from(CurveProduct))
def test_the_invariant_solves_its_equation(balances: list[int], amp: int, rules: CurveProduct) -> None:
    pool = stable(balances, amp, rules=CurveRules(product=rules))
    d, n = d_of(pool), len(balances)

    def excess(at: int) -> int:
        """``A n**n (S - D) + D`` less ``D**(n+1) / (n**n prod x)``, times ``n**n prod x``; ``amp`` is A n**(n-1)."""
        return (amp * n * (sum(balances) - at) + at) * n**n * prod(balances) - at ** (n + 1)

    slack = jitter(pool, d)
    assert excess(d - slack) > 0 > excess(d + slack)


@given(balances=st.lists(BALANCE, min_size=2, max_size=4), amp=AMP, share=st.integers(1, 10**7))
def test_a_swap_never_lowers_the_invariant(balances: list[int], amp: int, share: int) -> None:
    pool = stable(balances, amp, fee=0)
    dx = balances[0] * share // 10**6
    before, out = d_of(pool), out_down(pool, 0, 1, dx)
    after = replace(pool, balances=(balances[0] + dx, balances[1] - out, *balances[2:]))
    assert d_of(after) >= before - jitter(after, before)
    assert out < balances[1]


@given(balances=st.lists(BALANCE, min_size=2, max_size=3), amp=AMP, share=st.integers(1, 10**7))
def test_there_and_back_never_pays(balances: list[int], amp: int, share: int) -> None:
    # One in 10,000 each way; without any fee the jitter of D can pay a wei.
    pool = stable(balances, amp, fee=10**6)
    dx = balances[0] * share // 10**6
    d_of(pool)
    out = out_down(pool, 0, 1, dx)
    after = replace(pool, balances=(balances[0] + dx, balances[1] - out, *balances[2:]))
    d_of(after)
    assert out_down(after, 1, 0, out) <= dx


@given(
    balances=st.lists(BALANCE, min_size=2, max_size=3),
    amp=AMP,
    parts=st.tuples(*[st.integers(1, 10**6)] * 2),
)
def test_the_quote_rises_and_bends_down(balances: list[int], amp: int, parts: tuple[int, int]) -> None:
    pool = stable(balances, amp)
    d_of(pool)
    first, second = (balances[0] * part // 10**5 for part in parts)
    one, two, both = (out_down(pool, 0, 1, dx) for dx in (first, second, first + second))
    # Two units of rounding in each quote.
    assert max(one, two) <= both + 2
    assert both <= one + two + 4
    above, below = slope(pool, 0, 1)
    assert one <= first * above // below


@given(balances=st.lists(BALANCE, min_size=2, max_size=4), amp=AMP)
def test_the_price_is_what_a_small_swap_earns(balances: list[int], amp: int) -> None:
    pool = stable(balances, amp, fee=0)
    d_of(pool)
    above, below = slope(pool, 0, 1)
    dx = balances[0] // 10**7
    exact = dx * above // below
    assert exact - exact // 10**4 - 3 <= out_down(pool, 0, 1, dx) <= exact


def test_a_high_amplification_keeps_the_price_at_one() -> None:
    pool = stable([10**24, 3 * 10**24], amp=10**6, fee=0)
    assert abs(out_down(pool, 0, 1, 10**21) - 10**21) < 10**21 // 10**5


def test_the_dynamic_fee_is_the_base_fee_at_balance_and_grows_to_the_multiple() -> None:
    pool = stable([10**24] * 2, offpeg=2 * 10**10, rules=LATER)
    assert swap_fee(pool, 10**24, 10**24) == 4 * 10**6
    assert swap_fee(pool, 10**24, 3 * 10**24) == 8 * 10**16 // (10**10 * 4 * 3 // 16 + 10**10)
    assert 7_990_000 < swap_fee(pool, 10**27, 10**23) < 8 * 10**6
    assert swap_fee(replace(pool, offpeg=10**10), 10**27, 10**23) == 4 * 10**6


def test_generations_round_the_fee_in_their_own_order() -> None:
    first = CurveStableState((10**24, 10**12), (10**18, 10**30), 200, 4 * 10**6, rules=CurveRules(1, fee_last=True))
    dx = 1_002_499_500_000_000_000
    assert out_down(replace(first, fee=0), 0, 1, dx) == 1_002_499
    # 1,002,499 less 400, but 1,002,499.5 less 400.9998.
    assert out_down(first, 0, 1, dx) == 1_002_099
    assert out_down(replace(first, rules=CurveRules(1)), 0, 1, dx) == 1_002_098


REFUSED = {
    "a balance of 0": stable([0, 10**24]),
    "more than 256 bits": stable([2**255, 10**24]),
    "an amplification of 0": stable([10**24, 10**24], amp=0),
}


@pytest.mark.parametrize("reason", REFUSED)
def test_what_a_contract_reverts_is_no_quote(reason: str) -> None:
    with pytest.raises(NoQuote, match=reason):
        out_down(REFUSED[reason], 0, 1, 10**18)


def test_an_iteration_without_end_is_no_quote_except_in_the_first_pools() -> None:
    xp = 1_501_694_106_504_470_963_683_302, 10**21
    with pytest.raises(NoQuote, match="does not converge"):
        invariant(xp, 200, CurveRules())
    # It jumps between neighbours; the first pools take the one they stop at.
    near = invariant((xp[0] + 10**18, xp[1]), 200, CurveRules())
    assert abs(invariant(xp, 2, CurveRules(precision=1)) - near) < 10**18


def crypto(balances: list[int], gamma: int = 145 * 10**12, **changes: object) -> CurveCryptoState:
    n = len(balances)
    base = CurveCryptoState(
        tuple(balances),
        (1,) * n,
        (2_000 * 10**18, 30_000 * 10**18)[: n - 1],
        10 * n**n * 10_000,
        10_000,
        gamma,
        0,
        4 * 10**6,
        4 * 10**7,
        2 * 10**14,
    )
    state = replace(base, **changes)
    return state if state.d else replace(state, d=crypto_invariant(state))


TILT = st.floats(-0.4, 0.4)


def tilted(tilts: tuple[float, ...]) -> list[int]:
    scales = (1, 2_000, 30_000)
    return [int(10**25 * 10**tilt) // scale for tilt, scale in zip(tilts, scales, strict=False)]


TILTS = st.one_of(st.tuples(TILT, TILT), st.tuples(TILT, TILT, TILT))


def equation(pool: CurveCryptoState, xp: tuple[int, ...], d: int) -> Decimal:
    """K D**(n-1) S + prod x - K D**n - (D/n)**n, relative to (D/n)**n."""
    n, one = len(xp), Decimal(10) ** 18
    k0 = Decimal(n**n * prod(xp)) / Decimal(d) ** n
    g = pool.gamma / one + 1 - k0
    k = Decimal(pool.ann) / pool.multiplier / n**n * k0 * (pool.gamma / one) ** 2 / g**2
    scale = (Decimal(d) / n) ** n
    return (k * Decimal(d) ** (n - 1) * (sum(xp) - d) + prod(xp) - scale) / scale


@given(tilts=TILTS)
def test_cryptoswaps_invariant_solves_its_equation(tilts: tuple[float, ...]) -> None:
    pool = crypto(tilted(tilts))
    xp = crypto_scaled(pool, pool.balances)
    with localcontext() as context:
        context.prec = 120
        step = pool.d // 10**12
        # Between 1e-12 below and above it the equation changes sign.
        assert equation(pool, xp, pool.d - step) > 0 > equation(pool, xp, pool.d + step)


@given(tilts=TILTS, share=st.integers(1, 10**6))
def test_cryptoswaps_balance_solves_its_equation(tilts: tuple[float, ...], share: int) -> None:
    pool = crypto(tilted(tilts))
    moved = (pool.balances[0] + pool.balances[0] * share // 10**6, *pool.balances[1:])
    xp = crypto_scaled(pool, moved)
    y = crypto_balance_of(pool, xp, 1)
    with localcontext() as context:
        context.prec = 120
        step = max(y, pool.d) // 10**12
        low, high = (equation(pool, (xp[0], y + by, *xp[2:]), pool.d) for by in (-step, step))
        assert low < 0 < high


@given(tilts=TILTS, share=st.integers(1, 10**6))
def test_cryptoswap_there_and_back_never_pays(tilts: tuple[float, ...], share: int) -> None:
    pool = crypto(tilted(tilts))
    dx = pool.balances[0] * share // 10**6
    out = crypto_out_down(pool, 0, 1, dx)
    after = replace(pool, balances=(pool.balances[0] + dx, pool.balances[1] - out, *pool.balances[2:]))
    assert crypto_out_down(after, 1, 0, out) <= dx
    above, below = crypto_slope(pool, 0, 1)
    # D is known to 1e-14 of itself.
    assert out <= dx * above // below + pool.d // 2_000 // 10**12


@given(tilts=TILTS, parts=st.tuples(*[st.integers(1, 500_000)] * 2))
def test_cryptoswaps_quote_rises_and_bends_down(tilts: tuple[float, ...], parts: tuple[int, int]) -> None:
    pool = crypto(tilted(tilts), mid_fee=0, out_fee=0)
    first, second = (pool.balances[0] * part // 10**6 for part in parts)
    one, two, both = (crypto_out_down(pool, 0, 1, dx) for dx in (first, second, first + second))
    slack = pool.balances[1] // 10**11
    assert max(one, two) <= both + slack
    assert both <= one + two + slack


def test_cryptoswap_far_from_balance_is_a_constant_product() -> None:
    # gamma / (gamma + 1 - K0) squared kills the sum when K0 is far from 1.
    pool = crypto([10**25, 5 * 10**19], gamma=10**10, mid_fee=0, out_fee=0)
    for dx in (10**21, 10**23, 10**25):
        product = amount_out_down(dx, *pool.balances, 0)
        assert abs(crypto_out_down(pool, 0, 1, dx) - product) <= product // 10**4


def test_cryptoswaps_fee_lies_between_its_ends() -> None:
    pool = crypto(tilted((0.0, 0.0)))
    assert fee_at(pool, (10**24, 10**24)) == pool.mid_fee
    assert fee_at(pool, (10**24, 10**20)) > pool.out_fee * 99 // 100
    assert pool.mid_fee < fee_at(pool, (10**24, 9 * 10**23)) < pool.out_fee
    three = crypto(tilted((0.0, 0.0, 0.0)))
    assert fee_at(three, (10**24,) * 3) == three.mid_fee


CRYPTO_REFUSED = {
    "a gamma": {"gamma": 10**17},
    "an amplification": {"ann": 1},
    "an invariant of": {"d": 10**16},
    "1 % to 100 times D": {"d": 10**31},
}


@pytest.mark.parametrize("reason", CRYPTO_REFUSED)
@pytest.mark.parametrize("coins", [2, 3])
def test_cryptoswap_refuses_what_its_contract_calls_unsafe(reason: str, coins: int) -> None:
    pool = replace(crypto(tilted((0.0,) * coins)), **CRYPTO_REFUSED[reason])
    with pytest.raises(NoQuote, match=reason):
        crypto_out_down(pool, 0, 1, 10**18)


def test_cryptoswap_needs_balances_for_an_invariant() -> None:
    for balances in ([0, 0], [10**25, 0], [0, 10**25, 1], [1, 1, 1]):
        with pytest.raises(NoQuote):
            crypto_invariant(replace(crypto(tilted((0.0,) * len(balances))), balances=tuple(balances)))


META = CurveMetaState(
    stable([2 * 10**24, 3 * 10**24], 100, rates=(10**18, 102 * 10**16)),
    CurveStableState((10**25, 11 * 10**12, 10**13), (10**18, 10**30, 10**30), 200_000, 10**6),
    30 * 10**24,
)


@given(sold=st.integers(0, 3), bought=st.integers(0, 3), share=st.integers(1, 10**6))
def test_a_metapools_marginal_price_bounds_its_quotes(sold: int, bought: int, share: int) -> None:
    if sold == bought:
        return
    sizes = (META.pool.balances[0], *META.base.balances) if META.base else ()
    dx = max(1, sizes[sold] * share // 10**6)
    above, below = underlying_slope(META, sold, bought)
    out = underlying_out_down(META, sold, bought, dx)
    assert out <= dx * above // below + 1
    # With a thousandth of the pool, fees included, within half a percent of it.
    if share < 1_000 < dx:
        assert out >= (dx - 1_000) * above * 995 // (below * 1_000) - 2


def test_a_metapool_without_its_base_has_no_quote_through_it() -> None:
    with pytest.raises(NoQuote, match="base pool"):
        underlying_out_down(replace(META, base=None), 0, 1, 10**18)
