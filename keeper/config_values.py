"""Checks of single values that are more than a number or a word: addresses, URLs, names of accounts."""

from urllib.parse import parse_qs, urlsplit

from pydantic_core import PydanticCustomError

from keeper.config_tables import MOST_PORT, MOST_SHOWN
from keeper.maths.keccak import checksummed

SERVER_SCHEME = "postgresql+psycopg"
"""SQLAlchemy's name of the one server and driver that we use."""


def _check_hex(value: object, size: int, what: str, example: str) -> str:
    text = value.lower() if isinstance(value, str) else ""
    digits = text.removeprefix("0x")
    if not text.startswith("0x") or len(digits) != 2 * size or not set(digits) <= set("0123456789abcdef"):
        raise mistake(f"{value!r} is not {what}", f"write 0x and {2 * size} hex digits, as {example}")
    return text


def check_address(value: object) -> str:
    """An address in lower case; mixed case must be its EIP-55 form."""
    address = _check_hex(value, 20, "an address", '"0xC02a..."')
    if value not in {address, f"0x{address[2:].upper()}", checksummed(address)}:
        raise mistake(f"{value!r} fails its checksum (EIP-55): a letter is wrong", "copy it anew, or all in lower case")
    return address


def check_bytes32(value: object) -> bytes:
    """32 bytes."""
    if isinstance(value, bytes):
        return value
    return bytes.fromhex(_check_hex(value, 32, "32 bytes", '"0x0000..."')[2:])


def check_providers(value: object) -> dict[str, str]:
    """Name -> URL of every node."""
    if not isinstance(value, dict) or not value:
        raise mistake(
            "no node is named", 'write [network.providers] with a line such as local = "http://127.0.0.1:8545"'
        )
    first: dict[str, str] = {}
    for name, url in value.items():
        # No URL is repeated: it may hold a token.
        if not isinstance(url, str) or not _is_http(url):
            raise mistake(f"the URL of {name!r} is not http or https", 'write it as "https://..."')
        if url in first:
            what = f"{first[url]!r} and {name!r} have one URL, and a node can't check itself"
            raise mistake(what, "name another node, or write allow_single_provider = true")
        first[url] = name
    return value


def _is_http(url: str) -> bool:
    try:
        parts = urlsplit(url)
        return parts.scheme in {"http", "https"} and bool(parts.hostname) and (parts.port or 1) > 0
    except ValueError:
        return False


def check_signer_url(value: object) -> str:
    """URL of a remote signer."""
    if not isinstance(value, str) or not _is_http(value):
        # Not repeated: it may hold a token.
        raise mistake("is not an http or https URL", 'write it as "http://127.0.0.1:9000"')
    return value


def check_account(value: object) -> str:
    """Name of a Foundry account, which is a file name."""
    if not isinstance(value, str) or not value.strip() or "/" in value or value.startswith("."):
        raise mistake(f"{value!r} is not the name of an account", "write the name that cast wallet list shows")
    return value


def switch(value: object) -> bool:
    """A boolean, which the environment has as text."""
    if value in ("true", "false"):
        return value == "true"
    if not isinstance(value, bool):
        raise mistake(f"{value!r} is neither true nor false", "write true or false")
    return value


def check_relay(value: object) -> str:
    """URL of the private relay, or nothing."""
    if not isinstance(value, str) or (value and not value.startswith(("http://", "https://"))):
        # Not repeated: it may hold a token.
        raise mistake("is not an http or https URL", 'write it as "https://...", or leave it out')
    return value


def check_store_url(value: object) -> str:
    """SQLAlchemy URL of a database that we know, without a password."""
    scheme = value.partition("://")[0] if isinstance(value, str) else str(value)
    if value and scheme not in {"sqlite", SERVER_SCHEME}:
        raise mistake(
            f"{scheme[:MOST_SHOWN]!a} is not a database this version knows",
            f'write url = "sqlite:///keeper.sqlite", or "{SERVER_SCHEME}://user@host/database"',
        )
    if scheme == SERVER_SCHEME and _has_password(str(value)):
        # The password is not repeated.
        raise mistake("the URL holds a password", "leave it out; PostgreSQL's PGPASSFILE names a file that has it")
    return str(value)


def _has_password(url: str) -> bool:
    try:
        parts = urlsplit(url)
        return bool(parts.password) or "password" in parse_qs(parts.query)
    except ValueError:
        return "@" in url


def check_listen(value: object) -> str:
    """``host:port`` or nothing; port 0 is any free one."""
    text = value if isinstance(value, str) else "?"
    host, colon, port = text.rpartition(":")
    if text and not (colon and host and port.isascii() and port.isdigit() and int(port) <= MOST_PORT):
        raise mistake(f"{value!r} is not host:port", 'write listen = "127.0.0.1:9464", or "" for none')
    return text


def mistake(what: str, remedy: str) -> PydanticCustomError:
    """What pydantic hands on as ours: one line, and the remedy."""
    return PydanticCustomError("bulkhead", "{what}", {"what": what, "remedy": remedy})
