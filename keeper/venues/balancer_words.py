"""What Balancer v2 pools are asked, and their raw answers; the twin of ``contracts/src/readers/BalancerReader.sol``.

Only the Vault knows a pool's tokens, and only the pool their rate providers, so calls to these can't be made from
outside in one round: the reader makes them. Each of its calls becomes an input of its own, as if it had been asked by
itself.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass

from keeper.maths.balancer_swap import MAX_BALANCE
from keeper.maths.keccak import keccak
from keeper.records.pools import PoolState
from keeper.records.settings import PoolSettings
from keeper.records.snapshot import Answer, Ask, CallInput, Input, PoolReading
from keeper.records.units import WAD, Address
from keeper.venues.abi import WORD, address_of, answered, inputs_of, rows_of, view, words_of

READER = Address("0x" + keccak(b"Bulkhead Balancer reader")[12:].hex())
"""Where the reader's code is placed: an address that nobody holds a key of."""

READ_GAS = 16_000_000
"""Stipend of the reader: eight tokens with two calls of 100,000 and a rate provider of 600,000 gas each."""

MAX_TOKENS = 8
_HEAD = 4
_ADDRESS_BITS, _ADDRESS_BYTES = 160, 20


class Garbage(ValueError):
    """The answers are not those of a pool that can be swapped with; the message says why."""


@dataclass(frozen=True, slots=True)
class RawToken:
    """One token of the Vault's list."""

    address: Address
    balance: int
    decimals: Answer
    cache: Answer | None
    """``getTokenRateCache``; None without a rate provider."""
    rate: Answer | None
    """``getRate`` of the provider; None while the cache is valid."""


@dataclass(frozen=True, slots=True)
class RawTokens:
    """The reader's reply, cut into its parts."""

    tokens: tuple[RawToken, ...]
    inputs: tuple[Input, ...]
    """Every call that the reader made."""


def tokens_ask(pool: PoolSettings) -> Ask:
    """The one call of the reader."""
    data = bytes.fromhex(pool.companion[2:]) + bytes.fromhex(pool.address[2:]) + pool.pool_id
    return Ask(READER, data, "balancer", READ_GAS)


def reading(
    pool: PoolSettings,
    asks: Sequence[Ask],
    answers: Sequence[Answer],
    state_of: Callable[[tuple[RawToken, ...], Sequence[Answer]], PoolState],
) -> PoolReading:
    """The state that ``state_of`` makes of the tokens and the answers after the reader's, or why there is none."""
    calls = [CallInput(ask.to, ask.data, answer.ok, answer.data) for ask, answer in zip(asks, answers, strict=True)]
    inputs: tuple[Input, ...] = tuple(calls)
    try:
        raw = split(answers[0], pool)
        inputs = (*raw.inputs, *calls[1:])
        _refuse_sides(pool, raw.tokens)
        return PoolReading(state_of(raw.tokens, answers[1:]), inputs)
    except Garbage as error:
        return PoolReading(None, inputs, f"{pool.address}: {error}")


def split(answer: Answer, pool: PoolSettings) -> RawTokens:
    """Cut the reply into its parts.

    Raises
    ------
    Garbage
        When it is not a list of tokens.
    """
    if not answer.ok:
        raise Garbage("its tokens could not be read: a token or rate provider uses up all gas")
    try:
        rows = rows_of(answer.data)
    except ValueError as error:
        raise Garbage(str(error)) from None
    if len(rows) < 2 or rows[0] is None or rows[1] is None:
        raise Garbage(f"{len(answer.data)} bytes are not the reader's reply")
    addresses, balances = _listed(rows[0])
    count = len(addresses)
    if len(rows) != 2 + 3 * count:
        raise Garbage(f"{len(rows)} answers do not fit {count} tokens")
    providers = list_of(rows[1], count) or (0,) * count
    calls = [
        view(pool.companion, "getPoolTokens(bytes32)", int.from_bytes(pool.pool_id, "big")),
        view(pool.address, "getRateProviders()"),
    ]
    tokens = []
    for token, balance, provider, at in zip(addresses, balances, providers, range(2, len(rows), 3), strict=True):
        to = address_of(token), pool.address, address_of(provider)
        calls += [
            view(to[0], "decimals()"),
            view(to[1], "getTokenRateCache(address)", token),
            view(to[2], "getRate()"),
        ]
        tokens.append(RawToken(to[0], balance, rows[at] or Answer(False, b""), rows[at + 1], rows[at + 2]))
    return RawTokens(tuple(tokens), inputs_of(calls, rows))


