"""The ABI as venues use it: the common part, and what a pool of two tokens is compared with."""

from keeper.maths.abi import (
    WORD,
    address_in,
    address_of,
    answered,
    inputs_of,
    kept,
    packed,
    rows_of,
    signed,
    view,
    word,
    word_at,
    words_of,
)
from keeper.records.units import Address

__all__ = [
    "WORD",
    "address_in",
    "address_of",
    "answered",
    "inputs_of",
    "kept",
    "packed",
    "rows_of",
    "signed",
    "token_mismatches",
    "view",
    "word",
    "word_at",
    "words_of",
]


def token_mismatches(
    tokens: tuple[int, ...], *, collateral_is_token0: bool, collateral: Address, debt: Address
) -> list[str]:
    """One line for each token of a pool that is not the market's."""
    wanted = (collateral, debt) if collateral_is_token0 else (debt, collateral)
    return [
        f"token{index} is {address_of(token)}, the market needs {want}"
        for index, (token, want) in enumerate(zip(tokens, wanted, strict=True))
        if address_of(token) != want.lower()
    ]
