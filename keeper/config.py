"""One TOML file plus environment become two frozen records: what the operator chose and what governance set.

Every mistake is found before anything is reported: :class:`ConfigError` carries one line a mistake, naming the key and
the remedy. ``BULKHEAD_<TABLE>__<KEY>`` overrides the file; secrets come from files or the environment only.
"""

import os
import tomllib
from collections.abc import Mapping
from dataclasses import dataclass, field, fields
from pathlib import Path
from typing import Any

from keeper.config_files import check_notify, check_secret_file
from keeper.config_keys import SECRET_VARIABLES, KeySource, Secret, check_key, dump_key, key_source
from keeper.config_rules import money
from keeper.config_schema import Problem, build_settings, check_document
from keeper.config_tables import KEEPER_NUMBERS
from keeper.config_values import SERVER_SCHEME
from keeper.errors import ConfigError
from keeper.records.settings import Settings
from keeper.records.units import Address

ENVIRONMENT_PREFIX = "BULKHEAD_"
NETWORK_NUMBERS = ("emergency_quorum", "max_reply_mib")
DEFAULT_LISTEN = "127.0.0.1:9464"
"""Loopback: the answers name markets and balances. 9464 is the port that exporters of Prometheus text share."""


@dataclass(frozen=True, slots=True)
class Provider:
    """One node."""

    name: str
    """What logs call it; its URL may hold a token."""
    url: Secret


@dataclass(frozen=True, slots=True)
class Operator:
    """What is local to one operator; none of it may change a signed byte."""

    network: str
    """Name for people."""
    chain_id: int
    contract: Address
    """``CollateralParameters``."""
    providers: tuple[Provider, ...]
    """In the order in which they are tried."""
    key: KeySource | None
    """None: nothing can be sent (shadow mode)."""
    data_dir: Path
    """Holds the database, its lock and evidence exports."""
    store_url: str
    """SQLAlchemy URL."""
    poll_seconds: int = 4
    """Time between two looks at the chain's head."""
    max_fee_gwei: int = 80
    """Nothing routine is signed above this maxFeePerGas: loosening, heartbeat, upkeep."""
    emergency_fee_gwei: int = 1_500
    """Nothing at all is signed above this maxFeePerGas; tightening may cost as much."""
    tip_gwei_milli: int = 10
    """Least priority fee, thousandths of a gwei; the market's low tips count up to 10 gwei."""
    in_flight: int = 1
    """Unmined transactions that routine ones may be at once."""
    market_budget_gwei: int = 50_000_000
    """Most that routine transactions of one market may cost in 24 hours: 0.05 of the coin."""
    market_reserve_gwei: int = 10_000_000_000
    """Most that tightening one market may cost in 24 hours: 20 reports of 300,000 gas at the emergency cap."""
    key_budget_gwei: int = 1_000_000_000
    """Most that routine transactions of all markets may cost in 24 hours: 1 of the coin."""
    gas_limit: int = 8_000_000
    """Most gas that one transaction may ask for."""
    call_gas: int = 50_000_000
    """Gas given to one snapshot's eth_call; more is split."""
    private_relay: Secret | None = None
    """Shown every transaction first, for three blocks; None: all nodes are at once."""
    allow_single_provider: bool = False
    """One node may be enough: nobody checks what it says."""
    emergency_quorum: int = 1
    """Nodes that must agree while all others are unreachable: 1 lets one alone tighten, 2 waits."""
    max_reply_mib: int = 16
    """A longer reply of a node is given up."""
    start_block: int = 0
    """Where the contract's events begin; earlier blocks are never searched."""
    listen: str = DEFAULT_LISTEN
    """Host and port of health and metrics; empty = off."""
    notify_file: Path | None = None
    """URLs of notification services, one a line, mode 0600 or stricter."""
    notify_urls: Secret | None = None
    """Likewise, from the environment."""
    source: Path | None = field(default=None, compare=False)
    """The TOML it came from."""


@dataclass(frozen=True, slots=True)
class Config:
    """Both halves."""

    operator: Operator
    settings: Settings


def load_config(path: Path, environment: Mapping[str, str] | None = None) -> Config:
    """Read, override, check; report every mistake together.

    Raises
    ------
    ConfigError
        With all problems found, one line each.
    """
    environment = os.environ if environment is None else environment
    document = _read(path)
    origins = _override(document, environment)
    problems = check_document(document)
    wrong = {problem.key for problem in problems}
    problems += [problem for problem in _check_files(document, path, environment) if problem.key not in wrong]
    if not problems:
        problems = [Problem(*row) for row in money(_numbers(document))]
    if not problems:
        return Config(_operator(document, path, environment), build_settings(document))
    lines = tuple(_line(problem, origins) for problem in problems)
    plural = "mistake" if len(lines) == 1 else "mistakes"
    raise ConfigError(f"{len(lines)} {plural} in {path}", "correct them and start again", lines)


def _read(path: Path) -> dict[str, Any]:
    try:
        return tomllib.loads(path.read_text("utf-8"))
    except FileNotFoundError:
        raise ConfigError(
            f"{path}: there is no such file", "make one with: keeper init, or name it with --config"
        ) from None
    except (OSError, UnicodeDecodeError) as error:
        raise ConfigError(f"{path}: cannot be read: {error}", "make it a readable UTF-8 file") from None
    except tomllib.TOMLDecodeError as error:
        raise ConfigError(f"{path}: not TOML: {error}", "correct that line") from None


