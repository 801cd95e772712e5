"""One contract on one chain, with its twin's view of every market: for ``test_limits_twin.py``."""

import random
from dataclasses import replace
from typing import Any

import pytest
from eth_account import Account
from eth_keys.datatypes import PrivateKey

from keeper.chain.artifacts import load
from keeper.errors import Refused
from keeper.maths.eip712 import batch_digest
from keeper.maths.keccak import keccak
from keeper.protocols.bulkhead import Bulkhead, parse_words, word_slots
from keeper.protocols.bulkhead_errors import describe_revert
from keeper.protocols.bulkhead_events import decode_event
from keeper.records.live import ContractWords, Law, Limits
from keeper.records.parameters import Parameters
from keeper.records.report import Batch, Report, Signature
from keeper.records.units import Address, BlockRef
from keeper.risk.packing import pack_report
from keeper.testing.client import DevChain, Tx, calldata, hex_of
from keeper.testing.world import LIMITS_ABI, limits_values

CADENCE = 4
MARKETS = tuple(keccak(f"market {i}".encode()) for i in range(4))
UNKNOWN = keccak(b"nobody listed this")
PROFILES = dict(zip(MARKETS, (0, 0, 1, 1), strict=True)) | {UNKNOWN: 0}
"""Profile 0 is advisory, profile 1 bounded."""
KEYS = sorted(
    (Account.from_key(keccak(f"signer {i}".encode())) for i in range(3)), key=lambda account: int(account.address, 16)
)
LIMITS = Limits(500, 9_000, 700, 200, 100, 400, 120, 600, 5_000, 3_000, 26, 500, 1_500, 300)
"""Short times, so that all happens."""
LAW = Law(400, 6_000, 1_500, 100, 300, 3_000, 2_000, 0, 0, 100, 500, 200, 100, 4_000, 2_000)
PARAMETERS_ABI = (
    "((uint16,uint16,uint16,uint16,uint16,uint16,uint256,uint16,uint8,uint40,uint32,uint32,uint32,uint32,uint16,uint16,"
    "uint40,uint16,uint40,uint32,bool))"
)


