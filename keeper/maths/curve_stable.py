"""Curve's StableSwap: invariant, balances and quotes in the integers of its pools, whatever their generation.

The invariant of n coins with scaled balances x is ``A n**n S + D = A n**n D + D**(n+1) / (n**n prod x)``. Pools solve
it by Newton's method in 256-bit integers. Generations round differently; which one a pool is of, ``CurveRules`` says.
What a contract answers by reverting (overflow, division by zero, no convergence) is :class:`NoQuote` here.
Reference: Egorov, "StableSwap" (2019); 3pool, the later templates and StableSwap-NG as deployed.
"""

from collections.abc import Sequence
from dataclasses import replace

from keeper.records.pools import CurveProduct, CurveRules, CurveStableState

FEE_DENOMINATOR = 10**10
"""1 as a fee: Curve counts fees in parts of 1e10."""
PRECISION = 10**18
"""1 as a rate: a raw amount times its rate / 1e18 is the amount with 18 decimals."""
MAX_ROUNDS = 255
"""Newton rounds of the contracts."""
_UINT256 = 1 << 256


class NoQuote(ValueError):
    """The pool has no answer for this state or amount; the message says why."""


def out_down(pool: CurveStableState, sold: int, bought: int, amount_in: int) -> int:
    """Quote ``get_dy``: output for an exact input, raw units.

    0 also where the contract reverts because the output would round below nothing.

    Raises
    ------
    NoQuote
        When the contract reverts for any other reason.
    """
    xp = scaled(pool)
    pushed = _fit(xp[sold] + _fit(amount_in * pool.rates[sold]) // PRECISION)
    left = balance_of(pool, xp, sold, bought, pushed)
    gross = xp[bought] - left - 1
    if gross <= 0:
        return 0
    return paid_down(pool, bought, gross, swap_fee(pool, xp[sold] + pushed >> 1, xp[bought] + left >> 1))


def paid_down(pool: CurveStableState, bought: int, gross: int, fee: int) -> int:
    """Scaled output before the fee -> raw output after it, in the generation's order of rounding."""
    rate = pool.rates[bought]
    if not rate:
        raise NoQuote("a rate of 0")
    if pool.rules.fee_last:
        raw = _fit(gross * PRECISION) // rate
        return raw - fee * raw // FEE_DENOMINATOR
    return _fit((gross - _fit(fee * gross) // FEE_DENOMINATOR) * PRECISION) // rate


def swap_fee(pool: CurveStableState, mean_in: int, mean_out: int) -> int:
    """NG's dynamic fee at the mean scaled balances of the two coins; the constant fee in older pools.

    ``m f / ((m - 1) 4 x y / (x + y)**2 + 1)``, in 1e-10.
    """
    if pool.offpeg <= FEE_DENOMINATOR:
        return pool.fee
    squared = _fit((mean_in + mean_out) ** 2)
    if not squared:
        raise NoQuote("no balances")
    near = _fit((pool.offpeg - FEE_DENOMINATOR) * 4 * mean_in * mean_out) // squared
    return _fit(pool.offpeg * pool.fee) // (near + FEE_DENOMINATOR)


def scaled(pool: CurveStableState) -> tuple[int, ...]:
    """Balances with 18 decimals, down."""
    pairs = zip(pool.balances, pool.rates, strict=True)
    return tuple(_fit(balance * rate) // PRECISION for balance, rate in pairs)


def invariant(xp: Sequence[int], amp: int, rules: CurveRules) -> int:
    """D of scaled balances (``get_D``).

    Raises
    ------
    NoQuote
        When it does not converge, a coin is missing, or it leaves 256 bits.
    """
    n, total = len(xp), _fit(sum(xp))
    if not total:
        return 0
    if not min(xp) and rules.product is not CurveProduct.EACH_PLUS_ONE:
        raise NoQuote("a balance of 0")
    leverage, d = _fit(amp * n), total
    if leverage < rules.precision:
        raise NoQuote(f"an amplification of {amp}")
    for _ in range(MAX_ROUNDS):
        product, before = _product(xp, d, rules.product), d
        above = _fit(_fit(_fit(leverage * total) // rules.precision + _fit(product * n)) * d)
        below = _fit(_fit((leverage - rules.precision) * d) // rules.precision + _fit((n + 1) * product))
        if not below:
            raise NoQuote("the invariant divides by 0")
        d = above // below
        if abs(d - before) <= 1:
            return d
    if rules.precision > 1:
        raise NoQuote("the invariant does not converge")
    # The first pools leave their loop without a look back.
    return d


def balance_of(pool: CurveStableState, xp: Sequence[int], sold: int, bought: int, pushed: int) -> int:
    """Scaled balance of ``bought`` once that of ``sold`` is ``pushed`` (``get_y``)."""
    others = tuple(pushed if k == sold else x for k, x in enumerate(xp) if k != bought)
    return balance_at(others, pool, invariant(xp, pool.amp, pool.rules))


def balance_at(others: Sequence[int], pool: CurveStableState, d: int) -> int:
    """Scaled balance of one coin where the others and D are given (``get_y_D``).

    The root of ``y**2 + (b - D) y = c``, with ``b = S + D / (A n**n)`` and ``c = D**(n+1) / (n**n prod A n**n)``.
    """
    n, precision = len(others) + 1, pool.rules.precision
    leverage, c = _fit(pool.amp * n), d
    if not min(others) or not leverage:
        raise NoQuote("a balance or amplification of 0")
    for x in others:
        c = _fit(c * d) // _fit(x * n)
    c = _fit(_fit(c * d) * precision) // _fit(leverage * n)
    b = _fit(sum(others)) + _fit(d * precision) // leverage
    y = d
    for _ in range(MAX_ROUNDS):
        before, below = y, _fit(2 * y + b) - d
        if below <= 0:
            raise NoQuote("a balance divides by 0")
        y = _fit(_fit(y * y) + c) // below
        if abs(y - before) <= 1:
            return y
    if pool.rules.precision > 1:
        raise NoQuote("a balance does not converge")
    return y


def minted_down(pool: CurveStableState, supply: int, coin: int, amount: int) -> int:
    """LP tokens for a one-sided deposit, no fee taken (``calc_token_amount`` of pools before NG)."""
    before = invariant(scaled(pool), pool.amp, pool.rules)
    if not before:
        raise NoQuote("no liquidity")
    balances = tuple(balance + amount * (k == coin) for k, balance in enumerate(pool.balances))
    more = replace(pool, balances=balances)
    return _fit((invariant(scaled(more), pool.amp, pool.rules) - before) * supply) // before


def withdrawn_down(pool: CurveStableState, supply: int, coin: int, tokens: int) -> int:
    """Raw coin for LP tokens, half the swap fee taken on the imbalance (``calc_withdraw_one_coin`` before NG)."""
    xp, n = scaled(pool), len(pool.balances)
    before = invariant(xp, pool.amp, pool.rules)
    if not before or not supply or tokens > supply:
        raise NoQuote("more LP tokens than there are")
    after = before - _fit(tokens * before) // supply
    target = balance_at([x for k, x in enumerate(xp) if k != coin], pool, after)
    fee = pool.fee * n // (4 * (n - 1))
    reduced = []
    for k, x in enumerate(xp):
        kept = _fit(x * after) // before
        expected = kept - target if k == coin else x - kept
        if expected < 0:
            raise NoQuote("a withdrawal below nothing")
        reduced.append(x - _fit(fee * expected) // FEE_DENOMINATOR)
    gross = reduced[coin] - balance_at([x for k, x in enumerate(reduced) if k != coin], pool, after)
    # Integer precisions in the old pools, rates in the later ones: the same number for coins of at most 18 decimals.
    return max(0, gross - 1) * PRECISION // pool.rates[coin]


def slope(pool: CurveStableState, sold: int, bought: int) -> tuple[int, int]:
    """Price before fee, raw bought per raw sold, as (numerator, denominator).

    With ``r = D**(n+1) / (n**n prod x)`` it is ``(A n**n + r / x_i) / (A n**n + r / x_j)`` between scaled balances.
    """
    xp = scaled(pool)
    if not min(xp):
        raise NoQuote("a balance of 0")
    d, leverage = invariant(xp, pool.amp, pool.rules), pool.amp * len(xp)
    r = _product(xp, d, pool.rules.product) * pool.rules.precision
    above = (leverage * xp[sold] + r) * xp[bought] * pool.rates[sold]
    below = (leverage * xp[bought] + r) * xp[sold] * pool.rates[bought]
    if not above or not below:
        raise NoQuote("no price")
    return above, below


def mint_slope(pool: CurveStableState, supply: int, coin: int) -> tuple[int, int]:
    """LP tokens that one more raw unit of a coin mints at the margin, before fee, as (numerator, denominator).

    ``supply / D dD/dx = supply (A n**n + r / x) / ((A n**n - 1) D + (n + 1) r)`` for scaled balances.
    """
    xp, n, precision = scaled(pool), len(pool.balances), pool.rules.precision
    if not min(xp):
        raise NoQuote("a balance of 0")
    d, leverage = invariant(xp, pool.amp, pool.rules), pool.amp * n
    r = _product(xp, d, pool.rules.product) * precision
    above = (leverage * xp[coin] + r) * pool.rates[coin] * supply
    below = xp[coin] * ((leverage - precision) * d + (n + 1) * r) * PRECISION
    if not above or not below:
        raise NoQuote("no price")
    return above, below


def ramped(initial: int, future: int, start: int, end: int, now: int) -> int:
    """A at a time between the two ends of its ramp, as the pools interpolate it: rounded toward the initial value."""
    if now >= end or end <= start:
        return future
    if future > initial:
        return initial + (future - initial) * (now - start) // (end - start)
    return initial - (initial - future) * (now - start) // (end - start)


def _product(xp: Sequence[int], d: int, form: CurveProduct) -> int:
    product, n = d, len(xp)
    for x in xp:
        by = x if form is CurveProduct.AT_THE_END else _fit(x * n) + (form is CurveProduct.EACH_PLUS_ONE)
        product = _fit(product * d) // by
    return product // n**n if form is CurveProduct.AT_THE_END else product


def _fit(value: int) -> int:
    """The value, where a contract would not have reverted for its size."""
    if value >= _UINT256:
        raise NoQuote("more than 256 bits")
    return value
