"""A batch that is relayed so that its transaction does not show it blinds nobody: the contract's events carry it."""

from pathlib import Path

from keepers import opened

from keeper.chain.artifacts import load
from keeper.chain.node import ContractNode
from keeper.chain.reader import Reader
from keeper.chain.rpc import Rpc
from keeper.cycle import Ports, run_cycle
from keeper.published import read_history
from keeper.replay import Replay, verify_all
from keeper.testing.client import DevChain, Tx, calldata
from keeper.testing.devnet import Devnet

RELAY = "relay(address,bytes[])"


def signed_batch(ports: Ports) -> bytes:
    """Calldata of the publish that the keeper has just signed and sent; taken out of the pool before it is mined."""
    row = next(row for row in run_cycle(ports).outcomes if row.intent.purpose == "publish")
    assert row.tx_hash is not None
    ports.reader.rpc.call("anvil_dropTransaction", ["0x" + row.tx_hash.hex()])  # type: ignore[attr-defined]
    return row.intent.data


def test_a_hidden_relay_blinds_no_keeper(module_chain: DevChain, devnet: Devnet, tmp_path: Path) -> None:
    chain, griefer = module_chain, module_chain.accounts[5]
    relay = chain.deploy(load("DevRelay", "keeper.testing"), sender=griefer)
    cadence = devnet.settings.cadence_blocks
    chain.mine(2 * cadence)
    with opened(devnet, tmp_path / "first", broadcast=True) as first:
        data = signed_batch(first)
        hidden = [bytes(255 - byte for byte in data)] * 2
        chain.run([Tx(griefer, relay, calldata(RELAY, devnet.contract, hidden))])
        chain.mine(2 * cadence)
        run_cycle(first)
        with opened(devnet, tmp_path / "second") as second:
            run_cycle(second)
            for market in devnet.market_keys:
                rows = [ports.samples.latest(market) for ports in (first, second)]
                assert rows[0] is not None
                assert rows[0] == rows[1]
                assert rows[0].base_sequence == 1
                assert rows[0].core_before != b""
    with Rpc("local", chain.url) as rpc:
        node = ContractNode(rpc, devnet.contract)
        history = read_history(node, devnet.contract, devnet.chain_id, 0, chain.block().number)
        verdicts = list(verify_all(Replay(history, Reader(rpc), devnet.contract)))
    assert [row.signatures for row in history.reports] == [()] * len(devnet.market_keys)
    assert [(verdict.sequence, verdict.differs) for verdict in verdicts] == [(1, "")] * len(devnet.market_keys)
