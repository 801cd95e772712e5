"""Calls of a pool's own view functions and the words they answer: enough ABI for adapters, by hand."""

from struct import unpack

from keeper.maths.keccak import keccak
from keeper.records.snapshot import Answer, Ask
from keeper.records.units import Address

WORD = 32


def view(to: Address, signature: str, *arguments: int) -> Ask:
    """Call of a function whose arguments are all static integers."""
    words = b"".join(word(argument) for argument in arguments)
    return Ask(to, keccak(signature.encode())[:4] + words)


def word(value: int) -> bytes:
    """Integer as one ABI word, two's complement when negative."""
    return (value % (1 << 256)).to_bytes(WORD, "big")


def words_of(data: bytes) -> tuple[int, ...]:
    """Bytes as unsigned words.

    Raises
    ------
    ValueError
        When the length is not a whole number of words.
    """
    if len(data) % WORD:
        raise ValueError(f"{len(data)} bytes are not whole words")
    return tuple(map(int.from_bytes, unpack("32s" * (len(data) // WORD), data)))


def answered(answer: Answer, count: int) -> tuple[int, ...] | None:
    """The answer's words, or None when the call failed or answered another number of words."""
    if not answer.ok or len(answer.data) != count * WORD:
        return None
    return words_of(answer.data)


def signed(value: int, bits: int) -> int:
    """Low ``bits`` of a word, read as two's complement."""
    value &= (1 << bits) - 1
    return value - (1 << bits) if value >> (bits - 1) else value


def address_of(value: int) -> Address:
    """Low 20 bytes of a word as an address."""
    return Address(f"0x{value & ((1 << 160) - 1):040x}")


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
