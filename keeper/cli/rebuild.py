"""``keeper rebuild``: the database back from the chain, or its schema brought up to date."""

from typing import TYPE_CHECKING, Annotated, Any

import typer

from keeper.cli.common import Chain, Context, Json, configuration, open_chain

if TYPE_CHECKING:
    from keeper.config import Config
    from keeper.store.store import KeeperStore


def rebuild(
    context: Context,
    migrate: Annotated[bool, typer.Option("--migrate", help="Only bring the schema up to date.")] = False,
    evidence: Annotated[bool, typer.Option("--evidence", help="Also compute evidence again: archive node.")] = False,
    as_json: Json = False,
) -> int:
    """Read back from the chain what a lost, damaged or old database should hold. Nothing is ever deleted."""
    config = configuration(context)
    document = _migrate(config) if migrate else _rebuild(config, evidence=evidence)
    if as_json:
        from keeper.cli.output import emit_json

        emit_json(document)
    else:
        _show(document)
    return 0


def _migrate(config: "Config") -> dict[str, Any]:
    from keeper.store.schema import head_revision
    from keeper.store.store import migrate_store

    copy = migrate_store(config.operator.store_url)
    return {"schema": head_revision(), "copy": str(copy) if copy else None}


def _rebuild(config: "Config", *, evidence: bool) -> dict[str, Any]:
    from keeper.cli.progress import bar
    from keeper.rebuild import SETTLED_DEPTH, Contract
    from keeper.rebuild import rebuild as read_back
    from keeper.store.store import open_exclusive
    from keeper.wiring import open_signer

    moved: list[str] = []
    sender = open_signer(config.operator).address if config.operator.key else None
    with (
        open_chain(config) as chain,
        open_exclusive(config.operator.store_url, _note(moved)) as store,
        bar("transactions") as progress,
    ):
        chain.require_ours()
        _lead(store)
        newest = chain.reader.block("latest").number - SETTLED_DEPTH
        document: dict[str, Any] = {"store": store.shown, "movedAside": moved or None, "sender": sender}
        if sender is None:
            return document
        contract = Contract(chain.node, chain.contract, chain.chain_id, sender)
        found = read_back(
            contract, store, (chain.start_block, newest), lambda done, total: progress("read back", done, total)
        )
        document |= {"intents": found.intents, "reports": found.reports}
        if evidence:
            document["evidence"] = _evidence(chain, store, progress)
        return document


def _evidence(chain: Chain, store: "KeeperStore", progress: Any) -> int:
    from keeper.rebuild import rebuild_evidence
    from keeper.replay import Replay

    history = chain.history()
    replay = Replay(history, chain.reader, chain.contract)
    return rebuild_evidence(store, history, replay, lambda done, total: progress("evidence", done, total))


def _lead(store: "KeeperStore") -> None:
    from keeper.errors import ConfigError

    if store.lease is None:
        return
    store.lease.tick()
    if not store.lease.leads():
        raise ConfigError(f"another keeper runs on {store.shown}", "it keeps the database up to date; stop it first")


def _note(moved: list[str]) -> Any:
    def emit(event: str, **fields: object) -> None:
        if event == "store_moved_aside":
            moved.append(str(fields["to"]))

    return emit


def _show(document: dict[str, Any]) -> None:
    if "schema" in document:
        kept = f"; a copy of before is {document['copy']}" if document["copy"] else ""
        print(f"the schema is {document['schema']}{kept}")
        return
    for place in document["movedAside"] or ():
        print(f"the damaged database was moved to {place}")
    if document["sender"] is None:
        print(f"{document['store']} is ready; without a key nothing of ours can be looked for (set keeper.key_file)")
        return
    print(f"{document['store']}: {document['intents']} transactions and {document['reports']} reports of ours found")
    if "evidence" in document:
        print(f"evidence of {document['evidence']} reports computed again")
    print("samples and depths are read again by keeper run")
