"""The ``watch`` job: a look at chain and store for metrics, health, alarms and ``keeper top``. It changes nothing."""

import time
from collections.abc import Callable, Iterable, Mapping
from typing import cast

from keeper.balances import Ledger
from keeper.budgets import DAY_SECONDS, spent
from keeper.chain.fees import GWEI
from keeper.clocks import ALARM_SECONDS, ClockCheck
from keeper.config_rules import EMERGENCY_FLOAT, TYPICAL_GAS
from keeper.errors import RetryLater
from keeper.follow import Emit
from keeper.monitor.reading import IntentReading, KeyReading, MarketReading, Reading
from keeper.protocols import PROTOCOLS
from keeper.records.live import ContractWords
from keeper.records.outcome import UNMINED, Outcome, Tier
from keeper.records.settings import MarketSettings
from keeper.records.units import Address, BlockRef
from keeper.risk.effective import describe
from keeper.risk.keys import market_key
from keeper.risk.regime import NAMES, NORMAL
from keeper.store.engine import sqlite_file
from keeper.store.samples import StoredSample
from keeper.wiring import Keeper

RECENT = 20
"""Newest intents whose receipts explain the balance."""


class Watch:
    """Looks, and remembers what only a second look can tell: clocks, the balance, how long an intent has been open.

    Parameters
    ----------
    emit
        Where alarms are said.
    wall, monotonic
        Clocks in seconds.
    """

    def __init__(
        self, emit: Emit, wall: Callable[[], float] = time.time, monotonic: Callable[[], float] = time.monotonic
    ) -> None:
        self._emit, self._wall, self._monotonic = emit, wall, monotonic
        self._clock = ClockCheck(wall(), monotonic())
        self._ledger = Ledger()
        self._first_seen: dict[bytes, BlockRef] = {}
        self._alarms: set[str] = set()

    def look(self, keeper: Keeper) -> Reading:
        """One reading at the head.

        Raises
        ------
        RetryLater
            No node answers.
        """
        wall, monotonic = self._wall(), self._monotonic()
        head = keeper.ports.reader.block("latest")
        skew = self._clock.see(head.number, head.timestamp, wall, monotonic)
        self._alarm("clock_skew", abs(skew) > ALARM_SECONDS, seconds=round(skew, 1), head_age=wall - head.timestamp)
        settings = keeper.config.settings
        names = {market_key(settings.chain_id, market): market.name for market in settings.markets}
        return Reading(
            head_block=head.number,
            head_time=head.timestamp,
            head_age_seconds=wall - head.timestamp,
            finalized_block=_finalized(keeper),
            clock_skew_seconds=skew,
            provider=keeper.rpc.name,
            heartbeat_seconds=settings.heartbeat_seconds,
            markets=tuple(read_markets(keeper, head)),
            intents=tuple(self._intents(keeper, head, names)),
            key=self._key(keeper, head),
            db_size_bytes=database_size(keeper.config.operator.store_url),
            budget_ratio=budget_ratio(keeper, head, names),
        )

    def _intents(self, keeper: Keeper, head: BlockRef, names: Mapping[bytes, str]) -> list[IntentReading]:
        rows = keeper.store.intents.open_intents()
        self._first_seen = {row.intent.key: self._first_seen.get(row.intent.key, head) for row in rows}
        return [_intent(row, self._first_seen[row.intent.key], head, names) for row in rows]

    def _key(self, keeper: Keeper, head: BlockRef) -> KeyReading | None:
        if keeper.ports.signer is None:
            return None
        account, at = keeper.ports.signer.address, hex(head.number)
        balance, count = (
            int(answer, 16)
            for answer in keeper.rpc.batch(
                [("eth_getBalance", [account, at]), ("eth_getTransactionCount", [account, at])]
            )
        )
        rows = keeper.store.intents.outcomes(RECENT)
        self._compare(keeper, account, head, balance, rows)
        own = [row.nonce + 1 for row in keeper.store.intents.open_intents() if row.nonce is not None]
        left = balance // emergency_cost_wei(keeper, rows)
        self._alarm("balance_low", left < EMERGENCY_FLOAT, balance_wei=balance, transactions=left)
        return KeyReading(account, balance, count, max([count, *own]), left)

    def _compare(self, keeper: Keeper, account: Address, head: BlockRef, balance: int, rows: list[Outcome]) -> None:
        hashes = [attempt.tx_hash for row in rows for attempt in row.attempts if attempt.tx_hash]
        if fall := self._ledger.look(keeper.rpc, account, head, balance, hashes):
            self._emit("balance_fell", wei=fall.wei, explained_wei=fall.explained_wei, block=fall.block)

    def _alarm(self, event: str, wrong: bool, **fields: object) -> None:
        """Say what is wrong once, not at every look."""
        if wrong and event not in self._alarms:
            self._emit(event, **fields)
            self._alarms.add(event)
        elif not wrong:
            self._alarms.discard(event)


