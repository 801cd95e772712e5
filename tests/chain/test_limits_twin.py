"""The contract and its Python twin take the same random calls; after each one every word must be equal."""

import random
from collections import Counter
from dataclasses import replace

import pytest
from limits_wishes import govern_at_random, outcomes, random_report
from limits_world import CADENCE, LAW, LIMITS, MARKETS, PROFILES, UNKNOWN, World

from keeper.chain.artifacts import load
from keeper.maths.eip712 import batch_digest
from keeper.maths.keccak import keccak
from keeper.protocols.bulkhead import Bulkhead, encode_activate, encode_activate_liquidation, encode_advance
from keeper.protocols.bulkhead_events import (
    LiquidationMoved,
    LiquidationProposed,
    LooseningHeldUntil,
    MarketStopped,
    PendingActivated,
    RegimeRaised,
    ReportApplied,
    ReportRefused,
    StageAdvanced,
)
from keeper.records.decision import Targets
from keeper.records.live import AUX_BITS, LIVE_BITS, AuxWord, ContractWords, pack
from keeper.records.report import Batch, Report
from keeper.records.snapshot import Answer
from keeper.records.units import BlockRef
from keeper.risk import limits as twin
from keeper.risk import trips
from keeper.risk.applied import Applied
from keeper.risk.days import DAY_SECONDS, note
from keeper.risk.effective import describe, haircut_bps
from keeper.risk.liquidation import activate_liquidation
from keeper.testing.client import DevChain, calldata, hex_of

SEED = 20261121
STEPS = 600
REACHED = {
    *("tighten", "stage", "hold", "pending", "premium", "ceiling", "regime", "proposed"),
    *("advance", "activate", "activate_liquidation", "raise_regime", "trip", "hold_loosening", "stop"),
    *("Unlisted", "NotNewer", "TimeBehind", "CeilingTooWide", "UnknownRegime", "CoreTooLong", "DecayTooLarge"),
    *("CoreForbidden", "NotTighter", "WrongBase"),
    *("UnknownMarket", "NothingStaged", "StageNotDue", "NothingPending", "PendingNotMature", "PendingExpired"),
    *("ReportNotFresh", "RegimeNotNormal", "LooseningHeld", "LooseningExhausted", "MoveExhausted"),
    *("TripCoolingDown", "TripBudgetSpent", "BadRaise", "BadHold"),
}
"""Every effect, refusal and error of a market; the run fails when it has not met one of them."""


@pytest.fixture(scope="module")
def world(module_chain: DevChain) -> World:
    return World(module_chain)


def compare(world: World, market: bytes, expected: ContractWords) -> None:
    """Every word, and what readers get from them."""
    got = world.words(market)
    assert got == expected
    if got.live.flags:
        assert world.parameters(market) == describe(got, world.chain.block().timestamp)


def sealed(world: World, market: bytes, old: ContractWords, expected: Applied, now: int) -> Applied:
    """Complete with the day's highest of the contract where the twin has none: on the first write of another day."""
    if expected.refusal or note(old, expected.words, now) is not None:
        return expected
    got = world.words(market).live
    if got.observed_time // DAY_SECONDS == now // DAY_SECONDS:
        assert got.day_highest_bps >= haircut_bps(expected.words, now, now)
    live = replace(expected.live, day_highest_bps=got.day_highest_bps)
    return replace(expected, words=replace(expected.words, live=live))


def expect_publish(world: World, rng: random.Random, seen: Counter[str]) -> None:
    routine = rng.random() < 0.75
    block = world.sample() if routine else world.other_block()
    chosen = rng.sample(MARKETS, rng.randint(1, 3)) + [UNKNOWN] * (rng.random() < 0.1)
    before = {market: world.words(market) for market in chosen}
    if rng.random() < 0.02:
        # A quorum that lies about the time of the block.
        block = replace(block, timestamp=max(0, before[chosen[0]].live.observed_time - 1) or block.timestamp)
    reports = [random_report(rng, market, before[market], routine=routine) for market in chosen]
    seen.update(check_publish(world, block, reports, routine=routine))


