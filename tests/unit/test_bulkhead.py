"""Slots, selectors, events and errors of our own contract against what the compiler said."""

import re
from pathlib import Path
from typing import Any

import pytest
from factories import make_law, make_limits

from keeper.chain.artifacts import load
from keeper.errors import ConfigError
from keeper.maths.keccak import keccak
from keeper.protocols import PROTOCOLS
from keeper.protocols.bulkhead import (
    ACTIVATE_LIQUIDATION_SELECTOR,
    ACTIVATE_SELECTOR,
    ADVANCE_SELECTOR,
    LIMITS_SLOT,
    MARKETS_SLOT,
    PUBLISH_SELECTOR,
    Bulkhead,
    decode_publish,
    limits_slot,
    live_slot,
    ring_slot,
    word_slots,
)
from keeper.protocols.bulkhead_errors import ERRORS, describe_revert, error_signature
from keeper.protocols.bulkhead_events import (
    TOPICS,
    LiquidationMoved,
    MarketListed,
    Refusal,
    RegimeRaised,
    ReportRefused,
    decode_event,
    event_signature,
)
from keeper.records.live import (
    FLAG_LISTED,
    LAW_BITS,
    LIMITS_BITS,
    LIQUIDATION_BITS,
    LIVE_BITS,
    AuxWord,
    GuardWord,
    LiquidationWord,
    LiveWord,
    pack,
)
from keeper.records.report import Batch, Signature
from keeper.records.snapshot import Answer, CallInput
from keeper.records.units import Address

MARKET = keccak(b"market")
CONTRACT = Address("0x" + "11" * 20)
BATCH = Batch(1, keccak(b"a"), 2, 3, keccak(b"b"), keccak(b"c"), keccak(b"d"))


def abi_signature(entry: dict[str, Any]) -> str:
    return f"{entry['name']}({','.join(abi_type(row) for row in entry['inputs'])})"


def abi_type(row: dict[str, Any]) -> str:
    if not row["type"].startswith("tuple"):
        return str(row["type"])
    return f"({','.join(abi_type(part) for part in row['components'])}){row['type'][5:]}"


def compiled(kind: str) -> dict[str, dict[str, Any]]:
    return {entry["name"]: entry for entry in load("CollateralParameters").abi if entry["type"] == kind}


def test_slots_are_those_of_the_compiled_layout() -> None:
    storage = load("CollateralParameters").storage
    assert (storage["_markets"], storage["_limits"]) == (MARKETS_SLOT, LIMITS_SLOT)


def test_aux_and_ring_follow_the_live_word() -> None:
    base = int.from_bytes(live_slot(MARKET), "big")
    slots = [int.from_bytes(slot, "big") for slot in word_slots(MARKET, 5)]
    profile = int.from_bytes(limits_slot(5), "big")
    assert slots == [base, base + 1, base + 2, base + 3, profile, profile + 1]
    assert int.from_bytes(ring_slot(MARKET, 258), "big") == base + 8 + 2


def test_selectors_are_those_of_the_compiled_functions() -> None:
    functions = compiled("function")
    wanted = {"publish": PUBLISH_SELECTOR, "advance": ADVANCE_SELECTOR, "activate": ACTIVATE_SELECTOR}
    wanted["activateLiquidation"] = ACTIVATE_LIQUIDATION_SELECTOR
    assert {name: keccak(abi_signature(functions[name]).encode())[:4] for name in wanted} == wanted


def test_events_are_those_of_the_compiled_contract() -> None:
    events = compiled("event")
    for kind in TOPICS:
        entry = events[kind.__name__]
        assert event_signature(kind) == abi_signature(entry)
        indexed = [row["indexed"] for row in entry["inputs"]]
        assert indexed == sorted(indexed, reverse=True)


def test_every_custom_error_of_ours_is_known_with_its_arguments() -> None:
    errors = compiled("error")
    ours = {error_signature(name) for name in ERRORS}
    foreign = {"AccessManagedInvalidAuthority", "AccessManagedRequiredDelay", "InvalidShortString", "StringTooLong"}
    missing = {abi_signature(entry) for name, entry in errors.items() if name not in foreign} - ours
    assert missing == set()


def test_publish_calldata_decode_to_what_was_encoded() -> None:
    signatures = (Signature(CONTRACT, bytes(65)), Signature(Address("0x" + "22" * 20), b"contract signer"))
    data = PROTOCOLS["bulkhead"].encode_publish(BATCH, b"packed reports", signatures)
    assert decode_publish(data) == (BATCH, b"packed reports", signatures)


