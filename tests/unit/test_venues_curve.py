"""Curve readings from answers made by hand: generations found out, faults named, nothing ever raised."""

from collections.abc import Callable
from dataclasses import replace
from functools import partial

import pytest
from hypothesis import given
from hypothesis import strategies as st

from keeper.maths.curve_crypto import out_down as crypto_out_down
from keeper.maths.curve_meta import underlying_out_down
from keeper.maths.curve_stable import NoQuote, out_down
from keeper.records.pools import (
    CurveCryptoState,
    CurveMetaState,
    CurveProduct,
    CurveRules,
    CurveStableState,
    UniswapV2State,
)
from keeper.records.settings import PoolSettings
from keeper.records.snapshot import Answer, Ask, PoolReading, ReadPlan
from keeper.records.units import NO_ADDRESS, Address, BlockRef
from keeper.venues import VENUES
from keeper.venues.abi import view, word
from keeper.venues.curve_reads import CRYPTO_QUOTE, META_QUOTE, PROBES, STABLE_QUOTE
from keeper.venues.quoted import QuotedSwaps, quoted_curve

POOL, BASE, LP = (Address("0x" + digits * 20) for digits in ("1c", "ba", "1b"))
COINS = Address("0x" + "aa" * 20), Address("0x" + "bb" * 20)
NOW = 1_700_000_000
RATES = (10**18, 10**30)
SETTINGS = PoolSettings("curve_stable", POOL, bytes(32), NO_ADDRESS, 0, 1, 0, 0, RATES, False)
STABLE = CurveStableState((4 * 10**24, 3 * 10**12), RATES, 20_000, 4 * 10**6)
Table = dict[tuple[Address, bytes], bytes]


def told(to: Address, signature: str, *arguments: int, answer: tuple[int, ...]) -> Table:
    """One answered call."""
    return {(to, view(to, signature, *arguments).data): b"".join(word(value) for value in answer)}


def quotes(pool: PoolSettings, signature: str, quote: Callable[[int], int]) -> Table:
    """The probes and what a quote answers; not answered where it refuses."""
    table: Table = {}
    for amount in PROBES:
        try:
            out = quote(amount)
        except NoQuote:
            continue
        table |= told(pool.address, signature, pool.collateral_index, pool.debt_index, amount, answer=(out,))
    return table


def plain(state: CurveStableState, to: Address = POOL, index: str = "uint256") -> Table:
    """The views of a plain pool."""
    table = told(to, "fee()", answer=(state.fee,))
    precise = state.rules.precision == 100
    table |= told(to, "A_precise()" if precise else "A()", answer=(state.amp,))
    for k, balance in enumerate(state.balances):
        table |= told(to, f"balances({index})", k, answer=(balance,))
    return table


def stable_table(state: CurveStableState = STABLE, index: str = "uint256") -> Table:
    return plain(state, index=index) | quotes(SETTINGS, STABLE_QUOTE, partial(out_down, state, 0, 1))


def answers(asks: tuple[Ask, ...], table: Table) -> tuple[Answer, ...]:
    found = (table.get((ask.to, ask.data)) for ask in asks)
    return tuple(Answer(data is not None, data or b"") for data in found)


def read(pool: PoolSettings, table: Table, now: int = NOW) -> PoolReading:
    reading = VENUES[pool.venue].read(pool, ReadPlan(0), BlockRef(1, bytes(32), now))
    asks = next(reading)
    with pytest.raises(StopIteration) as stop:
        reading.send(answers(asks, table))
    value = stop.value.value
    assert isinstance(value, PoolReading)
    assert len(value.inputs) == len(asks)
    return value


def check(pool: PoolSettings, table: Table) -> tuple[str, ...]:
    checking = VENUES[pool.venue].check(pool, *COINS)
    asks = next(checking)
    try:
        while True:
            asks = checking.send(answers(asks, table))
    except StopIteration as stop:
        return tuple(stop.value)


FIRST = CurveRules(1, fee_last=True)