def check_publish(world: World, block: BlockRef, reports: list[Report], *, routine: bool) -> list[str]:
    """Send one batch; every market must hold what the twin says. What was reached."""
    before = {report.market: world.words(report.market) for report in reports}
    now, events, revert = world.send(world.signed(block, reports, keccak(repr(reports).encode())))
    if revert.startswith("ObservedTimeTooOld"):
        return []
    assert revert == ""
    applied = {event.market: event for event in events if isinstance(event, ReportApplied)}
    refused = {event.market: event.reason for event in events if isinstance(event, ReportRefused)}
    proposed = {event.market: event.liquidation for event in events if isinstance(event, LiquidationProposed)}
    reached: list[str] = []
    for report in reports:
        words, event = before[report.market], applied.get(report.market)
        index = event.live.batch_index if event else 0
        expected = twin.apply_report(words, report, block.number, block.timestamp, index, now, routine)
        expected = sealed(world, report.market, words, expected, now)
        compare(world, report.market, expected.words)
        name = refused[report.market].name.title().replace("_", "") if report.market in refused else ""
        assert (name, event is None) == (expected.refusal, bool(expected.refusal))
        if event:
            # A quiet report has no reason to look at the aux word.
            assert event.live == expected.live
            assert event.aux in {expected.aux, AuxWord()}
        moved = expected.words.liquidation != words.liquidation
        assert proposed.get(report.market) == (expected.words.liquidation if moved else None)
        reached += outcomes(words, expected, event)
    return reached


PERMISSIONLESS = {
    "advance": (encode_advance, twin.advance, lambda m, w: [StageAdvanced(m, w.live, w.aux)]),
    "activate": (encode_activate, twin.activate, lambda m, w: [PendingActivated(m, w.live, w.aux)]),
    "activate_liquidation": (
        encode_activate_liquidation,
        activate_liquidation,
        lambda m, w: [LiquidationMoved(m, w.live, w.liquidation)],
    ),
}


def expect_permissionless(world: World, rng: random.Random, seen: Counter[str]) -> None:
    name = rng.choice(("advance", "advance", "activate", "activate", *("activate_liquidation",) * 3))
    market = rng.choice(MARKETS[2:] if name == "activate_liquidation" else (*MARKETS, UNKNOWN))
    expect_call(world, name, market, seen)


def expect_call(world: World, name: str, market: bytes, seen: Counter[str]) -> None:
    encode, effect, event = PERMISSIONLESS[name]
    words = world.words(market)
    now, events, revert = world.send(encode(market))
    expected = sealed(world, market, words, effect(words, now), now)
    assert revert.split("(")[0] == expected.refusal
    assert events == ([] if expected.refusal else event(market, expected.words))
    compare(world, market, expected.words)
    seen[expected.refusal or name] += 1


def expect_privileged(world: World, rng: random.Random, seen: Counter[str]) -> None:
    """Guardian, tripwire, disputes; the administrator stands for all of them."""
    market = rng.choice((*MARKETS, UNKNOWN)) if rng.random() < 0.2 else rng.choice(MARKETS)
    name = rng.choice(("raise_regime", "trip", "trip", "trip", "hold_loosening", "stop"))
    level, duration = rng.choice((0, 1, 1, 2, 3, 4)), rng.choice((0, 60, 900, 900, 3_000_000))
    words = world.words(market)
    args, effect = {
        "raise_regime": (("raiseRegime(bytes32,uint8,uint32)", market, level, duration), trips.raise_regime),
        "trip": (("trip(bytes32)", market), trips.trip),
        "hold_loosening": (("holdLoosening(bytes32,uint32)", market, duration), trips.hold_loosening),
        "stop": (("stop(bytes32)", market), trips.stop),
    }[name]
    now, events, revert = world.administer(*args)
    expected = sealed(world, market, words, effect(words, *args[2:], now), now)
    assert revert.split("(")[0] == expected.refusal
    after = expected.words
    wanted = {
        "hold_loosening": LooseningHeldUntil(market, after.guard.held_until),
        "stop": MarketStopped(market, after.live, after.aux),
    }.get(name, RegimeRaised(market, world.owner, after.live, after.aux))
    assert events == ([] if expected.refusal else [wanted])
    compare(world, market, after)
    seen[expected.refusal or name] += 1
    if name == "hold_loosening":
        expect_call(world, "activate", market, seen)


