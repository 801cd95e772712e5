"""The contract and its Python twin take the same random calls; after each one every word must be equal."""

import random
from dataclasses import replace

import pytest
from eth_account import Account
from eth_keys.datatypes import PrivateKey

from keeper.chain.artifacts import load
from keeper.errors import Refused
from keeper.maths.keccak import keccak
from keeper.protocols.bulkhead import (
    Bulkhead,
    aux_slot,
    encode_activate,
    encode_advance,
    limits_slot,
    live_slot,
    parse_words,
)
from keeper.protocols.bulkhead_events import (
    PendingActivated,
    ReportApplied,
    ReportRefused,
    StageAdvanced,
    decode_event,
    describe_revert,
)
from keeper.records.decision import Targets
from keeper.records.live import AUX_BITS, LIVE_BITS, ContractWords, pack
from keeper.records.report import Batch, Report, Signature
from keeper.records.snapshot import Answer
from keeper.records.units import Address, BlockRef
from keeper.risk import limits as twin
from keeper.risk.packing import batch_digest, pack_reports
from keeper.testing.client import DevChain, Tx, calldata, hex_of

CADENCE = 4
SEED = 20261121
STEPS = 400
MARKETS = tuple(keccak(f"market {i}".encode()) for i in range(4))
UNKNOWN = keccak(b"nobody listed this")
KEYS = sorted(
    (Account.from_key(keccak(f"signer {i}".encode())) for i in range(3)), key=lambda account: int(account.address, 16)
)
LIMITS = (500, 9_000, 700, 60, 100, 400, 120, 600, 5_000)
"""Floor, cap, step up, stage seconds, bucket, refill a day, dispute, pending expiry, fresh: short, so all happens."""


class World:
    """One contract on one chain, with its twin's view of every market."""

    def __init__(self, chain: DevChain) -> None:
        self.chain = chain
        self.owner = chain.accounts[0]
        self.contract = self._deploy()
        self.settings_hash = keccak(b"document")
        now = chain.block().number
        self._govern("setSettings(bytes,uint64)", b"document", now + 1)
        self._govern("setSigners(address[],uint8)", [account.address for account in KEYS], 2)
        self.set_limits(LIMITS)
        for i, market in enumerate(MARKETS):
            self._govern("listMarket(bytes32,uint8,uint16,uint16,uint16)", market, 0, 3_000 + 500 * i, 2_000, 500)
        chain.mine(3 * CADENCE)

    def _deploy(self) -> Address:
        manager = self.chain.deploy(load("AccessManager"), self.owner)
        return self.chain.deploy(load("CollateralParameters"), manager, CADENCE)

    def _govern(self, signature: str, *args: object) -> None:
        self.chain.transact(self.owner, self.contract, signature, *args)

    def set_limits(self, values: tuple[int, ...]) -> None:
        signature = "setLimits(uint8,(uint16,uint16,uint16,uint32,uint16,uint16,uint32,uint32,uint32))"
        self._govern(signature, 0, values)

    def words(self, market: bytes) -> ContractWords:
        """Words as they lie in storage at the slots that Python names."""
        slots = (live_slot(market), aux_slot(market), limits_slot(0))
        return parse_words(
            *(int(self.chain.rpc("eth_getStorageAt", self.contract, hex_of(slot), "latest"), 16) for slot in slots)
        )

    def sample(self) -> BlockRef:
        """Sampled block of the newest window whose end is 2 deep in the next block."""
        end = (self.chain.block().number - 1) // CADENCE * CADENCE
        return self.chain.block(end - int.from_bytes(self.chain.block(end).hash, "big") % CADENCE)

    def signed(self, block: BlockRef, reports: list[Report], root: bytes) -> bytes:
        packed = pack_reports(reports)
        batch = Batch(
            block.number, block.hash, block.timestamp, block.timestamp + 1800, self.settings_hash, root, keccak(packed)
        )
        digest = batch_digest(batch, self.chain.chain_id, self.contract)
        signatures = [Signature(Address(account.address.lower()), _sign(account, digest)) for account in KEYS[:2]]
        return Bulkhead().encode_publish(batch, packed, signatures)

    def send(self, data: bytes) -> tuple[int, list[object], str]:
        """(time of its block, events, revert) of one call from somebody without any role."""
        stranger = self.chain.accounts[5]
        try:
            (receipt,) = self.chain.run([Tx(stranger, self.contract, data)])
        except Refused:
            # The state did not move, and a call on the head sees the time of the block that refused it.
            return self.chain.block().timestamp, [], self.revert_of(data)
        events = [
            decode_event([bytes.fromhex(t[2:]) for t in log["topics"]], bytes.fromhex(log["data"][2:]))
            for log in receipt["logs"]
        ]
        return self.chain.block().timestamp, events, ""

    def revert_of(self, data: bytes) -> str:
        call = {"to": self.contract, "from": self.chain.accounts[5], "data": hex_of(data)}
        with pytest.raises(Refused) as refused:
            self.chain.rpc("eth_call", call, "latest")
        return describe_revert(bytes.fromhex(refused.value.message.split("0x")[-1]))


