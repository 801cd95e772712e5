"""The sender as a state machine against a chain and two nodes: whatever happens in whatever order, once and only once.

Rules are the world's: blocks, fees, reorgs, crashes at every edge, nodes that are down, swallow or lag, a key that is
used elsewhere. What must hold is counted by the chain, not by the sender.
"""

import os
import shutil
import tempfile
from collections import Counter
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from hypothesis import HealthCheck, Phase, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, precondition, rule
from sender_desk import SELECTOR, TIME, Answer, Desk, Node, Raw, down, intent, urgent

from keeper.chain.failpoints import POINTS, VARIABLE, BrokenOff
from keeper.chain.fees import GWEI
from keeper.errors import RetryLater
from keeper.records.outcome import TERMINAL, IntentState, TxIntent

MODES = ("well", "down", "swallows", "lags")
DONE = {IntentState.FINAL_OK, IntentState.SUPERSEDED, IntentState.FOREIGN, IntentState.EXPIRED, IntentState.CANCELLED}


@dataclass
class TwoNodes(Node):
    """One chain behind two nodes, each with a mode."""

    modes: list[str] = field(default_factory=lambda: ["well", "well"])
    blocks: list[list[Raw]] = field(default_factory=list)
    applied: Counter[bytes] = field(default_factory=Counter)
    """Calldata -> how often the chain of now holds it."""

    def call(self, method: str, params: Any = ()) -> Any:
        self.degraded = "down" in self.modes
        alive = [mode for mode in self.modes if mode != "down"]
        if not alive:
            raise down()
        if alive[0] == "lags" and self.blocks and method == "eth_getTransactionReceipt":
            newest = {tx.hash for tx in self.blocks[-1]}
            return None if params[0] in newest else super().call(method, params)
        return super().call(method, params)

    agreed = call

    def broadcast(self, raw: bytes, *, private: bool = False) -> Answer:
        answers = []
        for mode in self.modes:
            if mode == "down":
                answers.append(Answer(accepted=False, errors=(("test", "did not answer"),)))
            elif mode == "swallows":
                answers.append(Answer(accepted=True))
            else:
                answers.append(super().broadcast(raw, private=private))
        errors = tuple(row for answer in answers for row in answer.errors)
        return Answer(any(answer.accepted for answer in answers), errors)

    def block(self, *, takes: bool = True) -> None:
        """One block; it takes what is paid well enough, in nonce order."""
        self.head += 1
        mined = []
        while takes and (tx := self.pool.get(self.nonce)) and tx.fee_wei >= self.base_fee:
            mined.append(self.pool.pop(self.nonce))
            self.put(tx)
        self.blocks.append(mined)

    def put(self, tx: Raw) -> None:
        """A transaction on chain; a call that the contract has already changes nothing and succeeds."""
        self.take(tx)
        if tx.call.startswith(SELECTOR):
            self.applied[tx.call] += 1

    def unwind(self, depth: int, *, again: bool) -> None:
        """The newest blocks are others now; their transactions wait again, or are gone."""
        depth = min(depth, len(self.blocks))
        for _ in range(depth):
            for tx in reversed(self.blocks.pop()):
                del self.receipts[tx.hash]
                self.nonce = tx.nonce
                if tx.call.startswith(SELECTOR):
                    self.applied[tx.call] -= 1
                if again:
                    self.pool.setdefault(tx.nonce, tx)
        # Empty ones stand in their place, so that the next reorg is no deeper than this one was.
        self.blocks += [[] for _ in range(depth)]


