"""Where the operator's key is: what the configuration may say of it, and what of that is a secret."""

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from keeper.config_files import check_secret_file
from keeper.config_schema import Problem
from keeper.records.units import Address

SECRET_VARIABLES = {
    "private_key": "BULKHEAD_KEEPER__PRIVATE_KEY",
    "password": "BULKHEAD_KEEPER__PASSWORD",
    "notify_urls": "BULKHEAD_MONITOR__NOTIFY_URLS",
}
"""Values that are never read from the TOML."""
FOUNDRY_KEYSTORES = Path("~/.foundry/keystores")
"""Where ``cast wallet import <name>`` puts a keystore v3."""
PLACES = ("key_file", "foundry_account", "signer_url")


class Secret:
    """A string that no print, log, traceback or comparison shows."""

    __slots__ = ("_value",)

    def __init__(self, value: str) -> None:
        self._value = value

    def reveal(self) -> str:
        """The value itself; call it only where it is used."""
        return self._value

    def __repr__(self) -> str:
        return "Secret(***)"

    __str__ = __repr__


@dataclass(frozen=True, slots=True)
class KeySource:
    """Where the signing key is: a file, the environment, or a remote signer. One of them."""

    file: Path | None = None
    """Keystore v3 JSON, or 32 bytes of hex for development; mode 0600 or stricter."""
    password_file: Path | None = None
    """Password of the keystore, mode 0600 or stricter."""
    private_key: Secret | None = None
    """Raw key from the environment."""
    password: Secret | None = None
    """Keystore password from the environment."""
    signer_url: Secret | None = None
    """JSON-RPC of a remote signer; who may call it may sign."""
    signer_address: Address | None = None
    """Whose signatures the remote signer is asked for."""


def key_source(keeper: Mapping[str, str], folder: Path, environment: Mapping[str, str]) -> KeySource | None:
    """What the table [keeper] and the environment say; None: no key, so nothing can be sent."""
    private_key, password = (environment.get(SECRET_VARIABLES[name]) for name in ("private_key", "password"))
    if private_key:
        return KeySource(private_key=Secret(private_key))
    if keeper.get("signer_url"):
        address = keeper.get("signer_address", "").lower()
        return KeySource(signer_url=Secret(keeper["signer_url"]), signer_address=Address(address))
    name = keeper.get("key_file") or (
        str(FOUNDRY_KEYSTORES / keeper["foundry_account"]) if keeper.get("foundry_account") else ""
    )
    if not name:
        return None
    password_file = keeper.get("password_file")
    return KeySource(
        folder / Path(name).expanduser(),
        folder / Path(password_file).expanduser() if password_file else None,
        password=Secret(password) if password else None,
    )


def check_key(keeper: Mapping[str, str], source: KeySource | None, environment: Mapping[str, str]) -> list[Problem]:
    """Faults of where the key is; nothing is opened."""
    named = [name for name in PLACES if keeper.get(name)]
    if len(named) > 1:
        what = f"{' and '.join(named)} are both set, and there is one key"
        return [Problem(f"keeper.{named[1]}", what, "keep one of them")]
    if keeper.get("signer_address") and "signer_url" not in named:
        return [Problem("keeper.signer_address", "is set without signer_url", "set both, or none")]
    if source is None:
        return _leftovers(keeper, environment)
    if source.signer_url and not source.signer_address:
        return [Problem("keeper.signer_address", "is missing", "write the address whose key the remote signer holds")]
    if not source.file:
        return []
    key = f"keeper.{named[0]}"
    problems = check_secret_file(key, source.file)
    return problems + (check_secret_file("keeper.password_file", source.password_file) if source.password_file else [])


def _leftovers(keeper: Mapping[str, str], environment: Mapping[str, str]) -> list[Problem]:
    """A password without a keystore: somebody believes to have configured a key."""
    if keeper.get("password_file"):
        return [Problem("keeper.password_file", "is set without key_file", "name the keystore too, or remove it")]
    if environment.get(SECRET_VARIABLES["password"]):
        what, remedy = "is set without a keystore", "name it as keeper.key_file, or unset the variable"
        return [Problem(SECRET_VARIABLES["password"], what, remedy)]
    return []


def dump_key(source: KeySource | None) -> dict[str, str]:
    """What the TOML says of the key; what comes from the environment is not written."""
    if source is None:
        return {}
    rows = {"key_file": source.file, "password_file": source.password_file, "signer_address": source.signer_address}
    named = {name: str(value) for name, value in rows.items() if value}
    return named | ({"signer_url": source.signer_url.reveal()} if source.signer_url else {})
