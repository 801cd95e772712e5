"""Keys that are stolen or replaced, and what Anvil really says to a transaction that it does not take (F26, R11)."""

import json
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from eth_account import Account
from eth_utils import to_checksum_address
from faults.world import GWEI, World, config_of
from faults.world import keeper as open_keeper_of

from keeper.__main__ import main
from keeper.chain.rpc import Reverted, Rpc, RpcError
from keeper.chain.send_errors import SendError, classify
from keeper.chain.views import view
from keeper.config import Config
from keeper.config_keys import KeySource
from keeper.cycle import run_cycle
from keeper.errors import ConfigError, Refused
from keeper.monitor.alarms import PAGE, alarm_of
from keeper.protocols.bulkhead import decode_publish
from keeper.protocols.bulkhead_events import ReportApplied
from keeper.records.outcome import IntentState
from keeper.records.units import Address
from keeper.rotation import plan_rotation
from keeper.safe_batch import safe_checksum
from keeper.testing.client import Tx, calldata
from keeper.testing.devnet import write_operator_files
from keeper.watching import Watch
from keeper.wiring import Keeper, open_keeper, open_store

Say = Callable[..., None]
PASSWORD = "corr3ct-horse-battery"
THIEF = "0x" + "de" * 20
COIN = 10**18


@contextmanager
def watched(config: Config) -> Iterator[tuple[Keeper, list[tuple[str, dict[str, Any]]]]]:
    """A keeper as the daemon holds it, and everything it says."""
    said: list[tuple[str, dict[str, Any]]] = []

    def emit(event: str, **fields: Any) -> None:
        said.append((event, fields))

    with open_store(config.operator, emit) as store, open_keeper(config, store, broadcast=True, emit=emit) as one:
        yield one, said


def new_key(folder: Path, capsys: pytest.CaptureFixture[str]) -> tuple[Path, Path, str]:
    """(keystore, password file, address) that ``keeper keys new`` made."""
    password, keystore = folder / "new.password", folder / "new.json"
    password.touch(0o600)
    password.write_text(PASSWORD + "\n")
    capsys.readouterr()
    assert main(["keys", "new", str(keystore), "--password-file", str(password), "--json"]) == 0
    return keystore, password, json.loads(capsys.readouterr().out)["address"]


def rehearsed(toml: Path, keystore: Path, owner: str, capsys: pytest.CaptureFixture[str], *more: str) -> dict[str, Any]:
    """What ``keeper keys rotate`` prints."""
    command = ["--config", str(toml), "keys", "rotate", str(keystore), "--owner", owner, "--json", *more]
    assert main(command) == 0
    document: dict[str, Any] = json.loads(capsys.readouterr().out)
    return document


def test_chorus_key_drain(town: World, tmp_path: Path, capsys: pytest.CaptureFixture[str], verdict: Say) -> None:
    """R11: somebody else spends from the key: a page at the next look, and one transaction makes the key worthless."""
    config = config_of(town.devnet, tmp_path, [town.chain.url])
    keystore, password, address = new_key(tmp_path, capsys)
    with watched(config) as (one, said):
        watch = Watch(lambda event, **fields: said.append((event, fields)))
        watch.look(one)
        # Our own reports cost gas, and are no theft.
        run_cycle(one.ports)
        town.mine()
        watch.look(one)
        assert [name for name, _ in said if name == "balance_fell"] == []
        key = town.devnet.keeper_keys[0]
        fees = {"maxFeePerGas": 10 * GWEI, "maxPriorityFeePerGas": GWEI, "gas": 21_000, "type": 2}
        sent = {"to": to_checksum_address(THIEF), "value": 3 * COIN, "nonce": town.nonce(), "chainId": 31337}
        town.block_with(["0x" + Account.sign_transaction(fees | sent, key).raw_transaction.hex()])
        watch.look(one)
    ((_, fields),) = [row for row in said if row[0] == "balance_fell"]
    assert 3 * COIN <= fields["wei"] <= 3 * COIN + 21_000 * 10 * GWEI
    alarm = alarm_of("balance_fell", fields)
    assert alarm is not None
    assert (alarm.severity, "stolen" in alarm.title) == (PAGE, True)
    toml = write_operator_files(town.devnet, tmp_path)
    document = rehearsed(toml, keystore, town.devnet.admin, capsys, "--password-file", str(password))
    before = int(town.chain.rpc("eth_getTransactionCount", town.devnet.admin, "latest"), 16)
    rotate(town, document)
    assert int(town.chain.rpc("eth_getTransactionCount", town.devnet.admin, "latest"), 16) == before + 1
    assert signers(town) == {address.lower(), *(account(key) for key in town.devnet.keeper_keys[1:])}
    verdict(
        fault="R11", happened="coin left the key: paged at the next look, rotated by 1 transaction", recovery_blocks=1
    )


