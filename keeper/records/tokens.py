"""What a token did when it was moved in a simulation, before anybody judges it."""

from dataclasses import dataclass

from keeper.records.units import Address


@dataclass(frozen=True, slots=True)
class TokenMove:
    """One simulated transfer; amounts in raw units."""

    tried: bool
    """False: nothing arrived that could be moved on."""
    ok: bool
    size: int
    """Length of the answer, bytes."""
    word: int
    """First word of the answer; 0 where there is none."""
    gas_used: int
    asked: int
    sent: int
    """What the sender's balance fell by."""
    received: int
    """What the receiver's balance rose by."""
    called: bool
    """Whether the token called sender or receiver."""
    counted: bool
    """Whether ``balanceOf`` answered one word each time."""


@dataclass(frozen=True, slots=True)
class TokenTrial:
    """A token moved out of a pool, between two strangers, and back into the pool."""

    token: Address
    holder: Address
    """Pool, or the vault that holds the pool's tokens."""
    held: int
    """What the holder has, raw units."""
    rounds: tuple[tuple[TokenMove, TokenMove, TokenMove], ...]
    """(out, across, back) for each amount tried, rising; empty when nothing is held."""
    registered: bool
    """Whether the token calls itself an ERC-777 in the ERC-1820 registry."""
