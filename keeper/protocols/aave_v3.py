"""Aave v3: the accounts of a committed list, what they hold of the collateral and what they owe.

A market's id is its PoolAddressesProvider. Debt and collateral of every asset are valued by Aave's own oracle. Aave
answers from behind proxies that governance upgrades, so its answers are recomputable but not provable.
Reference: aave core-v3 1.19.3, ``IPool``, ``IAaveOracle``, ``UserConfiguration``, ``ReserveConfiguration``.
"""

from collections.abc import Generator, Mapping, Sequence
from dataclasses import dataclass

from keeper.maths.abi import answered, inputs_of, rows_of
from keeper.maths.fixed import cdiv
from keeper.protocols.aave_v3_calls import (
    HEAD_ROWS,
    HOLDER_ROWS,
    HOLDERS_A_CALL,
    asks_of,
    contracts_of,
    head_calls,
    holder_calls,
    provider_of,
)
from keeper.protocols.bulkhead import Bulkhead
from keeper.records.positions import Position, Positions
from keeper.records.settings import MarketSettings
from keeper.records.snapshot import Answer, Ask, CallInput, PositionsReading
from keeper.records.units import BPS, Address, Price

MAX_SUPPLY = 1 << 111
"""Raw units; the size stays inside the haircut's domain (models.md 1.3) with room for Aave's rounding."""

_RESERVE_WORDS, _ID_WORD, _ACCOUNT_WORDS = 15, 7, 6
_NOTHING = Answer(False, b"")


class Unreadable(ValueError):
    """The answers are not those of a market of Aave; the message says why."""


@dataclass(frozen=True, slots=True)
class _Reserve:
    """The market's own words."""

    number: int
    """Place in the accounts' bit maps."""
    configuration: int
    collateral_price: int
    """In the oracle's base currency; the unit cancels out."""
    debt_price: int
    supply: int


class AaveV3(Bulkhead):
    """Adapter of ``records.ports.LendingProtocol``: positions are Aave's; reports go to our own contract."""

    def positions(
        self, market: MarketSettings
    ) -> Generator[tuple[Ask, ...], tuple[Answer, ...], PositionsReading | None]:
        """The list's accounts at the snapshot's block; None without a list."""
        if not market.holders:
            return None
        # An account that stood twice would hide as much supply of others.
        holders = tuple(dict.fromkeys(market.holders))
        asks = asks_of(market, holders)
        answers = yield asks
        pairs = zip(asks, answers, strict=True)
        inputs = tuple(CallInput(ask.to, ask.data, answer.ok, answer.data) for ask, answer in pairs)
        try:
            head, accounts = _joined(answers, holders)
            contracts = contracts_of(provider_of(market), *head[:3])
            calls = [*head_calls(contracts, market.collateral, market.debt)]
            calls += [call for holder in holders for call in holder_calls(contracts, holder)]
            inputs = inputs_of(calls, [*head, *(row for rows in accounts.values() for row in rows)])
            positions, doubts = _positions(market, _reserve(market, head), accounts)
        except Unreadable as error:
            return PositionsReading(None, inputs, f"{provider_of(market)}: {error}")
        return PositionsReading(positions, inputs, doubts=doubts)

    def check_market(self, market: MarketSettings) -> Generator[tuple[Ask, ...], tuple[Answer, ...], tuple[str, ...]]:
        """The reserve's decimals and bonus against the settings; one line for every disagreement."""
        (answer,) = yield asks_of(market, ())
        try:
            reserve = _reserve(market, _cut(answer, 0)[0])
        except Unreadable as error:
            return (str(error),)
        bonus, decimals = (reserve.configuration >> 32 & 0xFFFF) - BPS, reserve.configuration >> 48 & 0xFF
        problems = []
        if decimals != market.collateral_decimals:
            problems.append(f"the reserve has {decimals} decimals, the settings say {market.collateral_decimals}")
        if bonus != market.model.bonus_bps:
            problems.append(f"its liquidation bonus is {bonus} bps, the settings say {market.model.bonus_bps}")
        return tuple(problems)


