"""Curve's CryptoSwap: pools of two and three coins that are not pegged, in the integers of their contracts.

With scaled balances x (in units of coin 0 at the pool's own price scale), ``K0 = n**n prod x / D**n`` and
``K = A K0 gamma**2 / (gamma + 1 - K0)**2`` the invariant is ``K D**(n-1) S + prod x = K D**n + (D / n)**n``.
``ann`` is A n**n times ``multiplier``. What a contract answers by reverting is :class:`NoQuote`.
Reference: Egorov, "Automatic market-making with dynamic peg" (2021); CryptoSwap of two coins, tricrypto, tricrypto2.
"""

from math import prod

from keeper.maths.curve_stable import FEE_DENOMINATOR, MAX_ROUNDS, PRECISION, NoQuote
from keeper.records.pools import CurveCryptoState

MIN_GAMMA = 10**10
MAX_GAMMA = {2: 2 * 10**16, 3: 5 * 10**16}
"""Largest gamma by number of coins, 1e18-based."""
MIN_D, MAX_D = 10**17, 10**33
"""Ends of the invariant that the contracts accept."""
MIN_SHARE, MAX_SHARE = 10**16, 10**20
"""Ends of a scaled balance over D, 1e18-based: a swap beyond them reverts."""
MIN_INPUT_SHARE = {2: 10**14, 3: 10**11}
"""Least smallest over largest balance from which D is computed, 1e18-based, by number of coins."""
_UINT256 = 1 << 256


def out_down(pool: CurveCryptoState, sold: int, bought: int, amount_in: int) -> int:
    """Quote ``get_dy``: output for an exact input, raw units; 0 also where it would round below nothing.

    Raises
    ------
    NoQuote
        When the contract reverts for any other reason: it refuses swaps that leave a coin below 1 % of D.
    """
    xp = scaled(pool, tuple(balance + amount_in * (k == sold) for k, balance in enumerate(pool.balances)))
    left = balance_of(pool, xp, bought)
    gross = xp[bought] - left - 1
    if gross <= 0:
        return 0
    if bought:
        scale = pool.price_scale[bought - 1]
        if not scale:
            raise NoQuote("a price of 0")
        gross = _fit(gross * PRECISION) // scale
    out = gross // pool.precisions[bought]
    return out - fee_at(pool, tuple(left if k == bought else x for k, x in enumerate(xp))) * out // FEE_DENOMINATOR


