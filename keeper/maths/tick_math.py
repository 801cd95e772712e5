"""Ticks and square-root prices of Uniswap v3, bit for bit.

Prices are raw token1 per raw token0; ``sqrt_price_x96 = sqrt(price) * 2**96``; tick i stands for 1.0001**i.
Reference: v3-core 1.0.1 ``TickMath``.
"""

from functools import cache, lru_cache

MIN_TICK = -887272
MAX_TICK = 887272

MIN_SQRT_RATIO = 4295128739
"""sqrt price at MIN_TICK; the lowest that a pool can hold."""

MAX_SQRT_RATIO = 1461446703485210103287273052203988822378723970342
"""sqrt price at MAX_TICK; a pool stays below."""

_FACTORS = (
    0xFFFCB933BD6FAD37AA2D162D1A594001,
    0xFFF97272373D413259A46990580E213A,
    0xFFF2E50F5F656932EF12357CF3C7FDCC,
    0xFFE5CACA7E10E4E61C3624EAA0941CD0,
    0xFFCB9843D60F6159C9DB58835C926644,
    0xFF973B41FA98C081472E6896DFB254C0,
    0xFF2EA16466C96A3843EC78B326B52861,
    0xFE5DEE046A99A2A811C461F1969C3053,
    0xFCBE86C7900A88AEDCFFC83B479AA3A4,
    0xF987A7253AC413176F2B074CF7815E54,
    0xF3392B0822B70005940C7A398E4B70F3,
    0xE7159475A2C29B7443B29C7FA6E889D9,
    0xD097F3BDFD2022B8845AD8F792AA5825,
    0xA9F746462D870FDF8A65DC1F90E061E5,
    0x70D869A156D2A1B890BB3DF62BAF32F7,
    0x31BE135F97D08FD981231505542FCFA6,
    0x9AA508B5B7A84E1C677DE54F3E99BC9,
    0x5D6AF8DEDB81196699C329225EE604,
    0x2216E584F5FA1EA926041BEDFE98,
    0x48A170391F7DC42444E8FA2,
)
"""1.0001**(-2**i / 2) in 2**128, for each bit i of a tick."""

_LOW_BITS = 10
"""So many bits begin the product of every tick; their 1,024 products are kept."""


@lru_cache(maxsize=1 << 16)  # the ticks of some hundred pools; about 15 MB when full
def sqrt_ratio_at_tick(tick: int) -> int:
    """sqrt(1.0001**tick) * 2**96, rounded up, uint160.

    Raises
    ------
    ValueError
        Outside [MIN_TICK, MAX_TICK].
    """
    magnitude = abs(tick)
    if magnitude > MAX_TICK:
        raise ValueError(f"tick {tick} is outside [{MIN_TICK}, {MAX_TICK}]")
    ratio = _of_low_bits(magnitude & (1 << _LOW_BITS) - 1)
    for bit in range(_LOW_BITS, magnitude.bit_length()):
        if magnitude >> bit & 1:
            ratio = ratio * _FACTORS[bit] >> 128
    if tick > 0:
        ratio = ((1 << 256) - 1) // ratio
    return (ratio >> 32) + (ratio & 0xFFFFFFFF != 0)


@cache
def _of_low_bits(magnitude: int) -> int:
    """1.0001**(-magnitude / 2) in 2**128, bit after bit from the lowest, as the contract begins."""
    ratio = 1 << 128
    for bit in range(magnitude.bit_length()):
        if magnitude >> bit & 1:
            ratio = ratio * _FACTORS[bit] >> 128
    return ratio


def tick_at_sqrt_ratio(sqrt_price_x96: int) -> int:
    """Greatest tick whose ratio is at most the given one.

    The contract finds it by a logarithm with a checked guess; the definition decides, so a bisection gives its bits.

    Raises
    ------
    ValueError
        Outside [MIN_SQRT_RATIO, MAX_SQRT_RATIO).
    """
    if not MIN_SQRT_RATIO <= sqrt_price_x96 < MAX_SQRT_RATIO:
        raise ValueError(f"sqrt price {sqrt_price_x96} is outside [{MIN_SQRT_RATIO}, {MAX_SQRT_RATIO})")
    low, high = MIN_TICK, MAX_TICK
    while high - low > 1:
        middle = (low + high) // 2
        if sqrt_ratio_at_tick(middle) <= sqrt_price_x96:
            low = middle
        else:
            high = middle
    return low
