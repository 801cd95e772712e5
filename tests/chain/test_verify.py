"""``keeper verify`` and the read-only commands after some life: from the chain alone, and a lie is named."""

import json
import shutil
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest
from keepers import keeper, opened, sold_off

from keeper.acting import plan_publish
from keeper.chain.node import ContractNode
from keeper.chain.reader import Reader
from keeper.chain.rpc import Rpc
from keeper.cycle import read_words, run_cycle
from keeper.published import History, read_history
from keeper.replay import Replay
from keeper.testing.client import DevChain
from keeper.testing.devnet import Devnet

STEPS = 20


@pytest.fixture(scope="module")
def lived(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[DevChain, Devnet, Path]]:
    with sold_off(tmp_path_factory.mktemp("lived"), STEPS) as lived:
        yield lived


def history_of(devnet: Devnet, rpc: Rpc) -> History:
    head = int(rpc.call("eth_blockNumber"), 16)
    return read_history(ContractNode(rpc, devnet.contract), devnet.contract, devnet.chain_id, 0, head)


def test_every_report_is_recomputed_with_everything_local_gone(
    lived: tuple[DevChain, Devnet, Path], tmp_path: Path
) -> None:
    devnet = lived[1]
    arguments = ("verify", "--all", "--json", "--rpc", devnet.url, "--contract", devnet.contract)
    done = keeper(tmp_path / "there-is-none.toml", *arguments)
    assert done.code == 0, done.out + done.err
    reports = json.loads(done.out)["reports"]
    assert len(reports) >= 4
    assert all(row["ok"] for row in reports)
    assert {row["market"] for row in reports} == {"WETH/USDC", "WBTC/USDC"}


def test_the_newest_and_a_single_report_can_be_verified(lived: tuple[DevChain, Devnet, Path]) -> None:
    toml = lived[2]
    newest = keeper(toml, "verify", "WETH/USDC")
    assert newest.code == 0
    assert "1 of 1 reports recomputed to the same bytes" in newest.out
    first = keeper(toml, "verify", "WETH/USDC", "1", "--json")
    (row,) = json.loads(first.out)["reports"]
    assert (row["market"], row["sequence"], row["ok"]) == ("WETH/USDC", 1, True)
    missing = keeper(toml, "verify", "WETH/USDC", "999")
    assert missing.code == 2
    assert "there is no report 999 of WETH/USDC" in missing.err
    each = json.loads(keeper(toml, "verify", "--json").out)["reports"]
    assert sorted(row["market"] for row in each) == ["WBTC/USDC", "WETH/USDC"]


def test_every_storage_word_is_proved_by_its_blocks_state_root(lived: tuple[DevChain, Devnet, Path]) -> None:
    done = keeper(lived[2], "verify", "--all", "--proofs", "--json")
    assert done.code == 0, done.err
    for row in json.loads(done.out)["reports"]:
        # Pools and our contract are words; the feed answers by its own code.
        assert row["provedWords"] > 100 * row["samples"]
        assert row["unprovableAnswers"] == row["samples"]
    assert "storage words proved by their blocks' state roots" in keeper(lived[2], "verify", "--proofs").out


def test_a_report_with_another_haircut_is_named(lived: tuple[DevChain, Devnet, Path]) -> None:
    """Everything of the newest report but its haircut is honest, and properly signed."""
    devnet = lived[1]
    with Rpc("local", devnet.url) as rpc:
        history = history_of(devnet, rpc)
        newest = history.reports[-1]
        targets = replace(newest.report.targets, haircut_bps=newest.report.targets.haircut_bps + 1)
        lie = replace(newest, report=replace(newest.report, targets=targets))
        verdict = Replay(history, Reader(rpc), devnet.contract).verify(lie)
    assert not verdict.ok
    assert verdict.differs == (
        f"haircut_bps: {targets.haircut_bps} on chain, {newest.report.targets.haircut_bps} recomputed"
    )


