"""The command line: global options and the list of commands. Commands import what they need when they run."""

from pathlib import Path
from typing import Annotated

import typer

from keeper.cli import (
    backtest,
    calibrate,
    depth,
    devnet,
    doctor,
    explain,
    history,
    init,
    keys,
    limits,
    providers,
    rebuild,
    replay,
    resilience,
    resume,
    run,
    top,
    verify,
)
from keeper.cli.common import DEFAULT_CONFIG, Options

app = typer.Typer(
    name="keeper",
    help="Bulkhead: measures how far a collateral can fall and how much of it can be sold, and moves its haircut.",
    no_args_is_help=True,
    add_completion=True,
    pretty_exceptions_enable=False,
    rich_markup_mode=None,
    context_settings={"help_option_names": ["-h", "--help"]},
)


@app.callback()
def options(
    context: typer.Context,
    config: Annotated[Path, typer.Option("--config", "-c", help="Configuration file.")] = DEFAULT_CONFIG,
    log_level: Annotated[str, typer.Option(help="debug, info, warning or error; logs go to stderr.")] = "info",
    log_format: Annotated[str, typer.Option(help="plain or json.")] = "plain",
) -> None:
    """Global options; they may also stand after the command."""
    if log_level not in {"debug", "info", "warning", "error"}:
        raise typer.BadParameter(f"{log_level!r}: choose debug, info, warning or error", param_hint="--log-level")
    if log_format not in {"plain", "json"}:
        raise typer.BadParameter(f"{log_format!r}: choose plain or json", param_hint="--log-format")
    context.obj = Options(config, log_level, log_format)
    if context.invoked_subcommand not in {None, "devnet"}:
        from keeper.cli.log import configure

        configure(log_level, log_format)


app.command("backtest")(backtest.backtest)
app.command("init")(init.init)
app.command("doctor")(doctor.doctor)
app.command("run")(run.run)
app.command("rebuild")(rebuild.rebuild)
app.command("resume")(resume.resume)
app.command("depth")(depth.depth)
app.command("providers")(providers.providers)
app.command("resilience")(resilience.resilience)
app.command("explain")(explain.explain)
app.command("history")(history.history)
app.command("limits")(limits.limits)
app.command("top")(top.top)
app.command("verify")(verify.verify)
app.command("replay")(replay.replay)
app.command("calibrate")(calibrate.calibrate)
app.add_typer(keys.keys)
app.command("devnet")(devnet.devnet)
