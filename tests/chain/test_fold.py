"""The fold on real pools: nothing is missing, one call a window, the same bytes from another reader."""

from collections.abc import Iterator

import pytest

from keeper.chain.anvil import Anvil, AnvilOptions
from keeper.chain.reader import Reader
from keeper.chain.rpc import Rpc
from keeper.fold import fold_sample
from keeper.maths.keccak import keccak
from keeper.records.core import decode_core
from keeper.records.decision import Due, Folded
from keeper.records.report import PreparedReport
from keeper.risk.commit import batch_digest, make_batch, prepare_report
from keeper.risk.keys import settings_hash
from keeper.risk.windows import last_ended, window_of
from keeper.sampling import Sampler
from keeper.testing.client import DevChain
from keeper.testing.devnet import Devnet, build_devnet

WINDOWS = 4


@pytest.fixture(scope="module")
def devnet() -> Iterator[tuple[DevChain, Devnet]]:
    with Anvil.start(AnvilOptions(no_mining=True)) as node:
        chain = DevChain(node.url)
        built = build_devnet(chain)
        chain.mine(built.settings.cadence_blocks * (WINDOWS + 1))
        yield chain, built


def run(devnet: Devnet, head: int) -> tuple[list[dict[bytes, Folded]], list[PreparedReport], bytes, int]:
    """Fold every window since the listing with a fresh reader; prepare the last."""
    with Rpc("local", devnet.url) as rpc:
        return _run(devnet, head, Reader(rpc))


def _run(
    devnet: Devnet, head: int, reader: Reader
) -> tuple[list[dict[bytes, Folded]], list[PreparedReport], bytes, int]:
    settings = devnet.settings
    sampler = Sampler(reader, devnet.contract, settings)
    first, last = window_of(devnet.listed_block, settings.cadence_blocks) + 1, last_ended(head, settings.cadence_blocks)
    cores, seen, rows = dict.fromkeys(sampler.markets, b""), {key: [] for key in sampler.markets}, []
    calls = 0
    for window in range(first, last + 1):
        before = reader.eth_calls
        snapshots = sampler.observe(window, cores)
        calls = max(calls, reader.eth_calls - before)
        row = {}
        for key, snapshot in snapshots.items():
            trailing = sampler.trailing(window, key)
            row[key] = fold_sample(cores[key], snapshot, window, trailing, sampler.markets[key], settings)
            seen[key].append(snapshot)
            cores[key] = row[key].decision.core_after
        rows.append(row)
    prepared = [
        prepare_report(rows[-1][key], seen[key], b"", sampler.markets[key], settings) for key in sampler.markets
    ]
    block = seen[devnet.market_keys[0]][-1].block
    batch, _ = make_batch(prepared, block, settings_hash(settings))
    return rows, prepared, batch_digest(batch, devnet.chain_id, devnet.contract), calls


def test_real_pools_give_every_estimate_in_one_call_a_window(devnet: tuple[DevChain, Devnet]) -> None:
    chain, built = devnet
    rows, prepared, _, calls = run(built, chain.block().number)
    assert calls == 1
    assert len(rows) >= WINDOWS
    for folded in (folded for row in rows for folded in row.values()):
        estimates, decision = folded.estimates, folded.decision
        assert estimates.missing == ()
        assert decision.due is Due.FIRST
        assert estimates.waterfall is not None
        assert 0 < estimates.waterfall.haircut_bps < 9000
        assert 0 < estimates.depth.at_100_bps < estimates.depth.at_200_bps < estimates.depth.at_500_bps
        assert len(decision.core_after) <= 192
    sources = [decode_core(folded.decision.core_after).sources for folded in rows[-1].values()]
    assert all(sources)
    assert all(len(row.evidence) > 1000 for row in prepared)


def test_another_reader_gets_the_same_bytes(devnet: tuple[DevChain, Devnet]) -> None:
    chain, built = devnet
    head = chain.block().number
    first, second = run(built, head), run(built, head)
    assert first == second
    assert [keccak(row.evidence) for row in first[1]] == [row.commitment.evidence_digest for row in second[1]]