def _override(document: dict[str, Any], environment: Mapping[str, str]) -> dict[str, str]:
    """Put ``BULKHEAD_<TABLE>__<KEY>`` into the document; returns key -> variable, for the messages."""
    origins = {}
    for variable in sorted(environment):
        if not variable.startswith(ENVIRONMENT_PREFIX) or "__" not in variable:
            continue
        if variable in SECRET_VARIABLES.values():
            continue
        *tables, key = variable.removeprefix(ENVIRONMENT_PREFIX).lower().split("__")
        table = document
        for name in tables:
            table = table.setdefault(name, {})
            if not isinstance(table, dict):
                what = f"{variable}: {name} is no table that the environment can reach into"
                raise ConfigError(what, "unset it, and write that key into the file")
        table[key] = environment[variable]
        origins[".".join((*tables, key))] = variable
    return origins


def _operator(document: dict[str, Any], path: Path, environment: Mapping[str, str]) -> Operator:
    network, keeper = document["network"], document.get("keeper", {})
    folder = path.resolve().parent
    data_dir = folder / keeper.get("data_dir", ".bulkhead")
    return Operator(
        network=network["name"],
        chain_id=int(network["chain_id"]),
        contract=Address(network["contract"].lower()),
        providers=tuple(Provider(name, Secret(url)) for name, url in network["providers"].items()),
        key=key_source(keeper, folder, environment),
        data_dir=data_dir,
        store_url=_store_url(document.get("store", {}).get("url", ""), data_dir, folder),
        private_relay=Secret(relay) if (relay := network.get("private_relay")) else None,
        allow_single_provider=network.get("allow_single_provider", False) in (True, "true"),
        **{name: int(network[name]) for name in NETWORK_NUMBERS if name in network},
        listen=document.get("monitor", {}).get("listen", DEFAULT_LISTEN),
        notify_file=_notify_file(document.get("monitor", {}), folder),
        notify_urls=Secret(urls) if (urls := environment.get(SECRET_VARIABLES["notify_urls"])) else None,
        source=path,
        **{name: int(keeper[name]) for name in KEEPER_NUMBERS if name in keeper},
    )


def _numbers(document: Mapping[str, Any]) -> dict[str, int]:
    """The whole numbers of [keeper], given or by default."""
    given = document.get("keeper", {})
    defaults = {row.name: row.default for row in fields(Operator) if row.name in KEEPER_NUMBERS}
    return {name: int(given.get(name, default)) for name, default in defaults.items()}


def _notify_file(monitor: Mapping[str, Any], folder: Path) -> Path | None:
    name = monitor.get("notify_file")
    return folder / Path(name).expanduser() if name else None


def _store_url(url: str, data_dir: Path, folder: Path) -> str:
    if not url:
        return f"sqlite:///{data_dir / 'keeper.sqlite'}"
    if url.startswith(SERVER_SCHEME):
        return url
    return f"sqlite:///{folder / url.removeprefix('sqlite:///')}"


def _check_files(document: Mapping[str, Any], path: Path, environment: Mapping[str, str]) -> list[Problem]:
    """Faults of the key and of the secret files that are named; a name that is no text is found elsewhere."""
    folder = path.resolve().parent
    keeper = _texts(document, "keeper")
    notify = _notify_file(_texts(document, "monitor"), folder)
    problems = check_key(keeper, key_source(keeper, folder, environment), environment)
    problems += check_secret_file("monitor.notify_file", notify) if notify else []
    if not problems:
        problems += check_notify(notify, SECRET_VARIABLES["notify_urls"], environment)
    return problems


def _texts(document: Mapping[str, Any], name: str) -> dict[str, str]:
    table = document.get(name)
    return {key: value for key, value in table.items() if isinstance(value, str)} if isinstance(table, dict) else {}


def _line(problem: Problem, origins: Mapping[str, str]) -> str:
    where = f"{problem.key} (from {origins[problem.key]})" if problem.key in origins else problem.key
    return f"{where}: {problem.what}; {problem.remedy}"


def dump_toml(operator: Operator, settings: Settings) -> str:
    """The TOML that :func:`load_config` turns back into the same two records. Secrets are not written."""
    from keeper.config_dump import dump

    keeper: dict[str, Any] = {
        "data_dir": str(operator.data_dir),
        **{name: getattr(operator, name) for name in KEEPER_NUMBERS},
    }
    keeper |= dump_key(operator.key)
    network = {
        "name": operator.network,
        "chain_id": operator.chain_id,
        "contract": operator.contract,
        "allow_single_provider": operator.allow_single_provider,
        **{name: getattr(operator, name) for name in NETWORK_NUMBERS},
        "providers": {provider.name: provider.url.reveal() for provider in operator.providers},
    }
    if operator.private_relay:
        network["private_relay"] = operator.private_relay.reveal()
    monitor = {"listen": operator.listen}
    if operator.notify_file:
        monitor["notify_file"] = str(operator.notify_file)
    return dump(network, keeper, {"url": operator.store_url}, settings, monitor)
