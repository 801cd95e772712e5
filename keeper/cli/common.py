"""What every command needs: its options, the configuration, a chain to ask, a market by name."""

from collections.abc import Iterator
from contextlib import AbstractContextManager, contextmanager
from dataclasses import dataclass
from pathlib import Path
from string import hexdigits
from typing import TYPE_CHECKING, Annotated

import typer

from keeper.errors import ConfigError, Refused, RetryLater

if TYPE_CHECKING:
    from keeper.chain.endpoint import Endpoint
    from keeper.chain.node import ContractNode
    from keeper.chain.reader import Reader
    from keeper.config import Config
    from keeper.published import History
    from keeper.records.settings import MarketSettings, Settings
    from keeper.records.units import Address

DEFAULT_CONFIG = Path("keeper.toml")
KEY_DIGITS = 64
ADDRESS_LENGTH = 42

Json = Annotated[bool, typer.Option("--json", help="One JSON document on stdout, also on failure.")]
Market = Annotated[
    str, typer.Argument(help="Name of a market as the settings have it, or its key.", show_default=False)
]
Context = typer.Context


@dataclass(slots=True)
class Options:
    """Global options."""

    config: Path = DEFAULT_CONFIG
    log_level: str = "info"
    log_format: str = "plain"


@dataclass(frozen=True, slots=True)
class Chain:
    """One contract on one chain, to ask questions of."""

    rpc: "Endpoint"
    reader: "Reader"
    node: "ContractNode"
    contract: "Address"
    chain_id: int
    start_block: int
    origin: str
    """The setting or option that names the contract."""

    def history(self) -> "History":
        """Everything the contract published up to now."""
        from keeper.published import read_history

        self.require_ours()
        head = self.reader.block("latest").number
        return read_history(self.node, self.contract, self.chain_id, self.start_block, head)

    def require_ours(self) -> None:
        """Tell a wrong address from a contract in which nothing happened yet.

        Raises
        ------
        ConfigError
            There is no code at the address, or it is another contract's.
        """
        from keeper.chain.views import code_size, view

        remedy = "write the address of CollateralParameters on this chain"
        if code_size(self.rpc, self.contract) == 0:
            raise ConfigError(f"{self.origin}: {self.contract} is an account without code", remedy)
        try:
            view(self.rpc, self.contract, "settingsHash()", ("bytes32",))
        except Refused as error:
            raise ConfigError(f"{self.origin}: {error.message}", remedy) from None


def configuration(context: Context) -> "Config":
    """The configuration named by ``--config``."""
    from keeper.cli.log import mask
    from keeper.config import load_config
    from keeper.config_secrets import secrets_of

    options: Options = context.obj
    config = load_config(options.config)
    mask(secrets_of(config))
    return config


@contextmanager
def open_chain(config: "Config") -> Iterator[Chain]:
    """The configured nodes."""
    from keeper.chain.node import ContractNode
    from keeper.checks import connect
    from keeper.cli.log import emit
    from keeper.reading import open_quorum_reader

    rpc = connect(config, emit)
    operator = config.operator
    reader = open_quorum_reader(rpc, emit, operator.call_gas)
    node = ContractNode(rpc, operator.contract)
    try:
        yield Chain(rpc, reader, node, operator.contract, operator.chain_id, operator.start_block, "network.contract")
    finally:
        rpc.close()


@contextmanager
def open_bare_chain(url: str, contract: str) -> Iterator[Chain]:
    """A node and a contract, without any configuration."""
    from keeper.chain.node import ContractNode
    from keeper.chain.rpc import Rpc
    from keeper.reading import open_reader
    from keeper.records.units import Address

    address = contract.lower()
    if len(address) != ADDRESS_LENGTH or not address.startswith("0x") or not set(address[2:]) <= set(hexdigits):
        raise ConfigError(f"--contract: {contract!r} is not an address", "write 0x and 40 hex digits")
    if not url.startswith(("http://", "https://")):
        raise ConfigError("--rpc: the URL is not http or https", 'write it as "https://..."')
    rpc = Rpc("given", url)
    try:
        chain_id = int(rpc.call("eth_chainId"), 16)
        found = Address(address)
        yield Chain(rpc, open_reader(rpc), ContractNode(rpc, found), found, chain_id, 0, "--contract")
    finally:
        rpc.close()


def bare_or_configured(context: Context, rpc: str, contract: str) -> AbstractContextManager[Chain]:
    """The node and contract of ``--rpc`` and ``--contract``, else of the configuration.

    Raises
    ------
    ConfigError
        Only one of the two options is given.
    """
    if bool(rpc) != bool(contract):
        raise ConfigError("--rpc and --contract belong together", "give both, or neither and a configuration")
    return open_bare_chain(rpc, contract) if rpc else open_chain(configuration(context))


def find_market(settings: "Settings", name: str) -> "tuple[bytes, MarketSettings]":
    """(key, settings) of a market by name or key.

    Raises
    ------
    ConfigError
        There is none.
    """
    from keeper.risk.keys import market_key

    digits = name.lower().removeprefix("0x")
    for market in settings.markets:
        key = market_key(settings.chain_id, market)
        if market.name.lower() == name.lower() or (len(digits) == KEY_DIGITS and key.hex() == digits):
            return key, market
    names = ", ".join(market.name for market in settings.markets)
    raise ConfigError(f"there is no market {name!r}", f"choose from: {names}")


def now_settings(history: "History") -> "Settings":
    """Settings in force at the last block of the history."""
    if not history.adopted:
        raise RetryLater("the contract has no settings yet", "governance sets them with setSettings")
    settings = history.settings_at(history.up_to)
    for market in settings.markets:
        if not market.name.isprintable():
            # Anybody's contract can be named on the command line; its words must not steer the terminal.
            raise Refused(f"its settings name a market {ascii(market.name)[:80]}", "check the address of the contract")
    return settings