def account(key: bytes) -> str:
    return str(Account.from_key(key).address).lower()


def signers(town: World) -> set[str]:
    with Rpc("anvil", town.chain.url) as rpc:
        (answer,) = view(rpc, town.devnet.contract, "signers()", ("address[]",))
    return {row.lower() for row in answer}


def rotate(town: World, document: dict[str, Any], sender: str = "") -> None:
    """The owner's transaction, as it was printed."""
    sent = document["transaction"]
    town.chain.run([Tx(Address(sender or town.devnet.admin), Address(sent["to"]), bytes.fromhex(sent["data"][2:]))])


def test_a_rotation_misses_no_update_and_the_next_report_is_the_new_keys(
    town: World, tmp_path: Path, capsys: pytest.CaptureFixture[str], verdict: Say
) -> None:
    keystore, password, address = new_key(tmp_path, capsys)
    toml = write_operator_files(town.devnet, tmp_path)
    config = config_of(town.devnet, tmp_path, [town.chain.url])
    with open_keeper_of(config) as old:
        old.cycle()
        town.mine(3)
        old.cycle()
        assert {row.state for row in old.rows()} == {IntentState.FINAL_OK}
        reported = len(town.applied())
        document = rehearsed(toml, keystore, town.devnet.admin, capsys, "--password-file", str(password))
        assert document["rehearsal"] == "a report signed by the new key is accepted"
        assert (document["delaySeconds"], document["new"]) == (0, address)
        # The rehearsal left nothing behind.
        assert account(town.devnet.keeper_keys[0]) in signers(town)
        rotate(town, document)
        town.crash()
        # The sample of a window lies anywhere in it: that of the next one shows the whole fall.
        town.window()
        # Between the owner's transaction and the restart the old key sends nothing that would only revert.
        nonce = town.nonce()
        old.cycle()
        town.mine()
        assert (town.nonce(), len(town.applied())) == (nonce, reported)
    town.chain.rpc("anvil_setBalance", address, hex(100 * COIN))
    (tmp_path / "keeper.toml").write_text(
        toml.read_text().replace('key_file = "keeper.key"', 'key_file = "new.json"\npassword_file = "new.password"')
    )
    with open_keeper_of(config_with(config, KeySource(keystore, password))) as new:
        # Which block of a window is read is drawn: what is due shows by the next window or two.
        for _ in range(4):
            new.cycle()
            town.mine(3)
            new.cycle()
            if len(town.applied()) == reported + len(town.devnet.market_keys):
                break
            town.window(0.85)
        last = new.rows()[-1]
        assert last.state is IntentState.FINAL_OK
        _, _, signatures = decode_publish(last.intent.data)
        assert [row.signer for row in signatures] == [address.lower()]
    # The market fell by 30 % while nobody could report: every market's report is there, once.
    assert len(town.applied()) == reported + len(town.devnet.market_keys)
    assert {event.market for event in town.events() if isinstance(event, ReportApplied)} == set(town.devnet.market_keys)
    town.whole()
    verdict(fault="R11", happened="key rotated: next due reports signed by the new key, none missed", recovery_blocks=1)


def test_what_the_old_key_left_open_holds_no_nonce_of_the_new_one(
    town: World, tmp_path: Path, capsys: pytest.CaptureFixture[str], verdict: Say
) -> None:
    keystore, password, address = new_key(tmp_path, capsys)
    toml = write_operator_files(town.devnet, tmp_path)
    config = config_of(town.devnet, tmp_path, [town.chain.url])
    town.mine()
    with open_keeper_of(config) as old:
        old.cycle()
        (row,) = old.unmined()
        assert (row.state, row.nonce) == (IntentState.SENT, 0)
        document = rehearsed(toml, keystore, town.devnet.admin, capsys, "--password-file", str(password))
    for waiting in town.pending():
        town.chain.rpc("anvil_dropTransaction", waiting)
    rotate(town, document)
    town.chain.rpc("anvil_setBalance", address, hex(100 * COIN))
    with open_keeper_of(config_with(config, KeySource(keystore, password))) as new:
        new.cycle()
        town.mine(3)
        new.cycle()
        left, sent = new.rows()
    assert new.events("intents_retired") == [
        {"intents": 1, "account": address.lower(), "before": [account(town.devnet.keeper_keys[0])]}
    ]
    assert (left.state, left.error) == (IntentState.SUPERSEDED, f"its key was replaced by {address.lower()}")
    # The same batch, signed anew, at the first nonce of the new key.
    assert (sent.state, sent.nonce, sent.intent.key) == (IntentState.FINAL_OK, 0, row.intent.key)
    assert set(town.applied().values()) == {1}
    verdict(fault="R11", happened="rotated with a transaction in flight: sent by the new key", recovery_blocks=1)


