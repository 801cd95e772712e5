"""The Aave adapter on made-up answers, and what a fold makes of positions: counted, doubted, missing."""

from collections.abc import Generator, Sequence
from dataclasses import replace

import pytest
from factories import (
    USDC,
    WETH,
    make_block,
    make_live,
    make_settings,
    make_snapshot,
    make_words,
    market_settings,
    pair_reading,
    pool_reading,
)
from hypothesis import given
from hypothesis import strategies as st

from keeper.fold import fold_sample, market_reading, read_plan
from keeper.maths.abi import packed
from keeper.protocols import PROTOCOLS
from keeper.protocols.aave_v3_calls import HOLDERS_A_CALL, READER
from keeper.records.decision import Due, Folded
from keeper.records.positions import Positions
from keeper.records.settings import MarketSettings
from keeper.records.snapshot import Answer, Ask, CallInput, PositionsReading
from keeper.records.units import Address
from keeper.store.codec import dumps, loads

PROVIDER = Address("0x" + "a0" * 20)
POOL, ORACLE, A_TOKEN = (0xA1, 0xA2, 0xA3)
ALICE, BOB = Address("0x" + "0a" * 20), Address("0x" + "0b" * 20)
ETHER = 10**18
RESERVE_ID = 4
SETTINGS = make_settings(warm_days=1)
MARKET = market_settings(
    protocol="aave_v3", protocol_market_id=bytes(12) + bytes.fromhex(PROVIDER[2:]), holders=(ALICE, BOB)
)


def words(*values: int) -> Answer:
    return Answer(True, b"".join(value.to_bytes(32, "big") for value in values))


def head(
    *, prices: tuple[int, int] = (3_000 * 10**8, 10**8), supply: int = 30 * ETHER, a_token: int = A_TOKEN
) -> list[Answer]:
    configuration = 8_000 | 8_250 << 16 | 10_500 << 32 | 18 << 48
    reserve = [configuration, *[0] * 6, RESERVE_ID, a_token, *[0] * 6]
    return [words(POOL), words(ORACLE), words(*reserve), words(prices[0]), words(prices[1]), words(supply)]


def account(supplied: int, debt: int, *, pledged: bool = True, backing: int | None = None) -> list[Answer]:
    """Whole WETH against whole dollars."""
    value = supplied * 3_000 * 10**8 if backing is None else backing
    bits = 1 << 2 * RESERVE_ID + 1 if pledged else 1 << 2 * RESERVE_ID
    return [words(supplied * ETHER), words(value, debt * 10**8, 0, 8_000, 0, 0), words(bits)]


def reply(*rows: Sequence[Answer | None]) -> Answer:
    return Answer(True, b"".join(packed(answer) for row in rows for answer in row))


def run(
    reading: Generator[tuple[Ask, ...], tuple[Answer, ...], object], *answers: Answer
) -> tuple[tuple[Ask, ...], object]:
    asks = next(reading)
    with pytest.raises(StopIteration) as stop:
        reading.send(answers)
    return asks, stop.value.value


def read(*answers: Answer, market: MarketSettings = MARKET) -> PositionsReading:
    _, reading = run(PROTOCOLS["aave_v3"].positions(market), *answers)
    assert isinstance(reading, PositionsReading)
    return reading


WHOLE = reply(head(), account(10, 17_000), account(15, 1, pledged=False))


def test_positions_are_valued_in_the_debt_asset() -> None:
    reading = read(WHOLE)
    assert (reading.failure, reading.doubts) == ("", ())
    assert isinstance(reading.state, Positions)
    alice, bob = reading.state.holders
    assert (alice.holder, alice.supplied, alice.debt, alice.backing) == (
        ALICE,
        10 * ETHER,
        17_000 * 10**6,
        30_000 * 10**6,
    )
    assert (alice.threshold_bps, alice.collateral, bob.collateral) == (8_000, 10 * ETHER, 0)
    assert (reading.state.supply, reading.state.covered, reading.state.uncovered) == (30 * ETHER, 25 * ETHER, 5 * ETHER)