def _joined(answers: Sequence[Answer], holders: Sequence[Address]) -> tuple[list[Answer], dict[Address, list[Answer]]]:
    """Rows of the market, which every answer begins with, and of each account."""
    head: list[Answer] = []
    accounts: dict[Address, list[Answer]] = {}
    for at, answer in zip(range(0, len(holders), HOLDERS_A_CALL), answers, strict=True):
        chunk = holders[at : at + HOLDERS_A_CALL]
        head, rows = _cut(answer, len(chunk))
        accounts |= zip(chunk, rows, strict=True)
    return head, accounts


def _cut(answer: Answer, holders: int) -> tuple[list[Answer], list[list[Answer]]]:
    """Rows of the market, and of each account."""
    try:
        rows = [row or _NOTHING for row in rows_of(answer.data)] if answer.ok else []
    except ValueError as error:
        raise Unreadable(str(error)) from None
    if len(rows) != HEAD_ROWS + HOLDER_ROWS * holders:
        raise Unreadable(f"{len(answer.data)} bytes are not the reader's reply")
    each = [rows[at : at + HOLDER_ROWS] for at in range(HEAD_ROWS, len(rows), HOLDER_ROWS)]
    return rows[:HEAD_ROWS], each


def _reserve(market: MarketSettings, head: Sequence[Answer]) -> _Reserve:
    words = answered(head[2], _RESERVE_WORDS)
    if words is None:
        raise Unreadable("getReserveData() does not answer like a Pool of Aave v3")
    if not words[8]:
        raise Unreadable(f"{market.collateral} is not one of its reserves")
    single = [answered(row, 1) for row in head[3:]]
    for name, row in zip(("a price of the collateral", "a price of the debt asset", "a supply"), single, strict=True):
        if row is None:
            raise Unreadable(f"it does not answer {name}")
    collateral_price, debt_price, supply = (row[0] for row in single if row)
    if not collateral_price or not debt_price:
        raise Unreadable("its oracle answers a price of 0")
    if supply >= MAX_SUPPLY:
        raise Unreadable(f"a supply of {supply} is impossible")
    return _Reserve(words[_ID_WORD], words[0], collateral_price, debt_price, supply)


def _positions(
    market: MarketSettings, reserve: _Reserve, accounts: Mapping[Address, Sequence[Answer]]
) -> tuple[Positions, tuple[str, ...]]:
    """Positions of the accounts that answered, and a line for each other one."""
    unit = 10**market.debt_decimals
    found, doubts = [], []
    for holder, answers in accounts.items():
        position = _position(holder, answers, reserve, unit)
        if position is None:
            doubts.append(f"{holder} could not be read, so what it supplies counts fully")
        else:
            found.append(position)
    price = Price(reserve.collateral_price * unit, reserve.debt_price * 10**market.collateral_decimals)
    positions = Positions(reserve.supply, price, tuple(found))
    # aToken balances are rounded to the nearest unit each, so their sum may be above the supply by half a unit each.
    if positions.covered > reserve.supply + len(found):
        raise Unreadable(f"its accounts hold {positions.covered} of a supply of {reserve.supply}")
    return positions, tuple(doubts)


def _position(holder: Address, answers: Sequence[Answer], reserve: _Reserve, unit: int) -> Position | None:
    counts = (1, _ACCOUNT_WORDS, 1)
    balance, account, configuration = (answered(row, count) for row, count in zip(answers, counts, strict=True))
    if balance is None or account is None or configuration is None:
        return None
    collateral, debt, _, threshold, _, _ = account
    return Position(
        holder=holder,
        supplied=balance[0],
        pledged=bool(configuration[0] >> (2 * reserve.number + 1) & 1),
        backing=collateral * unit // reserve.debt_price,
        debt=cdiv(debt * unit, reserve.debt_price),
        threshold_bps=threshold,
    )
