"""``keeper verify``: recomputes published reports from the chain alone."""

import sys
from typing import TYPE_CHECKING, Annotated, Any

import typer

from keeper.cli.common import (
    Chain,
    Context,
    Json,
    bare_or_configured,
    find_market,
    now_settings,
)
from keeper.errors import ConfigError, RetryLater

if TYPE_CHECKING:
    from keeper.replay import Verdict

FINDINGS = 3


def verify(  # noqa: PLR0917 - typer makes an option of each
    context: Context,
    market: Annotated[str, typer.Argument(help="A market; every one when not given.", show_default=False)] = "",
    sequence: Annotated[int | None, typer.Argument(help="One report; the newest when not given.", min=1)] = None,
    every: Annotated[bool, typer.Option("--all", help="Every report.")] = False,
    rpc: Annotated[str, typer.Option("--rpc", help="URL of an archive node; then no configuration is read.")] = "",
    contract: Annotated[str, typer.Option("--contract", help="CollateralParameters, with --rpc.")] = "",
    proofs: Annotated[bool, typer.Option("--proofs", help="Prove storage words by state roots.")] = False,
    as_json: Json = False,
) -> int:
    """Recompute reports from the chain and compare every byte that was signed. Ends with 3 when one differs."""
    from keeper.cli.output import emit_json

    with bare_or_configured(context, rpc, contract) as chain:
        names, verdicts = _verify(chain, market, sequence, every=every, proofs=proofs)
    if as_json:
        emit_json({"contract": chain.contract, "reports": [_row(names, verdict) for verdict in verdicts]})
    else:
        _show(names, verdicts)
    return 0 if all(verdict.ok for verdict in verdicts) else FINDINGS


def _verify(
    chain: Chain, market: str, sequence: int | None, *, every: bool, proofs: bool
) -> "tuple[dict[bytes, str], list[Verdict]]":
    from functools import partial

    from keeper.chain.proofs import prove_words
    from keeper.replay import Replay, verify_all
    from keeper.risk.keys import market_key

    history = chain.history()
    settings = now_settings(history)
    names = {market_key(row.chain_id, one): one.name for row in _adopted(history) for one in row.markets}
    key = find_market(settings, market)[0] if market else None
    chosen = [row for row in history.reports if key in (None, row.report.market)]
    if sequence is not None:
        chosen = [row for row in chosen if row.sequence == sequence]
    elif not every:
        chosen = list({row.report.market: row for row in chosen}.values())
    if not chosen and sequence is not None:
        raise ConfigError(f"there is no report {sequence} of {market}", f"see keeper history {market}")
    if not chosen:
        raise RetryLater("no report was published yet", "keeper run --broadcast publishes")
    replay = Replay(history, chain.reader, chain.contract, partial(prove_words, chain.rpc) if proofs else None)
    if every or sequence is not None:
        return names, list(verify_all(replay, key, sequence, _progress))
    return names, [replay.verify(row) for row in chosen]


def _adopted(history: Any) -> list[Any]:
    return [row.settings for row in history.adopted if row.settings is not None]


def _progress(done: int, total: int) -> None:
    if sys.stderr.isatty():
        print(f"\rverified {done} of {total}", end="\n" if done == total else "", file=sys.stderr, flush=True)


def _row(names: dict[bytes, str], verdict: "Verdict") -> dict[str, Any]:
    return {
        "market": names.get(verdict.market, verdict.market.hex()),
        "sequence": verdict.sequence,
        "observedBlock": verdict.observed_block,
        "ok": verdict.ok,
        "differs": verdict.differs or None,
        "samples": verdict.samples,
        "provedWords": verdict.proved,
        "unprovableAnswers": verdict.unprovable,
    }


def _show(names: dict[bytes, str], verdicts: "list[Verdict]") -> None:
    from keeper.cli.output import table

    rows = [
        (
            names.get(verdict.market, verdict.market.hex()),
            verdict.sequence,
            verdict.observed_block,
            verdict.samples,
            "ok: same bytes" if verdict.ok else f"DIFFERS: {verdict.differs}",
        )
        for verdict in verdicts
    ]
    print(table(("market", "sequence", "block", "samples", "verdict"), rows))
    good = sum(verdict.ok for verdict in verdicts)
    print(f"{good} of {len(verdicts)} reports recomputed to the same bytes")
    if any(verdict.proved for verdict in verdicts):
        print(
            f"{sum(verdict.proved for verdict in verdicts)} storage words proved by their blocks' state roots; "
            f"{sum(verdict.unprovable for verdict in verdicts)} answers of code recomputed, which no proof can cover"
        )
