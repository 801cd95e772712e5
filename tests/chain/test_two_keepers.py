"""Two keepers, two nodes, two databases: the same bytes, however often one of them stops; then the chain alone."""

import json
import os
import shutil
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from pathlib import Path

import pytest
from faults.proxy import FaultProxy
from two_keepers import CUT, STARTS, Keeper, complete, config_of, fold_from_nothing, play

from keeper.chain.anvil import Anvil, AnvilOptions
from keeper.chain.node import ContractNode
from keeper.chain.reader import Reader
from keeper.chain.rpc import Rpc
from keeper.config import load_config
from keeper.maths.keccak import keccak
from keeper.published import History, Published, read_history
from keeper.records.core import decode_core, encode_core
from keeper.records.decision import Folded
from keeper.replay import Replay
from keeper.risk.commit import pack_report, pack_reports, prepare_report, unpack_reports
from keeper.risk.commitments import commitments_root
from keeper.risk.keys import market_key
from keeper.store.samples import StoredSample
from keeper.testing import world
from keeper.testing.client import DevChain
from keeper.testing.devnet import HISTORY_WINDOWS, Devnet, build_devnet, write_operator_files

MIN_SAMPLES = 100
"""Windows times markets that must have been compared."""


@dataclass(frozen=True, slots=True)
class Played:
    """The story is over and both keepers are gone, with their folders."""

    url: str
    devnet: Devnet
    steady: Keeper
    restarted: Keeper
    steady_samples: dict[tuple[bytes, int], StoredSample]
    restarted_samples: dict[tuple[bytes, int], StoredSample]
    refolded: list[StoredSample]
    """The first window that rests on the late report, and those before it, as a keeper without a past folds them."""
    history: History
    folder: Path


@pytest.fixture(scope="module")
def played(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Played]:
    began = int(time.time()) - (HISTORY_WINDOWS + 120) * world.CADENCE * world.BLOCK_SECONDS
    folder = tmp_path_factory.mktemp("keepers")
    with (
        Anvil.start(AnvilOptions(no_mining=True, timestamp=began)) as node,
        FaultProxy(node.url) as left,
        FaultProxy(node.url) as right,
    ):
        chain = DevChain(node.url)
        devnet = build_devnet(chain)
        steady = Keeper(config_of(devnet, folder / "steady", left), left, broadcast=False)
        # The one that is stopped is the one that sends: what lands comes from a keeper that forgets.
        restarted = Keeper(config_of(devnet, folder / "restarted", right), right, broadcast=True)
        try:
            play(chain, devnet, steady, restarted)
            rows = (steady.samples(), restarted.samples())
            complete(steady, restarted)
            newcomer = load_config(write_operator_files(devnet, folder / "newcomer"), {})
            refolded = fold_from_nothing(newcomer, rows[0], chain.block())
        finally:
            steady.stop()
            restarted.stop()
        shutil.rmtree(folder)
        with Rpc("alone", node.url) as rpc:
            contract = ContractNode(rpc, devnet.contract)
            history = read_history(contract, devnet.contract, devnet.chain_id, 0, chain.block().number)
        yield Played(node.url, devnet, steady, restarted, *rows, refolded, history, folder)


def test_two_keepers_compute_the_same_bytes(played: Played) -> None:
    steady, restarted = played.steady.signed, played.restarted.signed
    assert len({(window, market) for window, markets in restarted for market in markets}) >= MIN_SAMPLES
    for key, values in sorted(restarted.items()):
        assert len(values) == 1
        assert values == steady[key]
    assert len({one.digest for values in restarted.values() for one in values}) == len(restarted)


def test_what_they_keep_is_the_same_to_the_last_word(played: Played) -> None:
    kept, again = played.steady_samples, played.restarted_samples
    assert len(kept) >= MIN_SAMPLES
    assert again.keys() <= kept.keys()
    assert [key for key in again if again[key] != kept[key]] == []


def test_the_stopped_keeper_was_stopped_cut_off_and_wiped_and_the_other_never(played: Played) -> None:
    steady, restarted = played.steady, played.restarted
    assert (steady.starts, steady.endpoint.failures) == (1, 0)
    assert restarted.starts == STARTS
    assert restarted.endpoint.failures >= len(CUT)
    assert steady.endpoint.url != restarted.endpoint.url
    assert min(steady.endpoint.bodies, restarted.endpoint.bodies) > 900
    assert "state_adopted" not in {*steady.events, *restarted.events}


def test_a_sample_folded_again_rests_on_its_own_base(played: Played) -> None:
    rows = played.refolded
    assert [(row.market, row.window) for row in rows] == sorted((row.market, row.window) for row in rows)
    # One window's sample or two lie before the block of the late report: the hash rule decides.
    landed = min(row.block_number for row in played.history.reports)
    for market in {row.market for row in rows}:
        before = [row.core_before == b"" for row in rows if row.market == market]
        assert before[0]
        assert before == [True] * (len(before) - 1) + [False]
    for row in rows:
        assert (row.core_before == b"") == (row.snapshot.block.number < landed)
        assert row == played.steady_samples[row.market, row.window]


def test_what_landed_is_what_both_would_have_signed(played: Played) -> None:
    signed = [one for values in played.steady.signed.values() for one in values]
    packed = {row.report.market + pack_report(row.report) for row in played.history.reports}
    assert len(packed) == len(played.history.reports) >= 10
    assert packed <= {report.market + pack_report(report) for one in signed for report in unpack_reports(one.packed)}
    whole = [row for row in played.history.reports if len(unpack_reports(row.packed)) == len(world.MARKETS)]
    assert whole
    assert {row.batch for row in whole} <= {one.batch for one in signed}


