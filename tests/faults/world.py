"""The world of a fault: one devnet a session, put back after every test; nodes behind proxies; a keeper in process."""

import random
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

from eth_account import Account
from faults.proxy import FaultProxy

from keeper.config import Config, Provider, load_config
from keeper.config_keys import Secret
from keeper.cycle import CycleResult, Ports, run_cycle
from keeper.errors import KeeperError
from keeper.protocols.bulkhead_events import Event, ReportApplied, decode_event
from keeper.records.outcome import UNMINED, Outcome
from keeper.testing import world
from keeper.testing.client import DevChain
from keeper.testing.devnet import Devnet, write_operator_files
from keeper.testing.market import Market, trade_block
from keeper.wiring import open_ports

GWEI = 10**9
BASE_FEE = 2 * GWEI
"""What a test begins with."""
PAST_END = 2
"""Blocks past a window's end after which its sample counts."""


@dataclass
class World:
    """A devnet and its market makers."""

    chain: DevChain
    devnet: Devnet
    prices: list[float] = field(default_factory=list)
    chance: random.Random = field(default_factory=lambda: random.Random(7))

    def __post_init__(self) -> None:
        self.prices = list(self.devnet.prices)
        rows = self.devnet.settings.markets
        self._markets = [Market(self.chain, self.devnet.uniswap, row, self.devnet.trader) for row in rows]

    @property
    def address(self) -> str:
        """The keeper's account."""
        return str(Account.from_key(self.devnet.keeper_keys[0]).address)

    def trade(self, blocks: int = 1, move: float = 1.0, base_fee: int | None = None) -> None:
        """Blocks of trades, each moving every price by a factor; what waits in the mempool is mined along."""
        for _ in range(blocks):
            if base_fee is not None:
                self.chain.rpc("anvil_setNextBlockBaseFeePerGas", hex(base_fee))
            noise = [1 + self.chance.gauss(0, 0.001) for _ in self.prices]
            self.prices = [price * move * each for price, each in zip(self.prices, noise, strict=True)]
            trade_block(self.chain, self._markets, self.prices, self.chance)

    def window(self, move: float = 1.0, base_fee: int | None = None) -> None:
        """Trade to two blocks past the next window's end, over which prices move by a factor in all."""
        blocks = 0
        while True:
            blocks += 1
            if (self.chain.block().number + blocks) % world.CADENCE == PAST_END and blocks >= world.CADENCE:
                break
        self.trade(blocks, move ** (1 / blocks), base_fee)

    def crash(self, base_fee: int | None = None) -> None:
        """A window in which prices fall by 30 %: every market is to be tightened."""
        self.window(0.7, base_fee)

    def govern(self, signature: str, *values: object) -> dict[str, Any]:
        """A call of the administrator, mined."""
        return self.chain.transact(self.devnet.admin, self.devnet.contract, signature, *values)

    def block_with(self, raws: list[str]) -> None:
        """One block with exactly these transactions of the key, whatever waits in the mempool."""
        for row in self.pending():
            self.chain.rpc("anvil_dropTransaction", row)
        for raw in raws:
            self.chain.rpc("eth_sendRawTransaction", raw)
        self.chain.mine()

    def mine(self, blocks: int = 1, base_fee: int | None = None) -> None:
        """Blocks without trades, at a base fee if one is given."""
        for _ in range(blocks):
            if base_fee is not None:
                self.chain.rpc("anvil_setNextBlockBaseFeePerGas", hex(base_fee))
            self.chain.mine()

    def pending(self) -> list[str]:
        """Hashes of the key's transactions that wait, lowest nonce first."""
        content = self.chain.rpc("txpool_content")
        found = []
        for part in ("pending", "queued"):
            rows = {key.lower(): value for key, value in content[part].items()}.get(self.address.lower(), {})
            found += [row["hash"] for _, row in sorted(rows.items(), key=lambda item: int(item[0]))]
        return found

    def nonce(self) -> int:
        """Transactions of the key that were mined."""
        return int(self.chain.rpc("eth_getTransactionCount", self.address, "latest"), 16)

    def events(self) -> list[Event]:
        """The contract's events, in chain order."""
        found = [self.decoded(row) for row in self.chain.logs(self.devnet.contract)]
        return [event for event in found if event is not None]

    @staticmethod
    def decoded(row: dict[str, Any]) -> Event | None:
        """One log of the contract."""
        topics = [bytes.fromhex(topic[2:]) for topic in row["topics"]]
        return decode_event(topics, bytes.fromhex(row["data"][2:]))

    def applied(self) -> Counter[tuple[bytes, int]]:
        """How often each observed block of each market was applied: the contract's own count of duplicates."""
        rows = [event for event in self.events() if isinstance(event, ReportApplied)]
        return Counter((row.market, row.live.observed_block) for row in rows)

    def haircuts(self) -> list[int]:
        """Newest applied haircut of every market, bps."""
        rows = {event.market: event.live.haircut_bps for event in self.events() if isinstance(event, ReportApplied)}
        return [rows.get(market, 0) for market in self.devnet.market_keys]

    def whole(self) -> None:
        """Nothing doubled: the acceptance of every run."""
        assert set(self.applied().values()) <= {1}


@dataclass
class Keeper:
    """A keeper in this process, through the real wiring."""

    ports: Ports
    said: list[tuple[str, dict[str, Any]]]

    def cycle(self) -> CycleResult | KeeperError:
        """One tick of the daemon; what the outside world did wrong waits for the next one."""
        try:
            return run_cycle(self.ports)
        except KeeperError as error:
            return error

    def rows(self) -> list[Outcome]:
        """Every intent, oldest first."""
        return list(reversed(self.ports.intents.outcomes(1_000)))

    def unmined(self) -> list[Outcome]:
        """Intents that hold a nonce which is not used."""
        return [row for row in self.rows() if row.state in UNMINED]

    def events(self, name: str) -> list[dict[str, Any]]:
        """Fields of every event of a name."""
        return [fields for event, fields in self.said if event == name]


def config_of(devnet: Devnet, folder: Path, urls: list[str], **operator: Any) -> Config:
    """Configuration of one keeper over some nodes."""
    config = load_config(write_operator_files(devnet, folder), {})
    providers = tuple(Provider(f"node{at}", Secret(url)) for at, url in enumerate(urls))
    return replace(config, operator=replace(config.operator, providers=providers, **operator))


@contextmanager
def keeper(config: Config, *, broadcast: bool = True) -> Iterator[Keeper]:
    """Open a keeper; leave the body to stop it."""
    said: list[tuple[str, dict[str, Any]]] = []
    with open_ports(config, broadcast=broadcast, emit=lambda event, **fields: said.append((event, fields))) as ports:
        yield Keeper(ports, said)


@contextmanager
def nodes(url: str, count: int = 1, **options: Any) -> Iterator[list[FaultProxy]]:
    """Proxies in front of one chain."""
    made = [FaultProxy(url, **options) for _ in range(count)]
    try:
        yield made
    finally:
        for proxy in made:
            proxy.close()