class SenderMachine(RuleBasedStateMachine):
    def __init__(self) -> None:
        super().__init__()
        self.folder = Path(tempfile.mkdtemp(prefix="sender-"))
        self.desk = Desk(self.folder)
        self.node = TwoNodes()
        self.desk.node = self.node
        self.desk.is_superseded = lambda row: self.node.applied[row.data] > 0
        self.desk.restarted()
        self.wanted: list[TxIntent] = []
        self.nonces: dict[bytes, int] = {}
        self.bytes: dict[tuple[bytes, int], bytes] = {}
        self.fouls = 0

    def teardown(self) -> None:
        try:
            self.at_rest()
        finally:
            self.desk.store.close()
            shutil.rmtree(self.folder)

    def at_rest(self) -> None:
        """Once the world is calm, everything has ended, once, without a gap."""
        self.node.modes = ["well", "well"]
        self.node.base_fee = 5 * GWEI
        os.environ.pop(VARIABLE, None)
        for _ in range(200):
            self.node.block()
            self.desk.sender.settle()
            if not self.desk.store.intents.open_intents():
                break
        rows = self.desk.store.intents.outcomes(1_000)
        assert {row.state for row in rows} <= DONE, [
            (row.nonce, row.state.value, row.error, [(a.number, a.cancels, a.price.max_fee_wei) for a in row.attempts])
            for row in rows
        ]
        for wish in self.wanted:
            mine = [row for row in rows if wish.key in {row.intent.key, row.intent.replaces}]
            if not mine:
                continue  # it broke off before the plan was durable: the next cycle plans anew
            late = {IntentState.EXPIRED, IntentState.CANCELLED} & {row.state for row in mine}
            assert self.node.applied[wish.data] == 1 or late or len(mine) > 1, "lost"
        assert all(count <= 1 for count in self.node.applied.values()) or self.fouls, "doubled"
        held = [row.nonce for row in rows if row.nonce is not None and row.state is not IntentState.FOREIGN]
        assert len(held) == len(set(held))
        assert not held or max(held) == self.node.nonce - 1 or self.fouls, "a gap at rest"

    @rule(is_urgent=st.booleans(), lasts=st.sampled_from([600, 100_000]))
    def submit(self, is_urgent: bool, lasts: int) -> None:
        name = str(len(self.wanted))
        made = urgent if is_urgent else intent
        until = TIME + 12 * (self.node.head - 100) + lasts
        wish = made(name, data=SELECTOR + name.encode(), valid_until=until)
        self.wanted.append(wish)
        self.stepping(lambda: self.desk.sender.submit(wish))

    @rule(blocks=st.integers(1, 4), takes=st.booleans())
    def pass_time(self, blocks: int, takes: bool) -> None:
        for _ in range(blocks):
            self.node.block(takes=takes)
            self.stepping(self.desk.sender.settle)

    @rule(gwei=st.sampled_from([1, 10, 30, 70, 200, 900, 2_000]))
    def fees_move(self, gwei: int) -> None:
        self.node.base_fee = gwei * GWEI

    @rule(which=st.integers(0, 1), mode=st.sampled_from(MODES))
    def a_node_turns(self, which: int, mode: str) -> None:
        self.node.modes[which] = mode

    @rule()
    def the_pool_forgets(self) -> None:
        self.node.pool.clear()

    @rule(depth=st.integers(1, 2), again=st.booleans())
    def reorg(self, depth: int, again: bool) -> None:
        self.node.unwind(depth, again=again)
        self.stepping(self.desk.sender.settle)

    @rule(point=st.sampled_from(sorted(POINTS)))
    def crash_at(self, point: str) -> None:
        """The next time the sender gets there it is gone, and starts again."""
        os.environ[VARIABLE] = f"{point}=break"

    @precondition(lambda self: self.fouls < 2)
    @rule()
    def the_key_is_used_elsewhere(self) -> None:
        self.fouls += 1
        self.node.pool.pop(self.node.nonce, None)
        self.node.head += 1
        foreign = Raw(b"foreign" + self.node.head.to_bytes(4, "big"), self.node.nonce, GWEI, GWEI, bytes(20), b"")
        self.node.take(foreign)
        self.node.blocks.append([foreign])

    def stepping(self, step: Any) -> None:
        try:
            step()
        except RetryLater:
            assert self.node.modes == ["down", "down"]
        except BrokenOff:
            os.environ.pop(VARIABLE, None)
            self.desk.restarted()

    @invariant()
    def a_row_keeps_its_nonce_and_its_bytes(self) -> None:
        for row in self.desk.store.intents.outcomes(100):
            if row.nonce is not None:
                assert self.nonces.setdefault(row.intent.key, row.nonce) == row.nonce
            for made in row.attempts:
                if made.raw:
                    assert self.bytes.setdefault((row.intent.key, made.number), made.raw) == made.raw

    @invariant()
    def nothing_is_applied_twice(self) -> None:
        assert self.fouls or all(count <= 1 for count in self.node.applied.values())

    @invariant()
    def open_rows_hold_one_nonce_each(self) -> None:
        rows = [row for row in self.desk.store.intents.outcomes(100) if row.state not in TERMINAL]
        held = [row.nonce for row in rows if row.nonce is not None]
        assert len(held) == len(set(held))


TestSender = SenderMachine.TestCase
DEEP = settings.get_profile("deep").max_examples == settings().max_examples
TestSender.settings = settings(
    max_examples=150 if DEEP else 12,
    stateful_step_count=50 if DEEP else 25,
    deadline=None,
    # What lands must not hang on luck: chance looks for new ways in the deep run.
    derandomize=not DEEP,
    # A run of fifty steps shrinks for minutes and says little more; the failing steps are printed as they are.
    phases=(Phase.explicit, Phase.reuse, Phase.generate),
    report_multiple_bugs=False,
    suppress_health_check=list(HealthCheck),
)
"""At least 5,000 steps when deep."""
