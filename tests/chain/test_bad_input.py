"""What an operator gets wrong on a real chain: one line each, key and remedy; exit code 2, or 4 for a dead node."""

import json
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest
from keepers import Done, events, keeper, opened

from keeper.chain.anvil import Anvil, AnvilOptions
from keeper.chain.anvil_port import free_port
from keeper.config_dump import dump
from keeper.cycle import run_cycle
from keeper.protocols.bulkhead_events import ReportApplied
from keeper.records.settings import MarketSettings, Settings
from keeper.testing.client import DevChain
from keeper.testing.devnet import Devnet, build_devnet, write_operator_files

EOA = "0x" + "12" * 20


@pytest.fixture(scope="module")
def world() -> Iterator[tuple[DevChain, Devnet]]:
    with Anvil.start(AnvilOptions(no_mining=True)) as node:
        chain = DevChain(node.url)
        built = build_devnet(chain)
        chain.mine(2 * built.settings.cadence_blocks)
        yield chain, built


def toml(world: tuple[DevChain, Devnet], folder: Path, old: str = "", new: str = "") -> Path:
    path = write_operator_files(world[1], folder)
    text = path.read_text()
    assert old in text
    path.write_text(text.replace(old, new, 1))
    return path


def with_settings(devnet: Devnet, folder: Path, settings: Settings) -> Path:
    path = write_operator_files(devnet, folder)
    network = {
        "name": "devnet",
        "chain_id": devnet.chain_id,
        "contract": devnet.contract,
        "allow_single_provider": True,
        "providers": {"anvil": devnet.url},
    }
    path.write_text(dump(network, {"key_file": "keeper.key", "data_dir": "data"}, {"url": ""}, settings))
    return path


def changed(devnet: Devnet, **changes: object) -> Settings:
    """Devnet's settings with the first market changed."""
    first: MarketSettings = replace(devnet.settings.markets[0], **changes)
    return replace(devnet.settings, markets=(first, *devnet.settings.markets[1:]))


def refused(done: Done, code: int = 2) -> list[str]:
    """Lines of stderr that are errors; nothing else may have been reported."""
    assert done.code == code, done.err
    assert "Traceback" not in done.err
    lines = [line for line in done.err.splitlines() if line.startswith("error: ")]
    assert lines
    return lines


def test_an_unknown_key_is_one_line(world: tuple[DevChain, Devnet], tmp_path: Path) -> None:
    path = toml(world, tmp_path, "cadence_blocks", "cadense_blocks")
    (line,) = refused(keeper(path, "run", "--once"))
    assert line == "error: settings.cadense_blocks: unknown key; did you mean cadence_blocks?"


def test_a_wrong_unit_is_one_line(world: tuple[DevChain, Devnet], tmp_path: Path) -> None:
    path = toml(world, tmp_path, "bonus_bps = 500", "bonus_bps = 50000000000000000")
    (line,) = refused(keeper(path, "run", "--once"))
    assert line.startswith("error: markets[0].model.bonus_bps: 50000000000000000 is above 10000; give basis points")


def test_an_account_in_place_of_the_contract_is_one_line(world: tuple[DevChain, Devnet], tmp_path: Path) -> None:
    path = toml(world, tmp_path, world[1].contract, EOA)
    (line,) = refused(keeper(path, "run", "--once"))
    assert line == (
        f"error: network.contract: {EOA} is an account without code; "
        "write the address of CollateralParameters on this chain"
    )


def test_another_contract_in_place_of_ours_is_one_line(world: tuple[DevChain, Devnet], tmp_path: Path) -> None:
    other = world[1].settings.markets[0].collateral
    (line,) = refused(keeper(toml(world, tmp_path, world[1].contract, other), "run", "--once"))
    assert line.startswith(f"error: network.contract: {other} does not answer eip712Domain()")


@pytest.mark.parametrize("command", ["limits", "history WETH/USDC", "verify --all"])
def test_a_wrong_address_is_not_taken_for_an_empty_contract(
    command: str, world: tuple[DevChain, Devnet], tmp_path: Path
) -> None:
    other = world[1].settings.markets[0].collateral
    for address, what in ((EOA, "is an account without code"), (other, "does not answer settingsHash()")):
        (line,) = refused(keeper(toml(world, tmp_path / address, world[1].contract, address), *command.split()))
        assert line.startswith(f"error: network.contract: {address} {what}")


def test_a_key_that_is_no_signer_ends_with_5(world: tuple[DevChain, Devnet], tmp_path: Path) -> None:
    path = toml(world, tmp_path)
    (tmp_path / "keeper.key").write_text("0x" + "12" * 32)
    done = keeper(path, "run", "--once", "--broadcast", "--yes")
    assert done.code == 5, done.err
    assert "TooFewSignatures" in done.out
    assert "is not one of the 1 signers; governance adds it" in done.err


def test_a_pool_with_other_tokens_is_one_line(world: tuple[DevChain, Devnet], tmp_path: Path) -> None:
    devnet = world[1]
    first, second = devnet.settings.markets
    wrong = tuple(
        replace(pool, address=second.pools[0].address) if index == 0 else pool for index, pool in enumerate(first.pools)
    )
    lines = refused(keeper(with_settings(devnet, tmp_path, changed(devnet, pools=wrong)), "run", "--once"))
    tokens = [line for line in lines if "the market needs" in line]
    assert tokens
    assert all(line.startswith("error: markets[0].pools[0].address: ") for line in tokens)
    assert all(line.endswith("; correct the pool's settings") for line in tokens)


