"""What an operator's own values look like: URLs, switches, listening addresses. A refused URL is never repeated."""

from urllib.parse import parse_qs, urlsplit

from pydantic_core import PydanticCustomError

from keeper.config_tables import MOST_PORT, MOST_SHOWN

SERVER_SCHEME = "postgresql+psycopg"
"""SQLAlchemy's name of the one server and driver that we use."""


def check_providers(value: object) -> dict[str, str]:
    """Name -> URL of every node."""
    if not isinstance(value, dict) or not value:
        raise mistake(
            "no node is named", 'write [network.providers] with a line such as local = "http://127.0.0.1:8545"'
        )
    for name, url in value.items():
        if not isinstance(url, str) or not url.startswith(("http://", "https://")):
            # The URL is not repeated: it may hold a token.
            raise mistake(f"the URL of {name!r} is not http or https", 'write it as "https://..."')
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
        # The URL is not repeated: it may hold a token.
        raise mistake("the URL is not http or https", 'write it as "https://...", or leave it out')
    return value


def check_store_url(value: object) -> str:
    """SQLAlchemy URL of a database of a known kind, without a password."""
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
    """What a check raises: pydantic carries it to the report of all mistakes."""
    return PydanticCustomError("bulkhead", "{what}", {"what": what, "remedy": remedy})