@pytest.mark.parametrize("data", [b"", b"\x00" * 200, PUBLISH_SELECTOR + b"\xff" * 300])
def test_other_calldata_are_refused(data: bytes) -> None:
    with pytest.raises(ValueError, match="not a publish call"):
        decode_publish(data)


def read(answer: Answer) -> tuple[object, tuple[object, ...]]:
    reading = Bulkhead().read(CONTRACT, MARKET)
    next(reading)
    with pytest.raises(StopIteration) as stop:
        reading.send((answer,))
    return stop.value.value


def answer_of(live: LiveWord) -> Answer:
    words = (
        pack(live, LIVE_BITS),
        0,
        pack(LiquidationWord(ramp_time=7), LIQUIDATION_BITS),
        0,
        pack(make_limits(bucket_bps=5), LIMITS_BITS),
        pack(make_law(), LAW_BITS),
    )
    return Answer(ok=True, data=b"".join(word.to_bytes(32, "big") for word in words))


def test_a_listed_market_is_read_with_its_six_words() -> None:
    live = LiveWord(haircut_bps=3_000, sequence=5, profile=9, flags=FLAG_LISTED)
    words, inputs = read(answer_of(live))
    assert (words.live, words.aux, words.limits.bucket_bps) == (live, AuxWord(), 5)
    assert (words.liquidation, words.guard, words.law) == (LiquidationWord(ramp_time=7), GuardWord(), make_law())
    assert tuple(row.slot for row in inputs) == word_slots(MARKET, 9)


def test_a_market_that_is_not_listed_has_no_words_and_still_its_inputs() -> None:
    words, inputs = read(answer_of(LiveWord()))
    assert words is None
    assert len(inputs) == 6


@pytest.mark.parametrize("answer", [Answer(ok=False, data=b""), Answer(ok=True, data=bytes(191))])
def test_a_contract_that_does_not_answer_is_recorded_as_a_failed_call(answer: Answer) -> None:
    assert read(answer) == (None, (CallInput(CONTRACT, MARKET, answer.ok, answer.data),))


def test_an_event_decodes_into_its_record() -> None:
    live = LiveWord(haircut_bps=3_000, flags=FLAG_LISTED)
    data = pack(live, LIVE_BITS).to_bytes(32, "big")
    assert decode_event([TOPICS[MarketListed], MARKET], data) == MarketListed(MARKET, live)
    assert decode_event([keccak(b"AuthorityUpdated(address)")], bytes(32)) is None
    with pytest.raises(ValueError, match="topic of MarketListed"):
        decode_event([TOPICS[MarketListed], MARKET], b"")


def test_events_carry_packed_words_enums_and_addresses_as_records() -> None:
    live, moved = LiveWord(haircut_bps=3_000, flags=FLAG_LISTED), LiquidationWord(ramp_time=7)
    packed = pack(live, LIVE_BITS).to_bytes(32, "big")
    data = packed + pack(moved, LIQUIDATION_BITS).to_bytes(32, "big")
    assert decode_event([TOPICS[LiquidationMoved], MARKET], data) == LiquidationMoved(MARKET, live, moved)
    by = bytes(12) + bytes.fromhex(CONTRACT[2:])
    raised = decode_event([TOPICS[RegimeRaised], MARKET, by], packed + bytes(32))
    assert raised == RegimeRaised(MARKET, CONTRACT, live, AuxWord())
    refused = decode_event([TOPICS[ReportRefused], MARKET], b"".join(bytes([0] * 31 + [n]) for n in (5, 10, 3, 4)))
    assert refused == ReportRefused(MARKET, 5, Refusal.WRONG_BASE, 3, 4)


def test_refusals_are_those_of_the_contract_in_its_order() -> None:
    source = (Path(__file__).resolve().parents[2] / "contracts/src/interfaces/ICollateralParameters.sol").read_text()
    body = re.sub(r"///.*", "", source.split("enum Refusal {")[1].split("}")[0])
    assert [name.strip() for name in body.split(",")] == [row.name.title().replace("_", "") for row in Refusal]


def test_a_revert_is_one_line_with_its_arguments() -> None:
    selector = keccak(b"TooFewSignatures(uint256,uint256)")[:4]
    data = selector + (1).to_bytes(32, "big") + (2).to_bytes(32, "big")
    assert describe_revert(data) == "TooFewSignatures(valid=1, threshold=2)"
    assert describe_revert(data[:20]).startswith("TooFewSignatures with malformed arguments")
    assert describe_revert(b"") == "reverted without a reason"
    assert describe_revert(b"\x01\x02\x03\x04") == "revert data 0x01020304"


def test_a_missing_artifact_names_the_remedy() -> None:
    with pytest.raises(ConfigError, match=r"run scripts/build_contracts\.py"):
        load("Nothing")