def test_every_report_verifies_with_database_evidence_and_settings_gone(played: Played, tmp_path: Path) -> None:
    assert not played.folder.exists()
    command = ["verify", "--all", "--json", "--rpc", played.url, "--contract", played.devnet.contract]
    done = subprocess.run(
        [sys.executable, "-W", "error", "-m", "keeper", *command],
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
        cwd=tmp_path,
        env={"PATH": os.environ["PATH"], "HOME": str(tmp_path)},
    )
    assert done.returncode == 0, done.stderr + done.stdout
    reports = json.loads(done.stdout)["reports"]
    assert [row["sequence"] for row in reports] == [row.sequence for row in played.history.reports]
    assert all(row["ok"] and "differs" not in row for row in reports)
    assert all(row["samples"] for row in reports)
    assert not any(tmp_path.iterdir())


@pytest.fixture(scope="module")
def replay(played: Played) -> Iterator[Replay]:
    with Rpc("alone", played.url) as rpc:
        yield Replay(played.history, Reader(rpc), played.devnet.contract)


def with_report(published: Published, **changes: object) -> Published:
    return replace(published, report=replace(published.report, **changes))


def with_targets(published: Published, **changes: object) -> Published:
    return with_report(published, targets=replace(published.report.targets, **changes))


def with_batch(published: Published, **changes: object) -> Published:
    return replace(published, batch=replace(published.batch, **changes))


def with_core(published: Published, **changes: object) -> Published:
    return with_report(published, core=encode_core(replace(decode_core(published.report.core), **changes)))


def with_core_byte(published: Published, index: int) -> Published:
    core = bytearray(published.report.core)
    core[index] ^= 1
    return with_report(published, core=bytes(core))


def with_packed(published: Published) -> Published:
    """Another market's report in the same batch says 1 bps less."""
    rows = unpack_reports(published.packed)
    changed = [
        row
        if row.market == published.report.market
        else replace(row, targets=replace(row.targets, haircut_bps=row.targets.haircut_bps - 1))
        for row in rows
    ]
    return replace(published, packed=pack_reports(changed))


def with_signature(published: Published) -> Published:
    (signature,) = published.signatures
    data = bytes([signature.data[0] ^ 1]) + signature.data[1:]
    return replace(published, signatures=(replace(signature, data=data),))


TAMPERED: dict[str, Callable[[Published], Published]] = {
    "haircut_bps: ": lambda row: with_targets(row, haircut_bps=row.report.targets.haircut_bps - 1),
    "liquidation_haircut_bps: ": lambda row: with_targets(row, liquidation_haircut_bps=1),
    "bonus_bps: ": lambda row: with_targets(row, bonus_bps=row.report.targets.bonus_bps + 1),
    "core: time: ": lambda row: with_core(row, time=decode_core(row.report.core).time - 12),
    "core: dwell_since: ": lambda row: with_core(row, dwell_since=1),
    "core: sources: ": lambda row: with_core_byte(row, -1),
    "not a core of version 1": lambda row: with_core_byte(row, 0),
    "base_sequence: ": lambda row: with_report(row, base_sequence=row.report.base_sequence + 1),
    "gap_bitmap: ": lambda row: with_report(row, gap_bitmap=1 << 255),
    "observed_hash: ": lambda row: with_batch(row, observed_hash=keccak(row.batch.observed_hash)),
    "observed_time: ": lambda row: with_batch(row, observed_time=row.batch.observed_time + 1),
    "valid_until: ": lambda row: with_batch(row, valid_until=row.batch.valid_until + 1),
    "settings_hash: ": lambda row: with_batch(row, settings_hash=bytes(32)),
    "reports_hash: ": lambda row: with_batch(row, reports_hash=bytes(32)),
    "packed reports: ": with_packed,
    "signature of 0x": with_signature,
}
"""What the verdict begins with -> what was changed."""


@pytest.mark.parametrize("named", TAMPERED)
def test_a_changed_report_is_named_by_its_first_differing_field(named: str, played: Played, replay: Replay) -> None:
    honest = next(row for row in played.history.reports if len(unpack_reports(row.packed)) == len(world.MARKETS))
    assert replay.verify(honest).ok
    verdict = replay.verify(TAMPERED[named](honest))
    assert not verdict.ok
    assert verdict.differs.startswith(named)


def test_a_changed_estimate_is_named_by_the_commitments_root(played: Played, replay: Replay) -> None:
    honest = next(row for row in played.history.reports if len(unpack_reports(row.packed)) == 1)
    assert replay.verify(honest).ok
    again, settings = replay.refold(honest), played.devnet.settings
    market = next(row for row in settings.markets if market_key(settings.chain_id, row) == honest.report.market)

    def root(folded: Folded) -> bytes:
        return commitments_root(
            [prepare_report(folded, again.snapshots, again.core_before, market, settings).commitment]
        )

    estimates = again.folded.estimates
    assert root(again.folded) == honest.batch.commitments_root
    lied = root(replace(again.folded, estimates=replace(estimates, sigma_wad=estimates.sigma_wad + 1)))
    verdict = replay.verify(with_batch(honest, commitments_root=lied))
    recomputed = honest.batch.commitments_root.hex()
    assert verdict.differs == f"commitments_root: 0x{lied.hex()} on chain, 0x{recomputed} recomputed"
