"""What an Aave v3 market is asked about accounts, and the same calls one by one where no code can be placed.

The twin of ``contracts/src/readers/AaveV3Reader.sol``. Only the provider knows the Pool and the oracle, and only the
Pool the aToken, so these calls can't be made from outside in one round: the reader makes them.
"""

from collections.abc import Generator, Sequence
from dataclasses import dataclass, replace

from keeper.maths.abi import WORD, address_in, address_of, kept, packed, view, word_at
from keeper.maths.keccak import keccak
from keeper.records.settings import MarketSettings
from keeper.records.snapshot import Answer, Ask
from keeper.records.units import Address, BlockRef

READER = Address("0x" + keccak(b"Bulkhead Aave v3 reader")[12:].hex())
"""Where the reader's code is placed: an address that nobody holds a key of."""

HEAD_ROWS, HOLDER_ROWS = 6, 3
"""Calls about the market, and about each account."""
HOLDERS_A_CALL = 4
"""Accounts that the reader is asked about at once; a longer list is several asks, which the gas cap may spread."""

STIPEND, ACCOUNT_STIPEND = 300_000, 2_000_000
"""Gas of each call, and of ``getUserAccountData``, which walks over every reserve that the account uses."""

_OWN_GAS, _OWN_ROW_GAS = 200_000, 20_000
"""Gas of the reader itself, above its callees' stipends: once, and for each call."""
_ADDRESS_BYTES = 20
_A_TOKEN_WORD = 8


@dataclass(frozen=True, slots=True)
class Contracts:
    """Contracts of one market; those that the answers did not name are the zero address."""

    provider: Address
    pool: Address
    oracle: Address
    a_token: Address


def asks_of(market: MarketSettings, holders: Sequence[Address]) -> tuple[Ask, ...]:
    """Asks of the reader, one for every few accounts, and one where there are none."""
    names = (provider_of(market), market.collateral, market.debt)
    chunks = [holders[at : at + HOLDERS_A_CALL] for at in range(0, len(holders), HOLDERS_A_CALL)] or [()]
    asks = []
    for chunk in chunks:
        rows = HEAD_ROWS + HOLDER_ROWS * len(chunk)
        stipends = rows * (STIPEND + _OWN_ROW_GAS) + len(chunk) * (ACCOUNT_STIPEND - STIPEND)
        data = b"".join(bytes.fromhex(address[2:]) for address in (*names, *chunk))
        # A 63rd more than every stipend together: what a call can pass on (EIP-150).
        asks.append(Ask(READER, data, "aave_v3", _OWN_GAS + stipends + stipends // 63))
    return tuple(asks)


def provider_of(market: MarketSettings) -> Address:
    """The protocol's own id of a market: its PoolAddressesProvider."""
    return address_in(market.protocol_market_id, WORD - _ADDRESS_BYTES)


def contracts_of(provider: Address, pool: Answer, oracle: Answer, reserve: Answer) -> Contracts:
    """Contracts that the first three rows name."""
    words = word_at(pool.data, 0), word_at(oracle.data, 0), word_at(reserve.data, _A_TOKEN_WORD)
    return Contracts(provider, *(address_of(word) for word in words))


def head_calls(market: Contracts, collateral: Address, debt: Address) -> tuple[Ask, ...]:
    """Calls about the market, in the reader's order."""
    return (
        _call(market.provider, "getPool()"),
        _call(market.provider, "getPriceOracle()"),
        _call(market.pool, "getReserveData(address)", collateral),
        _call(market.oracle, "getAssetPrice(address)", collateral),
        _call(market.oracle, "getAssetPrice(address)", debt),
        _call(market.a_token, "totalSupply()"),
    )


def holder_calls(market: Contracts, holder: Address) -> tuple[Ask, ...]:
    """Calls about one account, in the reader's order."""
    return (
        _call(market.a_token, "balanceOf(address)", holder),
        replace(_call(market.pool, "getUserAccountData(address)", holder), gas=ACCOUNT_STIPEND),
        _call(market.pool, "getUserConfiguration(address)", holder),
    )


def by_views(
    ask: Ask,
    block: BlockRef,  # noqa: ARG001 - the contracts take the block's own time
) -> Generator[tuple[Ask, ...], tuple[Answer, ...], Answer]:
    """Answer of the reader to ``ask``, in three rounds."""
    provider, collateral, debt, *holders = (address_in(ask.data, at) for at in range(0, len(ask.data), _ADDRESS_BYTES))
    nothing = Answer(False, b"")
    unknown = contracts_of(provider, nothing, nothing, nothing)
    pool, oracle = yield head_calls(unknown, collateral, debt)[:2]
    named = contracts_of(provider, kept(pool), kept(oracle), nothing)
    (reserve,) = yield head_calls(named, collateral, debt)[2:3]
    market = contracts_of(provider, kept(pool), kept(oracle), kept(reserve))
    calls = [call for holder in holders for call in holder_calls(market, holder)]
    answers = yield (*head_calls(market, collateral, debt)[3:], *calls)
    return Answer(True, b"".join(packed(kept(answer)) for answer in (pool, oracle, reserve, *answers)))


def _call(to: Address, signature: str, *arguments: Address) -> Ask:
    return replace(view(to, signature, *(int(argument, 16) for argument in arguments)), gas=STIPEND)
