"""``keeper run``: the daemon, or one cycle. A dry run unless told to broadcast."""

import sys
import time
from typing import TYPE_CHECKING, Annotated, Any

import typer

from keeper.cli.common import Context, Json, configuration
from keeper.errors import ConfigError, Refused, RetryLater

if TYPE_CHECKING:
    from keeper.config import Config
    from keeper.cycle import CycleResult, Ports
    from keeper.records.settings import MarketSettings

SETTLE_SECONDS = 60
"""How long ``--once`` waits for its transactions to be mined."""
DROPPED = ("superseded", "expired")
"""States of transactions that were not needed any more; no guard refused them."""
DRY = "DRY RUN: nothing is signed or sent; add --broadcast to send"


def run(
    context: Context,
    once: Annotated[bool, typer.Option("--once", help="One cycle, then end.")] = False,
    broadcast: Annotated[bool, typer.Option("--broadcast", help="Sign and send; without it nothing is sent.")] = False,
    yes: Annotated[bool, typer.Option("--yes", help="Do not ask before sending.")] = False,
    as_json: Json = False,
) -> int:
    """Watch the chain and keep the markets' parameters up to date."""
    config = configuration(context)
    mode = DRY
    if broadcast:
        mode = f"BROADCAST: signed transactions go to {config.operator.network} (chain {config.operator.chain_id})"
    print(mode, file=sys.stderr if as_json else sys.stdout, flush=True)
    if broadcast:
        _confirm(config, yes=yes)
    if not once:
        return _forever(config, broadcast=broadcast, as_json=as_json)
    from keeper.cli.log import emit
    from keeper.wiring import open_ports

    with open_ports(config, broadcast=broadcast, emit=emit) as ports:
        return _once(ports, config, as_json=as_json)


def _forever(config: "Config", *, broadcast: bool, as_json: bool) -> int:
    from keeper.cli.log import MASKER, emit
    from keeper.cli.output import emit_json
    from keeper.daemon import Daemon, Hooks
    from keeper.monitoring import open_monitor
    from keeper.wiring import open_store

    mode = "broadcast" if broadcast else "dry-run"
    with (
        open_monitor(config, emit, MASKER.clean, mode=mode) as monitor,
        open_store(config.operator, monitor.emit) as store,
    ):
        monitor.emit(
            "started", network=config.operator.network, contract=config.operator.contract, markets=_names(config)
        )
        hooks = Hooks()
        if store.lease and broadcast:
            hooks = Hooks(renew=store.lease.tick)
        code = Daemon(config, store, monitor, broadcast=broadcast, hooks=hooks).run()
    if as_json:
        emit_json({"mode": mode, "network": config.operator.network, "stopped": code})
    return code


def _once(ports: "Ports", config: "Config", *, as_json: bool) -> int:
    from keeper.cli.output import emit_json
    from keeper.cycle import run_cycle
    from keeper.warming import warm_up

    warm_up(ports, ports.emit)
    result = run_cycle(ports)
    _settle(ports, config.operator.poll_seconds)
    document = _document(ports, config, result)
    if as_json:
        emit_json(document)
    else:
        _show(document)
    refused = any(row["error"] and row["state"] not in DROPPED for row in document["transactions"])
    return Refused.exit_code if refused else 0


def _settle(ports: "Ports", poll_seconds: int) -> None:
    """Wait until nothing that was sent is unmined, or for a minute."""
    from keeper.cycle import refusal
    from keeper.records.outcome import UNMINED

    deadline = time.monotonic() + SETTLE_SECONDS
    while ports.sender and not refusal(ports) and any(row.state in UNMINED for row in ports.intents.open_intents()):
        if time.monotonic() > deadline:
            raise RetryLater("the transaction was not mined within a minute", "the next run goes on with it")
        time.sleep(min(1, poll_seconds))
        ports.sender.settle()


