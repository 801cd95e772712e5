"""What a contract published, read from its events: replaced settings, relayed batches, poisoned cores, listings."""

from collections.abc import Sequence
from dataclasses import dataclass, replace

import pytest
from eth_abi.abi import encode
from factories import CHAIN_ID, CONTRACT, make_settings, market_settings

from keeper.errors import Refused
from keeper.maths.keccak import keccak
from keeper.protocols.bulkhead import BATCH_ABI
from keeper.protocols.bulkhead_events import TOPICS, BatchPublished, MarketListed, ReportApplied, SettingsSet
from keeper.published import History, extend_history, read_history, schema_of
from keeper.records.core import Core, encode_core
from keeper.records.decision import Targets
from keeper.records.live import LIVE_BITS, LiveWord, pack
from keeper.records.log import Log, Transaction
from keeper.records.report import Report
from keeper.records.settings import SCHEMA, Settings, encode_settings
from keeper.records.units import Address
from keeper.replay import Replay
from keeper.risk.keys import market_key, settings_hash
from keeper.risk.packing import pack_report

MARKET = market_key(CHAIN_ID, market_settings())
FIRST = make_settings()
CADENCE = FIRST.cadence_blocks
RELAY = Address("0x" + "ee" * 20)
OUTSIDE = replace(FIRST, markets=(market_settings(name="OTHER", protocol_market_id=keccak(b"other")),))


@dataclass
class Chain:
    """A node whose every publish went through somebody else's contract."""

    rows: list[Log]

    def logs(self, from_block: int, to_block: int) -> list[Log]:
        return [row for row in self.rows if from_block <= row.block_number <= to_block]

    def transactions(self, tx_hashes: Sequence[bytes]) -> list[Transaction]:
        return [Transaction(RELAY, 0, RELAY, b"") for _ in tx_hashes]

    def history(self) -> History:
        return read_history(self, CONTRACT, CHAIN_ID, 0, 10**9)


def log(block: int, topics: tuple[bytes, ...], data: bytes) -> Log:
    return Log(CONTRACT, topics, data, block, bytes(32), block.to_bytes(32, "big"), 0)


def settings_set(block: int, start: int, settings: Settings | bytes) -> Log:
    document = settings if isinstance(settings, bytes) else encode_settings(settings)
    return log(block, (TOPICS[SettingsSet], keccak(document)), encode(["uint64", "bytes"], [start, document]))


def listed(block: int) -> Log:
    return log(block, (TOPICS[MarketListed], MARKET), bytes(32))


def published(block: int, observed: int, sequence: int, core: bytes) -> list[Log]:
    """A report observed at a block, and mined at another, in a transaction together with whatever else is there."""
    packed = pack_report(Report(MARKET, Targets(2000, 1000, 500), 0, 0, core))
    batch = (observed, bytes(32), observed * 12, 0, bytes(32), bytes(32), keccak(packed))
    data = encode(["uint8", "bool", BATCH_ABI, "bytes"], [0, True, batch, packed])
    live = pack(LiveWord(sequence=sequence), LIVE_BITS).to_bytes(32, "big")
    return [
        log(block, (TOPICS[ReportApplied], MARKET), live + bytes(32)),
        log(block, (TOPICS[BatchPublished], observed.to_bytes(32, "big")), data),
    ]