@pytest.mark.parametrize(
    ("field", "value"),
    [
        ("commitments_root", bytes(32)),
        ("valid_until", 1),
        ("observed_time", 1),
        ("settings_hash", bytes(32)),
        ("reports_hash", bytes(32)),
    ],
)
def test_any_field_of_the_batch_that_differs_is_named(
    lived: tuple[DevChain, Devnet, Path], field: str, value: object
) -> None:
    devnet = lived[1]
    with Rpc("local", devnet.url) as rpc:
        history = history_of(devnet, rpc)
        newest = history.reports[-1]
        lie = replace(newest, batch=replace(newest.batch, **{field: value}))
        verdict = Replay(history, Reader(rpc), devnet.contract).verify(lie)
    assert verdict.differs.startswith(f"{field}: ")


def test_a_foreign_signature_is_named(lived: tuple[DevChain, Devnet, Path]) -> None:
    devnet = lived[1]
    with Rpc("local", devnet.url) as rpc:
        history = history_of(devnet, rpc)
        newest = history.reports[-1]
        signature = newest.signatures[0]
        forged = replace(signature, data=bytes([signature.data[0] ^ 1]) + signature.data[1:])
        verdict = Replay(history, Reader(rpc), devnet.contract).verify(replace(newest, signatures=(forged,)))
    assert "does not recover" in verdict.differs


def test_history_and_limits_tell_the_chain_s_story(lived: tuple[DevChain, Devnet, Path]) -> None:
    chain, devnet, toml = lived
    done = keeper(toml, "history", "WETH/USDC", "--json")
    assert done.code == 0, done.err
    changes = json.loads(done.out)["changes"]
    assert changes[0]["change"] == "listed"
    assert [row["sequence"] for row in changes if row["change"] == "report"] == list(
        range(1, sum(row["change"] == "report" for row in changes) + 1)
    )
    (first, _) = json.loads(keeper(toml, "limits", "--json").out)["markets"]
    live = chain.call(devnet.contract, "liveWord(bytes32)", devnet.market_keys[0], returns="(uint256)")
    assert first["haircutBps"] == live & 0x3FFF == changes[-1]["haircutBps"]
    assert (first["floorBps"], first["capBps"]) == (500, 8000)