def config_with(config: Config, key: KeySource) -> Config:
    return replace(config, operator=replace(config.operator, key=key))


def test_an_owner_whose_role_waits_is_told_so_and_the_call_is_rehearsed_all_the_same(
    town: World, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    keystore, password, _ = new_key(tmp_path, capsys)
    owner, authority, delay = Address("0x" + "0c" * 20), town.devnet.authority, 3_600
    selector = calldata("setSigners(address[],uint8)", [], 0)[:4]
    for signature, values in (
        ("grantRole(uint64,address,uint32)", (1, owner, delay)),
        ("setTargetFunctionRole(address,bytes4[],uint64)", (town.devnet.contract, [selector], 1)),
    ):
        town.chain.transact(town.devnet.admin, authority, signature, *values)
    town.mine()
    safe, toml = tmp_path / "safe.json", write_operator_files(town.devnet, tmp_path)
    options = ("--password-file", str(password), "--safe", str(safe))
    document = rehearsed(toml, keystore, owner, capsys, *options)
    assert document["delaySeconds"] == delay
    assert document["rehearsal"] == "a report signed by the new key is accepted"
    batch = json.loads(safe.read_text())
    assert batch["meta"]["checksum"] == safe_checksum(batch)
    (call,) = batch["transactions"]
    assert json.loads(call["contractInputsValues"]["newSigners"]) == [row.lower() for row in document["signers"]]
    assert call["contractInputsValues"]["newThreshold"] == "1"


def test_a_rotation_that_would_fail_is_refused_before_anybody_signs(
    town: World, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    keystore, password, _ = new_key(tmp_path, capsys)
    toml = write_operator_files(town.devnet, tmp_path)
    start = ["--config", str(toml), "keys", "rotate", str(keystore), "--password-file", str(password), "--owner"]
    assert main([*start, THIEF]) == Refused.exit_code
    assert "does not let" in capsys.readouterr().err
    assert main([*start, town.devnet.admin, "--old", THIEF]) == Refused.exit_code
    assert "is not one of the" in capsys.readouterr().err
    assert main([*start, "0x12"]) == ConfigError.exit_code
    assert "--owner" in capsys.readouterr().err
    password.write_text("wrong")
    assert main([*start, town.devnet.admin]) == ConfigError.exit_code
    assert "does not open" in capsys.readouterr().err
    with watched(config_of(town.devnet, tmp_path, [town.chain.url])) as (one, _):
        own = Address(account(town.devnet.keeper_keys[0]))
        with pytest.raises(Refused, match="is a signer already"):
            plan_rotation(one.rpc, town.devnet.contract, town.devnet.admin, (own, own))


def test_f26_anvils_own_words_have_their_classes(town: World, verdict: Say) -> None:
    key, own = town.devnet.keeper_keys[0], to_checksum_address(town.address)
    fees = {"maxFeePerGas": 10 * GWEI, "maxPriorityFeePerGas": GWEI, "gas": 21_000, "type": 2, "chainId": 31337}

    def raw(**changes: Any) -> str:
        fields = fees | {"to": own, "value": 0, "nonce": nonce} | changes
        return "0x" + Account.sign_transaction(fields, key).raw_transaction.hex()

    nonce = town.nonce() + 1
    heard: list[SendError] = []
    with Rpc("anvil", town.chain.url) as rpc:

        def refused(text: str) -> None:
            with pytest.raises((RpcError, Reverted)) as caught:
                rpc.call("eth_sendRawTransaction", [text])
            heard.append(classify(caught.value.message))

        rpc.call("eth_sendRawTransaction", [raw(nonce=nonce - 1)])
        town.mine()
        refused(raw(nonce=nonce - 1))
        rpc.call("eth_sendRawTransaction", [raw()])
        refused(raw())
        refused(raw(maxPriorityFeePerGas=GWEI // 2))
        town.mine()
        nonce += 1
        refused(raw(value=10**40))
        refused(raw(maxFeePerGas=1, maxPriorityFeePerGas=1))
        refused(raw(gas=1_000))
        refused(raw(gas=100_000_000))
        refused(raw(chainId=1))
        refused("0x02c0")
    assert heard[:5] == [
        SendError.NONCE_TOO_LOW,
        SendError.ALREADY_KNOWN,
        SendError.REPLACEMENT_UNDERPRICED,
        SendError.INSUFFICIENT_FUNDS,
        SendError.TERMINALLY_UNDERPRICED,
    ]
    assert heard[5:8] == [SendError.FATAL] * 3
    verdict(fault="F26", happened="nine refusals of a real node, each with its class", recovery_blocks=0)
