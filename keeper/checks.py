"""Compares what the operator configured with what stands on the chain: at start, and by ``keeper doctor``."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import cast

from keeper.chain.health import ProviderState
from keeper.chain.pool import Pool
from keeper.chain.reader import Reader
from keeper.chain.timed import TimedRpc
from keeper.chain.timing import Timing
from keeper.chain.views import code_size, view
from keeper.config import Config
from keeper.config_tables import MOST_DECIMALS, MOST_SHOWN
from keeper.errors import ConfigError, KeeperError, Refused, RetryLater
from keeper.feeds import FEEDS
from keeper.protocols import PROTOCOLS
from keeper.records.settings import FeedSettings, MarketSettings, PoolSettings
from keeper.records.snapshot import FeedReading, PositionsReading
from keeper.records.units import BPS, Address, BlockRef
from keeper.risk.keys import settings_hash
from keeper.risk.sigma import of_feed
from keeper.timing import scaled
from keeper.venues import VENUES

EIP712_DOMAIN = ("bytes1", "string", "string", "uint256", "address", "bytes32", "uint256[]")
NAME = "Bulkhead"
VERSION = "1"
"""Of the EIP-712 domain: what is signed for another version would not be taken."""
MAX_UNCOVERED_BPS = 2_000
"""A holder list that leaves out more of the supply than this is worth a word."""


@dataclass(frozen=True, slots=True)
class Finding:
    """One thing that does not fit."""

    key: str
    """Dotted path of the setting it concerns."""
    what: str
    remedy: str
    fatal: bool = True
    """False: that part alone is degraded, the rest works."""

    def __str__(self) -> str:
        return f"{self.key}: {self.what}; {self.remedy}"


@dataclass(frozen=True, slots=True)
class Place:
    """One pool of one market and the two tokens that it trades there."""

    key: str
    """Dotted path of the pool in the settings."""
    market: int
    """Place of the market in the settings."""
    pool: PoolSettings
    tokens: tuple[Address, Address]
    """Sold, bought."""


@dataclass(frozen=True, slots=True)
class Subject:
    """What is checked, and through what."""

    config: Config
    rpc: Pool
    reader: Reader
    head: BlockRef


def connect(config: Config, emit: Callable[..., None]) -> Pool:
    """All nodes of the configuration, probed.

    Raises
    ------
    ConfigError
        A node is of another chain.
    RetryLater
        None answers.
    """
    operator = config.operator
    timing = Timing(scaled(1))
    size = operator.max_reply_mib << 20
    nodes = [TimedRpc(row.name, row.url.reveal(), timing.deadline, size, emit=emit) for row in operator.providers]
    private = operator.private_relay
    relay = TimedRpc("private relay", private.reveal(), timing.deadline, size, emit=emit) if private else None
    pool = Pool(nodes, operator.chain_id, emit, relay=relay, emergency_quorum=operator.emergency_quorum, timing=timing)
    try:
        _first_look(pool, emit)
    except KeeperError:
        pool.close()
        raise
    return pool


def _first_look(pool: Pool, emit: Callable[..., None]) -> None:
    pool.poll()
    silent = []
    for member in pool.members:
        if member.health.last is None:
            silent.append(member.health.reason)
            emit("node_silent", node=member.name, error=member.health.reason)
        elif member.state is ProviderState.WRONG_CHAIN:
            found = member.health.last.chain_id
            what = f"network.chain_id: {member.rpc.label} is of chain {found}, the configuration says {pool.chain_id}"
            raise ConfigError(what, "correct network.chain_id, or the URL of the node")
    if len(silent) == len(pool.members):
        raise RetryLater("; ".join(silent), "start the node, or correct network.providers")


def check_start(subject: Subject, emit: Callable[..., None]) -> None:
    """Refuse to start on anything that only the operator can put right.

    Raises
    ------
    ConfigError
        With every fatal finding.
    """
    findings = [*check_contract(subject)]
    if not findings:
        findings += [*check_settings(subject), *check_pools(subject)]
    for finding in findings:
        if not finding.fatal:
            emit("degraded", finding=str(finding))
    fatal = tuple(str(finding) for finding in findings if finding.fatal)
    if fatal:
        raise ConfigError(f"{len(fatal)} settings do not fit the chain", "correct them and start again", fatal)


def check_contract(subject: Subject) -> Iterator[Finding]:
    """The address holds code, and the code is ours."""
    contract = subject.config.operator.contract
    if code_size(subject.rpc, contract) == 0:
        what = f"{contract} is an account without code"
        yield Finding("network.contract", what, "write the address of CollateralParameters on this chain")
        return
    try:
        domain = view(subject.rpc, contract, "eip712Domain()", EIP712_DOMAIN)
        (cadence,) = view(subject.rpc, contract, "cadence()", ("uint32",))
    except KeeperError as error:
        yield Finding("network.contract", error.message, "write the address of CollateralParameters on this chain")
        return
    if domain[1] != NAME:
        called = ascii(domain[1][:MOST_SHOWN])
        yield Finding("network.contract", f"{contract} calls itself {called}, not {NAME}", "correct the address")
    if domain[2] != VERSION:
        what = f"{contract} is version {domain[2][:MOST_SHOWN]!a}, this keeper speaks {VERSION!r}"
        yield Finding("network.contract", what, "use the keeper of its version")
    wanted = subject.config.settings.cadence_blocks
    if cadence != wanted:
        yield Finding("settings.cadence_blocks", f"is {wanted}, the contract's is {cadence}", f"write {cadence}")


def check_signer(subject: Subject, signer: Address) -> Iterator[Finding]:
    """The key is a signer, and alone makes a quorum. Not for the start: a rotation may be under way."""
    contract = subject.config.operator.contract
    (signers,) = view(subject.rpc, contract, "signers()", ("address[]",))
    (threshold,) = view(subject.rpc, contract, "threshold()", ("uint8",))
    if signer not in {row.lower() for row in signers}:
        yield Finding("keeper.key_file", f"{signer} is not one of the {len(signers)} signers", "governance adds it")
    if threshold > 1:
        what = f"{threshold} signatures are needed and this version brings its own only"
        yield Finding("keeper.key_file", what, "co-signing comes later", fatal=False)


def check_settings(subject: Subject) -> Iterator[Finding]:
    """The settings are those that governance set."""
    (on_chain,) = view(subject.rpc, subject.config.operator.contract, "settingsHash()", ("bytes32",))
    ours = settings_hash(subject.config.settings)
    if on_chain == bytes(32):
        yield Finding(
            "settings", "the contract has no settings yet", "governance sets them with setSettings", fatal=False
        )
    elif on_chain != ours:
        what = f"hash 0x{ours.hex()[:16]} is not the contract's 0x{on_chain.hex()[:16]}"
        yield Finding("settings", what, "write a new file from the chain: keeper init")


def check_pools(subject: Subject) -> Iterator[Finding]:
    """Every pool, direct or a route's leg, is what the settings say: tokens, decimals, fee, spacing, storage layout."""
    markets = subject.config.settings.markets
    for index, market in enumerate(markets):
        yield from _check_decimals(subject, f"markets[{index}]", market)
    for place in places(markets):
        reading = VENUES[place.pool.venue].check(place.pool, *place.tokens)
        (lines,) = subject.reader.run([reading], subject.head)
        for line in cast("tuple[str, ...]", lines):
            wrong = "the settings say" in line or "the market needs" in line
            remedy = "correct the pool's settings" if wrong else "this pool does not count until it answers again"
            what = f"{place.pool.label} of {markets[place.market].name}: {line}"
            yield Finding(place.key, what, remedy, fatal=wrong)


