"""One step of a Uniswap v3 swap with the official rounding: inside one price range the liquidity is constant.

Names follow v3-core: amount 0 and 1 are the pool's tokens, prices are sqrt(token1 / token0) * 2**96. A range
without liquidity needs no amount to cross, so no division by it is ever reached.
Uniswap v4 takes the same step with another fee.
Reference: v3-core 1.0.1 and v4-core 1.0.2 ``SqrtPriceMath``, ``SwapMath``.
"""

from dataclasses import dataclass

from keeper.maths.fixed import cdiv

PIPS = 1_000_000
Q96 = 1 << 96
_UINT256 = 1 << 256


@dataclass(frozen=True, slots=True)
class Step:
    """What one step moved."""

    sqrt_price_x96: int
    """Price after the step."""
    amount_in: int
    """Input that reached the pool's curve, without the fee."""
    amount_out: int
    fee: int
    """Fee in units of the input."""


def amount0_delta_down(sqrt_a: int, sqrt_b: int, liquidity: int) -> int:
    """Token 0 between two prices: ``L 2**96 (b - a) / b / a``, each division rounded down."""
    low, high = (sqrt_a, sqrt_b) if sqrt_a < sqrt_b else (sqrt_b, sqrt_a)
    return (liquidity * Q96 * (high - low) // high) // low


def amount0_delta_up(sqrt_a: int, sqrt_b: int, liquidity: int) -> int:
    """Token 0 between two prices, each division rounded up."""
    low, high = (sqrt_a, sqrt_b) if sqrt_a < sqrt_b else (sqrt_b, sqrt_a)
    return cdiv(cdiv(liquidity * Q96 * (high - low), high), low)


def amount1_delta_down(sqrt_a: int, sqrt_b: int, liquidity: int) -> int:
    """Token 1 between two prices: ``L |b - a| / 2**96``, rounded down."""
    return liquidity * abs(sqrt_b - sqrt_a) >> 96


def amount1_delta_up(sqrt_a: int, sqrt_b: int, liquidity: int) -> int:
    """Token 1 between two prices, rounded up."""
    return cdiv(liquidity * abs(sqrt_b - sqrt_a), Q96)


def swap_fee_pips_up(lp_fee_pips: int, protocol_fee_pips: int) -> int:
    """Uniswap v4's fee of a swap: the protocol's share first, the pool's fee on what is left, rounded up.

    ``p + l - floor(p l / 1e6)``, 1e6 at most. Reference: v4-core 1.0.2 ``ProtocolFeeLibrary.calculateSwapFee``.
    """
    return protocol_fee_pips + lp_fee_pips - protocol_fee_pips * lp_fee_pips // PIPS


def swap_step(sqrt_price: int, sqrt_target: int, liquidity: int, remaining: int, fee_pips: int) -> Step:
    """``SwapMath.computeSwapStep``: toward the target until it is reached or the amount is used up.

    Parameters
    ----------
    remaining
        Positive: input still to be sold, fee included. Negative: output still wanted.
    """
    zero_for_one = sqrt_price >= sqrt_target
    if remaining < 0:
        after, amount_out = _exact_out(sqrt_price, sqrt_target, liquidity, -remaining)
    else:
        after = _exact_in(sqrt_price, sqrt_target, liquidity, remaining * (PIPS - fee_pips) // PIPS)
        amount_out = _output_down(sqrt_price, after, liquidity, zero_for_one)
    amount_in = _input_up(sqrt_price, after, liquidity, zero_for_one)
    if remaining >= 0 and after != sqrt_target:
        # Stopped short of the target: what the input leaves over is fee.
        return Step(after, amount_in, amount_out, remaining - amount_in)
    return Step(after, amount_in, amount_out, cdiv(amount_in * fee_pips, PIPS - fee_pips))


def _exact_in(sqrt_price: int, sqrt_target: int, liquidity: int, less_fee: int) -> int:
    """Price after the input; rounding never carries it onto the target."""
    zero_for_one = sqrt_price >= sqrt_target
    if less_fee >= _input_up(sqrt_price, sqrt_target, liquidity, zero_for_one):
        return sqrt_target
    return _price_after_input(sqrt_price, liquidity, less_fee, zero_for_one)


def _exact_out(sqrt_price: int, sqrt_target: int, liquidity: int, wanted: int) -> tuple[int, int]:
    """(price after the output, output)."""
    zero_for_one = sqrt_price >= sqrt_target
    available = _output_down(sqrt_price, sqrt_target, liquidity, zero_for_one)
    if wanted >= available:
        return sqrt_target, available
    after = _price_after_output(sqrt_price, liquidity, wanted, zero_for_one)
    return after, min(_output_down(sqrt_price, after, liquidity, zero_for_one), wanted)


def _input_up(sqrt_from: int, sqrt_to: int, liquidity: int, zero_for_one: bool) -> int:
    return (amount0_delta_up if zero_for_one else amount1_delta_up)(sqrt_from, sqrt_to, liquidity)


def _output_down(sqrt_from: int, sqrt_to: int, liquidity: int, zero_for_one: bool) -> int:
    return (amount1_delta_down if zero_for_one else amount0_delta_down)(sqrt_from, sqrt_to, liquidity)


def _price_after_input(sqrt_price: int, liquidity: int, amount: int, zero_for_one: bool) -> int:
    """Rounded so that the target is never passed."""
    if not zero_for_one:
        return sqrt_price + amount * Q96 // liquidity
    if amount == 0:
        return sqrt_price
    shifted = liquidity * Q96
    product = amount * sqrt_price
    if product < _UINT256 and shifted + product < _UINT256:
        return cdiv(shifted * sqrt_price, shifted + product)
    # The contract's less exact form where the product overflows.
    return cdiv(shifted, shifted // sqrt_price + amount)


def _price_after_output(sqrt_price: int, liquidity: int, amount: int, zero_for_one: bool) -> int:
    """Rounded so that the target is always passed."""
    if zero_for_one:
        return sqrt_price - cdiv(amount * Q96, liquidity)
    if amount == 0:
        return sqrt_price
    shifted = liquidity * Q96
    return cdiv(shifted * sqrt_price, shifted - amount * sqrt_price)