def _confirm(config: "Config", *, yes: bool) -> None:
    if yes:
        return
    if not sys.stdin.isatty():
        raise ConfigError("--broadcast without a terminal", "add --yes")
    if not typer.confirm(f"Send transactions for {', '.join(_names(config))}?", err=True):
        raise Refused("not confirmed: nothing was sent", "answer y, or leave out --broadcast")


def _document(ports: "Ports", config: "Config", result: "CycleResult") -> dict[str, Any]:
    from keeper.cli.common import find_market
    from keeper.risk.keys import market_key

    settings = ports.follower.settings
    names = {market_key(settings.chain_id, market): market.name for market in settings.markets}
    markets: list[tuple[bytes, MarketSettings]] = [find_market(settings, name) for name in names.values()]
    return {
        "mode": "broadcast" if ports.sender else "dry-run",
        "network": config.operator.network,
        "providers": {name: state.value for name, state in ports.pool.states().items()} if ports.pool else {},
        "singleProvider": len(config.operator.providers) == 1,
        "degradedQuorum": bool(ports.pool and ports.pool.degraded),
        "block": result.head.number,
        "windowsFolded": len({row.window for row in result.samples}),
        "markets": [_market(ports, key, market.name) for key, market in markets],
        "plans": [
            {
                "purpose": plan.intent.purpose,
                "markets": [names.get(effect.market, effect.market.hex()) for effect in plan.effects],
                "before": [effect.before.haircut_bps for effect in plan.effects],
                "after": [effect.after.live.haircut_bps for effect in plan.effects],
                "staged": [effect.after.aux.staged_bps for effect in plan.effects],
                "pending": [effect.after.aux.pending_bps for effect in plan.effects],
            }
            for plan in result.plans
        ],
        "transactions": [
            {
                "purpose": row.intent.purpose,
                "state": row.state.value,
                "hash": row.tx_hash,
                "block": row.landing.block_number if row.landing else None,
                "error": row.error or None,
            }
            for row in ports.intents.outcomes(len(result.outcomes) or 1)
            if result.outcomes
        ],
    }


def _market(ports: "Ports", key: bytes, name: str) -> dict[str, Any]:
    from keeper.risk.effective import describe
    from keeper.risk.regime import NAMES

    sample = ports.samples.latest(key)
    if sample is None:
        return {"name": name, "reason": "no sample yet"}
    decision, words = sample.folded.decision, sample.snapshot.words
    shown = describe(words, sample.snapshot.block.timestamp) if words else None
    return {
        "name": name,
        "window": sample.window,
        "block": sample.snapshot.block.number,
        "liveBps": shown.stored_haircut_bps if shown else None,
        "effectiveBps": shown.haircut_bps if shown else None,
        "regime": NAMES[shown.regime] if shown else None,
        "stale": shown.stale if shown else None,
        "targetBps": decision.targets.haircut_bps if decision.targets else None,
        "due": decision.due.value,
        "reason": decision.reasons[-1] if decision.reasons else "",
    }


def _show(document: dict[str, Any]) -> None:
    from keeper.cli.output import percent, table

    print(f"block {document['block']}, {document['windowsFolded']} windows folded")
    rows = [
        (
            row["name"],
            row.get("window", "-"),
            percent(row.get("liveBps")),
            percent(row.get("effectiveBps")),
            percent(row.get("targetBps")),
            row.get("due", "-"),
            row["reason"],
        )
        for row in document["markets"]
    ]
    print(table(("market", "window", "live", "effective", "target", "due", "reason"), rows))
    for plan in document["plans"]:
        for name, before, after in zip(plan["markets"], plan["before"], plan["after"], strict=True):
            print(f"{plan['purpose']} {name}: {percent(before)} -> {percent(after)}")
    for row in document["transactions"]:
        tx = "0x" + row["hash"].hex() if row["hash"] else ""
        print(f"{row['purpose']} {row['state']} {tx} {row['error'] or ''}".rstrip())


def _names(config: "Config") -> list[str]:
    return [market.name for market in config.settings.markets]
