"""Proofs of storage words: every lie of a node is caught by a hash."""

from collections.abc import Callable, Iterator
from dataclasses import replace
from typing import Any

import pytest

from keeper.chain.proofs import Unproved, prove_words, state_root
from keeper.chain.rpc import Rpc
from keeper.maths.keccak import keccak
from keeper.records.snapshot import WordInput
from keeper.records.units import Address, BlockRef
from keeper.testing.client import DevChain
from keeper.testing.devnet import build_devnet

NOBODY = Address("0x" + "e0" * 20)
NOBODY_WORD = bytes(12) + b"\xe0" * 20


@pytest.fixture(scope="module")
def words(module_chain: DevChain) -> list[WordInput]:
    """Words of a pool as the node's own storage reads tell them: full, and never written."""
    devnet = build_devnet(module_chain)
    pool = devnet.settings.markets[0].pools[0].address
    slots = [0, 1, 2, 4, *range(8, 40), 10**30]
    found = module_chain.batch([("eth_getStorageAt", (pool, hex(slot), "latest")) for slot in slots])
    rows = [
        WordInput(pool, slot.to_bytes(32, "big"), bytes.fromhex(word[2:].zfill(64)))
        for slot, word in zip(slots, found, strict=True)
    ]
    return [*rows, WordInput(NOBODY, bytes(32), bytes(32))]


class Liar(Rpc):
    """A node whose answers to one method are bent."""

    def __init__(self, url: str, method: str, bend: Callable[[Any], Any]) -> None:
        super().__init__("liar", url)
        self._method, self._bend = method, bend

    def call(self, method: str, params=()):  # type: ignore[no-untyped-def]
        answer = super().call(method, params)
        return self._bend(answer) if method == self._method else answer


@pytest.fixture
def rpc(module_chain: DevChain) -> Iterator[Rpc]:
    with Rpc("local", module_chain.url) as client:
        yield client


def test_words_empty_slots_and_an_absent_account_are_proved(
    module_chain: DevChain, rpc: Rpc, words: list[WordInput]
) -> None:
    block = module_chain.block()
    assert any(any(row.value) for row in words)
    assert prove_words(rpc, block, [*words, words[0]]) == len(words)
    assert prove_words(rpc, block, []) == 0
    header = rpc.call("eth_getBlockByHash", ["0x" + block.hash.hex(), False])
    assert state_root(rpc, block).hex() == header["stateRoot"][2:]


def test_old_blocks_are_proved_by_their_own_roots(module_chain: DevChain, rpc: Rpc, words: list[WordInput]) -> None:
    token = Address(module_chain.call(words[0].account, "token0()", returns="(address)"))
    balance = keccak(NOBODY_WORD + bytes(32))
    then, slots = module_chain.block(), [balance, keccak(NOBODY_WORD + (1).to_bytes(32, "big"))]
    rows = [WordInput(token, slot, bytes(32)) for slot in slots]
    module_chain.transact(module_chain.accounts[0], token, "approve(address,uint256)", NOBODY, 5)
    roots = {state_root(rpc, block) for block in (then, module_chain.block())}
    assert len(roots) == 2
    assert prove_words(rpc, then, [*rows, *words]) == 2 + len(words)
    assert prove_words(rpc, module_chain.block(), words) == len(words)


@pytest.mark.parametrize("which", [0, -2, -1])
def test_another_value_is_named(module_chain: DevChain, rpc: Rpc, words: list[WordInput], which: int) -> None:
    wrong = replace(words[which], value=(int.from_bytes(words[which].value, "big") ^ 1).to_bytes(32, "big"))
    with pytest.raises(Unproved, match=f"of {wrong.account} holds 0x"):
        prove_words(rpc, module_chain.block(), [wrong])


def test_a_header_that_is_another_is_refused(module_chain: DevChain, words: list[WordInput]) -> None:
    block = module_chain.block()
    for bend, fault in (
        (lambda header: {**header, "stateRoot": "0x" + "11" * 32}, "does not hash"),
        (lambda header: {**header, "timestamp": hex(int(header["timestamp"], 16) + 1)}, "does not hash"),
        (lambda header: {key: value for key, value in header.items() if key != "nonce"}, "malformed"),
        (lambda _: None, "has no header"),
    ):
        with Liar(module_chain.url, "eth_getBlockByHash", bend) as liar, pytest.raises(Unproved, match=fault):
            prove_words(liar, block, words)


def bent_node(reply: dict[str, Any]) -> dict[str, Any]:
    """One nibble of the first node of the account's proof."""
    first, *rest = reply["accountProof"]
    flipped = first[:-1] + ("0" if first[-1] != "0" else "1")
    return {**reply, "accountProof": [flipped, *rest]}


def other_account(reply: dict[str, Any]) -> dict[str, Any]:
    """The proof of an account's absence in place of its presence."""
    return {**reply, "accountProof": reply["accountProof"][:1]}


def no_slots(reply: dict[str, Any]) -> dict[str, Any]:
    return {**reply, "storageProof": []}


def empty_storage(reply: dict[str, Any]) -> dict[str, Any]:
    return {**reply, "storageProof": [{**row, "value": "0x0", "proof": []} for row in reply["storageProof"]]}


@pytest.mark.parametrize("bend", [bent_node, other_account, no_slots, empty_storage, lambda _: None, lambda _: {}])
def test_a_proof_that_does_not_hash_is_no_proof(
    module_chain: DevChain, words: list[WordInput], bend: Callable[[Any], Any]
) -> None:
    with Liar(module_chain.url, "eth_getProof", bend) as liar, pytest.raises(Unproved, match="no proof for"):
        prove_words(liar, module_chain.block(), words[:3])


def test_a_block_hash_that_is_none_is_refused(module_chain: DevChain, rpc: Rpc, words: list[WordInput]) -> None:
    block = module_chain.block()
    wrong = BlockRef(block.number, bytes(32), block.timestamp, block.parent_hash)
    with pytest.raises(Unproved, match="has no header"):
        prove_words(rpc, wrong, words)
