"""``keeper resume``: lets a halted keeper send again, after its operator has looked."""

import sys
from typing import Annotated

import typer

from keeper.cli.common import Context, Json, configuration
from keeper.errors import ConfigError, Refused


def resume(
    context: Context,
    yes: Annotated[bool, typer.Option("--yes", help="Do not ask.")] = False,
    as_json: Json = False,
) -> int:
    """Show why sending is halted and, once you have looked into it, let it go on."""
    from keeper.cli.output import emit_json
    from keeper.store.store import KeeperStore

    with KeeperStore(configuration(context).operator.store_url) as store:
        reasons = store.halts.reasons()
        if reasons and not as_json:
            print("\n".join(f"halted: {reason}" for reason in reasons))
        if reasons:
            _confirm(yes=yes)
            store.halts.resume()
    if as_json:
        emit_json({"halts": reasons, "resumed": bool(reasons)})
    else:
        print("sending goes on" if reasons else "nothing is halted")
    return 0


def _confirm(*, yes: bool) -> None:
    if yes:
        return
    if not sys.stdin.isatty():
        raise ConfigError("nobody to ask whether sending may go on", "look at the chain first, then add --yes")
    if not typer.confirm("Have you looked at the chain and at your nodes? Send again?", err=True):
        raise Refused("not confirmed: sending stays halted", "answer y when you have looked")
