"""Writes a key into a keystore v3 that nobody else can read, and never anywhere else."""

import json
import os
from pathlib import Path

from keeper.errors import Refused
from keeper.records.units import Address

PRIVATE = 0o600


def new_keystore(file: Path, password: str) -> Address:
    """Make a key and write it, encrypted, with mode 0600; returns its address.

    Raises
    ------
    Refused
        The file exists: it may hold a key in use.
    """
    from eth_account import Account

    account = Account.create()
    write_private(file, json.dumps(Account.encrypt(account.key, password)))
    return Address(account.address.lower())


def write_private(file: Path, text: str) -> None:
    """Write a file that did not exist, readable by its owner alone from its first byte on.

    Raises
    ------
    Refused
        It exists, or its folder takes no file.
    """
    try:
        handle = os.open(file, os.O_WRONLY | os.O_CREAT | os.O_EXCL, PRIVATE)
    except FileExistsError:
        raise Refused(f"{file} exists and may hold a key in use", "move it away first") from None
    except OSError as error:
        raise Refused(f"{file} cannot be written: {error.strerror}", "name a file in a folder of yours") from None
    with os.fdopen(handle, "w", encoding="utf-8") as sink:
        sink.write(text)