def test_debt_is_rounded_up_and_backing_down() -> None:
    odd = read(reply(head(prices=(7, 3)), account(1, 1, backing=10**8), account(0, 0))).state
    assert odd is not None
    assert odd.holders[0].debt == 33_333_333_333_334
    assert odd.holders[0].backing == 33_333_333_333_333


def test_every_call_is_an_input_and_the_markets_own_are_so_once() -> None:
    many = tuple(Address(f"0x{number:040x}") for number in range(1, 2 * HOLDERS_A_CALL + 2))
    market = replace(MARKET, holders=many)
    chunks = [many[at : at + HOLDERS_A_CALL] for at in range(0, len(many), HOLDERS_A_CALL)]
    answers = [reply(head(), *(account(1, 0) for _ in chunk)) for chunk in chunks]
    asks, reading = run(PROTOCOLS["aave_v3"].positions(market), *answers)
    assert isinstance(reading, PositionsReading)
    assert [ask.to for ask in asks] == [READER] * 3
    named = b"".join(bytes.fromhex(row[2:]) for row in (PROVIDER, WETH, USDC))
    assert asks[2].data == named + bytes.fromhex(many[-1][2:])
    assert len(reading.inputs) == len(set(reading.inputs)) == 6 + 3 * len(many)
    selectors = [row.calldata[:4].hex() for row in reading.inputs[:9] if isinstance(row, CallInput)]
    # getPool, getPriceOracle, getReserveData, getAssetPrice twice, totalSupply, balanceOf, account, configuration.
    expected = "026b1d5f fca513a8 35ea6a75 b3596f07 b3596f07 18160ddd 70a08231 bf92857c 4417a583"
    assert selectors == expected.split()
    to = [int(row.account, 16) for row in reading.inputs[:9]]
    assert to == [int(PROVIDER, 16)] * 2 + [POOL, ORACLE, ORACLE, A_TOKEN, A_TOKEN, POOL, POOL]


@pytest.mark.parametrize("which", [0, 1, 2])
@pytest.mark.parametrize("answer", [Answer(False, b""), Answer(True, b""), words(1, 2)])
def test_an_account_that_does_not_answer_is_left_out_and_said(which: int, answer: Answer) -> None:
    broken = account(10, 17_000)
    broken[which] = answer
    reading = read(reply(head(), broken, account(15, 1)))
    assert reading.state is not None
    assert [row.holder for row in reading.state.holders] == [BOB]
    assert reading.state.uncovered == 15 * ETHER
    assert reading.doubts == (f"{ALICE} could not be read, so what it supplies counts fully",)


@pytest.mark.parametrize(
    ("rows", "reason"),
    [
        ([*head()[:2], Answer(False, b""), *head()[3:]], "getReserveData() does not answer like a Pool of Aave v3"),
        (head(a_token=0), f"{WETH} is not one of its reserves"),
        ([*head()[:3], Answer(False, b""), *head()[4:]], "it does not answer a price of the collateral"),
        ([*head()[:4], words(1, 2), head()[5]], "it does not answer a price of the debt asset"),
        ([*head()[:5], Answer(True, b"")], "it does not answer a supply"),
        (head(prices=(0, 1)), "its oracle answers a price of 0"),
        (head(prices=(1, 0)), "its oracle answers a price of 0"),
        (head(supply=1 << 111), f"a supply of {1 << 111} is impossible"),
        (head(supply=25 * ETHER - 3), f"its accounts hold {25 * ETHER} of a supply of {25 * ETHER - 3}"),
    ],
)
def test_a_market_that_does_not_answer_is_a_failure_with_its_inputs(rows: list[Answer], reason: str) -> None:
    reading = read(reply(rows, account(10, 17_000), account(15, 1)))
    assert (reading.state, reading.failure) == (None, f"{PROVIDER}: {reason}")
    assert len(reading.inputs) == 12