def core_at(observed: int, **changes: int) -> bytes:
    return encode_core(replace(Core(-(-observed // CADENCE), observed * 12, 0, ()), **changes))


def test_settings_that_were_replaced_before_they_held_never_hold() -> None:
    slower, last = (replace(FIRST, heartbeat_seconds=seconds) for seconds in (100, 200))
    chain = Chain([settings_set(10, 10, FIRST), settings_set(50, 100, slower), settings_set(60, 200, last)])
    history = chain.history()
    assert [history.settings_at(block) for block in (5, 150, 199, 200)] == [FIRST, FIRST, FIRST, last]
    early = read_history(chain, CONTRACT, CHAIN_ID, 0, 55)
    assert early.settings_at(150) == slower
    assert extend_history(early, chain, 10**9) == history


def test_settings_that_held_are_kept_when_others_follow() -> None:
    slower = replace(FIRST, heartbeat_seconds=100)
    history = Chain([settings_set(10, 10, FIRST), settings_set(50, 50, slower), settings_set(60, 60, FIRST)]).history()
    assert [history.settings_at(block) for block in (49, 50, 60)] == [FIRST, slower, FIRST]


def test_a_document_that_is_none_does_not_blind_the_keeper() -> None:
    rows = [settings_set(10, 10, FIRST), settings_set(50, 50, b"oops"), settings_set(60, 60, bytes(640))]
    assert Chain(rows).history().settings_at(70) == FIRST


@pytest.mark.parametrize("schema", [SCHEMA - 1, SCHEMA + 1])
def test_a_document_of_another_schema_is_passed_over_and_named(schema: int) -> None:
    later = replace(FIRST, schema=schema, heartbeat_seconds=1)
    rows = [settings_set(10, 10, FIRST), listed(11), settings_set(50, 50, later), *published(70, 60, 1, core_at(60))]
    history = Chain(rows).history()
    assert history.settings_at(60) == FIRST
    assert [row.schema for row in history.adopted] == [SCHEMA, schema]
    (row,) = history.reports
    assert history.schema_needed(row) is None
    resting = replace(row, batch=replace(row.batch, settings_hash=settings_hash(later)))
    assert history.schema_needed(resting) == schema
    verdict = Replay(history, reader=None, contract=CONTRACT).verify(resting)  # type: ignore[arg-type]
    assert verdict.differs == f"its settings have schema {schema}: it needs a keeper that reads that, this reads 2"
    assert not verdict.ok


def test_a_contract_with_settings_of_another_schema_alone_is_refused_with_what_to_do() -> None:
    history = Chain([settings_set(10, 10, replace(FIRST, schema=1)), listed(11)]).history()
    with pytest.raises(Refused, match=r"the contract's settings have schema 1, this keeper reads 2"):
        history.settings_at(60)


@pytest.mark.parametrize("document", [b"", b"oops", bytes(640), (32).to_bytes(32) + bytes(32), (64).to_bytes(32) * 2])
def test_what_is_no_settings_document_has_no_schema(document: bytes) -> None:
    assert schema_of(document) is None
    assert schema_of(encode_settings(FIRST)) == FIRST.schema == 2


def test_two_relayed_batches_in_one_transaction_are_both_read() -> None:
    cores = core_at(60), core_at(90)
    rows = [*published(120, 60, 1, cores[0]), *published(120, 90, 2, cores[1])]
    history = Chain([settings_set(1, 1, FIRST), listed(2), *rows]).history()
    assert [(row.sequence, row.report.core, row.signatures) for row in history.reports] == [
        (1, cores[0], ()),
        (2, cores[1], ()),
    ]
    assert history.base_core(MARKET, 1, 200) == cores[0]


def test_a_core_that_is_not_of_its_own_window_is_no_base() -> None:
    good = core_at(60)
    odd = [b"\x01", bytes(192), core_at(110, window=2**32 - 1), core_at(110, time=2**32 - 1), core_at(110)[:-1]]
    for core in odd:
        rows = [*published(70, 60, 1, good), *published(120, 110, 2, core)]
        history = Chain([settings_set(1, 1, FIRST), listed(2), *rows]).history()
        assert history.base_core(MARKET, 2, 200) == good


def test_a_market_that_is_listed_again_starts_with_an_empty_core() -> None:
    rows = [*published(70, 60, 1, core_at(60)), listed(10_010), *published(10_100, 10_060, 2, core_at(10_060))]
    history = Chain([settings_set(1, 1, FIRST), listed(2), *rows]).history()
    assert history.base_core(MARKET, 1, 10_009) == core_at(60)
    assert history.base_core(MARKET, 1, 10_040) == b""
    assert history.base_core(MARKET, 2, 10_120) == core_at(10_060)
    assert (history.first_window(MARKET, 10_009), history.first_window(MARKET, 10_040)) == (2, 402)


def test_a_market_that_returns_into_the_settings_starts_with_an_empty_core() -> None:
    rows = [*published(70, 60, 1, core_at(60)), settings_set(99, 100, OUTSIDE), settings_set(10_000, 10_000, FIRST)]
    history = Chain([settings_set(1, 1, FIRST), listed(2), *rows]).history()
    assert history.base_core(MARKET, 1, 75) == core_at(60)
    assert history.base_core(MARKET, 1, 10_060) == b""
    assert history.first_window(MARKET, 10_060) == 400