@pytest.mark.parametrize(
    ("state", "index"),
    [
        (STABLE, "uint256"),
        (STABLE, "int128"),
        (replace(STABLE, amp=200, rules=FIRST), "int128"),
        (replace(STABLE, balances=(17, 3 * 10**12), rules=CurveRules(product=CurveProduct.EACH_PLUS_ONE)), "uint256"),
    ],
)
def test_a_pool_is_read_by_the_rules_of_its_generation(state: CurveStableState, index: str) -> None:
    assert read(SETTINGS, stable_table(state, index)).state == state


def test_a_pool_that_tells_its_rates_needs_none_in_the_settings() -> None:
    rules = CurveRules(product=CurveProduct.AT_THE_END)
    state = replace(STABLE, rates=(11 * 10**17, 10**30), offpeg=2 * 10**11, rules=rules)
    table = stable_table(state) | told(POOL, "offpeg_fee_multiplier()", answer=(state.offpeg,))
    for form in (state.rates, (32, 2, *state.rates)):
        found = read(replace(SETTINGS, rates=()), table | told(POOL, "stored_rates()", answer=form))
        assert found.state == state
    assert read(replace(SETTINGS, rates=()), table).failure.endswith("neither told nor in the settings")


def test_hundredths_of_a_that_a_pool_hides_follow_its_ramp() -> None:
    state = replace(STABLE, amp=20_550)
    table = stable_table(state) | told(POOL, "A()", answer=(205,))
    del table[POOL, view(POOL, "A_precise()").data]
    for name, value in zip(("initial_A", "future_A", "initial_A_time", "future_A_time"), RAMP, strict=True):
        table |= told(POOL, f"{name}()", answer=(value,))
    assert read(SETTINGS, table).state == state
    assert read(SETTINGS, table, NOW + 10).failure.endswith("not those of a known generation")


RAMP = 20_000, 21_100, NOW - 100, NOW + 100

FAULTS: dict[str, Table] = {
    "killed": told(POOL, "is_killed()", answer=(1,)),
    "fee() is not answered": told(POOL, "fee()", answer=(1, 2)),
    "a fee of 5000000001": told(POOL, "fee()", answer=(5 * 10**9 + 1,)),
    "the balances of 2 coins are not told": told(POOL, "balances(uint256)", 1, answer=()),
    "a balance of 0": told(POOL, "balances(uint256)", 0, answer=(0,)),
    "more than 256 bits": told(POOL, "balances(uint256)", 0, answer=(2**256 - 1,)),
    "an amplification of 0": told(POOL, "A_precise()", answer=(0,)),
    "it has 3 rates, the settings 2": told(POOL, "stored_rates()", answer=(32, 3, 1, 1, 1)),
    "the rates of its coins are neither told nor in the settings": told(POOL, "stored_rates()", answer=(10**18, 0)),
    "its own quotes are not those of a known generation": told(POOL, STABLE_QUOTE, 0, 1, 10**18, answer=(5,)),
    "it quotes nothing": {key: word(0) for key in quotes(SETTINGS, STABLE_QUOTE, lambda amount: amount)},
}


@pytest.mark.parametrize("fault", FAULTS)
def test_each_fault_has_its_name(fault: str) -> None:
    found = read(SETTINGS, stable_table() | FAULTS[fault])
    assert (found.state, found.failure) == (None, f"{POOL}: {fault}")


@pytest.mark.parametrize("balances", [(1, 1), (1, 3 * 10**12), (2**112 - 1, 2**112 - 1), (2**112 - 1, 1), (0, 0)])
@pytest.mark.parametrize("rates", [(10**18, 10**30), (10**36, 10**36), (1, 10**18), (2**200, 2**200)])
def test_extremes_are_a_state_that_sells_or_a_named_failure(balances: tuple[int, int], rates: tuple[int, int]) -> None:
    state = replace(STABLE, balances=balances, rates=rates)
    found = read(replace(SETTINGS, rates=rates), stable_table(state))
    if found.state is None:
        assert found.failure
        return
    curve = VENUES["curve_stable"].curve(SETTINGS, found.state)
    taken, out = curve.sell_exact_in_down(10**30)
    assert taken <= 10**30
    assert out <= balances[1]