@pytest.mark.timeout(900)
def test_contract_and_twin_agree_word_for_word_over_random_calls(world: World) -> None:
    rng = random.Random(SEED)
    seen: Counter[str] = Counter()
    for _ in range(STEPS):
        if rng.random() < 0.05:
            govern_at_random(world, rng)
        else:
            steps = (expect_publish, expect_permissionless, expect_privileged)
            rng.choices(steps, weights=(10, 10, 2))[0](world, rng, seen)
        world.pass_time(rng)
        market = rng.choice(MARKETS)
        compare(world, market, world.words(market))
    assert REACHED - set(seen) == set(), f"seed {SEED}: {seen}"


def set_up(world: World, market: bytes, values: tuple[int, ...]) -> ContractWords:
    """Limits and values as at the start, with room for a report."""
    for profile in (0, 1):
        world.set_limits(profile, LIMITS, LAW)
    signature = "setMarket(bytes32,uint8,(uint16,uint16,uint16,uint16,uint24))"
    world.govern(signature, market, PROFILES[market], values)
    world.chain.mine(3 * CADENCE)
    return world.words(market)


def report_of(words: ContractWords, market: bytes, **targets: int) -> Report:
    """A report that asks for what holds, but for some targets."""
    live = words.live
    same = Targets(live.haircut_bps, live.liquidation_target_bps, live.bonus_bps, decay=live.decay)
    return Report(market, replace(same, **targets), live.sequence, 0, b"core")


def test_a_quiet_report_is_the_same_by_the_short_way(world: World) -> None:
    market = MARKETS[0]
    for haircut in (3_000, 3_200, 3_200):
        words = set_up(world, market, (3_000, 2_000, 500, 0, 0))
        reached = check_publish(world, world.sample(), [report_of(words, market, haircut_bps=haircut)], routine=True)
    assert "quiet" in reached


def test_a_loosening_that_breaks_the_group_is_refused_by_both_and_a_tightening_repairs_it(world: World) -> None:
    market = MARKETS[3]
    for wish, bonus, refusal in ((500, 560, "GroupBroken"), (540, 526, "")):
        words = set_up(world, market, (3_000, 500, 526, 0, 0))
        world.chain.wait(700_000)
        world.chain.mine(3 * CADENCE)
        asked = report_of(words, market, liquidation_haircut_bps=wish, bonus_bps=bonus)
        assert "proposed" in check_publish(world, world.sample(), [asked], routine=True)
        world.chain.mine(2 * LIMITS.dispute_seconds // 12)
        words = world.words(market)
        now, _, revert = world.send(encode_activate_liquidation(market))
        expected = sealed(world, market, words, activate_liquidation(words, now), now)
        assert (revert.split("(")[0], expected.refusal) == (refusal, refusal)
        compare(world, market, expected.words)


def test_a_sealed_batch_is_applied_once_and_its_replay_changes_nothing(world: World) -> None:
    market = MARKETS[0]
    words = set_up(world, market, (3_000, 2_000, 500, 0, 0))
    sample = world.sample()
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
    where = (sample.number, after.live.batch_index)
    root = world.chain.call(world.contract, "commitmentsRoot(uint64,uint8)", *where, returns="(bytes28)")
    assert root == keccak(b"root")[:28]


def test_words_read_by_raw_slots_are_those_of_the_views(world: World) -> None:
    for market in MARKETS:
        words = world.words(market)
        live = world.chain.call(world.contract, "liveWord(bytes32)", market, returns="(uint256)")
        aux = world.chain.call(world.contract, "auxWord(bytes32)", market, returns="(uint256)")
        assert (pack(words.live, LIVE_BITS), pack(words.aux, AUX_BITS)) == (live, aux)


def test_market_reader_placed_by_state_override_answers_the_raw_words(world: World) -> None:
    for market in (MARKETS[1], MARKETS[2]):
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


def test_after_a_sunset_values_hold_and_ageing_stops(world: World) -> None:
    world.chain.mine(2 * CADENCE)
    world.govern("sunset(address)", world.chain.accounts[7])
    ended = world.chain.block().timestamp
    for _ in range(2):
        for market in MARKETS:
            now = world.chain.block().timestamp
            assert world.parameters(market) == describe(world.words(market), now, ended)
        world.chain.wait(500_000)
    _, _, revert = world.send(encode_advance(MARKETS[0]))
    assert revert.startswith("Ended(")