def places(markets: tuple[MarketSettings, ...]) -> Iterator[Place]:
    """Every pool, direct or a leg, with what it trades."""
    for index, market in enumerate(markets):
        key = f"markets[{index}]"
        for number, pool in enumerate(market.pools):
            yield Place(f"{key}.pools[{number}].address", index, pool, (market.collateral, market.debt))
        for at, route in enumerate(market.routes):
            legs = (
                ("collateral_pools", route.collateral_pools, (market.collateral, route.bridge)),
                ("debt_pools", route.debt_pools, (route.bridge, market.debt)),
            )
            for name, pools, tokens in legs:
                for number, pool in enumerate(pools):
                    yield Place(f"{key}.routes[{at}].{name}[{number}].address", index, pool, tokens)


def _check_decimals(subject: Subject, key: str, market: MarketSettings) -> Iterator[Finding]:
    """Token decimals shift every price and size by powers of ten."""
    rows = [("collateral", market.collateral, market.collateral_decimals), ("debt", market.debt, market.debt_decimals)]
    rows += [(f"routes[{at}].bridge", row.bridge, row.bridge_decimals) for at, row in enumerate(market.routes)]
    for side, token, wanted in rows:
        try:
            (found,) = view(subject.rpc, token, "decimals()", ("uint8",))
        except Refused as error:
            yield Finding(f"{key}.{side}", error.message, "write the address of a token on this chain")
            continue
        if found != wanted:
            beyond = f"more than {MOST_DECIMALS} cannot be counted: take it out of the settings"
            remedy = f"write {found}" if found <= MOST_DECIMALS else beyond
            yield Finding(f"{key}.{side}_decimals", f"is {wanted}, the token's is {found}", remedy)