BASE_STATE = CurveStableState((11 * 10**12, 10**25), (10**30, 10**18), 2_000, 2 * 10**6, rules=FIRST)
META_POOL = CurveStableState((2 * 10**24, 3 * 10**24), (10**18, 102 * 10**16), 10_000, 28 * 10**6)
META = CurveMetaState(META_POOL, BASE_STATE, 205 * 10**23)
THROUGH = replace(
    SETTINGS,
    venue="curve_meta",
    companion=BASE,
    pool_id=bytes(12) + bytes.fromhex(LP[2:]),
    rates=(10**18, *BASE_STATE.rates),
)


def meta_table(meta: CurveMetaState = META, pool: PoolSettings = THROUGH) -> Table:
    table = plain(meta.pool) | plain(BASE_STATE, BASE, "int128")
    table |= told(BASE, "get_virtual_price()", answer=(meta.pool.rates[1],))
    table |= told(LP, "totalSupply()", answer=(META.base_supply,))
    if meta.base is None:
        return table | quotes(pool, STABLE_QUOTE, partial(out_down, meta.pool, 0, 1))
    return table | quotes(pool, META_QUOTE, partial(underlying_out_down, meta, 0, 1))


def test_a_metapool_is_read_with_its_base_pool_or_against_its_lp_token() -> None:
    assert read(THROUGH, meta_table()).state == META
    alone = replace(THROUGH, pool_id=bytes(32), rates=(10**18,))
    assert read(alone, meta_table(replace(META, base=None), alone)).state == CurveMetaState(META_POOL, None, 0)


def test_a_metapool_uses_its_stored_price_for_ten_minutes() -> None:
    table = meta_table() | told(BASE, "get_virtual_price()", answer=(103 * 10**16,))
    table |= told(POOL, "base_virtual_price()", answer=(102 * 10**16,))
    table |= told(POOL, "base_cache_updated()", answer=(NOW - 600,))
    assert read(THROUGH, table).state == META
    assert read(THROUGH, table, NOW + 1).failure.endswith("not those of a known generation")


META_FAULTS: dict[str, Table] = {
    "get_virtual_price() is not answered": told(BASE, "get_virtual_price()", answer=()),
    "supply is not answered": told(LP, "totalSupply()", answer=()),
    "killed": told(POOL, "is_killed()", answer=(1,)),
    "its own quotes are not those of a known generation": told(LP, "totalSupply()", answer=(10**18,)),
    "no price": told(LP, "totalSupply()", answer=(0,)),
    "a balance of 0": told(BASE, "balances(int128)", 1, answer=(0,)),
}


@pytest.mark.parametrize("fault", META_FAULTS)
def test_each_fault_of_a_metapool_has_its_name(fault: str) -> None:
    assert read(THROUGH, meta_table() | META_FAULTS[fault]).failure == f"{POOL}: {fault}"


CRYPTO = CurveCryptoState(
    balances=(3 * 10**12, 1_450 * 10**18),
    precisions=(10**12, 1),
    price_scale=(2_000 * 10**18,),
    ann=400_000,
    multiplier=10_000,
    gamma=145 * 10**12,
    d=5_899_797_276_724_740_663_327_119,
    mid_fee=26 * 10**6,
    out_fee=45 * 10**6,
    fee_gamma=23 * 10**13,
)
CRYPTO_SETTINGS = replace(SETTINGS, venue="curve_crypto", rates=(10**30, 10**18))