def read_markets(keeper: Keeper, head: BlockRef) -> list[MarketReading]:
    """Every market at a block: what holds, and what the last sample asked for."""
    settings, contract = keeper.config.settings, keeper.config.operator.contract
    keys = [market_key(settings.chain_id, market) for market in settings.markets]
    readings = [
        PROTOCOLS[market.protocol].read(contract, key) for market, key in zip(settings.markets, keys, strict=True)
    ]
    answers = cast("list[tuple[ContractWords | None, object]]", keeper.ports.reader.run(readings, head))
    return [
        _market(keeper, market, key, words, head)
        for market, key, (words, _) in zip(settings.markets, keys, answers, strict=True)
    ]


def emergency_cost_wei(keeper: Keeper, rows: list[Outcome]) -> int:
    """What one emergency transaction costs at the operator's highest fee."""
    gas = max([TYPICAL_GAS, *(row.landing.gas_used for row in rows if row.landing)])
    return gas * keeper.config.operator.emergency_fee_gwei * GWEI


def budget_ratio(keeper: Keeper, head: BlockRef, markets: Iterable[bytes]) -> float:
    """Share of the day's fee budget that is left where least is left, 0 to 1."""
    costs = spent(keeper.store.intents.landed_since(head.timestamp - DAY_SECONDS))
    budgets = keeper.ports.budgets
    tiers = (Tier.ROUTINE, Tier.EMERGENCY)
    return min(costs.share_left(budgets, market, tier) for market in markets for tier in tiers)


def database_size(url: str) -> int | None:
    """Bytes of an SQLite database and its log; None for a server's."""
    file = sqlite_file(url)
    if file is None:
        return None
    parts = (file, file.with_name(file.name + "-wal"))
    return sum(part.stat().st_size for part in parts if part.exists())


def _market(
    keeper: Keeper, market: MarketSettings, key: bytes, words: ContractWords | None, head: BlockRef
) -> MarketReading:
    sample = keeper.store.samples.latest(key)
    decision = sample.folded.decision if sample else None
    shown = describe(words, head.timestamp) if words else None
    return MarketReading(
        name=market.name,
        regime=NAMES[shown.regime if shown else NORMAL],
        onchain_bps=shown.haircut_bps if shown else None,
        proposed_bps=decision.targets.haircut_bps if decision and decision.targets else None,
        age_seconds=shown.age_seconds if shown else None,
        expiry_seconds=words.limits.grace_seconds if words else None,
        lag_blocks=head.number - sample.snapshot.block.number if sample else None,
        degraded=_degraded(keeper, key, sample, listed=words is not None),
        reason=decision.reasons[-1] if decision and decision.reasons else "",
    )


def _degraded(keeper: Keeper, key: bytes, sample: StoredSample | None, *, listed: bool) -> str:
    if key in keeper.ports.held:
        return "held: a token of it is hostile"
    if not listed:
        return "not listed"
    if sample is None:
        return "no sample yet"
    missing = sample.folded.estimates.missing
    return f"missing: {', '.join(missing)}" if missing else ""


def _intent(row: Outcome, first: BlockRef, head: BlockRef, names: Mapping[bytes, str]) -> IntentReading:
    return IntentReading(
        intent=row.intent.key.hex()[:16],
        purpose=row.intent.purpose,
        state=row.state.value,
        nonce=row.nonce,
        markets=tuple(names.get(market, market.hex()[:8]) for market in row.intent.markets),
        blocks=max(0, head.number - (row.attempts[0].signed_block if row.attempts else first.number)),
        seconds=max(0, head.timestamp - first.timestamp),
        unmined=row.state in UNMINED,
        error=row.error,
    )


def _finalized(keeper: Keeper) -> int:
    try:
        return keeper.ports.reader.block("finalized").number
    except RetryLater:
        return 0