def _sign(account: object, digest: bytes) -> bytes:
    signature = PrivateKey(bytes(account.key)).sign_msg_hash(digest).to_bytes()
    return signature[:64] + bytes([signature[64] + 27])


@pytest.fixture(scope="module")
def world(module_chain: DevChain) -> World:
    return World(module_chain)


def random_report(rng: random.Random, market: bytes, words: ContractWords, *, routine: bool) -> Report:
    near = words.live.haircut_bps + rng.randint(-300, 900)
    wish = rng.choice((near, near, words.live.haircut_bps, rng.randint(0, 10_000), 65_535))
    sequence = words.live.sequence if rng.random() < 0.8 else rng.randint(0, 2**32 - 1)
    decay = rng.choice((rng.randint(0, 2**14 - 1), 2**14 - 1, 2**14)) if rng.random() < 0.3 else 7
    targets = Targets(max(0, wish), rng.randint(0, 65_535), rng.randint(0, 65_535), decay=decay)
    if rng.random() < 0.05:
        targets = replace(targets, **{rng.choice(("premium_bps", "ceiling", "crunch_permille", "regime")): 1})
    core = rng.randbytes(rng.randint(1, 192)) if routine or rng.random() < 0.1 else b""
    return Report(market, targets, sequence, rng.getrandbits(256), core)


def expect_publish(world: World, rng: random.Random, seen: dict[str, int]) -> None:
    routine = rng.random() < 0.75
    block = world.sample() if routine else other_block(world)
    chosen = rng.sample((*MARKETS, UNKNOWN), rng.randint(1, 3))
    before = {market: world.words(market) for market in chosen}
    reports = [random_report(rng, market, before[market], routine=routine) for market in chosen]
    now, events, revert = world.send(world.signed(block, reports, rng.randbytes(32)))
    assert revert == ""
    applied = {event.market: event for event in events if isinstance(event, ReportApplied)}
    refused = {event.market: event for event in events if isinstance(event, ReportRefused)}
    for report in reports:
        words = before[report.market]
        index = applied[report.market].live.batch_index if report.market in applied else 0
        expected = twin.apply_report(words, report, block.number, block.timestamp, index, now, routine)
        got = world.words(report.market)
        assert (pack(got.live, LIVE_BITS), pack(got.aux, AUX_BITS)) == (
            pack(expected.live, LIVE_BITS),
            pack(expected.aux, AUX_BITS),
        )
        name = refused[report.market].reason.name.replace("_", "").lower() if report.market in refused else ""
        assert name == expected.refusal.lower()
        if report.market in applied:
            assert (applied[report.market].live, applied[report.market].aux) == (expected.live, expected.aux)
        seen[expected.refusal or kind_of(words, expected)] = (
            seen.get(expected.refusal or kind_of(words, expected), 0) + 1
        )


def other_block(world: World) -> BlockRef:
    """Newest block, 2 deep in the next one, that is no window's sample: the emergency lane."""
    head = world.chain.block().number
    candidates = (world.chain.block(number) for number in range(head - 1, 0, -1))
    return next(block for block in candidates if not is_sample(world, block, head))


