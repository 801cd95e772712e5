"""Opens a key in this process: a raw one, or a keystore v3 with its password (reliability.md B6)."""

from __future__ import annotations

import json
import re
from contextlib import suppress
from typing import TYPE_CHECKING

from keeper.chain.ecdsa import EcdsaSignature, unpack
from keeper.chain.signer import DigestKey
from keeper.errors import ConfigError
from keeper.records.units import Address

if TYPE_CHECKING:
    from pathlib import Path

    from eth_account.signers.local import LocalAccount

RAW_KEY_DIGITS = 64
KEYSTORE_VERSION = 3


def local_key(account: LocalAccount) -> DigestKey:
    """An opened key as one that the guard may ask."""

    def sign(digest: bytes) -> EcdsaSignature:
        from eth_typing import Hash32

        return unpack(bytes(account.unsafe_sign_hash(Hash32(digest)).signature))

    return DigestKey(Address(account.address.lower()), sign)


def open_account(
    file: Path | None, password_file: Path | None, private_key: str | None = None, password: str | None = None
) -> LocalAccount:
    """Open a raw key (hex, from a file or the environment) or a Web3 keystore v3 with its password.

    Raises
    ------
    ConfigError
        The file is neither, the password is missing or wrong. The message never holds the secret.
    """
    from eth_account import Account

    if file is None:
        return _raw(private_key or "", "the environment")
    text = file.read_text("utf-8").strip()
    if not text.startswith("{"):
        return _raw(text, str(file))
    if password is None:
        if password_file is None:
            raise ConfigError(f"the keystore {file} needs a password", "set [keeper] password_file")
        password = read_password(password_file)
    try:
        document = json.loads(text)
        # Version 4 (EIP-2335) holds keys of validators; the library knows no other.
        if document["version"] != KEYSTORE_VERSION:
            raise ConfigError(f"{file} is no keystore of version {KEYSTORE_VERSION}", "export the key as one")
        account: LocalAccount = Account.from_key(Account.decrypt(document, password))
    except (ValueError, KeyError, TypeError):
        # The cause stays out: its text may hold parts of the file.
        remedy = "check the password, and that it is a keystore v3 with scrypt or pbkdf2"
        raise ConfigError(f"the keystore {file} does not open", remedy) from None
    return account


def read_password(file: Path) -> str:
    """The file's text without one newline at its end."""
    # What an editor or echo appended, and no more: a password may end in blanks or in further newlines.
    return re.sub(r"\r?\n\Z", "", file.read_bytes().decode("utf-8", "replace"))


def _raw(text: str, source: str) -> LocalAccount:
    from eth_account import Account
    from eth_utils.exceptions import ValidationError

    digits = text.removeprefix("0x")
    if len(digits) == RAW_KEY_DIGITS:
        # eth-keys has a kind of its own for a number outside the curve's order, and repeats the key in its text.
        with suppress(ValueError, ValidationError):
            account: LocalAccount = Account.from_key(bytes.fromhex(digits))
            return account
    raise ConfigError(f"the key from {source} is not 32 bytes of hex", "write 64 hex digits, or use a keystore v3")
