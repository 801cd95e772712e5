"""``keeper keys``: make a key, show which one is used, and rehearse putting another in its place."""

import json
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from keeper.cli.common import Context, Json, configuration, open_chain
from keeper.errors import ConfigError, Refused

if TYPE_CHECKING:
    from keeper.chain.signer import KeySigner
    from keeper.config import Config, Operator
    from keeper.records.units import Address
    from keeper.rotation import Rotation

LEAST_PASSWORD = 8
"""Letters: what a keystore's slow hash can still protect is long, but a few letters it can't."""

keys = typer.Typer(name="keys", no_args_is_help=True, rich_markup_mode=None)
PasswordFile = Annotated[Path | None, typer.Option(help="File that holds the keystore's password, mode 0600.")]


@keys.callback()
def about() -> None:
    """Make the keeper's key, show it, and rehearse its rotation. No command prints a key."""


@keys.command("new")
def new(
    file: Annotated[Path, typer.Argument(help="Where to write the keystore.", show_default=False)],
    password_file: PasswordFile = None,
    as_json: Json = False,
) -> int:
    """Make a key and write it as a keystore v3 that only you can read."""
    from keeper.cli.output import emit_json
    from keeper.keystores import new_keystore
    from keeper.maths.keccak import checksummed

    address = checksummed(new_keystore(file, _password(password_file, twice=True)))
    if as_json:
        emit_json({"address": address, "file": str(file)})
    else:
        print(f"{address}\nkeystore: {file} (mode 0600)\nnext: set keeper.key_file, or keeper keys rotate {file}")
    return 0


@keys.command("show")
def show(context: Context, as_json: Json = False) -> int:
    """Show which key is configured: its address, where it is kept, and who can read its files."""
    from keeper.cli.output import emit_json

    document = _describe(configuration(context).operator)
    if as_json:
        emit_json(document)
        return 0
    print(f"{document['address'] or 'no key: nothing can be sent'}\nkind: {document['kind']}")
    for row in document["files"]:
        print(f"{row['key']}: {row['file']} (mode {row['mode']})")
    return 0


@keys.command("rotate")
def rotate(  # noqa: PLR0917 - a command has as many parameters as options
    context: Context,
    keystore: Annotated[Path, typer.Argument(help="Keystore of the new key.", show_default=False)],
    owner: Annotated[str, typer.Option(help="Account that may call setSigners: the cold owner.")],
    password_file: PasswordFile = None,
    old: Annotated[str, typer.Option(help="Signer to replace; otherwise the configured key.")] = "",
    safe: Annotated[Path | None, typer.Option(help="Write the transaction for Safe's Transaction Builder.")] = None,
    as_json: Json = False,
) -> int:
    """Rehearse a new key in the old one's place, then print the one transaction that the owner sends."""
    from keeper.cli.output import emit_json
    from keeper.rotation import plan_rotation, rehearse_rotation

    config = configuration(context)
    signer = _open_new(config.operator, keystore, password_file)
    holder, before = _address(owner, "--owner"), _address(old, "--old") if old else _current(config.operator)
    with open_chain(config) as chain:
        chain.require_ours()
        rotation = plan_rotation(chain.rpc, chain.contract, holder, (before, signer.address))
        said = rehearse_rotation(chain.rpc, chain.reader, rotation, holder, (before, signer))
        created = chain.reader.block("latest").timestamp * 1_000
    document = _document(rotation, before, signer.address, said)
    if safe:
        _write_safe(safe, config, holder, created, rotation)
    if as_json:
        emit_json(document)
    else:
        _show_rotation(document, safe)
    return 0


def _describe(operator: "Operator") -> dict[str, Any]:
    from keeper.maths.keccak import checksummed
    from keeper.wiring import open_signer

    key = operator.key
    if key is None:
        return {"address": None, "kind": "none", "files": []}
    kind = "environment" if key.private_key else "remote signer" if key.signer_url else "file"
    files = [("key_file", key.file), ("password_file", key.password_file)]
    return {
        "address": checksummed(open_signer(operator).address),
        "kind": kind,
        "files": [
            {"key": name, "file": str(file), "mode": f"{file.stat().st_mode & 0o777:04o}"}
            for name, file in files
            if file
        ],
    }