def test_replay_tells_every_window_and_finds_every_report_in_it(lived: tuple[DevChain, Devnet, Path]) -> None:
    chain, devnet, toml = lived
    bare = ("--rpc", devnet.url, "--contract", devnet.contract)
    done = keeper(toml, "replay", "WETH/USDC", *bare, "--json")
    assert done.code == 0, done.err
    document = json.loads(done.out)
    rows = document["windows"]
    windows = [row["window"] for row in rows]
    assert windows == list(range(windows[0], windows[-1] + 1))
    history = json.loads(keeper(toml, "history", "WETH/USDC", "--json").out)["changes"]
    reported = [row for row in rows if "sequence" in row]
    assert len(reported) == sum(row["change"] == "report" for row in history) > 0
    assert all("differs" not in row for row in reported)
    assert all(row["due"] != "none" for row in reported)
    # A stretch in the middle, at which nothing was reported, is the same part of the story.
    middle = rows[len(rows) // 2]
    part = keeper(
        toml, "replay", "WETH/USDC", *bare, "--from", str(middle["block"]), "--to", str(middle["block"]), "--json"
    )
    assert json.loads(part.out)["windows"] == [middle]
    beyond = keeper(toml, "replay", "WETH/USDC", *bare, "--from", str(chain.block().number + 1000))
    assert (beyond.code, "choose within blocks" in beyond.err) == (2, True)


def test_explain_adds_up_and_draws_it(lived: tuple[DevChain, Devnet, Path], tmp_path: Path) -> None:
    picture = tmp_path / "why.svg"
    done = keeper(lived[2], "explain", "WETH/USDC", "--plot", str(picture), "--json")
    assert done.code == 0, done.err
    document = json.loads(done.out)
    assert picture.exists()
    assert len(picture.with_suffix(".csv").read_text().splitlines()) == len(document["bars"]) + 6
    assert len(document["sensitivities"]) == 7
    assert document["rules"][0]["sentence"]
    waterfall = document["estimates"]["waterfall"]
    assert sum(bps for _, bps in waterfall["bars"]) == waterfall["haircutBps"]
    assert document["decision"]["reasons"]


def test_depth_shows_both_directions_by_venue_with_a_picture_and_its_numbers(
    lived: tuple[DevChain, Devnet, Path], tmp_path: Path
) -> None:
    toml, picture = lived[2], tmp_path / "depth.png"
    done = keeper(toml, "depth", "WETH", "USDC", "--size", "2.5", "--plot", str(picture), "--json")
    assert done.code == 0, done.err
    document = json.loads(done.out)
    venues = len(document["venues"])
    for direction in ("sell", "buy"):
        points = document["curves"][direction]
        assert [point["lossBps"] for point in points] == sorted(point["lossBps"] for point in points)
        taken = [int(point["taken"]) for point in points]
        assert taken == sorted(taken)
        assert taken[-1] > 0
        for point in points:
            assert len(point["fills"]) == venues
            assert sum(int(part) for part, _ in point["fills"]) == int(point["taken"])
    # The same largest sale that the fold uses, within 2 %.
    within = {str(point["lossBps"]): point["taken"] for point in document["curves"]["sell"]}
    assert within["200"] == document["sellable"]["200"]
    sale = document["sale"]
    assert int(sale["taken"]) == 25 * 10**17
    assert int(sale["given"]) > 0
    assert picture.read_bytes()[:4] == b"\x89PNG"
    rows = picture.with_suffix(".csv").read_text().splitlines()
    assert len(rows) == 1 + 2 * len(document["curves"]["sell"])
    shown = keeper(toml, "depth", "WETH", "USDC", "--size", "2.5")
    assert "selling 2.5000 brings" in shown.out
    assert "selling the debt asset, loss up to" in shown.out
    for wrong, word in ((("--size", "much"), "not an amount"), (("--plot", "depth.txt"), "not a picture")):
        refused = keeper(toml, "depth", "WETH", "USDC", *wrong)
        assert refused.code == 2
        assert word in refused.err


def test_depth_names_tokens_either_way_and_blocks_of_the_past(lived: tuple[DevChain, Devnet, Path]) -> None:
    chain, devnet, toml = lived
    market = devnet.settings.markets[0]
    at = str(chain.block().number - 5)
    by_name = json.loads(keeper(toml, "depth", "WETH", "USDC", "--at", at, "--json").out)
    by_address = json.loads(keeper(toml, "depth", market.collateral, market.debt, "--at", at, "--json").out)
    by_market = json.loads(keeper(toml, "depth", market.name, "--at", at, "--json").out)
    assert by_name == by_address == by_market
    assert by_name["block"] == int(at)
    assert 0 < int(by_name["sellable"]["100"]) < int(by_name["sellable"]["500"])


def test_init_writes_a_configuration_that_doctor_accepts(lived: tuple[DevChain, Devnet, Path], tmp_path: Path) -> None:
    devnet = lived[1]
    toml = tmp_path / "new" / "keeper.toml"
    made = keeper(toml, "init", "--rpc", devnet.url, "--contract", devnet.contract)
    assert made.code == 0, made.err
    assert keeper(toml, "init", "--rpc", devnet.url, "--contract", devnet.contract).code == 2
    checks = json.loads(keeper(toml, "doctor", "--json").out)["checks"]
    odd = {check["title"]: check["verdict"] for check in checks if check["verdict"] != "ok"}
    assert odd.pop("the head is young", "warn") == "warn"
    assert odd == {"the key opens and is a signer": "warn"}


def test_a_keeper_with_a_lost_database_goes_on_from_the_chain(
    lived: tuple[DevChain, Devnet, Path], tmp_path: Path
) -> None:
    chain, devnet, toml = lived
    # Windows after the newest report, so that there is something to fold on.
    chain.mine(3 * devnet.settings.cadence_blocks)
    copy = tmp_path / "copy"
    shutil.copytree(toml.parent, copy)
    with opened(devnet, copy) as kept, opened(devnet, tmp_path / "empty") as lost:
        for ports in (kept, lost):
            run_cycle(ports)
        head = kept.reader.block("latest")
        for market in devnet.market_keys:
            rows = [ports.samples.latest(market) for ports in (kept, lost)]
            assert rows[0] == rows[1]
            assert rows[0] is not None
            words = read_words(kept, head)
            plans = [plan_publish(ports.follower, [rows[0]], words, head, None) for ports in (kept, lost)]
            assert plans[0] == plans[1]