def list_of(answer: Answer, count: int) -> tuple[int, ...] | None:
    """An ABI-encoded array of ``count`` words as a call's only answer, or None when it is something else."""
    words = answered(answer, count + 2)
    return words[2:] if words is not None and words[:2] == (WORD, count) else None


def single(answer: Answer, what: str) -> int:
    """The answer's only word.

    Raises
    ------
    Garbage
        When the call failed or answered something else.
    """
    words = answered(answer, 1)
    if words is None:
        raise Garbage(f"{what} does not answer a number")
    return words[0]


def fee_of(answer: Answer) -> int:
    """The swap fee, 1 = 10**18.

    Raises
    ------
    Garbage
        When it is none.
    """
    fee = single(answer, "getSwapFeePercentage()")
    if fee >= WAD:
        raise Garbage(f"the swap fee {fee} takes everything")
    return fee


def refuse_stopped(vault: Answer, pool: Answer, recovery: Answer, *, recovery_known: bool) -> None:
    """A pool that is paused, or whose Vault is, swaps nothing; one in recovery mode is being left.

    Raises
    ------
    Garbage
        When it is so, or the answers do not say.
    """
    for who, answer in (("the Vault", vault), ("the pool", pool)):
        words = answered(answer, 3)
        if words is None or words[0] > 1:
            raise Garbage(f"{who} does not tell whether it is paused")
        if words[0]:
            raise Garbage(f"{who} is paused")
    # Pools before 2022-08 know no recovery mode.
    if recovery_known and single(recovery, "inRecoveryMode()"):
        raise Garbage("the pool is in recovery mode: its liquidity is on its way out and does not count")


def _refuse_sides(pool: PoolSettings, tokens: tuple[RawToken, ...]) -> None:
    """Settings of another pool or that name no token of it, and balances that no pool can have."""
    if pool.pool_id[:_ADDRESS_BYTES] != bytes.fromhex(pool.address[2:]):
        raise Garbage(f"the pool id 0x{pool.pool_id.hex()} is another pool's")
    for index in (pool.collateral_index, pool.debt_index):
        if index >= len(tokens):
            raise Garbage(f"the settings name token {index} of {len(tokens)}")
    empty = [index for index, token in enumerate(tokens) if token.balance == 0]
    if empty:
        raise Garbage(f"token {empty[0]} has no balance")
    if any(token.balance > MAX_BALANCE for token in tokens):
        raise Garbage("getPoolTokens answers more than the Vault can hold")


def _listed(answer: Answer) -> tuple[tuple[int, ...], tuple[int, ...]]:
    """Tokens and balances of ``getPoolTokens``: (address[], uint256[], uint256)."""
    if not answer.ok:
        raise Garbage("the Vault does not know the pool id")
    try:
        words = words_of(answer.data)
    except ValueError as error:
        raise Garbage(f"getPoolTokens: {error}") from None
    count = words[3] if len(words) > 3 else 0
    if not 2 <= count <= MAX_TOKENS:
        raise Garbage(f"{count} tokens; 2 to {MAX_TOKENS} are supported")
    second = (_HEAD + count) * WORD
    if len(words) != 5 + 2 * count or words[:2] != (3 * WORD, second) or words[4 + count] != count:
        raise Garbage("getPoolTokens does not answer tokens and balances")
    tokens = words[4 : 4 + count]
    if any(token >> _ADDRESS_BITS for token in tokens):
        raise Garbage("getPoolTokens answers what is no address")
    return tokens, words[5 + count :]