def _password(file: Path | None, *, twice: bool = False) -> str:
    from keeper.chain.keys import read_password
    from keeper.config_files import check_secret_file

    if file is not None:
        for problem in check_secret_file("--password-file", file):
            raise ConfigError(f"{problem.key}: {problem.what}", problem.remedy)
        password = read_password(file)
    elif sys.stdin.isatty():
        password = str(typer.prompt("Password of the keystore", hide_input=True, confirmation_prompt=twice, err=True))
    else:
        raise ConfigError("nobody to ask for the password", "name a file that holds it: --password-file")
    if twice and len(password) < LEAST_PASSWORD:
        raise ConfigError(f"the password has {len(password)} letters", f"give {LEAST_PASSWORD} at least")
    return password


def _open_new(operator: "Operator", keystore: Path, password_file: Path | None) -> "KeySigner":
    from keeper.chain.keys import local_key, open_account
    from keeper.chain.signer import KeySigner
    from keeper.config_files import check_secret_file
    from keeper.hardening import forbid_core_dumps

    for problem in check_secret_file("keystore", keystore):
        raise ConfigError(f"{problem.key}: {problem.what}", problem.remedy)
    forbid_core_dumps()
    key = local_key(open_account(keystore, None, password=_password(password_file)))
    # It signs one batch for the rehearsal, and no transaction.
    return KeySigner(key, operator.chain_id, operator.contract, ())


def _current(operator: "Operator") -> "Address":
    from keeper.wiring import open_signer

    if operator.key is None:
        raise ConfigError("keeper.key_file: no key is configured that could be replaced", "name its address with --old")
    return open_signer(operator).address


def _address(text: str, option: str) -> "Address":
    from pydantic_core import PydanticCustomError

    from keeper.config_values import check_address
    from keeper.records.units import Address

    try:
        return Address(check_address(text))
    except PydanticCustomError as error:
        context = error.context or {}
        raise ConfigError(f"{option}: {context.get('what')}", str(context.get("remedy", ""))) from None


def _document(rotation: "Rotation", old: str, new_address: str, said: str) -> dict[str, Any]:
    from keeper.maths.keccak import checksummed

    return {
        "old": checksummed(old),
        "new": checksummed(new_address),
        "signers": [checksummed(row) for row in rotation.signers],
        "threshold": rotation.threshold,
        "delaySeconds": rotation.delay_seconds,
        "transaction": {"to": checksummed(rotation.target), "value": "0", "data": "0x" + rotation.calldata.hex()},
        "rehearsal": said,
    }


def _show_rotation(document: dict[str, Any], safe: Path | None) -> None:
    print(f"rehearsed: {document['old']} -> {document['new']}: {document['rehearsal']}")
    if document["delaySeconds"]:
        print(f"the owner's role waits {document['delaySeconds']} s: schedule this call, then execute it")
    sent = document["transaction"]
    print(f"the owner sends\n  to    {sent['to']}\n  value 0\n  data  {sent['data']}")
    if safe:
        print(f"the same for Safe's Transaction Builder: {safe}")
    print("then set keeper.key_file to the new keystore and restart the keeper: its next report is the new key's")


def _write_safe(file: Path, config: "Config", owner: "Address", created_ms: int, rotation: "Rotation") -> None:
    from keeper.safe_batch import method, safe_batch

    values = {"newSigners": json.dumps(list(rotation.signers)), "newThreshold": str(rotation.threshold)}
    call = method("setSigners", (("newSigners", "address[]"), ("newThreshold", "uint8")), values, rotation.target)
    what = ("Bulkhead: rotate a signer", f"setSigners on chain {config.operator.chain_id}")
    document = safe_batch(config.operator.chain_id, owner, what, created_ms, [call])
    try:
        file.write_text(json.dumps(document, indent=2, ensure_ascii=False) + "\n", "utf-8")
    except OSError as error:
        raise Refused(f"--safe: {file} cannot be written: {error.strerror}", "name another file") from None
