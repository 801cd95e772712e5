"""What a node may answer, against everything else: each wrong answer is a named fault, none is read as a number."""

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from keeper.chain.quantities import Malformed, check_answer, data, hash32, quantity

WORD = "0x" + "ab" * 32
HEADER = {"number": "0x10", "hash": WORD, "timestamp": "0x5", "parentHash": "0x" + "01" * 32, "baseFeePerGas": "0x7"}
LOG = {
    "address": "0x" + "AB" * 20,
    "topics": [WORD],
    "data": "0x",
    "blockNumber": "0x10",
    "blockHash": WORD,
    "transactionHash": WORD,
    "logIndex": "0x0",
}
RECEIPT = {"transactionHash": WORD, "blockHash": WORD, "blockNumber": "0x1", "gasUsed": "0x5208", "status": "0x1"}

NO_QUANTITY: list[Any] = [
    *(None, True, False, 7, 1.5, [], {}, "", "0x", "1f", "0X1", "x1", "-0x1", "0x-1", "+0x1", "0x+1"),
    *(" 0x1", "0x1 ", "0x1\n", "0x_1", "0x1_0", "0x1g", "٣", "0x٣", "0b1", "1e3", "NaN", hex(2**64), hex(2**300)),
    "0x" + "1" * 10_000,
]
NO_BYTES: list[Any] = [None, 7, [], "", "ab", "0xa", "0xabc", "0xzz", "0x ab", "0xab ", "0xa b", "0x-1", "0X00"]

ANSWERS: dict[str, tuple[list[Any], Any]] = {
    "eth_chainId": ([], "0x1"),
    "eth_blockNumber": ([], "0x10"),
    "eth_getTransactionCount": ([], "0x0"),
    "eth_estimateGas": ([], "0x5208"),
    "eth_getBalance": ([], hex(2**256 - 1)),
    "eth_call": ([], "0x"),
    "eth_getCode": ([], "0x6000"),
    "eth_sendRawTransaction": ([], WORD),
    "eth_syncing": ([], False),
    "eth_feeHistory": ([], {"baseFeePerGas": ["0x1", "0x2"], "reward": [["0x1"]]}),
    "eth_getBlockByNumber": (["0x10", False], HEADER),
    "eth_getBlockByHash": ([WORD, False], HEADER),
    "eth_getLogs": ([{"address": "0x" + "ab" * 20, "fromBlock": "0x10", "toBlock": "0x10"}], [LOG]),
    "eth_getTransactionReceipt": ([WORD], RECEIPT),
    "eth_getTransactionByHash": ([WORD], {"hash": WORD}),
}
MAY_BE_NULL = {
    "eth_getBlockByNumber",
    "eth_getBlockByHash",
    "eth_getTransactionReceipt",
    "eth_getTransactionByHash",
}


@pytest.mark.parametrize("value", NO_QUANTITY, ids=lambda value: ascii(value)[:20])
def test_what_is_no_quantity_is_no_number(value: Any) -> None:
    with pytest.raises(Malformed):
        quantity(value)


@pytest.mark.parametrize("value", NO_BYTES, ids=ascii)
def test_what_is_no_hex_is_no_bytes(value: Any) -> None:
    with pytest.raises(Malformed):
        data(value)


@given(st.integers(0, 2**64 - 1))
def test_every_quantity_comes_back(number: int) -> None:
    assert quantity(hex(number)) == quantity(f"0x00{number:X}") == number


@given(st.binary(max_size=200))
def test_all_bytes_come_back(content: bytes) -> None:
    assert data("0x" + content.hex()) == content


def test_ranges_are_kept() -> None:
    assert quantity(hex(2**256 - 1), 256) == 2**256 - 1
    for value, bits in ((hex(2**64), 64), (hex(2**256), 256)):
        with pytest.raises(Malformed, match=f"more than {bits} bits"):
            quantity(value, bits)
    with pytest.raises(Malformed):
        hash32("0x" + "00" * 31)


@pytest.mark.parametrize("method", ANSWERS)
def test_good_answers_pass(method: str) -> None:
    check_answer(method, *ANSWERS[method])


def test_methods_that_are_not_known_may_answer_anything() -> None:
    check_answer("anvil_mine", [], None)


@pytest.mark.parametrize("method", ANSWERS)
def test_null_is_an_answer_only_where_something_may_be_absent(method: str) -> None:
    params, _ = ANSWERS[method]
    if method in MAY_BE_NULL:
        check_answer(method, params, None)
    else:
        with pytest.raises(Malformed):
            check_answer(method, params, None)


ANYTHING = st.recursive(
    st.none()
    | st.booleans()
    | st.integers()
    | st.floats()
    | st.text(max_size=20)
    | st.sampled_from([row for row in (*NO_QUANTITY, *NO_BYTES) if isinstance(row, str)]),
    lambda inner: (
        st.lists(inner, max_size=3)
        | st.dictionaries(st.sampled_from([*HEADER, *LOG, *RECEIPT, "reward"]), inner, max_size=5)
    ),
    max_leaves=6,
)


@pytest.mark.parametrize("method", ANSWERS)
@given(value=ANYTHING)
def test_nonsense_is_refused_by_name_or_is_an_answer(method: str, value: Any) -> None:
    fault = ""
    try:
        check_answer(method, ANSWERS[method][0], value)
    except Malformed as error:
        fault = str(error)
    assert fault.isprintable()
    assert len(fault) < 120
    # Whatever passes can be decoded by those that use it.
    if not fault and method in {"eth_chainId", "eth_blockNumber", "eth_getTransactionCount", "eth_estimateGas"}:
        assert quantity(value, 256) >= 0
    if not fault and method in {"eth_call", "eth_getCode"}:
        data(value)


@pytest.mark.parametrize("wrong", [True, 7, 1.5, {}, "", "x1", "-0x1", " 0x1", "0x1g", "0x_1"], ids=ascii)
@pytest.mark.parametrize("method", ["eth_getBlockByNumber", "eth_getLogs", "eth_getTransactionReceipt"])
def test_one_wrong_field_spoils_the_whole(method: str, wrong: Any) -> None:
    params, good = ANSWERS[method]
    row = good[0] if isinstance(good, list) else good
    for name in row:
        spoilt = row | {name: wrong}
        with pytest.raises(Malformed):
            check_answer(method, params, [spoilt] if isinstance(good, list) else spoilt)
        lacking = {key: value for key, value in row.items() if key != name}
        if name not in {"baseFeePerGas", "blockNumber"}:
            with pytest.raises(Malformed):
                check_answer(method, params, [lacking] if isinstance(good, list) else lacking)


@pytest.mark.parametrize(
    ("method", "change"),
    [
        ("eth_getBlockByNumber", {"number": "0x11"}),
        ("eth_getBlockByHash", {"hash": "0x" + "cd" * 32}),
        ("eth_getLogs", {"blockNumber": "0x11"}),
        ("eth_getLogs", {"blockNumber": "0xf"}),
        ("eth_getLogs", {"address": "0x" + "cd" * 20}),
        ("eth_getTransactionReceipt", {"transactionHash": "0x" + "cd" * 32}),
        ("eth_getTransactionByHash", {"hash": "0x" + "cd" * 32}),
    ],
)
def test_the_answer_to_another_question_is_refused(method: str, change: dict[str, str]) -> None:
    params, good = ANSWERS[method]
    wrong = [good[0] | change] if isinstance(good, list) else good | change
    with pytest.raises(Malformed, match="asked for"):
        check_answer(method, params, wrong)