class World:
    """The contract, and how to call it."""

    def __init__(self, chain: DevChain) -> None:
        self.chain = chain
        self.owner, self.stranger = chain.accounts[0], chain.accounts[5]
        manager = chain.deploy(load("AccessManager"), self.owner)
        self.contract = chain.deploy(load("CollateralParameters"), manager, CADENCE)
        self.settings_hash = keccak(b"document")
        self.govern("setSettings(bytes,uint64)", b"document", chain.block().number + 1)
        self.govern("setSigners(address[],uint8)", [account.address for account in KEYS], 2)
        for profile in (0, 1):
            self.set_limits(profile, LIMITS, LAW)
        for market, haircut, liquidation in zip(
            MARKETS, (3_000, 3_500, 2_500, 1_500), (2_000, 2_000, 2_000, 500), strict=True
        ):
            listing = (market, PROFILES[market], haircut, liquidation, 500)
            self.govern("listMarket(bytes32,uint8,uint16,uint16,uint16)", *listing)
        chain.mine(3 * CADENCE)

    def govern(self, signature: str, *args: object) -> None:
        """A call of the administrator, who has every role and no delay."""
        self.chain.transact(self.owner, self.contract, signature, *args)

    def set_limits(self, profile: int, limits: Limits, law: Law) -> None:
        """Profile 1 is bounded, whatever the limits say."""
        limits = replace(limits, bounded=profile)
        self.govern(f"setLimits(uint8,{LIMITS_ABI})", profile, limits_values(limits, law))

    def words(self, market: bytes) -> ContractWords:
        """Words as they lie in storage at the slots that Python names."""
        slots = word_slots(market, PROFILES[market])
        calls = [("eth_getStorageAt", (self.contract, hex_of(slot), "latest")) for slot in slots]
        return parse_words(*(int(word, 16) for word in self.chain.batch(calls)))

    def parameters(self, market: bytes) -> Parameters:
        """What the contract answers at its head."""
        values = self.chain.call(self.contract, "parameters(bytes32)", market, returns=PARAMETERS_ABI)
        return Parameters(*values)

    def sample(self) -> BlockRef:
        """Sampled block of the newest window whose end is 2 deep in the next block."""
        end = (self.chain.block().number - 1) // CADENCE * CADENCE
        return self.chain.block(end - int.from_bytes(self.chain.block(end).hash, "big") % CADENCE)

    def other_block(self) -> BlockRef:
        """Newest block, 2 deep in the next one, that is no window's sample: the emergency lane."""
        head = self.chain.block().number
        candidates = (self.chain.block(number) for number in range(head - 1, 0, -1))
        return next(block for block in candidates if not self._is_sample(block, head))

    def _is_sample(self, block: BlockRef, head: int) -> bool:
        end = -(-block.number // CADENCE) * CADENCE
        return end <= head and block.number == end - int.from_bytes(self.chain.block(end).hash, "big") % CADENCE

    def signed(self, block: BlockRef, reports: list[Report], root: bytes) -> bytes:
        """Calldata of a batch of two of the three signers; its time is what ``block`` says."""
        packed = b"".join(pack_any(report) for report in reports)
        until = self.chain.block().timestamp + 1_800
        batch = Batch(block.number, block.hash, block.timestamp, until, self.settings_hash, root, keccak(packed))
        digest = batch_digest(batch, self.chain.chain_id, self.contract)
        signatures = [Signature(Address(account.address.lower()), _sign(account, digest)) for account in KEYS[:2]]
        return Bulkhead().encode_publish(batch, packed, signatures)

    def send(self, data: bytes, sender: Address | None = None) -> tuple[int, list[Any], str]:
        """(time of its block, events, revert) of one call; without a sender, from somebody without any role."""
        account = sender or self.stranger
        try:
            (receipt,) = self.chain.run([Tx(account, self.contract, data)])
        except Refused:
            # The state did not move, and a call on the head sees the time of the block that refused it.
            return self.chain.block().timestamp, [], self._revert_of(data, account)
        logs = [([bytes.fromhex(t[2:]) for t in log["topics"]], log["data"]) for log in receipt["logs"]]
        return self.chain.block().timestamp, [decode_event(t, bytes.fromhex(data[2:])) for t, data in logs], ""

    def administer(self, signature: str, *args: object) -> tuple[int, list[Any], str]:
        """Like :meth:`send`, from the administrator."""
        return self.send(calldata(signature, *args), self.owner)

    def _revert_of(self, data: bytes, sender: Address) -> str:
        call = {"to": self.contract, "from": sender, "data": hex_of(data)}
        with pytest.raises(Refused) as refused:
            self.chain.rpc("eth_call", call, "latest")
        return describe_revert(bytes.fromhex(refused.value.message.split("0x")[-1]))

    def pass_time(self, rng: random.Random) -> None:
        """Some blocks; now and then hours or days."""
        self.chain.mine(rng.choice((1, 3, 5, 5, 8)))
        if rng.random() < 0.03:
            self.chain.mine(60)
        if rng.random() < 0.04:
            self.chain.wait(rng.choice((1_000, 5_000, 40_000, 90_000, 400_000, 6_000_000)))
            self.chain.mine(3 * CADENCE)


def pack_any(report: Report) -> bytes:
    """Pack also what an honest keeper never would: a core longer than the contract takes."""
    head = pack_report(replace(report, core=b""))
    return head[:-1] + bytes([len(report.core)]) + report.core


def _sign(account: Any, digest: bytes) -> bytes:
    signature = PrivateKey(bytes(account.key)).sign_msg_hash(digest).to_bytes()
    return signature[:64] + bytes([signature[64] + 27])