def check_feeds(subject: Subject) -> Iterator[Finding]:
    """Every feed answers, fresh enough; an index of volatility with a figure that can be believed."""
    for index, market in enumerate(subject.config.settings.markets):
        key = f"markets[{index}]"
        reading = read_feed(subject, market.feed)
        if reading.answer is None:
            what = f"{market.feed.address} of {market.name}: {reading.failure}"
            yield Finding(f"{key}.feed.address", what, "without it this market publishes nothing", fatal=False)
        for number, feed in enumerate(market.volatility_feeds):
            said = of_feed(feed, read_feed(subject, feed))
            if said.sigma_wad is None:
                what = f"{feed.address} of {market.name}: {said.reason}"
                remedy = "while it is so nothing is loosened"
                yield Finding(f"{key}.volatility_feeds[{number}].address", what, remedy, fatal=False)


def check_positions(subject: Subject) -> Iterator[Finding]:
    """Every holder list can be read, covers most of the supply, and the protocol's bonus is the settings'."""
    for index, market in enumerate(subject.config.settings.markets):
        protocol = PROTOCOLS[market.protocol]
        readings = [protocol.positions(market), protocol.check_market(market)]
        held, lines = subject.reader.run(readings, subject.head)
        for line in cast("tuple[str, ...]", lines):
            yield Finding(f"markets[{index}].model", f"{market.name}: {line}", "governance decides", fatal=False)
        reading = cast("PositionsReading | None", held)
        if reading is None:
            continue
        key = f"markets[{index}].holders"
        if reading.state is None:
            what, remedy = f"{market.name}: {reading.failure}", "without them this market publishes nothing"
            yield Finding(key, what, remedy, fatal=False)
            continue
        for line in reading.doubts:
            yield Finding(key, f"{market.name}: {line}", "while it is so nothing is loosened", fatal=False)
        uncovered, supply = reading.state.uncovered, reading.state.supply
        if uncovered * BPS > supply * MAX_UNCOVERED_BPS:
            what = f"{market.name}: {uncovered * 100 // supply} % of the supply is nobody's on the list"
            yield Finding(key, what, "it counts fully; governance adds the largest holders", fatal=False)


def read_feed(subject: Subject, feed: FeedSettings) -> FeedReading:
    """One feed at the head."""
    (reading,) = subject.reader.run([FEEDS[feed.kind].read(feed, subject.head)], subject.head)
    return cast("FeedReading", reading)
