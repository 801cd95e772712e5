"""Calls of view functions and the words they answer: enough ABI for adapters, by hand.

Readers that call others (``contracts/src/libraries/AskLib.sol``) answer rows, packed: outcome uint8 (0 failed,
1 answered, 2 not made) | length uint24 | answer.
"""

from collections.abc import Sequence
from struct import unpack

from keeper.maths.keccak import keccak
from keeper.records.snapshot import Answer, Ask, CallInput
from keeper.records.units import Address

WORD = 32
MAX_ANSWER = 4096
"""Longest answer that readers hand on, in bytes; ``AskLib.MAX_ANSWER``."""

_NOT_MADE = 2
_ROW_HEAD = 4


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


def packed(row: Answer | None) -> bytes:
    """One row of a reader's reply; None = not made."""
    if row is None:
        return bytes([_NOT_MADE, 0, 0, 0])
    return bytes([row.ok]) + len(row.data).to_bytes(_ROW_HEAD - 1, "big") + row.data


def rows_of(data: bytes) -> list[Answer | None]:
    """Inverse of :func:`packed`, row after row.

    Raises
    ------
    ValueError
        When the bytes are not rows.
    """
    rows: list[Answer | None] = []
    at = 0
    while at < len(data):
        end = at + _ROW_HEAD + int.from_bytes(data[at + 1 : at + _ROW_HEAD], "big")
        if end > len(data) or data[at] > _NOT_MADE:
            raise ValueError(f"{len(data)} bytes are not the reader's reply")
        rows.append(None if data[at] == _NOT_MADE else Answer(data[at] == 1, data[at + _ROW_HEAD : end]))
        at = end
    return rows


def kept(answer: Answer) -> Answer:
    """An answer as readers hand it on: one that is too long is a failure."""
    return answer if len(answer.data) <= MAX_ANSWER else Answer(False, b"")


def inputs_of(asks: Sequence[Ask], rows: Sequence[Answer | None]) -> tuple[CallInput, ...]:
    """Every call that was made, as if it had been asked by itself."""
    made = zip(asks, rows, strict=True)
    return tuple(CallInput(ask.to, ask.data, row.ok, row.data) for ask, row in made if row is not None)


def word_at(data: bytes, index: int) -> int:
    """Word of an answer, 0 beyond its end."""
    return int.from_bytes(data[index * WORD : (index + 1) * WORD], "big") if index < len(data) // WORD else 0


def address_in(data: bytes, at: int) -> Address:
    """The 20 bytes from a place in packed calldata as an address."""
    return Address("0x" + data[at : at + 20].hex())