def test_a_reply_that_is_none_is_an_input_itself() -> None:
    reading = read(Answer(False, b"out of gas"))
    assert reading.state is None
    (row,) = reading.inputs
    assert (row.account, row.ok, row.answer) == (READER, False, b"out of gas")  # type: ignore[union-attr]


@given(st.binary(max_size=2_000), st.booleans())
def test_bytes_of_any_kind_never_raise(data: bytes, ok: bool) -> None:
    reading = read(Answer(ok, data))
    assert (reading.state is None) == bool(reading.failure)


@given(
    st.lists(
        st.lists(st.integers(0, (1 << 256) - 1), max_size=16).map(lambda row: words(*row)), min_size=12, max_size=12
    )
)
def test_words_of_any_kind_are_positions_or_a_reason(rows: list[Answer]) -> None:
    reading = read(reply(rows))
    assert (reading.state is None) == bool(reading.failure)


def fold(positions: PositionsReading | None, market: MarketSettings = MARKET) -> Folded:
    words_ = make_words(make_live(haircut_bps=8_900, observed_time=make_block().timestamp - 600))
    snapshot = make_snapshot(market=market, words=words_)
    return fold_sample(b"", replace(snapshot, positions=positions), 1000, (), market, SETTINGS)


def test_positions_say_the_size_and_a_larger_one_never_loosens() -> None:
    small = fold(read(WHOLE))
    # Alice loses 17,000 x 1.05 / 2,100 = 8.5; five are nobody's.
    assert small.estimates.size == 13_500_000_000_000_000_000
    assert small.estimates.missing == ()
    whale = fold(read(reply(head(supply=10**24), account(10, 17_000), account(15, 1))))
    assert whale.estimates.size == 10**24 - 25 * ETHER + 8_500_000_000_000_000_000
    assert small.estimates.waterfall is not None
    assert whale.estimates.waterfall is not None
    assert whale.estimates.waterfall.haircut_bps > small.estimates.waterfall.haircut_bps


def test_without_a_list_the_setting_is_the_size() -> None:
    assert fold(None, market_settings()).estimates.size == market_settings().model.size


def test_positions_that_cannot_be_read_publish_nothing() -> None:
    for reading in (read(reply(head(prices=(0, 1)), account(1, 1), account(1, 1))), None):
        folded = fold(reading)
        assert folded.estimates.size is None
        assert folded.estimates.waterfall is None
        assert folded.decision.targets is None
        assert folded.decision.due is Due.NONE
        assert folded.estimates.missing[0].startswith("positions: ")


def test_an_account_that_cannot_be_read_loosens_nothing() -> None:
    broken = account(10, 0)
    broken[1] = Answer(False, b"")
    folded = fold(read(reply(head(), broken, account(15, 1))))
    assert folded.estimates.missing == (f"positions: {ALICE} could not be read, so what it supplies counts fully",)
    assert folded.estimates.size is not None
    assert "an input is missing: nothing loosens" in folded.decision.reasons


def test_positions_are_the_last_inputs_and_survive_the_store() -> None:
    reading = read(WHOLE)
    snapshot = replace(make_snapshot(pools=(pool_reading(), pair_reading())), positions=reading)
    assert snapshot.inputs[-12:] == reading.inputs
    assert loads(type(snapshot), dumps(snapshot)) == snapshot


def test_depths_of_past_windows_ask_for_no_positions() -> None:
    plan = read_plan(b"", MARKET, SETTINGS)
    contract = Address("0x" + "cc" * 20)
    asked = [
        {ask.reader for ask in next(market_reading(MARKET, SETTINGS, row, contract, make_block()))}
        for row in (plan, replace(plan, whole=False))
    ]
    assert asked[0] - asked[1] == {"aave_v3"}
