"""The size that follows from positions: known answers, and what must hold for any list."""

from dataclasses import replace
from fractions import Fraction
from random import Random

import pytest
from hypothesis import given
from hypothesis import strategies as st

from keeper.records.positions import Position, Positions
from keeper.records.units import Address, Price
from keeper.risk.positions import Sizing, seized_up, size_up

Terms = dict[str, int]
ETHER, DOLLAR = 10**18, 10**6
PRICE = Price(3_000 * DOLLAR, ETHER)
TERMS = {"shock_bps": 3_000, "share_bps": 5_000, "bonus_bps": 500}


def position(supplied: int, debt: int, **changes: object) -> Position:
    """An account with this collateral alone, in whole WETH and USDC."""
    base = Position(
        holder=Address(f"0x{supplied:020x}{debt:020x}"),
        supplied=supplied * ETHER,
        pledged=True,
        backing=supplied * 3_000 * DOLLAR,
        debt=debt * DOLLAR,
        threshold_bps=8_000,
    )
    return replace(base, **changes)


def of(*holders: Position, uncovered: int = 0) -> Positions:
    return Positions(sum(row.supplied for row in holders) + uncovered, PRICE, holders)


def test_a_known_market_gives_the_known_size() -> None:
    # 2,100 dollars after the fall: 10 x 2,100 x 0.8 = 16,800 holds 16,800 and not a dollar more.
    fails, holds = position(10, 16_801), position(20, 33_600)
    small = position(2, 4_200)
    positions = of(fails, holds, small, uncovered=3 * ETHER)
    taken = 8_400_500_000_000_000_000
    assert seized_up(fails, PRICE, shock_bps=3_000, bonus_bps=500) == taken
    # 4,200 x 1.05 / 2,100 is more than the account has.
    assert seized_up(small, PRICE, shock_bps=3_000, bonus_bps=500) == 2 * ETHER
    sizing = size_up(positions, **TERMS)
    assert sizing == Sizing(
        size=taken + 3 * ETHER,
        largest=taken + 3 * ETHER,
        liquidated=taken + 2 * ETHER,
        failing=2,
        uncovered=3 * ETHER,
        listed=taken + 2 * ETHER,
    )
    assert size_up(positions, **TERMS | {"share_bps": 10_000}).size == taken + 5 * ETHER


def test_the_threshold_itself_holds_and_one_unit_more_of_debt_fails() -> None:
    exact = position(10, 16_800)
    assert seized_up(exact, PRICE, shock_bps=3_000, bonus_bps=500) == 0
    assert seized_up(replace(exact, debt=exact.debt + 1), PRICE, shock_bps=3_000, bonus_bps=500) > 0


def test_what_is_seized_is_rounded_up() -> None:
    dust = replace(position(1, 0), debt=1, backing=0)
    assert seized_up(dust, Price(3, 1), shock_bps=3_000, bonus_bps=0) == 1
    assert seized_up(replace(dust, debt=21), Price(3, 1), shock_bps=3_000, bonus_bps=0) == 10
    assert seized_up(replace(dust, debt=22), Price(3, 1), shock_bps=3_000, bonus_bps=0) == 11


def test_nobody_and_nothing_need_no_depth() -> None:
    assert size_up(of(), **TERMS) == Sizing(0, 0, 0, 0, 0, 0)
    assert size_up(of(uncovered=7), **TERMS) == Sizing(7, 7, 0, 0, 7, 0)


def test_unpledged_supply_is_covered_and_cannot_be_seized() -> None:
    sizing = size_up(of(position(10, 20_000, pledged=False)), **TERMS)
    assert (sizing.size, sizing.uncovered) == (0, 0)


@pytest.mark.parametrize("shock", [0, 10_000, -1, 10_001])
def test_a_shock_that_is_none_is_refused(shock: int) -> None:
    with pytest.raises(ValueError, match="leaves no price"):
        size_up(of(position(1, 1)), **TERMS | {"shock_bps": shock})