def crypto_table(state: CurveCryptoState = CRYPTO, ramp: int = 0) -> Table:
    words = {
        "A": state.ann,
        "gamma": state.gamma,
        "D": state.d,
        "mid_fee": state.mid_fee,
        "out_fee": state.out_fee,
        "fee_gamma": state.fee_gamma,
        "price_scale": state.price_scale[0],
        "future_A_gamma_time": ramp,
    }
    table = quotes(CRYPTO_SETTINGS, CRYPTO_QUOTE, partial(crypto_out_down, CRYPTO, 0, 1))
    for name, value in words.items():
        table |= told(POOL, f"{name}()", answer=(value,))
    for k, balance in enumerate(state.balances):
        table |= told(POOL, "balances(uint256)", k, answer=(balance,))
    return table


def test_cryptoswap_is_read_and_recomputes_its_invariant_once_a_ramp_began() -> None:
    assert read(CRYPTO_SETTINGS, crypto_table()).state == CRYPTO
    stale = replace(CRYPTO, d=CRYPTO.d * 9_999 // 10_000)
    assert read(CRYPTO_SETTINGS, crypto_table(stale)).failure.endswith("not those of a known generation")
    assert read(CRYPTO_SETTINGS, crypto_table(stale, ramp=1)).state == CRYPTO


CRYPTO_FAULTS: dict[str, Table] = {
    "a pool of CryptoSwap-NG, whose closed form is not known here": told(POOL, "MATH()", answer=(1,)),
    "killed": told(POOL, "is_killed()", answer=(1,)),
    "its balances or price scale are not told": told(POOL, "price_scale()", answer=()),
    "impossible fees or prices": told(POOL, "mid_fee()", answer=(10**8,)),
    "D() is not answered": told(POOL, "D()", answer=()),
    "a balance of 0": told(POOL, "balances(uint256)", 1, answer=(0,)),
}


@pytest.mark.parametrize("fault", CRYPTO_FAULTS)
def test_each_fault_of_cryptoswap_has_its_name(fault: str) -> None:
    assert read(CRYPTO_SETTINGS, crypto_table() | CRYPTO_FAULTS[fault]).failure == f"{POOL}: {fault}"


def test_cryptoswap_needs_whole_precisions_for_two_or_three_coins() -> None:
    for rates in ((), (10**18,), (10**18,) * 4, (10**17, 10**18), (10**18 + 1, 10**18)):
        assert "it needs one of 1e18" in read(replace(CRYPTO_SETTINGS, rates=rates), crypto_table()).failure
    assert read(replace(CRYPTO_SETTINGS, debt_index=2), crypto_table()).failure.endswith("it has 2 coins")


EXAMPLES = [(SETTINGS, stable_table()), (THROUGH, meta_table()), (CRYPTO_SETTINGS, crypto_table())]


@pytest.mark.parametrize(("pool", "table"), EXAMPLES, ids=lambda row: getattr(row, "venue", ""))
@given(data=st.data())
def test_one_foul_answer_is_a_failure_or_no_matter_and_never_an_exception(
    pool: PoolSettings, table: Table, data: st.DataObject
) -> None:
    asks = next(VENUES[pool.venue].read(pool, ReadPlan(0), BlockRef(1, bytes(32), NOW)))
    ask = data.draw(st.sampled_from(asks))
    value = st.one_of(st.integers(0, 3), st.integers(0, 2**256 - 1), st.sampled_from([2**112 - 1, 2**255, 10**18]))
    foul = data.draw(st.one_of(value.map(word), st.binary(max_size=100)))
    found = read(pool, table | {(ask.to, ask.data): foul})
    assert (found.state is None) == bool(found.failure)
    if found.state is not None:
        curve = VENUES[pool.venue].curve(pool, found.state)
        assert curve.sell_exact_in_down(10**18)[0] <= 10**18


def coins(table: Table, pool: PoolSettings) -> Table:
    """The same pool, telling the market's coins."""
    own, other = (pool.address, 1) if not any(pool.pool_id) else (pool.companion, 0)
    table = table | told(pool.address, "coins(uint256)", 0, answer=(int(COINS[0], 16),))
    if any(pool.pool_id):
        table |= told(pool.address, "coins(uint256)", 1, answer=(int(LP, 16),))
    return table | told(own, "coins(int128)", other, answer=(int(COINS[1], 16),))


@pytest.mark.parametrize(("pool", "table"), EXAMPLES, ids=lambda row: getattr(row, "venue", ""))
def test_check_wants_the_markets_coins(pool: PoolSettings, table: Table) -> None:
    assert check(pool, coins(table, pool)) == tuple(
        line for line in check(pool, coins(table, pool)) if "is not answered" in line
    )
    swapped = replace(pool, collateral_index=1, debt_index=0)
    lines = check(swapped, coins(table, pool))
    assert sum(", the market needs " in line for line in lines) == 2
    wrong = coins(table, pool) | told(pool.address, "coins(uint256)", 1, answer=(5,))
    assert any(" is 0x0000" in line for line in check(pool, wrong))


def test_check_compares_quotes_of_many_sizes_both_ways() -> None:
    table = coins(stable_table(), SETTINGS)
    for sold, bought in ((0, 1), (1, 0)):
        for part in (1_000_000, 1_000, 20, 2):
            amount = STABLE.balances[sold] // part
            out = out_down(STABLE, sold, bought, amount)
            table |= told(POOL, STABLE_QUOTE, sold, bought, amount, answer=(out,))
    assert check(SETTINGS, table) == ()
    table |= told(POOL, STABLE_QUOTE, 1, 0, STABLE.balances[1] // 20, answer=(7,))
    (line,) = check(SETTINGS, table)
    assert line.startswith("its quote for 150000000000 is 7, the arithmetic here gives ")


@pytest.mark.parametrize("pool", [SETTINGS, THROUGH, CRYPTO_SETTINGS], ids=lambda pool: pool.venue)
def test_the_state_of_another_venue_is_refused(pool: PoolSettings) -> None:
    with pytest.raises(TypeError):
        VENUES[pool.venue].curve(pool, UniswapV2State(1, 1))


@given(balances=st.tuples(*[st.integers(50, 3_000)] * 2), wanted=st.integers(1, 4_000))
def test_an_exact_output_costs_an_input_that_buys_it_while_one_unit_less_does_not(
    balances: tuple[int, int], wanted: int
) -> None:
    def quote(amount: int) -> int:
        if amount > 5_000 or amount == 17:
            raise NoQuote("too much")
        return amount * balances[1] // (balances[0] + amount)

    swaps = QuotedSwaps(quote, quote)
    paid, given_out = swaps.exact_out_up(wanted, sells_collateral=True)
    assert given_out == min(wanted, quote(5_000))
    assert swaps.exact_in_down(paid, sells_collateral=True)[1] >= given_out
    assert paid == 0 or swaps.exact_in_down(paid - 1, sells_collateral=False)[1] < given_out
    # 17 is not quoted; 16 is taken in its place.
    assert swaps.exact_in_down(17, sells_collateral=True) == (16, quote(16))
    assert swaps.exact_in_down(9_999, sells_collateral=True) == (5_000, quote(5_000))
    assert quoted_curve(quote, (balances[1], balances[0]), 10**6).most == 5_000


def test_a_sale_never_counts_more_than_the_price_though_a_pool_may_pay_it() -> None:
    # CryptoSwap knows D to 1e-14, so one wei may buy hundreds.
    curve = quoted_curve(lambda amount: amount * 3 // 2 + 304, (3, 2), 10**6)
    assert curve.sell_exact_in_down(10) == (10, 15)


def test_what_refuses_everything_swaps_nothing() -> None:
    def refuse(amount: int) -> int:
        raise NoQuote("never")

    swaps = QuotedSwaps(refuse, refuse)
    assert swaps.exact_in_down(10**18, sells_collateral=True) == (0, 0)
    assert swaps.exact_out_up(10**18, sells_collateral=False) == (0, 0)
    assert quoted_curve(refuse, (1, 1), 10**18).sell_to_price(1) == (0, 0)
