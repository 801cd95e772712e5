"""Judges a token by what it did in a simulation: what makes its pools worth nothing to a liquidator (decision 19).

A clean trial proves nothing, for a token can tell a simulation from a sale; a fault that shows is one.
"""

from collections.abc import Iterator

from keeper.maths.fixed import cdiv
from keeper.records.tokens import TokenMove, TokenTrial
from keeper.records.units import BPS

MOST_GAS = 500_000
"""A transfer that needs more is a burden on every liquidation; well-known tokens need 30,000 to 150,000."""

ROUNDING = 2
"""Raw units by which a token that keeps shares (stETH) may miss an amount."""

WORD = 32
_LEGS = ("out of the pool", "between two strangers", "into the pool")


def faults_of(trial: TokenTrial) -> tuple[str, ...]:
    """Why the token must not count, one line each; empty when nothing showed."""
    found = []
    if trial.registered:
        found.append("is an ERC-777, which calls whoever sends or receives it")
    if not trial.rounds:
        return tuple(found)
    small, large = trial.rounds[0], trial.rounds[-1]
    for index, leg in enumerate(_LEGS):
        little, much = small[index], large[index]
        if little.tried and little.ok and much.tried and not much.ok:
            found.append(f"moves {little.asked} {leg} but refuses {much.asked}")
        rows = [row[index] for row in trial.rounds]
        found += [f"{fault} {leg}" for fault in dict.fromkeys(fault for row in rows for fault in _faults(row, little))]
    return tuple(found)


def _faults(move: TokenMove, first: TokenMove) -> Iterator[str]:
    """What is wrong with one transfer; ``first`` is the same one of the smallest amount."""
    if not move.tried:
        return
    if not move.counted:
        yield "does not answer balanceOf with one word"
        return
    if not move.ok:
        if not first.ok:
            yield "refuses to be moved"
        return
    if move.size not in (0, WORD):
        yield f"answers {move.size} bytes to a transfer"
    elif move.size == WORD and move.word == 0:
        yield "answers false to a transfer"
    elif move.size == WORD and move.word != 1:
        yield "answers neither true nor false to a transfer"
    if move.gas_used > MOST_GAS:
        yield f"burns more than {MOST_GAS} gas in a transfer"
    if move.called:
        yield "calls whoever sends or receives it,"
    yield from _amounts(move)


def _amounts(move: TokenMove) -> Iterator[str]:
    if max(abs(move.received - move.asked), abs(move.sent - move.asked)) <= ROUNDING:
        return
    if abs(move.sent - move.asked) <= ROUNDING and 0 <= move.received < move.asked:
        yield f"takes {cdiv((move.asked - move.received) * BPS, move.asked)} bps of a transfer"
    else:
        sent, got = _share(move.sent, move), _share(move.received, move)
        yield f"moves another amount than it is told, {sent} sent and {got} got,"


def _share(amount: int, move: TokenMove) -> str:
    return f"{amount * BPS // move.asked} bps"