def scaled(pool: CurveCryptoState, balances: tuple[int, ...]) -> tuple[int, ...]:
    """Balances in units of the first coin with 18 decimals, down."""
    prices = (PRECISION, *pool.price_scale)
    rows = zip(balances, pool.precisions, prices, strict=True)
    return tuple(_fit(_fit(balance * precision) * price) // PRECISION for balance, precision, price in rows)


def fee_at(pool: CurveCryptoState, xp: tuple[int, ...]) -> int:
    """Fee at scaled balances, 1e-10: between ``mid_fee`` and ``out_fee`` by ``fee_gamma / (fee_gamma + 1 - K)``."""
    near = _nearness(xp)
    if len(xp) == 3 and not pool.fee_gamma:
        share = near
    elif not pool.fee_gamma + PRECISION - near:
        raise NoQuote("a fee gamma of 0")
    else:
        share = pool.fee_gamma * PRECISION // (pool.fee_gamma + PRECISION - near)
    return (pool.mid_fee * share + pool.out_fee * (PRECISION - share)) // PRECISION


def balance_of(pool: CurveCryptoState, xp: tuple[int, ...], wanted: int) -> int:
    """Scaled balance of one coin where the others and D are given (``newton_y``).

    Raises
    ------
    NoQuote
        When the contract's limits of A, gamma, D or a balance are left, or nothing converges.
    """
    _refuse_unsafe(pool, len(xp))
    if not MIN_D <= pool.d <= MAX_D:
        raise NoQuote(f"an invariant of {pool.d}")
    others = sorted((x for k, x in enumerate(xp) if k != wanted), reverse=True)
    y, k0_others = _start(others, pool.d)
    total, enough = sum(others), max(others[0] // 10**14, pool.d // 10**14, 100)
    for _ in range(MAX_ROUNDS):
        before, y = y, _newton_balance(pool, y, total, _fit(k0_others * y * len(xp)) // pool.d)
        # A step that halves is never the last: the contract goes on without looking at the difference.
        if y < 0:
            y = -y
        elif abs(y - before) < max(enough, y // 10**14):
            _refuse_share(y, pool.d)
            return y
    raise NoQuote("a balance does not converge")


def invariant(pool: CurveCryptoState) -> int:
    """D of the present balances (``newton_D``): what a pool uses instead of its stored D while A or gamma ramp.

    Raises
    ------
    NoQuote
        As :func:`balance_of`.
    """
    xp = tuple(sorted(scaled(pool, pool.balances), reverse=True))
    n, total = len(xp), sum(xp)
    _refuse_unsafe(pool, n)
    if not 10**9 <= xp[0] <= MAX_D or any(x * PRECISION // xp[0] < MIN_INPUT_SHARE[n] for x in xp[1:]):
        raise NoQuote("balances too unequal for an invariant")
    d = n * geometric_mean(xp)
    for _ in range(MAX_ROUNDS):
        before, d = d, _newton_invariant(pool, xp, total, d)
        if abs(d - before) * 10**14 < max(10**16, d):
            for x in xp:
                _refuse_share(x, d)
            return d
    raise NoQuote("the invariant does not converge")


def geometric_mean(xp: tuple[int, ...]) -> int:
    """(prod x)**(1/n) of balances that fall, by the contracts' own iteration."""
    n, d = len(xp), xp[0]
    for _ in range(MAX_ROUNDS):
        if not d:
            break
        before = d
        if n == 2:
            d = (d + xp[0] * xp[1] // d) // 2
        else:
            share = PRECISION
            for x in xp:
                share = share * x // d
            d = d * ((n - 1) * PRECISION + share) // (n * PRECISION)
        if abs(d - before) <= 1 or abs(d - before) * PRECISION < d:
            return d
    raise NoQuote("the geometric mean does not converge")


def slope(pool: CurveCryptoState, sold: int, bought: int) -> tuple[int, int]:
    """Price before fee, raw bought per raw sold, as (numerator, denominator), on the surface of the stored D.

    With g = gamma + 1 - K0 the derivative of the invariant's equation by x_i, times x_i g n**n / (K0 D**(n-1)), is
    ``A n**n gamma**2 / g**2 (x_i g + (S - D) (g + 2 K0)) + g D``.
    """
    xp, d, n = scaled(pool, pool.balances), pool.d, len(pool.balances)
    if not d or not min(xp):
        raise NoQuote("a balance of 0")
    # Everything times D**n, so that K0 and g are integers; gamma is 1e18-based.
    k0, one = n**n * prod(xp) * PRECISION, d**n
    g = (pool.gamma + PRECISION) * one - k0
    bend, flat = pool.ann * (pool.gamma * one) ** 2, pool.multiplier * g**3 * d
    rises = [bend * (x * g + (sum(xp) - d) * (g + 2 * k0)) + flat for x in xp]
    above = rises[sold] * xp[bought] * _value(pool, sold)
    below = rises[bought] * xp[sold] * _value(pool, bought)
    if above <= 0 or below <= 0:
        raise NoQuote("no price")
    return above, below


def _value(pool: CurveCryptoState, coin: int) -> int:
    """Scaled units of one raw unit, 1e18-based."""
    return pool.precisions[coin] * (PRECISION, *pool.price_scale)[coin]


def _start(others: list[int], d: int) -> tuple[int, int]:
    """(first guess of a balance, K0 without it)."""
    n = len(others) + 1
    if n == 2:
        if not others[0]:
            raise NoQuote("a balance of 0")
        k0 = PRECISION * n * others[0] // d
        if not MIN_SHARE * n <= k0 <= MAX_SHARE * n:
            raise NoQuote("a balance outside 1 % to 100 times D")
        return d * d // (others[0] * n * n), k0
    for x in others:
        _refuse_share(x, d)
    y, k0 = d // n, PRECISION
    for x in reversed(others):
        y = y * d // (x * n)
    for x in others:
        k0 = k0 * x * n // d
    return y, k0


def _newton_balance(pool: CurveCryptoState, y: int, total: int, k0: int) -> int:
    """One step of ``newton_y``; negative where the contract halves and goes on."""
    d = pool.d
    if not k0 or not y:
        raise NoQuote("a balance divides by 0")
    s, g = total + y, _distance(pool.gamma, k0)
    bend = _bend(pool, d, g)
    twice = PRECISION + 2 * PRECISION * k0 // g
    rise = _fit(PRECISION * y + s * twice + bend)
    if rise < d * twice:
        return -(y // 2)
    rise -= d * twice
    by = rise // y
    if not by:
        raise NoQuote("a balance divides by 0")
    minus = bend // by
    plus = _fit(rise + PRECISION * d) // by + _fit(minus * PRECISION) // k0
    minus += PRECISION * s // by
    return y // 2 if plus < minus else plus - minus


def _newton_invariant(pool: CurveCryptoState, xp: tuple[int, ...], total: int, d: int) -> int:
    """One step of ``newton_D``."""
    n, k0 = len(xp), PRECISION
    if not d:
        raise NoQuote("the invariant divides by 0")
    if n == 2:
        k0 = PRECISION * 4 * xp[0] // d * xp[1] // d
    else:
        for x in xp:
            k0 = k0 * x * n // d
    g = _distance(pool.gamma, k0)
    bend = _bend(pool, d, g)
    twice = 2 * PRECISION * n * k0 // g
    fall = total + total * twice // PRECISION + (bend * n // k0 if k0 else 0) - twice * d // PRECISION
    if not k0 or fall <= 0:
        raise NoQuote("the invariant divides by 0")
    plus, minus = _fit(d * (fall + total)) // fall, _fit(d * d) // fall
    step = _fit(d * (bend // fall))
    if k0 < PRECISION:
        minus += step // PRECISION * (PRECISION - k0) // k0
    else:
        minus -= step // PRECISION * (k0 - PRECISION) // k0
    if minus < 0:
        raise NoQuote("the invariant falls below 0")
    return plus - minus if plus > minus else (minus - plus) // 2


def _distance(gamma: int, k0: int) -> int:
    """|gamma + 1 - K0| + 1, 1e18-based."""
    return abs(gamma + PRECISION - k0) + 1


def _bend(pool: CurveCryptoState, d: int, g: int) -> int:
    """``D / (A n**n) g**2 / gamma**2``, 1e18-based, divided step by step as the contracts do."""
    step = _fit(PRECISION * d // pool.gamma * g) // pool.gamma
    return _fit(_fit(step * g) * pool.multiplier) // pool.ann


def _nearness(xp: tuple[int, ...]) -> int:
    """``prod x / (S / n)**n``, 1e18-based: 1 at balance."""
    n, total = len(xp), sum(xp)
    if not total:
        raise NoQuote("no balances")
    if n == 2:
        return PRECISION * 4 * xp[0] // total * xp[1] // total
    near = PRECISION
    for x in xp:
        near = near * n * x // total
    return near


def _refuse_unsafe(pool: CurveCryptoState, n: int) -> None:
    low, high = (10, 100_000) if n == 2 else (100, 1_000)
    whole = n**n * pool.multiplier
    if not whole // low <= pool.ann <= whole * high:
        raise NoQuote(f"an amplification of {pool.ann}")
    if not MIN_GAMMA <= pool.gamma <= MAX_GAMMA[n]:
        raise NoQuote(f"a gamma of {pool.gamma}")


def _refuse_share(x: int, d: int) -> None:
    if not d or not MIN_SHARE <= x * PRECISION // d <= MAX_SHARE:
        raise NoQuote("a balance outside 1 % to 100 times D")


def _fit(value: int) -> int:
    if value >= _UINT256:
        raise NoQuote("more than 256 bits")
    return value
