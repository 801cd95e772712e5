"""Tries every token of the settings in the pools that hold it: at start, and by ``keeper doctor`` (decision 19).

What is found never enters the fold by itself, for that must be the same at every keeper. It is named, with the line of
the settings by which governance takes the depth away; until that stands there, this keeper reports nothing of the
market, so that its value ages towards safety.
"""

from collections.abc import Callable, Iterator
from dataclasses import replace
from typing import cast

from keeper.chain.token_trials import held_at, try_token
from keeper.checks import Finding, Place, Subject, places
from keeper.errors import RetryLater
from keeper.records.pools import UniswapV2State
from keeper.records.settings import PoolSettings
from keeper.records.snapshot import PoolReading, ReadPlan
from keeper.records.tokens import TokenTrial
from keeper.records.units import BPS, NO_ADDRESS, Address
from keeper.risk.depth import sells
from keeper.risk.hostile import faults_of
from keeper.risk.keys import market_key
from keeper.venues import VENUES

UNLOCKED = "uniswap_v4"
"""Its manager counts what really arrives and holds the tokens of all pools, so what it holds says nothing of one."""

GIFT_BPS = 100
"""A pair that holds this much more than its reserves was given something, or its token rebases."""


def check_tokens(subject: Subject) -> Iterator[tuple[int, Finding]]:
    """(market, finding) for every token that misbehaves in a pool; fatal = the market is held.

    Tokens and pools that the settings flag are left out: they count for nothing already.
    """
    markets = subject.config.settings.markets
    trials: dict[tuple[Address, Address], TokenTrial | str] = {}
    for place in places(markets):
        market = markets[place.market]
        flagged = set(market.flagged)
        if not flagged.isdisjoint({place.pool.address, *place.tokens}):
            continue
        for token in place.tokens:
            for said, fatal in _tried(subject, place.pool, token, trials):
                what = f"{token} in {place.pool.label} of {market.name}: {said}"
                yield place.market, Finding(place.key, what, _remedy(place, token, fatal=fatal), fatal)
        for said, fatal in _covered(subject, place):
            what = f"{place.pool.label} of {market.name}: {said}"
            yield place.market, Finding(place.key, what, _remedy(place, place.pool.address, fatal=fatal), fatal)


def hold_hostile(subject: Subject, emit: Callable[..., None]) -> frozenset[bytes]:
    """Keys of the markets of which nothing is reported until the settings flag what was found."""
    settings, held = subject.config.settings, set()
    for index, finding in check_tokens(subject):
        market = settings.markets[index]
        emit("market_held" if finding.fatal else "degraded", market=market.name, finding=str(finding))
        if finding.fatal:
            held.add(market_key(settings.chain_id, market))
    return frozenset(held)


def _tried(
    subject: Subject, pool: PoolSettings, token: Address, trials: dict[tuple[Address, Address], TokenTrial | str]
) -> Iterator[tuple[str, bool]]:
    """What a token did where the pool keeps it; a pool's own contract first, then the one beside it."""
    for holder in (pool.address, pool.companion):
        if holder == NO_ADDRESS:
            continue
        if (token, holder) not in trials:
            try:
                trial: TokenTrial | str = try_token(
                    subject.rpc, token, holder, subject.head, subject.config.operator.call_gas
                )
            except RetryLater as error:
                trial = str(error)
            trials[token, holder] = trial
        found = trials[token, holder]
        if isinstance(found, str):
            yield found, False
            return
        if found.rounds or found.registered:
            yield from ((fault, True) for fault in faults_of(found))
            return


def _covered(subject: Subject, place: Place) -> Iterator[tuple[str, bool]]:
    """Whether the pool holds what its state promises to pay: a balance that shrank by itself shows here."""
    pool, settings = place.pool, subject.config.settings
    if pool.venue == UNLOCKED:
        return
    plan = ReadPlan(settings.harmonic_seconds, depth_range_ticks=settings.depth_range_ticks)
    (reading,) = subject.reader.run([VENUES[pool.venue].read(pool, plan, subject.head)], subject.head)
    state = cast("PoolReading", reading).state
    if state is None:
        return
    turned = replace(pool, collateral_index=pool.debt_index, debt_index=pool.collateral_index)
    for side, token in ((pool, place.tokens[1]), (turned, place.tokens[0])):
        curve = VENUES[pool.venue].curve(side, state)
        owed = curve.sell_to_price(1)[1] if sells(curve) else 0
        held = max(_balance(subject, token, holder) for holder in (pool.address, pool.companion))
        if held < owed:
            yield f"holds {held} of {token} and would pay out {owed}: the token takes or rebases", True
        elif isinstance(state, UniswapV2State) and (held - owed) * BPS > owed * GIFT_BPS:
            yield f"holds {held} of {token}, its reserve is about {owed}: a gift, or the token rebases", False


def _balance(subject: Subject, token: Address, holder: Address) -> int:
    return 0 if holder == NO_ADDRESS else held_at(subject.rpc, token, holder, subject.head)


def _remedy(place: Place, address: Address, *, fatal: bool) -> str:
    if not fatal:
        return "look at the token before its pools count"
    return f'governance adds "{address}" to flagged of markets[{place.market}]; until then nothing of it is reported'
