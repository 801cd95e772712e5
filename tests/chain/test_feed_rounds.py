"""A feed's rounds on a chain: in one call, the same by every way of reading, through phases, holes and hostile code."""

from collections.abc import Iterator

import pytest
from ways import ROUTES, reader_by, with_multicall3

from keeper.chain.artifacts import load
from keeper.chain.reader import Reader
from keeper.chain.rpc import Rpc
from keeper.feeds import FEEDS
from keeper.records.settings import FeedSettings
from keeper.records.snapshot import FeedReading, FeedRound
from keeper.records.units import Address
from keeper.testing.client import DevChain

SPINS = "0x5b600056"
RETURNS_256_KIB = "0x620400006000f3"
PHASE = 1 << 64


@pytest.fixture(scope="module")
def chain(module_chain: DevChain) -> DevChain:
    return with_multicall3(module_chain)


@pytest.fixture
def rpc(chain: DevChain) -> Iterator[Rpc]:
    with Rpc("local", chain.url) as client:
        yield client


def feed_of(chain: DevChain, answers: range) -> Address:
    feed = chain.deploy(load("DevFeed", "keeper.testing"), "X / Y", 8)
    for answer in answers:
        chain.transact(chain.accounts[0], feed, "push(int256)", answer)
    return feed


def read(reader: Reader, feed: Address, rounds: int) -> FeedReading:
    block = reader.block("latest")
    settings = FeedSettings("chainlink", feed, 8, 3600, rounds)
    (reading,) = reader.run([FEEDS["chainlink"].read(settings, block)], block)
    assert isinstance(reading, FeedReading)
    return reading


def numbers(reading: FeedReading) -> list[tuple[int, int]]:
    return [(row.round_id, row.answer) for row in reading.rounds]


def test_rounds_are_read_in_the_call_of_the_latest(chain: DevChain, rpc: Rpc) -> None:
    feed = feed_of(chain, range(101, 106))
    reader = reader_by(rpc, ROUTES[0])
    reading = read(reader, feed, 3)
    assert reader.eth_calls == 1
    assert (reading.answer, numbers(reading)) == (105, [(4, 104), (3, 103), (2, 102)])
    latest = chain.call(feed, "getRoundData(uint80)", 4, returns="(uint80,int256,uint256,uint256,uint80)")
    assert reading.rounds[0] == FeedRound(4, 104, latest[3])
    assert read(reader, feed, 0).answer == 105
    assert read(reader, feed, 0).rounds == ()


def test_rounds_end_where_a_proxys_phase_begins(chain: DevChain, rpc: Rpc) -> None:
    proxy = chain.deploy(load("DevFeedProxy", "keeper.testing"))
    for feed in (feed_of(chain, range(1, 9)), feed_of(chain, range(11, 14))):
        chain.transact(chain.accounts[0], proxy, "change(address)", feed)
    reading = read(reader_by(rpc, ROUTES[0]), proxy, 8)
    assert (reading.answer, reading.failure) == (13, "")
    assert numbers(reading) == [(2 * PHASE + 2, 12), (2 * PHASE + 1, 11)]
    assert len(reading.inputs) == 3


def test_a_round_that_reverts_is_left_out(chain: DevChain, rpc: Rpc) -> None:
    proxy = chain.deploy(load("DevFeedProxy", "keeper.testing"))
    chain.transact(chain.accounts[0], proxy, "change(address)", feed_of(chain, range(11, 16)))
    chain.transact(chain.accounts[0], proxy, "tear(uint80)", PHASE + 3)
    reading = read(reader_by(rpc, ROUTES[0]), proxy, 3)
    assert (reading.answer, reading.failure) == (15, "")
    assert numbers(reading) == [(PHASE + 4, 14), (PHASE + 2, 12)]
    assert [row.ok for row in reading.inputs] == [True, True, False, True]  # type: ignore[union-attr]


@pytest.mark.parametrize("route", ROUTES[1:], ids=lambda route: route.name)
def test_rounds_and_inputs_are_the_same_bytes_by_every_way(chain: DevChain, rpc: Rpc, route: object) -> None:
    proxy = chain.deploy(load("DevFeedProxy", "keeper.testing"))
    nobody = Address("0x" + "e0" * 20)
    feed = feed_of(chain, range(101, 106))
    chain.transact(chain.accounts[0], proxy, "change(address)", feed)
    chain.transact(chain.accounts[0], proxy, "tear(uint80)", PHASE + 4)
    empty = feed_of(chain, range(0))
    for address in (proxy, feed, empty, nobody):
        for rounds in (1, 3, 8):
            raw, by_views = (read(reader_by(rpc, way), address, rounds) for way in (ROUTES[0], route))
            assert by_views == raw
    assert read(reader_by(rpc, route), proxy, 8).answer == 105


@pytest.mark.parametrize("code", [SPINS, RETURNS_256_KIB])
def test_a_hostile_feed_fails_alone(chain: DevChain, rpc: Rpc, code: str) -> None:
    hostile = Address("0x" + bytes.fromhex(code[2:]).rjust(20, b"\xab").hex())
    chain.rpc("anvil_setCode", hostile, code)
    chain.mine()
    good = feed_of(chain, range(7, 9))
    reader = reader_by(rpc, ROUTES[0])
    block = reader.block("latest")
    settings = [FeedSettings("chainlink", address, 8, 3600, 8) for address in (hostile, good)]
    bad, fine = reader.run([FEEDS["chainlink"].read(row, block) for row in settings], block)
    assert isinstance(bad, FeedReading)
    assert isinstance(fine, FeedReading)
    assert (bad.answer, bad.failure) == (None, f"{hostile}: the feed reverted")
    # Neither what it burns nor what it answers too long is handed on.
    assert [(row.ok, row.answer) for row in bad.inputs] == [(False, b"")]  # type: ignore[union-attr]
    assert (fine.answer, numbers(fine)) == (8, [(1, 7)])
    assert reader.eth_calls == 1
