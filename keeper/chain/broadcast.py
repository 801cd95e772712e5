"""Signed bytes to many nodes at once: one positive answer wins (reliability.md B1 rules 8, 10 and 11)."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import partial

from keeper.chain.members import Asker, Member
from keeper.chain.rpc import Reverted, RpcError
from keeper.chain.send_errors import SendError, classify
from keeper.chain.timing import Timing

Said = RpcError | Reverted | None
"""None: it took them."""


@dataclass(frozen=True, slots=True)
class Broadcast:
    """What the nodes said to signed bytes."""

    takers: tuple[str, ...]
    """Names of those that took them, or had them."""
    errors: tuple[tuple[str, str], ...]
    """(name, what it said) of the others."""

    @property
    def accepted(self) -> bool:
        """One positive answer wins."""
        return bool(self.takers)


def broadcast(
    raw: bytes, members: Sequence[Member], asker: Asker, timing: Timing, emit: Callable[..., None]
) -> Broadcast:
    """Give the bytes to all; back once all have answered, or shortly after the first that accepted."""

    def patience(found: list[Said]) -> float:
        return timing.others if None in found else 2 * timing.deadline

    said = asker.everybody(partial(_give, "0x" + raw.hex(), asker), members, patience)
    errors = {
        name: error
        for name, error in said.items()
        if error is not None and classify(error.message) is not SendError.ALREADY_KNOWN
    }
    takers = tuple(member.name for member in members if member.name in said and member.name not in errors)
    refused = {name: error.message for name, error in errors.items() if _terminal(error)}
    if takers and refused:
        emit("broadcast_conflict", accepted=list(takers), refused=refused)
    return Broadcast(takers, tuple((name, error.message) for name, error in errors.items()))


def _give(raw: str, asker: Asker, member: Member) -> Said:
    try:
        member.rpc.call("eth_sendRawTransaction", [raw])
    except (RpcError, Reverted) as error:
        if isinstance(error, RpcError):
            asker.note(member, error)
        return error
    return None


def _terminal(error: RpcError | Reverted) -> bool:
    answered = isinstance(error, Reverted) or error.code != 0
    # Who says that the nonce is used has seen the transaction mined before another one took it: no contradiction.
    return answered and classify(error.message) not in {SendError.NONCE_TOO_LOW, SendError.ALREADY_MINED}
