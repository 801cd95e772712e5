"""Everything of a configuration that no log, metric or message may show."""

from collections.abc import Iterator
from pathlib import Path
from urllib.parse import urlsplit

from keeper.config import Config

TOKEN_LETTERS = 8
"""A path segment as long as this may be a token; a shorter one is a word such as ``mainnet``."""


def secrets_of(config: Config) -> list[str]:
    """Tokens in URLs, the key, its password, notification URLs."""
    operator = config.operator
    urls = [*(provider.url for provider in operator.providers), *filter(None, [operator.private_relay])]
    found = [piece for url in urls for piece in _of_url(url.reveal())]
    found += list(_of_url(operator.private_relay.reveal())) if operator.private_relay else []
    if key := operator.key:
        found += [secret.reveal() for secret in (key.private_key, key.password) if secret]
        found += [text for file in (key.file, key.password_file) if (text := _text(file))]
        found += [row.removeprefix("0x") for row in found]
        found += _of_url(key.signer_url.reveal()) if key.signer_url else []
    notify = [operator.notify_urls.reveal()] if operator.notify_urls else []
    for row in (*notify, _text(operator.notify_file)):
        for word in row.split():
            url = word.partition("=")[2] if word.startswith(("page=", "warn=")) else word
            found += _of_url(url)
    return found


def _text(file: Path | None) -> str:
    return file.read_text("utf-8", "replace").strip() if file else ""


def _of_url(url: str) -> Iterator[str]:
    try:
        parts = urlsplit(url)
    except ValueError:
        yield url
        return
    pieces = (parts.query, parts.password or "", *(row for row in parts.path.split("/") if len(row) >= TOKEN_LETTERS))
    # A bare host is no secret, and logs name it.
    if any(pieces) or parts.username:
        yield from (url, parts.username or "", *pieces)
