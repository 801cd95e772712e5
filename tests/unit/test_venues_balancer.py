"""The Balancer v2 adapters on made-up answers: every fault is named, and a named fault sells nothing."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field, replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from keeper.maths.keccak import keccak
from keeper.records.pools import BalancerStableState, BalancerWeightedState, UniswapV2State
from keeper.records.settings import PoolSettings
from keeper.records.snapshot import Answer, Ask, CallInput, PoolReading, ReadPlan
from keeper.records.units import WAD, Address, BlockRef
from keeper.venues import VENUES
from keeper.venues.abi import packed
from keeper.venues.balancer_words import READER

POOL, VAULT = Address("0x" + "0b" * 20), Address("0x" + "ba" * 20)
TOKENS = [int("0x" + "a1" * 20, 16), int("0x" + "b2" * 20, 16)]
SHARE = int(POOL, 16)
PROVIDER = int("0x" + "c0" * 20, 16)
BLOCK = BlockRef(100, bytes(32), 1_700_000_000)
POOL_ID = bytes.fromhex(POOL[2:]) + bytes(12)
NO, YES = [0], [1]
RUNNING = [0, 1, 2]
WEIGHTED = PoolSettings("balancer_weighted", POOL, POOL_ID, VAULT, 0, 1, 0, 0, (), False)
STABLE = replace(WEIGHTED, venue="balancer_stable", collateral_index=1, debt_index=2)


def words(*values: int) -> Answer:
    return Answer(True, b"".join(value.to_bytes(32, "big") for value in values))


def array(*values: int) -> Answer:
    return words(32, len(values), *values)


FAILS = Answer(False, b"")


@dataclass
class World:
    """What every contract answers; a test changes one thing."""

    tokens: list[int]
    balances: list[int]
    views: dict[str, Answer]
    providers: Answer = FAILS
    decimals: list[Answer] = field(default_factory=list)
    caches: dict[int, Answer] = field(default_factory=dict)
    rates: dict[int, Answer] = field(default_factory=dict)
    vault_paused: Answer = field(default_factory=lambda: words(*RUNNING))
    reply: Answer | None = None

    def answers(self, asks: Sequence[Ask]) -> tuple[Answer, ...]:
        by_selector = {keccak(name.encode())[:4]: answer for name, answer in self.views.items()}
        return tuple(
            self.reader() if ask.to == READER else self.vault_paused if ask.to == VAULT else by_selector[ask.data]
            for ask in asks
        )

    def reader(self) -> Answer:
        if self.reply is not None:
            return self.reply
        count = len(self.tokens)
        listed = words(96, 32 * (4 + count), 7, count, *self.tokens, count, *self.balances)
        rows: list[Answer | None] = [listed, self.providers]
        for index in range(count):
            rows += [self.decimals[index], self.caches.get(index), self.rates.get(index)]
        return Answer(True, b"".join(packed(row) for row in rows))


def weighted() -> World:
    return World(
        TOKENS[:],
        [10**22, 2 * 10**13],
        {
            "getPausedState()": words(*RUNNING),
            "inRecoveryMode()": words(0),
            "getSwapFeePercentage()": words(3 * 10**15),
            "getScalingFactors()": array(WAD, 10**30),
            "getNormalizedWeights()": array(WAD * 4 // 5, WAD // 5),
        },
        decimals=[words(18), words(6)],
    )


def stable() -> World:
    """The share first, then two tokens, the first with a rate of 1.1."""
    return World(
        [SHARE, *TOKENS],
        [2**111, 10**22, 10**10],
        {
            "getPausedState()": words(*RUNNING),
            "inRecoveryMode()": words(0),
            "getSwapFeePercentage()": words(10**14),
            "getScalingFactors()": array(WAD, 11 * 10**17, 10**30),
            "getAmplificationParameter()": words(200_000, 0, 1000),
            "getBptIndex()": words(0),
        },
        providers=array(0, PROVIDER, 0),
        decimals=[words(18), words(18), words(6)],
        caches={1: words(11 * 10**17, WAD, 600, BLOCK.timestamp)},
    )


def read(settings: PoolSettings, world: World) -> PoolReading:
    reading = VENUES[settings.venue].read(settings, ReadPlan(0), BLOCK)
    asks = next(reading)
    with pytest.raises(StopIteration) as stop:
        reading.send(world.answers(asks))
    value = stop.value.value
    assert isinstance(value, PoolReading)
    assert all(isinstance(row, CallInput) for row in value.inputs)
    return value


def test_a_pool_of_the_second_version_shows_its_scaling() -> None:
    reading = read(WEIGHTED, weighted())
    state = BalancerWeightedState((10**22, 2 * 10**13), (WAD, 10**30), (WAD * 4 // 5, WAD // 5), 3 * 10**15, True)
    assert (reading.state, reading.failure) == (state, "")
    # Tokens, providers and decimals of both, then the Vault's pause and five views.
    assert len(reading.inputs) == 4 + 6


def test_a_pool_of_2021_is_scaled_by_its_tokens_decimals_and_takes_no_shortcut() -> None:
    world = weighted()
    world.views |= {"getScalingFactors()": FAILS, "inRecoveryMode()": FAILS}
    state = read(WEIGHTED, world).state
    assert isinstance(state, BalancerWeightedState)
    assert (state.scaling, state.shortcuts) == ((WAD, 10**30), False)


def test_a_stable_pool_leaves_out_its_own_share() -> None:
    reading = read(STABLE, stable())
    assert (reading.state, reading.failure) == (
        BalancerStableState((10**22, 10**10), (11 * 10**17, 10**30), 200_000, 10**14, 0),
        "",
    )
    # List, providers, three decimals, one cache; the Vault's pause and six views.
    assert len(reading.inputs) == 6 + 7


def test_an_expired_cache_gives_way_to_the_provider() -> None:
    world = stable()
    world.rates = {1: words(12 * 10**17)}
    state = read(STABLE, world).state
    assert isinstance(state, BalancerStableState)
    assert state.scaling == (12 * 10**17, 10**30)


def view_of(name: str, answer: Answer) -> Callable[[World], None]:
    return lambda world: world.views.update({name: answer})


def attribute(name: str, value: object) -> Callable[[World], None]:
    return lambda world: setattr(world, name, value)


BOTH = [
    (view_of("getPausedState()", words(1, 1, 2)), "the pool is paused"),
    (view_of("getPausedState()", FAILS), "the pool does not tell whether it is paused"),
    (view_of("getPausedState()", words(2, 1, 2)), "the pool does not tell whether it is paused"),
    (attribute("vault_paused", words(1, 1, 2)), "the Vault is paused"),
    (view_of("inRecoveryMode()", words(1)), "the pool is in recovery mode"),
    (view_of("inRecoveryMode()", FAILS), "inRecoveryMode() does not answer a number"),
    (view_of("getSwapFeePercentage()", words(WAD)), f"the swap fee {WAD} takes everything"),
    (view_of("getSwapFeePercentage()", Answer(True, b"")), "getSwapFeePercentage() does not answer a number"),
    (attribute("reply", FAILS), "uses up all gas"),
    (attribute("reply", Answer(True, b"")), "0 bytes are not the reader's reply"),
    (attribute("reply", Answer(True, b"\3\0\0\0")), "4 bytes are not the reader's reply"),
    (attribute("reply", Answer(True, b"\1\0\0\7")), "4 bytes are not the reader's reply"),
    (attribute("reply", Answer(True, bytes(8))), "the Vault does not know the pool id"),
    (
        attribute("reply", Answer(True, packed(words(96, 192, 7, 2, *TOKENS, 2, 5, 5)) + bytes(4))),
        "do not fit 2 tokens",
    ),
    (attribute("reply", Answer(True, packed(words(96, 192, 7, 2, *TOKENS, 3, 5, 5)) + bytes(4))), "getPoolTokens does"),
    (attribute("reply", Answer(True, packed(words(96, 192, 7, 9)) + bytes(4))), "9 tokens; 2 to 8 are supported"),
    (attribute("reply", Answer(True, packed(Answer(True, bytes(5))) + bytes(4))), "5 bytes are not whole words"),
    (attribute("reply", Answer(True, packed(words(96, 192, 7, 2, 2**160, 9, 2, 5, 5)) + bytes(4))), "no address"),
]
ONLY_WEIGHTED = [
    (attribute("balances", [10**22, 0]), "token 1 has no balance"),
    (attribute("balances", [10**22, 2**112]), "more than the Vault can hold"),
    (view_of("getNormalizedWeights()", array(WAD // 2, WAD // 2 - 1)), "they must add up to"),
    (view_of("getNormalizedWeights()", array(WAD, 0)), "they must add up to"),
    (view_of("getNormalizedWeights()", array(WAD // 2, WAD // 4, WAD // 4)), "does not answer 2 weights"),
    (view_of("getNormalizedWeights()", FAILS), "does not answer 2 weights"),
    (view_of("getScalingFactors()", array(WAD, 3 * 10**29)), "does not answer the scaling"),
    (view_of("getScalingFactors()", array(WAD)), "does not answer the scaling"),
]
ONLY_STABLE = [
    (attribute("balances", [2**111, 10**22, 0]), "token 2 has no balance"),
    (attribute("rates", {1: FAILS}), "fails and the cached rate has expired: every swap reverts"),
    (attribute("rates", {1: words(0)}), "answers 0, which no swap can use"),
    (attribute("rates", {1: words(2**96 - 1)}), "can't be computed: every swap reverts"),
    (attribute("rates", {1: words(2**96)}), "which no swap can use"),
    (attribute("caches", {1: FAILS}), "getTokenRateCache does not answer a rate"),
    (attribute("caches", {1: words(0, WAD, 600, 9)}), "getTokenRateCache does not answer a rate"),
    (attribute("caches", {1: words(12 * 10**17, WAD, 600, 9)}), "does not fit its rate"),
    (view_of("getBptIndex()", words(3)), "its own share is token 3 of 3"),
    (view_of("getBptIndex()", words(1)), "token 1 is the pool's own share"),
    (view_of("getScalingFactors()", array(WAD, WAD)), "does not answer 3 factors"),
    (view_of("getScalingFactors()", array(WAD, 11 * 10**17, 2 * 10**30)), "does not fit its rate"),
    (view_of("getAmplificationParameter()", words(200_000, 0, 100)), "does not answer an amplification"),
    (view_of("getAmplificationParameter()", words(0, 0, 1000)), "does not answer an amplification"),
    (view_of("getAmplificationParameter()", FAILS), "does not answer an amplification"),
    (attribute("balances", [2**111, 10**32, 1]), "can't be computed: every swap reverts"),
]
FAULTS = [
    *((WEIGHTED, weighted, change, reason) for change, reason in (*BOTH, *ONLY_WEIGHTED)),
    *((STABLE, stable, change, reason) for change, reason in (*BOTH, *ONLY_STABLE)),
]


@pytest.mark.parametrize(("settings", "made", "change", "reason"), FAULTS)
def test_every_fault_is_named(
    settings: PoolSettings, made: Callable[[], World], change: Callable[[World], None], reason: str
) -> None:
    world = made()
    change(world)
    reading = read(settings, world)
    assert reading.state is None
    assert reading.failure.startswith(f"{POOL}: ")
    assert reason in reading.failure
    assert "\n" not in reading.failure
    assert reading.inputs


def test_settings_that_name_no_token_are_a_failure() -> None:
    assert "the settings name token 2 of 2" in read(replace(WEIGHTED, debt_index=2), weighted()).failure
    assert "token 0 is the pool's own share" in read(replace(STABLE, debt_index=0), stable()).failure


def test_decimals_beyond_18_are_a_failure_where_they_are_needed() -> None:
    world = weighted()
    world.decimals = [words(19), words(6)]
    assert read(WEIGHTED, world).failure == ""
    world.views |= {"getScalingFactors()": FAILS, "inRecoveryMode()": FAILS}
    assert "has 19 decimals" in read(WEIGHTED, world).failure
    world.decimals = [FAILS, words(6)]
    assert "decimals() of" in read(WEIGHTED, world).failure


@given(st.binary(max_size=600), st.booleans())
def test_no_reply_of_the_reader_is_an_exception(data: bytes, ok: bool) -> None:
    for settings, made in ((WEIGHTED, weighted), (STABLE, stable)):
        world = made()
        world.reply = Answer(ok, data)
        assert read(settings, world).failure


@given(st.data())
def test_no_changed_byte_of_the_reply_is_an_exception(data: st.DataObject) -> None:
    for settings, made in ((WEIGHTED, weighted), (STABLE, stable)):
        world = made()
        reply = bytearray(world.reader().data)
        for _ in range(data.draw(st.integers(1, 3))):
            reply[data.draw(st.integers(0, len(reply) - 1))] = data.draw(st.integers(0, 255))
        world.reply = Answer(True, bytes(reply))
        reading = read(settings, world)
        assert (reading.state is None) == bool(reading.failure)
        if reading.state is not None:
            curve = VENUES[settings.venue].curve(settings, reading.state)
            taken, out = curve.sell_exact_in_down(10**18)
            assert taken >= 0
            assert out >= 0


def test_another_venues_state_is_a_mistake_of_ours() -> None:
    for settings in (WEIGHTED, STABLE):
        with pytest.raises(TypeError):
            VENUES[settings.venue].curve(settings, UniswapV2State(1, 1))


@pytest.mark.parametrize("sells", [True, False])
def test_a_swap_that_the_contract_refuses_moves_nothing(sells: bool) -> None:
    state = BalancerStableState((10**22, 10**10), (11 * 10**17, 10**30), 200_000, 10**14, 0)
    swaps = VENUES["balancer_stable"].swaps(STABLE, state)
    assert swaps.exact_in_down(0, sells_collateral=sells) == (0, 0)
    assert swaps.exact_out_up(0, sells_collateral=sells) == (0, 0)
    # One raw unit is left of the token of 6 decimals; of the other, no computable amount would buy so much.
    paid, given_out = swaps.exact_out_up(10**22, sells_collateral=sells)
    assert (given_out, paid > 10**25) == ((10**10 - 1, True) if sells else (0, False))
    sold, _ = (10**22, 10**10) if sells else (10**10, 10**22)
    taken, out = swaps.exact_in_down(2**112, sells_collateral=sells)
    assert taken in {0, 2**112 - 1 - sold}
    assert out < (10**10 if sells else 10**22)


def test_a_weighted_pool_takes_30_percent_with_the_fee_on_top() -> None:
    state = BalancerWeightedState((10**22, 2 * 10**13), (WAD, 10**30), (WAD // 2, WAD // 2), WAD // 100, True)
    swaps = VENUES["balancer_weighted"].swaps(WEIGHTED, state)
    taken, out = swaps.exact_in_down(10**23, sells_collateral=True)
    # 3,000 tokens reach the pool, which keeps 30 of each 3,000 as its fee before.
    assert taken == (3 * 10**21 + 1) * 100 // 99
    assert out == 2 * 10**13 * 3 // 13
    assert swaps.exact_out_up(10**14, sells_collateral=True)[1] == 6 * 10**12
    curve = VENUES["balancer_weighted"].curve(WEIGHTED, state)
    assert curve.sell_exact_in_down(10**23) == (taken, out)
    assert curve.sell_to_price(1) == (taken, out)