def is_sample(world: World, block: BlockRef, head: int) -> bool:
    end = -(-block.number // CADENCE) * CADENCE
    return end <= head and block.number == end - int.from_bytes(world.chain.block(end).hash, "big") % CADENCE


def kind_of(words: ContractWords, after: twin.Applied) -> str:
    if after.live.haircut_bps > words.live.haircut_bps:
        return "stage" if after.aux.staged_bps else "tighten"
    return "pending" if after.aux.pending_time else "hold"


def expect_permissionless(world: World, rng: random.Random, seen: dict[str, int]) -> None:
    name = rng.choice(("advance", "activate"))
    market = rng.choice(MARKETS)
    words = world.words(market)
    encode, effect, event = {
        "advance": (encode_advance, twin.advance, StageAdvanced),
        "activate": (encode_activate, twin.activate, PendingActivated),
    }[name]
    now, events, revert = world.send(encode(market))
    expected = effect(words, now)
    got = world.words(market)
    assert (got.live, got.aux) == (expected.live, expected.aux)
    assert revert.split("(")[0] == expected.refusal
    assert events == ([] if expected.refusal else [event(market, expected.live, expected.aux)])
    outcome = expected.refusal or name
    seen[outcome] = seen.get(outcome, 0) + 1


def expect_governance(world: World, rng: random.Random, seen: dict[str, int]) -> None:
    floor, cap = rng.choice(((500, 9_000), (500, 9_000), (2_500, 4_000), (500, 10_000)))
    world.set_limits(
        (
            floor,
            cap,
            rng.choice((300, 700)),
            60,
            rng.choice((0, 100, 300)),
            rng.choice((0, 400, 8_000)),
            120,
            600,
            rng.choice((400, 5_000)),
        )
    )
    seen["limits"] = seen.get("limits", 0) + 1


def test_contract_and_twin_agree_word_for_word_over_random_calls(world: World) -> None:
    rng = random.Random(SEED)
    seen: dict[str, int] = {}
    for _ in range(STEPS):
        step = rng.choices((expect_publish, expect_permissionless, expect_governance), weights=(8, 8, 1))[0]
        step(world, rng, seen)
        world.chain.mine(rng.choice((1, 3, 5, 5, 8)))
        if rng.random() < 0.03:
            world.chain.mine(60)
    reached = {
        "tighten",
        "stage",
        "hold",
        "pending",
        "advance",
        "activate",
        "Unlisted",
        "NotNewer",
        "WrongBase",
        "NotEnabled",
    }
    reached |= {"CoreForbidden", "DecayTooLarge", "NotTighter", "NothingStaged", "StageNotDue", "NothingPending"}
    reached |= {"PendingNotMature", "PendingExpired", "LooseningExhausted"}
    assert reached - set(seen) == set(), f"seed {SEED}: {seen}"


def test_a_sealed_batch_is_applied_once_and_its_replay_changes_nothing(world: World) -> None:
    world.set_limits(LIMITS)
    world.chain.mine(2 * CADENCE)
    sample, market = world.sample(), MARKETS[0]
    words = world.words(market)
    report = Report(market, Targets(words.live.haircut_bps, 0, 0), words.live.sequence, 0, b"core")
    data = world.signed(sample, [report], keccak(b"root"))
    _, events, _ = world.send(data)
    assert any(isinstance(event, ReportApplied) for event in events)
    after = world.words(market)
    assert after.live.sequence == words.live.sequence + 1
    _, events, revert = world.send(data)
    assert revert == ""
    assert [type(event) for event in events] == [ReportRefused]
    assert world.words(market) == after
    count = world.chain.call(world.contract, "batchCount(uint64)", sample.number, returns="(uint256)")
    assert count == 1


def test_words_read_by_raw_slots_are_those_of_the_views(world: World) -> None:
    for market in MARKETS:
        words = world.words(market)
        live = world.chain.call(world.contract, "liveWord(bytes32)", market, returns="(uint256)")
        aux = world.chain.call(world.contract, "auxWord(bytes32)", market, returns="(uint256)")
        assert (pack(words.live, LIVE_BITS), pack(words.aux, AUX_BITS)) == (live, aux)


def test_market_reader_placed_by_state_override_answers_the_raw_words(world: World) -> None:
    market = MARKETS[1]
    reading = Bulkhead().read(world.contract, market)
    (ask,) = next(reading)
    assert (ask.to, ask.data, ask.reader) == (world.contract, market, "market")
    override = {world.contract: {"code": hex_of(load("MarketReader").runtime)}}
    call = {"to": ask.to, "data": hex_of(ask.data)}
    answer = bytes.fromhex(world.chain.rpc("eth_call", call, "latest", override)[2:])
    with pytest.raises(StopIteration) as stop:
        reading.send((Answer(ok=True, data=answer),))
    words, inputs = stop.value.value
    assert words == world.words(market)
    for row in inputs:
        stored = world.chain.rpc("eth_getStorageAt", world.contract, hex_of(row.slot), "latest")
        assert bytes.fromhex(stored[2:]) == row.value


def test_python_and_contract_hash_the_same_batch(world: World) -> None:
    batch = Batch(1, keccak(b"hash"), 2, 3, keccak(b"settings"), keccak(b"root"), keccak(b"reports"))
    signature = "batchDigest((uint64,bytes32,uint64,uint64,bytes32,bytes32,bytes32))"
    values = (1, keccak(b"hash"), 2, 3, keccak(b"settings"), keccak(b"root"), keccak(b"reports"))
    digest = world.chain.call(world.contract, signature, values, returns="(bytes32)")
    assert digest == batch_digest(batch, world.chain.chain_id, world.contract)
    assert calldata(signature, values)[:4].hex() == keccak(signature.encode())[:4].hex()
