"""``keeper init``: writes a configuration from what stands on the chain, so that settings are never typed by hand."""

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from keeper.cli.common import Chain, Context, Json, now_settings, open_bare_chain
from keeper.errors import ConfigError, Refused

if TYPE_CHECKING:
    from keeper.config import Operator
    from keeper.config_keys import KeySource

PRIVATE = 0o600
PASSWORD_BYTES = 24


def init(  # noqa: PLR0917 - typer makes an option of each
    context: Context,
    rpc: Annotated[str, typer.Option("--rpc", help="URL of a node of the chain.", show_default=False)],
    contract: Annotated[str, typer.Option("--contract", help="CollateralParameters.", show_default=False)],
    network: Annotated[str, typer.Option(help="What to call the network.")] = "network",
    new_key: Annotated[bool, typer.Option("--new-key", help="Make a keystore and its password file.")] = False,
    force: Annotated[bool, typer.Option("--force", help="Replace an existing file.")] = False,
    as_json: Json = False,
) -> int:
    """Write keeper.toml for a deployed contract; model settings are copied from the chain."""
    from keeper.cli.output import emit_json
    from keeper.config import dump_toml

    target: Path = context.obj.config
    if target.exists() and not force:
        raise ConfigError(f"{target} exists", "add --force to replace it, or name another with --config")
    try:
        target.parent.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise ConfigError(f"--config: {target.parent} cannot be made: {error.strerror}", "name another") from None
    with open_bare_chain(rpc, contract) as chain:
        settings = _settings(chain)
        key, address = _make_key(target.parent.resolve()) if new_key else (None, None)
        operator = _operator(chain, rpc, network, target, key)
    target.write_text(dump_toml(operator, settings), "utf-8")
    # The node's URL may hold a token.
    target.chmod(PRIVATE)
    if as_json:
        emit_json({"config": str(target), "markets": [market.name for market in settings.markets], "signer": address})
        return 0
    print(f"wrote {target}: {', '.join(market.name for market in settings.markets)}")
    print(f"signer {address}: governance adds it" if address else "no key: set keeper.key_file before --broadcast")
    print("next: keeper doctor")
    return 0


def _settings(chain: Chain):  # type: ignore[no-untyped-def]  # noqa: ANN202 - records stay a lazy import
    return now_settings(chain.history())


def _operator(chain: Chain, rpc: str, network: str, target: Path, key: "KeySource | None") -> "Operator":
    from keeper.config import Operator, Provider
    from keeper.config_keys import Secret

    events = chain.node.logs(0, chain.reader.block("latest").number)
    data_dir = target.parent.resolve() / ".bulkhead"
    return Operator(
        network=network,
        chain_id=chain.chain_id,
        contract=chain.contract,
        providers=(Provider("main", Secret(rpc)),),
        key=key,
        data_dir=data_dir,
        store_url=f"sqlite:///{data_dir / 'keeper.sqlite'}",
        allow_single_provider=True,
        start_block=events[0].block_number,
    )


def _make_key(folder: Path) -> "tuple[KeySource, str]":
    import secrets

    from keeper.config_keys import KeySource
    from keeper.keystores import new_keystore, write_private
    from keeper.maths.keccak import checksummed

    key_file, password_file = folder / "keeper-key.json", folder / "keeper-key.password"
    for file in (key_file, password_file):
        if file.exists():
            raise Refused(f"{file} exists and may hold a key in use", "move it away first")
    password = secrets.token_urlsafe(PASSWORD_BYTES)
    write_private(password_file, password)
    return KeySource(key_file, password_file), checksummed(new_keystore(key_file, password))
