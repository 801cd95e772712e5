"""One signer's key in place of another: the one transaction of the owner, and its rehearsal.

The rehearsal is a single ``eth_call`` with the rehearsal's code placed at the owner's address, so the contract is
called by whom it would be called: the signers are replaced, then a batch signed by the new key is published. The batch
is about a market that is not listed, so that even if it leaked it could change nothing.
"""

from collections.abc import Sequence
from dataclasses import dataclass

from eth_abi.abi import decode, encode

from keeper.chain.endpoint import Endpoint
from keeper.chain.rehearsals import Step, steps_after
from keeper.chain.views import view
from keeper.errors import Refused
from keeper.maths.keccak import keccak
from keeper.protocols import PROTOCOLS
from keeper.protocols.bulkhead_errors import describe_revert, error_signature
from keeper.records.decision import Targets
from keeper.records.ports import ChainReader, Signer
from keeper.records.report import Batch, Report
from keeper.records.units import Address
from keeper.risk.commit import VALID_SECONDS
from keeper.risk.packing import pack_report

SET_SIGNERS = "setSigners(address[],uint8)"
SELECTOR = keccak(SET_SIGNERS.encode())[:4]
TOO_FEW = keccak(error_signature("TooFewSignatures").encode())[:4]
DEPTH = 3
"""Blocks below the head on which the rehearsed batch rests: one more than the contract asks."""
GAS = 30_000_000


@dataclass(frozen=True, slots=True)
class Rotation:
    """What the owner sends."""

    target: Address
    signers: tuple[Address, ...]
    """Rising, as the contract wants them."""
    threshold: int
    delay_seconds: int
    """Of the owner's role: 0 is one transaction at once, more is the same call scheduled first."""
    authority: Address

    @property
    def calldata(self) -> bytes:
        """Of ``setSigners``."""
        return SELECTOR + encode(("address[]", "uint8"), (self.signers, self.threshold))


def plan_rotation(rpc: Endpoint, contract: Address, owner: Address, change: tuple[Address, Address]) -> Rotation:
    """The transaction that puts the second address in the first one's place.

    Raises
    ------
    Refused
        The old one is no signer, the new one is already, or the owner may not do it.
    """
    old, new = change
    (found,) = view(rpc, contract, "signers()", ("address[]",))
    signers = [Address(row.lower()) for row in found]
    if old not in signers:
        raise Refused(f"{old} is not one of the {len(signers)} signers", "name the key to replace with --old")
    if new in signers:
        raise Refused(f"{new} is a signer already", "make another key: keeper keys new")
    (threshold,) = view(rpc, contract, "threshold()", ("uint8",))
    (authority,) = view(rpc, contract, "authority()", ("address",))
    immediate, delay = view(
        rpc,
        Address(authority.lower()),
        "canCall(address,address,bytes4)",
        ("bool", "uint32"),
        (owner, contract, SELECTOR),
    )
    if not immediate and not delay:
        remedy = "name the account that holds the governance role with --owner"
        raise Refused(f"the authority {authority} does not let {owner} call {SET_SIGNERS}", remedy)
    after = sorted(new if row == old else row for row in signers)
    return Rotation(contract, tuple(after), threshold, 0 if immediate else delay, Address(authority.lower()))


def rehearse_rotation(
    rpc: Endpoint, reader: ChainReader, rotation: Rotation, owner: Address, change: tuple[Address, Signer]
) -> str:
    """Go through the rotation in a simulation; returns what the contract says of the new key's batch.

    Raises
    ------
    Refused
        A step would not do what it should; nothing must be sent.
    RetryLater
        The node allows no code to be placed, or did not answer.
    """
    old, signer = change
    batch, packed = _batch(rpc, reader, rotation.target)
    chain_id = int(rpc.call("eth_chainId"), 16)
    signature = signer.sign_batch(batch, chain_id, rotation.target)
    calls = [
        rotation.calldata,
        _is_signer(old),
        _is_signer(signer.address),
        PROTOCOLS["bulkhead"].encode_publish(batch, packed, [signature]),
    ]
    lets = rotation.authority if rotation.delay_seconds else None
    steps = steps_after(rpc, owner, rotation.target, calls, lets=lets, gas=GAS)
    return _judge(steps, rotation.threshold)


def _judge(steps: Sequence[Step], threshold: int) -> str:
    replaced, old, new, published = steps
    if not replaced.ok:
        raise Refused(f"setSigners would revert: {describe_revert(replaced.answer)}", "nothing may be sent")
    if _true(old) or not _true(new):
        raise Refused("setSigners would not put the new key in the old one's place", "nothing may be sent")
    if published.ok:
        return "a report signed by the new key is accepted"
    if published.answer[:4] == TOO_FEW:
        valid, wanted = decode(("uint256", "uint256"), published.answer[4:])
        if (valid, wanted) == (1, threshold):
            return f"the new key's signature counts as 1 of the {threshold} that are needed"
    raise Refused(f"a report of the new key would revert: {describe_revert(published.answer)}", "nothing may be sent")


def _true(step: Step) -> bool:
    return step.ok and any(step.answer)


def _is_signer(account: Address) -> bytes:
    return keccak(b"isSigner(address)")[:4] + encode(("address",), (account,))


def _batch(rpc: Endpoint, reader: ChainReader, contract: Address) -> tuple[Batch, bytes]:
    """A batch about a market that does not exist, otherwise as a real one."""
    head = reader.block("latest")
    block = reader.block(head.number - DEPTH)
    (settings,) = view(rpc, contract, "settingsHash()", ("bytes32",))
    market = keccak(b"Bulkhead rehearsal of a key")
    packed = pack_report(Report(market, Targets(0, 0, 0), 0, 0, b""))
    batch = Batch(
        observed_block=block.number,
        observed_hash=block.hash,
        observed_time=block.timestamp,
        valid_until=head.timestamp + VALID_SECONDS,
        settings_hash=settings,
        commitments_root=keccak(packed),
        reports_hash=keccak(packed),
    )
    return batch, packed
