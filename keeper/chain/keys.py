"""The signing key: signs batches and transactions to our contract, and nothing else (reliability.md B6)."""

from __future__ import annotations

import json
from contextlib import suppress
from typing import TYPE_CHECKING

from keeper.errors import ConfigError, Refused
from keeper.records.outcome import TxFields
from keeper.records.report import Signature
from keeper.records.units import Address

if TYPE_CHECKING:
    from collections.abc import Collection
    from pathlib import Path

    from eth_account.signers.local import LocalAccount

RAW_KEY_DIGITS = 64
KEYSTORE_VERSION = 3


class KeySigner:
    """Signs for one address.

    Parameters
    ----------
    account
        The opened key.
    contract
        The only destination that is ever signed for, besides the key itself for a no-op that frees a nonce.
    selectors
        The only functions that are ever called, 4 bytes each.
    """

    def __init__(self, account: LocalAccount, contract: Address, selectors: Collection[bytes]) -> None:
        self._account = account
        self._contract = contract
        self._selectors = frozenset(selectors)
        self.address = Address(account.address.lower())

    def __repr__(self) -> str:
        return f"KeySigner({self.address})"

    def sign_batch(self, digest: bytes) -> Signature:
        """Sign an EIP-712 batch digest, 32 bytes, of the configured domain."""
        from eth_typing import Hash32

        return Signature(self.address, bytes(self._account.unsafe_sign_hash(Hash32(digest)).signature))

    def sign_transaction(self, fields: TxFields) -> tuple[bytes, bytes]:
        """(raw bytes, hash) of a signed transaction.

        Raises
        ------
        Refused
            Destination or function is not on the list, or the signature is another key's.
        """
        from eth_account import Account

        frees_a_nonce = fields.to == self.address and not fields.data
        if not frees_a_nonce and (fields.to != self._contract or fields.data[:4] not in self._selectors):
            raise Refused(f"the key signs no call of 0x{fields.data[:4].hex()} to {fields.to}")
        signed = self._account.sign_transaction(
            {
                "type": 2,
                "chainId": fields.chain_id,
                "nonce": fields.nonce,
                "to": bytes.fromhex(fields.to[2:]),
                "data": fields.data,
                "gas": fields.gas,
                "maxFeePerGas": fields.max_fee_wei,
                "maxPriorityFeePerGas": fields.tip_wei,
                "value": 0,
            }
        )
        raw = bytes(signed.raw_transaction)
        if Account.recover_transaction(raw).lower() != self.address:
            raise Refused("the signed transaction does not recover to the configured key")
        return raw, bytes(signed.hash)


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
        password = password_file.read_text("utf-8").rstrip("\r\n")
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
