"""F55: the key is in a remote signer that is down, slow, holds another key, or answers what is no signature of ours."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import pytest
from eth_account import Account
from eth_utils import to_checksum_address
from faults import lies
from faults.proxy import Fault, FaultProxy
from faults.web3signer import Web3Signer
from faults.world import Keeper, World, config_of, keeper, nodes

from keeper.chain.ecdsa import ORDER
from keeper.config import Config
from keeper.config_keys import KeySource, Secret
from keeper.errors import KeeperError, RetryLater
from keeper.records.outcome import IntentState
from keeper.records.units import Address

Say = Callable[..., None]
BOTH = ("eth_signTypedData", "eth_signTransaction")
STRANGER = Account.from_key(b"\x07" * 32)
TOKEN = "s3cr3t-signer-token"


@dataclass
class Bench:
    """A keeper whose key is behind a signer, and the proxies in front of signer and node."""

    keeper: Keeper
    signer: FaultProxy
    node: FaultProxy
    web3signer: Web3Signer


def remote(config: Config, url: str, address: str) -> Config:
    key = KeySource(signer_url=Secret(f"{url}/{TOKEN}"), signer_address=Address(address.lower()))
    return replace(config, operator=replace(config.operator, key=key))


@pytest.fixture
def bench(town: World, tmp_path: Path) -> Iterator[Bench]:
    web3signer = Web3Signer(town.devnet.keeper_keys[0], town.devnet.chain_id)
    with nodes(town.chain.url) as (node,), nodes(web3signer.url) as (signer,):
        config = remote(config_of(town.devnet, tmp_path, [node.url]), signer.url, town.address)
        with keeper(config) as one:
            yield Bench(one, signer, node, web3signer)
    web3signer.close()


def twin(_request: Any, answer: str) -> str:
    """The malleable twin of a 65-byte signature: as valid, another hash."""
    data = bytes.fromhex(answer[2:])
    s = ORDER - int.from_bytes(data[32:64], "big")
    return "0x" + (data[:32] + s.to_bytes(32, "big") + bytes([55 - data[64]])).hex()


def strangers(request: Any, _answer: str) -> str:
    """The same, signed by another key."""
    if request["method"] == "eth_signTypedData":
        return "0x" + STRANGER.unsafe_sign_hash(b"\x01" * 32).signature.hex()
    fields = request["params"][0]
    names = ("gas", "maxFeePerGas", "maxPriorityFeePerGas", "nonce", "value")
    asked = {name: int(fields[name], 16) for name in names}
    signed = STRANGER.sign_transaction(
        asked
        | {
            "to": to_checksum_address(fields["to"]),
            "data": fields["data"],
            "chainId": int(fields["chainId"], 16),
            "type": 2,
        }
    )
    return "0x" + signed.raw_transaction.hex()


def quiet(bench: Bench) -> None:
    """Nothing was sent, and nothing signed is stored."""
    assert bench.node.mempool.arrived == []
    assert all(attempt.raw is None for row in bench.keeper.rows() for attempt in row.attempts)


def recovered(town: World, bench: Bench, verdict: Say, happened: str) -> None:
    """The signer is honest again: the next cycle sends, and everything lands once."""
    bench.signer.heal()
    bench.keeper.cycle()
    assert bench.node.mempool.arrived != []
    town.mine(3)
    bench.keeper.cycle()
    assert {row.state for row in bench.keeper.rows()} == {IntentState.FINAL_OK}
    assert set(town.applied().values()) == {1}
    assert bench.node.mempool.nonces(town.address) == list(range(len(bench.keeper.rows())))
    verdict(fault="F55", happened=happened, recovery_blocks=1)


def test_f55_a_keeper_whose_key_is_in_web3signer_publishes(town: World, bench: Bench, verdict: Say) -> None:
    recovered(town, bench, verdict, "remote signer, no fault: published")
    assert set(bench.web3signer.asked) == set(BOTH)


GARBAGE: dict[str, Fault] = {
    "another key's": lies.alter(strangers),
    "no hex": lies.result("signed, believe me"),
    "empty": lies.result("0x"),
    "null": lies.result(None),
    "zeros": lies.result("0x" + "00" * 65),
    "an object": lies.result({"raw": "0x02"}),
    "an error": lies.error(-32000, "Signing from is not an unlocked account"),
    "HTTP 500": lies.status(500, b"oops"),
    "a cut reply": lies.truncated(),
}


RARE = [name for name in GARBAGE if name not in {"another key's", "an error"}]
MATRIX = pytest.mark.matrix


@pytest.mark.parametrize("method", BOTH)
@pytest.mark.parametrize("what", ["another key's", "an error", *(pytest.param(row, marks=MATRIX) for row in RARE)])
def test_f55_an_answer_that_is_not_our_signature_is_never_stored_or_sent(
    town: World, bench: Bench, verdict: Say, method: str, what: str
) -> None:
    bench.signer.on(method, GARBAGE[what])
    for _ in range(2):
        bench.keeper.cycle()
        quiet(bench)
    if method == "eth_signTransaction":
        # It holds its nonce, and says why it waits.
        (row,) = bench.keeper.unmined()
        assert row.state is IntentState.PREPARED
        assert "signer" in row.error or "is not used" in row.error
    else:
        assert bench.keeper.rows() == []
    recovered(town, bench, verdict, f"{method}: {what}; refused, sent a cycle later")


def test_f55_a_malleable_signature_or_another_transaction_is_refused(town: World, bench: Bench, verdict: Say) -> None:
    rule = bench.signer.on("eth_signTypedData", lies.alter(twin))
    bench.keeper.cycle()
    quiet(bench)
    assert "malleable" in bench.keeper.events("report_refused")[0]["error"]
    bench.signer.off(rule)
    bench.web3signer.chain_id = 1
    bench.keeper.cycle()
    quiet(bench)
    (row,) = bench.keeper.unmined()
    assert "not the transaction that was asked for" in row.error
    bench.web3signer.chain_id = town.devnet.chain_id
    recovered(town, bench, verdict, "the malleable twin, a transaction of another chain: refused")


@pytest.mark.matrix
@pytest.mark.parametrize("method", BOTH)
def test_f55_a_signer_that_is_down_or_slow_holds_up_a_cycle_for_its_deadline_at_most(  # noqa: PLR0917 - fixtures
    town: World, bench: Bench, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, verdict: Say, method: str
) -> None:
    bench.signer.refuse()
    fault = bench.keeper.cycle()
    assert isinstance(fault, RetryLater)
    assert "remote signer" in fault.message
    assert TOKEN not in str(fault)
    quiet(bench)
    bench.signer.heal()
    bench.signer.on(method, lies.delay(30))
    monkeypatch.setenv("KEEPER_TIME_SCALE", "0.2")
    config = remote(config_of(town.devnet, tmp_path / "slow", [bench.node.url]), bench.signer.url, town.address)
    with keeper(config) as slow:
        answer = slow.cycle()
        said = answer.message if isinstance(answer, KeeperError) else slow.unmined()[0].error
        assert "did not answer within 1 s" in said
        assert TOKEN not in said
    quiet(bench)
    recovered(town, bench, verdict, f"{method} down, then slow: nothing sent, sent a cycle later")


def test_f55_a_start_needs_no_signer_that_answers(town: World, tmp_path: Path, verdict: Say) -> None:
    config = remote(config_of(town.devnet, tmp_path, [town.chain.url]), "http://127.0.0.1:9", town.address)
    with keeper(config) as one:
        assert isinstance(one.cycle(), RetryLater)
        assert one.events("sample_folded") != []
    verdict(fault="F55", happened="signer down at the start: sampled on, sends once it answers", recovery_blocks=0)


def test_f55_shadow_mode_asks_no_signer(town: World, tmp_path: Path, verdict: Say) -> None:
    """Without --broadcast no key is needed, opened or asked for."""
    config = remote(config_of(town.devnet, tmp_path, [town.chain.url]), "http://127.0.0.1:9", town.address)
    for key in (config.operator.key, KeySource(tmp_path / "no-such-file"), None):
        shadow = replace(config, operator=replace(config.operator, key=key))
        with keeper(shadow, broadcast=False) as one:
            result = one.cycle()
            assert not isinstance(result, KeeperError)
            assert one.events("would_send") != []
    verdict(fault="F55", happened="shadow mode with no key, or one out of reach: plans and sends nothing")
