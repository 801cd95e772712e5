"""``keeper top``: the running keeper in a terminal; without one, what its database and the chain show."""

import time
from contextlib import ExitStack, suppress
from typing import TYPE_CHECKING, Annotated, Any

import typer

from keeper.cli.common import Context, Json, configuration
from keeper.errors import KeeperError

if TYPE_CHECKING:
    from keeper.config import Config

REFRESH_SECONDS = 2.0


def top(
    context: Context,
    once: Annotated[bool, typer.Option("--once", help="One frame, then end.")] = False,
    as_json: Json = False,
) -> int:
    """Show markets, providers, intents, purse and last events, live. Works without a running keeper, and says so."""
    from keeper.cli.output import emit_json
    from keeper.cli.top_show import frame

    config = configuration(context)
    if as_json:
        emit_json(look(config))
        return 0
    from rich.console import Console
    from rich.live import Live

    console = Console()
    if once or not console.is_terminal:
        console.print(frame(look(config)))
        return 0
    with Live(frame(look(config)), console=console, screen=True, auto_refresh=False) as live:
        while True:
            time.sleep(REFRESH_SECONDS)
            live.update(frame(look(config)), refresh=True)


def look(config: "Config") -> dict[str, Any]:
    """The running keeper's own account, or ours of database and chain; ``source`` says which."""
    from keeper.cli.status import Absent, fetch_status

    identity = {"network": config.operator.network, "contract": config.operator.contract}
    if config.operator.listen:
        with suppress(Absent):
            return {"source": "daemon", **identity, **fetch_status(config.operator.listen)}
    return {"source": "chain", **identity, **_from_chain(config)}


def _from_chain(config: "Config") -> dict[str, Any]:
    """Database and chain, read only; what cannot be read is said."""
    from dataclasses import asdict

    from keeper.store.store import KeeperStore
    from keeper.watching import Watch
    from keeper.wiring import glance

    said: list[dict[str, Any]] = []
    try:
        with ExitStack() as stack:
            store = stack.enter_context(KeeperStore(config.operator.store_url))
            keeper = stack.enter_context(glance(config, store))
            reading = Watch(lambda event, **fields: said.append({"event": event, **fields})).look(keeper)
    except KeeperError as error:
        return {"reading": None, "events": [], "error": str(error)}
    return {"reading": asdict(reading), "events": said, "providers": {reading.provider: "alive"}}