amounts = st.integers(0, 10**30)
holders = st.builds(
    Position,
    holder=st.just(Address("0x" + "11" * 20)),
    supplied=amounts,
    pledged=st.booleans(),
    backing=amounts,
    debt=amounts,
    threshold_bps=st.integers(0, 10_000),
)
lists = st.lists(holders, max_size=12)
prices = st.builds(Price, st.integers(1, 10**30), st.integers(1, 10**30))
shocks = st.integers(1, 9_999)
shares = st.integers(0, 10_000)
bonuses = st.integers(0, 5_000)
any_terms = st.fixed_dictionaries({"shock_bps": shocks, "share_bps": shares, "bonus_bps": bonuses})


@st.composite
def markets(draw: st.DrawFn) -> Positions:
    rows = tuple(draw(lists))
    return Positions(sum(row.supplied for row in rows) + draw(amounts), draw(prices), rows)


@given(markets(), any_terms, st.randoms(use_true_random=False))
def test_the_order_of_holders_does_not_matter(market: Positions, terms: Terms, chance: Random) -> None:
    mixed = list(market.holders)
    chance.shuffle(mixed)
    assert size_up(replace(market, holders=tuple(mixed)), **terms) == size_up(market, **terms)


@given(markets(), any_terms, shocks)
def test_a_deeper_shock_never_liquidates_less(market: Positions, terms: Terms, other: int) -> None:
    low, high = (size_up(market, **terms | {"shock_bps": row}) for row in sorted((terms["shock_bps"], other)))
    assert low.liquidated <= high.liquidated
    assert low.size <= high.size
    assert low.failing <= high.failing


@given(markets(), any_terms, amounts)
def test_uncovered_supply_counts_fully(market: Positions, terms: Terms, more: int) -> None:
    before, after = size_up(market, **terms), size_up(replace(market, supply=market.supply + more), **terms)
    assert after.size >= market.uncovered + more
    assert before.size <= after.size <= before.size + more
    assert after.liquidated == before.liquidated


@given(markets(), any_terms, amounts, st.integers(0, 10**6))
def test_a_rich_account_with_a_dust_of_debt_moves_nothing(
    market: Positions, terms: Terms, riches: int, dust: int
) -> None:
    rich = Position(Address("0x" + "22" * 20), riches, True, 10**12 + 10**9 * dust, dust, 5_000)
    joined = replace(market, supply=market.supply + riches, holders=(*market.holders, rich))
    assert size_up(joined, **terms) == size_up(market, **terms)


@given(markets(), any_terms, st.data())
def test_leaving_an_account_off_the_list_never_shrinks_the_size(
    market: Positions, terms: Terms, data: st.DataObject
) -> None:
    if not market.holders:
        return
    at = data.draw(st.integers(0, len(market.holders) - 1))
    rest = market.holders[:at] + market.holders[at + 1 :]
    assert size_up(replace(market, holders=rest), **terms).size >= size_up(market, **terms).size


@given(markets(), any_terms)
def test_the_size_lies_between_its_parts_and_the_whole_supply(market: Positions, terms: Terms) -> None:
    sizing = size_up(market, **terms)
    assert max(sizing.largest, sizing.uncovered) <= sizing.size <= market.supply
    assert sizing.size >= Fraction(terms["share_bps"] * sizing.liquidated, 10_000) + sizing.uncovered


@given(holders, prices, shocks, bonuses)
def test_what_is_seized_is_the_exact_value_or_all(row: Position, price: Price, shock: int, bonus: int) -> None:
    taken = seized_up(row, price, shock_bps=shock, bonus_bps=bonus)
    left = Fraction(10_000 - shock, 10_000)
    if row.backing * left * Fraction(row.threshold_bps, 10_000) >= row.debt:
        assert taken == 0
        return
    exact = row.debt * Fraction(10_000 + bonus, 10_000) / (Fraction(price.numerator, price.denominator) * left)
    assert taken == row.collateral or exact <= taken < exact + 1
    assert taken <= row.collateral