def test_a_wrong_fee_is_named(world: tuple[DevChain, Devnet], tmp_path: Path) -> None:
    devnet = world[1]
    pools = devnet.settings.markets[0].pools
    wrong = (replace(pools[0], fee_pips=100), *pools[1:])
    lines = refused(keeper(with_settings(devnet, tmp_path, changed(devnet, pools=wrong)), "run", "--once"))
    assert any("fee() is 500, the settings say 100" in line for line in lines)


def test_wrong_decimals_of_a_token_are_named(world: tuple[DevChain, Devnet], tmp_path: Path) -> None:
    wrong = changed(world[1], collateral_decimals=8)
    lines = refused(keeper(with_settings(world[1], tmp_path, wrong), "run", "--once"))
    assert any("markets[0].collateral_decimals: is 8, the token's is 18; write 18" in line for line in lines)


def test_settings_that_governance_did_not_set_are_refused(world: tuple[DevChain, Devnet], tmp_path: Path) -> None:
    path = toml(world, tmp_path, "margin_bps = 50", "margin_bps = 51")
    (line,) = refused(keeper(path, "run", "--once"))
    assert line.startswith("error: settings: hash 0x")
    assert line.endswith("write a new file from the chain: keeper init")


def test_a_node_of_another_chain_is_one_line(world: tuple[DevChain, Devnet], tmp_path: Path) -> None:
    path = toml(world, tmp_path, "chain_id = 31337", "chain_id = 1")
    (line,) = refused(keeper(path, "run", "--once"))
    assert line.startswith("error: network.chain_id: node anvil (http://127.0.0.1:")
    assert "is of chain 31337, the configuration says 1 (correct network.chain_id" in line


def test_a_node_that_is_down_is_one_line(world: tuple[DevChain, Devnet], tmp_path: Path) -> None:
    path = toml(world, tmp_path, world[1].url, f"http://127.0.0.1:{free_port()}/secret-token")
    done = keeper(path, "run", "--once", "--log-level", "error")
    (line,) = refused(done, 4)
    assert line.startswith("error: node anvil (http://127.0.0.1:")
    assert "is not reachable" in line
    assert "secret-token" not in done.err + done.out


def test_a_key_file_readable_by_all_is_one_line(world: tuple[DevChain, Devnet], tmp_path: Path) -> None:
    path = toml(world, tmp_path)
    (tmp_path / "keeper.key").chmod(0o644)
    (line,) = refused(keeper(path, "run", "--once"))
    assert line.startswith(f"error: keeper.key_file: {tmp_path / 'keeper.key'} has mode 0644")
    assert line.endswith(f"run: chmod 600 {tmp_path / 'keeper.key'}")


def test_every_mistake_with_json_is_one_document(world: tuple[DevChain, Devnet], tmp_path: Path) -> None:
    done = keeper(toml(world, tmp_path, world[1].contract, EOA), "run", "--once", "--json")
    document = json.loads(done.out)
    assert done.code == 2
    assert document["error"]["problems"][0].startswith("network.contract")


def test_broadcasting_without_a_key_is_refused(world: tuple[DevChain, Devnet], tmp_path: Path) -> None:
    path = toml(world, tmp_path, 'key_file = "keeper.key"\n', "")
    (line,) = refused(keeper(path, "run", "--once", "--broadcast", "--yes"))
    assert line == ("error: keeper.key_file: nothing can be sent without a key (set it, or run without --broadcast)")


def test_doctor_is_content_with_a_good_configuration(world: tuple[DevChain, Devnet], tmp_path: Path) -> None:
    done = keeper(toml(world, tmp_path), "doctor", "--json")
    checks = json.loads(done.out)["checks"]
    assert [check["number"] for check in checks] == list(range(1, len(checks) + 1))
    assert {check["verdict"] for check in checks if check["title"] != "the head is young"} == {"ok"}
    assert done.code in {0, 3}


def test_doctor_names_what_is_wrong_and_skips_what_rests_on_it(world: tuple[DevChain, Devnet], tmp_path: Path) -> None:
    done = keeper(toml(world, tmp_path / "a", world[1].contract, EOA), "doctor")
    assert done.code == 2
    assert "fail    the contract has code" in done.out
    assert "write the address of CollateralParameters" in done.out
    down = keeper(toml(world, tmp_path / "b", world[1].url, f"http://127.0.0.1:{free_port()}"), "doctor", "--json")
    verdicts = {check["title"]: check["verdict"] for check in json.loads(down.out)["checks"]}
    assert verdicts["nodes answer and are of the right chain"] == "fail"
    assert verdicts["price feeds answer"] == "skipped"


def test_a_pool_that_dies_degrades_its_market_and_no_other(world: tuple[DevChain, Devnet], tmp_path: Path) -> None:
    """The first market loses every price source; the second still publishes."""
    chain, devnet = world
    mark = chain.rpc("evm_snapshot")
    dying, living = devnet.market_keys
    garbage = "0x" + "ff" * 32
    for pool in devnet.settings.markets[0].pools:
        slot = 0 if pool.venue == "uniswap_v3" else 8
        chain.rpc("anvil_setStorageAt", pool.address, "0x" + slot.to_bytes(32, "big").hex(), garbage)
    chain.mine(2 * devnet.settings.cadence_blocks)
    with opened(devnet, tmp_path, broadcast=True) as ports:
        run_cycle(ports)
        chain.mine(3)
        run_cycle(ports)
        sample = ports.samples.latest(dying)
    assert sample is not None
    assert sample.folded.decision.targets is None
    assert sample.folded.estimates.missing
    published = {event.market for event in events(chain, devnet) if isinstance(event, ReportApplied)}
    assert published == {living}
    chain.rpc("evm_revert", mark)
