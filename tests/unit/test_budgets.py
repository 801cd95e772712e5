"""What a day may cost: each market and tier for itself, what is in flight at its most."""

from dataclasses import replace

import pytest
from sender_desk import intent, urgent

from keeper.budgets import Budgets, cost_wei, require_affordable, spent
from keeper.errors import RetryLater
from keeper.records.outcome import Attempt, IntentState, Landing, Outcome, Price, Tier, TxIntent

WETH, WBTC = b"\x01" * 32, b"\x02" * 32
NAMES = {WETH: "WETH/USDC", WBTC: "WBTC/USDC"}
BUDGETS = Budgets(market_wei=1_000, market_reserve_wei=5_000, key_wei=1_500)


def paid(wanted: TxIntent, wei: int) -> Outcome:
    landing = Landing(bytes(32), 100, bytes(32), 0, 1, wei, True)
    return Outcome(wanted, IntentState.FINAL_OK, 0, (), landing)


def flying(wanted: TxIntent, gas: int, fee_wei: int, state: IntentState = IntentState.SENT) -> Outcome:
    attempts = (Attempt(1, False, Price(1, 1), 1), Attempt(2, False, Price(fee_wei, 1), gas))
    return Outcome(wanted, state, 0, attempts)


def wish(name: str = "new", *markets: bytes, tier: Tier = Tier.ROUTINE) -> TxIntent:
    return replace(intent(name), markets=markets or (WETH,), tier=tier)


def refused(rows: list[Outcome], wanted: TxIntent, wei: int) -> str:
    with pytest.raises(RetryLater) as caught:
        require_affordable(rows, BUDGETS, wanted, wei, NAMES.__getitem__)
    return str(caught.value)


def test_what_was_mined_costs_its_fee_and_what_flies_the_most_of_its_newest_attempt() -> None:
    assert cost_wei(paid(intent(), 7)) == 7
    assert cost_wei(flying(intent(), 10, 20)) == 200
    assert cost_wei(flying(intent(), 10, 20, IntentState.EXPIRED)) == 0
    assert cost_wei(Outcome(intent(), IntentState.PLANNED)) == 0


def test_a_cost_is_shared_by_its_markets_rounded_up() -> None:
    costs = spent([paid(wish("a", WETH, WBTC), 101), paid(wish("b", WETH), 9), paid(urgent(markets=(WETH,)), 40)])
    assert costs.by_market == {
        (Tier.ROUTINE, WETH): 60,
        (Tier.ROUTINE, WBTC): 51,
        (Tier.EMERGENCY, WETH): 40,
    }
    assert costs.by_tier == {Tier.ROUTINE: 110, Tier.EMERGENCY: 40}
    assert costs.left_wei(BUDGETS, WETH, Tier.ROUTINE) == 940
    assert costs.left_wei(BUDGETS, WETH, Tier.EMERGENCY) == 4_960
    assert costs.share_left(BUDGETS, WETH, Tier.ROUTINE) == pytest.approx(0.94)
    assert costs.share_left(BUDGETS, WETH, Tier.EMERGENCY) == pytest.approx(0.992)


def test_the_last_wei_of_a_budget_may_be_spent_and_no_more() -> None:
    rows = [paid(wish("a"), 400)]
    require_affordable(rows, BUDGETS, wish(), 600, NAMES.__getitem__)
    assert refused(rows, wish(), 601) == (
        "WETH/USDC has 600 wei of its routine budget left today, 601 may be needed"
        " (raise keeper.market_reserve_gwei or keeper.market_budget_gwei, or wait)"
    )


def test_an_exhausted_market_stops_no_other_and_its_own_emergency_neither() -> None:
    rows = [paid(wish("a"), 1_200)]
    assert "WETH/USDC has 0 wei" in refused(rows, wish(), 1)
    require_affordable(rows, BUDGETS, wish("b", WBTC), 300, NAMES.__getitem__)
    require_affordable(rows, BUDGETS, wish("c", WETH, tier=Tier.EMERGENCY), 5_000, NAMES.__getitem__)
    assert "of its emergency budget" in refused(rows, wish("c", WETH, tier=Tier.EMERGENCY), 5_001)


def test_the_key_has_a_budget_over_all_routine_markets() -> None:
    rows = [paid(wish("a"), 900), paid(wish("b", b"\x03" * 32), 500)]
    require_affordable(rows, BUDGETS, wish("c", WBTC), 100, NAMES.__getitem__)
    assert "WBTC/USDC has 100 wei" in refused(rows, wish("c", WBTC), 101)
    assert spent(rows).share_left(BUDGETS, WBTC, Tier.ROUTINE) == pytest.approx(0.1)
    assert spent([*rows, paid(wish("d", WBTC), 200)]).share_left(BUDGETS, WBTC, Tier.ROUTINE) == 0


def test_a_replacement_is_not_counted_beside_what_it_replaces() -> None:
    mine = wish("a")
    rows = [flying(mine, 1, 900)]
    require_affordable(rows, BUDGETS, mine, 1_000, NAMES.__getitem__)
    assert "has 100 wei" in refused(rows, wish("b"), 101)


def test_every_market_of_a_batch_must_afford_its_share() -> None:
    rows = [paid(wish("a", WBTC), 990)]
    require_affordable(rows, BUDGETS, wish("b", WETH, WBTC), 20, NAMES.__getitem__)
    assert "WBTC/USDC has 10 wei of its routine budget left today, 11 may" in refused(rows, wish("b", WETH, WBTC), 21)
