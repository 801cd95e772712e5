"""Whether the settings of a Uniswap v4 pool are its key, and whether the manager keeps its words where they are read.

A manager has no view functions of its pools but ``extsload``, the word at a slot. What is independent of slots is its
``initialize``: for a pool that exists it refuses by name, before it writes anything.
"""

from collections.abc import Sequence
from dataclasses import dataclass

from keeper.maths.keccak import keccak
from keeper.records.settings import PoolSettings
from keeper.records.snapshot import Answer, Ask
from keeper.records.units import NO_ADDRESS, Address
from keeper.venues.abi import answered, view
from keeper.venues.uniswap_v4_words import HEAD_OFFSETS, RawPool, pool_id_of

BEFORE_INITIALIZE = 1 << 13
"""Permission bit in the address of hooks: they are asked before ``initialize`` looks whether the pool exists."""

_INITIALIZE = "initialize((address,address,uint24,int24,address),uint160)"
_TAKEN = keccak(b"PoolAlreadyInitialized()")[:4]
_PRICE_ONE = 1 << 96


@dataclass(frozen=True, slots=True)
class Named:
    """The pool key that settings and tokens make."""

    currency0: Address
    currency1: Address
    wrapped: Address | None
    """Token of the market that the pool holds as the chain's own currency, unwrapped; None where it holds the token."""
    problems: tuple[str, ...]

    def balance_asks(self, manager: Address) -> tuple[Ask, ...]:
        """What the token holds of the chain's own currency; the reader answers it for any account."""
        return () if self.wrapped is None else (Ask(manager, bytes.fromhex(self.wrapped[2:]), "uniswap_v4"),)


def key_of(pool: PoolSettings, collateral: Address, debt: Address) -> Named:
    """The key whose hash the pool id is: of the tokens themselves, or with currency 0 unwrapped."""
    first, second = (collateral, debt) if pool.collateral_is_token0 else (debt, collateral)
    plain = _id(pool, first, second)
    if pool.pool_id == plain:
        problems = () if int(first, 16) < int(second, 16) else ("currency 0 is not the lower address",)
        return Named(first, second, None, problems)
    if pool.pool_id == _id(pool, NO_ADDRESS, second):
        return Named(NO_ADDRESS, second, first, ())
    return Named(first, second, None, (f"its key hashes to 0x{plain.hex()}, the settings say 0x{pool.pool_id.hex()}",))


def layout_asks(pool: PoolSettings, key: Named, raw: RawPool) -> tuple[Ask, ...]:
    """Calls of the manager's own code, and of the wrapped token's."""
    asks = [view(pool.address, "extsload(bytes32)", slot) for slot in _probed(raw)]
    parts = (int(key.currency0, 16), int(key.currency1, 16), pool.fee_pips, pool.tick_spacing, int(pool.companion, 16))
    asks.append(view(pool.address, _INITIALIZE, *parts, _PRICE_ONE))
    if key.wrapped is not None:
        asks.append(view(key.wrapped, "totalSupply()"))
    return tuple(asks)


def problems_of(
    pool: PoolSettings, key: Named, raw: RawPool, answers: Sequence[Answer], held: Sequence[Answer]
) -> tuple[str, ...]:
    """One line for every disagreement; ``held`` answers :meth:`Named.balance_asks`."""
    problems = []
    slots = _probed(raw)
    if any(answered(row, 1) != (raw.words[slot],) for slot, row in zip(slots, answers, strict=False)):
        problems.append("extsload() disagrees with the raw words: not a Uniswap v4 PoolManager")
    asked_first = int(pool.companion, 16) & BEFORE_INITIALIZE
    taken = answers[len(slots)]
    if not asked_first and (taken.ok or taken.data[:4] != _TAKEN):
        problems.append("initialize() does not know the pool: not a Uniswap v4 PoolManager, or another key")
    if key.wrapped is not None:
        supply, balance = answered(answers[-1], 1), answered(held[0], 1)
        # Without placed code nobody tells a balance; then the mistake shows in the pool's price alone.
        if supply is None or (balance is not None and not 0 < supply[0] <= balance[0]):
            problems.append(
                f"it holds the chain's own currency, the market needs {key.wrapped}, which does not wrap it"
            )
    return tuple(problems)


def _probed(raw: RawPool) -> tuple[int, ...]:
    """First slot of each kind, in the order of ``raw.words``: slot0, fee growth, liquidity, a bitmap word, a tick."""
    slots = tuple(raw.words)
    head = len(HEAD_OFFSETS)
    first_tick = head + len(raw.around.bitmaps)
    return (*slots[: head + 1], *slots[first_tick : first_tick + 1])


def _id(pool: PoolSettings, currency0: Address, currency1: Address) -> bytes:
    return pool_id_of(currency0, currency1, pool.fee_pips, pool.tick_spacing, pool.companion)
