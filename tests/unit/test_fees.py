"""What a transaction may cost, to the wei: first offers, replacements, no-ops, gas."""

from typing import Any

import pytest

from keeper.chain.fees import (
    GWEI,
    FeePolicy,
    FeesTooHigh,
    Market,
    Unfunded,
    first_price,
    gas_limit,
    read_market,
    replacement_price,
)
from keeper.errors import RetryLater
from keeper.records.outcome import Price, Tier

POLICY = FeePolicy(routine_cap_wei=80 * GWEI, emergency_cap_wei=1_500 * GWEI, least_tip_wei=GWEI, gas_limit=1_000_000)


class Fees:
    """A node that knows one thing."""

    def __init__(self, answer: Any) -> None:
        self.answer = answer

    def call(self, method: str, params: Any = ()) -> Any:
        assert (method, params) == ("eth_feeHistory", ["0x5", "latest", [10]])
        return self.answer


def history(*bases: int, tips: tuple[int, ...] = ()) -> dict[str, Any]:
    return {"baseFeePerGas": [hex(value) for value in bases], "reward": [[hex(value)] for value in tips]}


def test_the_market_is_the_next_blocks_base_fee_and_the_median_of_the_low_tips() -> None:
    tips = (9 * GWEI, 2 * GWEI, 3 * GWEI, 10 * GWEI, 4 * GWEI)
    market = read_market(Fees(history(5, 6, 7, 8, 9, 12, tips=tips)), POLICY)
    assert market == Market(12, 4 * GWEI)
    assert market.least_fee_wei == 12 + 4 * GWEI


def test_without_tips_the_least_one_is_paid() -> None:
    assert read_market(Fees({"baseFeePerGas": ["0x1", "0x2"]}), POLICY) == Market(2, GWEI)
    assert read_market(Fees({"baseFeePerGas": ["0x1", "0x2"], "reward": None}), POLICY) == Market(2, GWEI)


@pytest.mark.parametrize(
    "answer",
    [None, [], {}, {"baseFeePerGas": []}, {"baseFeePerGas": ["x"]}, {"baseFeePerGas": ["0x1"], "reward": [[]]}],
)
def test_a_malformed_history_is_tried_again(answer: Any) -> None:
    with pytest.raises(RetryLater) as caught:
        read_market(Fees(answer), POLICY)
    assert str(caught.value) == "the node answered a malformed eth_feeHistory (another node is asked next time)"


@pytest.mark.parametrize(
    ("tier", "base", "paid"),
    [(Tier.ROUTINE, 20, 41), (Tier.ROUTINE, 79, 80), (Tier.EMERGENCY, 79, 159), (Tier.REPAIR, 1_499, 1_500)],
)
def test_a_first_offer_is_twice_the_base_fee_and_the_tip_up_to_the_cap(tier: Tier, base: int, paid: int) -> None:
    assert first_price(Market(base * GWEI, GWEI), POLICY, tier) == Price(paid * GWEI, GWEI)


