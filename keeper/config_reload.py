"""What a running keeper may take over from a changed configuration, and what only a restart can change."""

from collections.abc import Iterator
from pathlib import Path

from keeper.config import Config, Operator, load_config
from keeper.errors import KeeperError, Refused


def reload_config(path: Path, running: Config) -> Config:
    """The changed configuration, checked as at the start.

    Raises
    ------
    ConfigError
        It holds a mistake.
    Refused
        It changes what cannot change while the keeper runs.
    """
    fresh = load_config(path)
    fixed = list(changed_for_good(running.operator, fresh.operator))
    if fixed:
        raise Refused(
            f"{', '.join(fixed)} cannot change while the keeper runs", "change it back, or restart the keeper"
        )
    return fresh


def changed_for_good(old: Operator, new: Operator) -> Iterator[str]:
    """Settings that differ and that a running keeper is bound to: its chain, contract, database, key and port."""
    pairs = (
        ("network.chain_id", old.chain_id, new.chain_id),
        ("network.contract", old.contract, new.contract),
        ("keeper.data_dir", old.data_dir, new.data_dir),
        ("store.url", old.store_url, new.store_url),
        ("keeper.key_file", _key(old), _key(new)),
        ("monitor.listen", old.listen, new.listen),
    )
    for name, before, after in pairs:
        if before != after:
            yield name


def one_line(error: KeeperError) -> str:
    """Everything that is wrong, on one line."""
    return "; ".join(getattr(error, "problems", ()) or (str(error),))


def _key(operator: Operator) -> tuple[object, ...] | None:
    """What names the key, without opening it: the file, the key itself from the environment, or the remote signer."""
    key = operator.key
    if key is None:
        return None
    secrets = (row.reveal() if row else None for row in (key.private_key, key.signer_url))
    return (key.file, key.signer_address, *secrets)