@pytest.mark.parametrize(
    ("tier", "base", "text", "key"),
    [
        (Tier.ROUTINE, 79 * GWEI + 1, "79 gwei is above the routine cap of 80", "max_fee_gwei"),
        (Tier.EMERGENCY, 1_500 * GWEI, "1500 gwei is above the emergency cap of 1500", "emergency_fee_gwei"),
        (Tier.REPAIR, 3 * GWEI * 1_001 // 2, "1502 gwei is above the repair cap of 1500", "emergency_fee_gwei"),
    ],
)
def test_a_market_above_the_cap_names_the_cap_and_its_key(tier: Tier, base: int, text: str, key: str) -> None:
    with pytest.raises(FeesTooHigh) as caught:
        first_price(Market(base, GWEI), POLICY, tier)
    assert str(caught.value) == f"the base fee of {text} gwei (raise keeper.{key}, or wait)"


def test_a_replacement_offers_an_eighth_more_rounded_up_or_the_market() -> None:
    calm, busy = Market(GWEI, GWEI), Market(30 * GWEI, 2 * GWEI)
    assert replacement_price(Price(17, 9), Market(0, 0), POLICY, Tier.ROUTINE) == Price(20, 11)
    assert replacement_price(Price(16 * GWEI, 8 * GWEI), calm, POLICY, Tier.ROUTINE) == Price(18 * GWEI, 9 * GWEI)
    assert replacement_price(Price(16 * GWEI, GWEI), busy, POLICY, Tier.ROUTINE) == Price(62 * GWEI, 2 * GWEI)
    # The fee is never below the tip that it has to hold.
    assert replacement_price(Price(8, 8), Market(0, 40), POLICY, Tier.ROUTINE) == Price(40, 40)


def test_a_replacement_may_cost_the_cap_itself_and_no_wei_more() -> None:
    market = Market(79 * GWEI, GWEI)
    most = Price(80 * GWEI * 8 // 9, GWEI)
    assert replacement_price(most, market, POLICY, Tier.ROUTINE).max_fee_wei == 80 * GWEI
    with pytest.raises(FeesTooHigh) as caught:
        replacement_price(Price(most.max_fee_wei + 1, GWEI), market, POLICY, Tier.ROUTINE)
    above = "a replacement costs 80 gwei, above the routine cap of 80 gwei"
    assert str(caught.value) == f"{above} (raise keeper.max_fee_gwei)"
    with pytest.raises(FeesTooHigh, match="costs 81 gwei"):
        replacement_price(Price(GWEI, GWEI), Market(80 * GWEI, GWEI), POLICY, Tier.ROUTINE)
    with pytest.raises(FeesTooHigh) as urgent:
        replacement_price(Price(1_400 * GWEI, GWEI), market, POLICY, Tier.EMERGENCY)
    assert str(urgent.value).endswith("above the emergency cap of 1500 gwei (raise keeper.emergency_fee_gwei)")


def cut(before: Price, market: Market) -> Price:
    return replacement_price(before, market, POLICY, Tier.REPAIR, cut=True)


def test_a_no_op_replaces_what_it_can_and_is_cut_to_the_cap_where_it_cannot() -> None:
    market = Market(5 * GWEI, GWEI)
    assert cut(Price(16 * GWEI, 8 * GWEI), market) == Price(18 * GWEI, 9 * GWEI)
    assert cut(Price(1_400 * GWEI, 8 * GWEI), market) == Price(1_500 * GWEI, 9 * GWEI)
    assert cut(Price(1_400 * GWEI, GWEI), Market(GWEI, 3 * GWEI)) == Price(1_500 * GWEI, 3 * GWEI)
    assert cut(Price(1_500 * GWEI, 8), Market(1_499 * GWEI, GWEI)) == Price(1_500 * GWEI, GWEI)
    assert cut(Price(1_500 * GWEI, 1_500 * GWEI), market) == Price(1_500 * GWEI, 1_500 * GWEI)
    with pytest.raises(FeesTooHigh):
        cut(Price(1_500 * GWEI, GWEI), Market(1_499 * GWEI + 1, GWEI))


def test_gas_has_a_margin_of_three_tenths_under_the_operators_cap() -> None:
    assert gas_limit(100_001, POLICY) == 130_001
    assert gas_limit(800_000, POLICY) == gas_limit(1_000_000, POLICY) == 1_000_000
    with pytest.raises(RetryLater) as caught:
        gas_limit(1_000_001, POLICY)
    assert str(caught.value) == ("the transaction needs 1000001 gas, above the cap of 1000000 (raise keeper.gas_limit)")


def test_an_empty_purse_says_what_it_holds_and_needs() -> None:
    error = Unfunded(5, 7)
    assert error.purse == {"balance_wei": 5, "needed_wei": 7}
    assert str(error) == "the key holds 5 wei and may need 7 (top it up)"
