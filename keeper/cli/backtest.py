"""``keeper backtest``: would the haircut have held? Over price files, or over a contract's own past."""

import sys
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from keeper.cli.common import Context, Json, configuration, find_market, now_settings, open_chain
from keeper.errors import ConfigError

if TYPE_CHECKING:
    from keeper.backtest.assumptions import DepthSource
    from keeper.backtest.bars import PriceFile
    from keeper.backtest.evaluate import Result
    from keeper.backtest.records import History
    from keeper.backtest.terms import Terms
    from keeper.backtest.verdicts import Verdict
    from keeper.records.settings import ModelSettings

FINDINGS = 3
JUDGE_FROM = "2023-01-01"
JUDGED_SHARE = 0.4
"""Where a history does not reach over the usual day, its last 40 % judge."""
WIDEST = 1_000_000.0

Progress = Callable[[str, int, int], None]


def backtest(  # noqa: PLR0917 - typer makes an option of each
    context: Context,
    more: Annotated[list[Path] | None, typer.Argument(help="More price files.", show_default=False)] = None,
    prices: Annotated[list[Path] | None, typer.Option(help="CSV or CSV.gz of candles; may be repeated.")] = None,
    from_chain: Annotated[str, typer.Option(help="A market of the configuration, over its own past blocks.")] = "",
    blocks: Annotated[str, typer.Option(help="FROM:TO, with --from-chain; from the start to the head if absent.")] = "",
    model: Annotated[str, typer.Option(help="Haircut model: a key of MODELS.")] = "liquidity_adjusted",
    judge_from: Annotated[str, typer.Option(help="Day (UTC); settings are chosen before it, judged after.")] = "",
    tau_hours: Annotated[float, typer.Option(help="tau0: feed heartbeat, inclusion, auction.", min=0.5, max=720)] = 12,
    var_hours: Annotated[float, typer.Option(help="Windows of the VaR layer.", min=0.5, max=720)] = 24,
    nu: Annotated[float, typer.Option(help="Student-t of the VaR layer.", min=2.1, max=100)] = 4,
    k: Annotated[str, typer.Option(help="Tail multiplier of the haircut.")] = "3.6915",
    half_lives: Annotated[str, typer.Option(help="Days, quick and slow.")] = "1,11",
    reserve: Annotated[float, typer.Option(help="Collateral in the pair sold into, sizes.", min=1, max=WIDEST)] = 100,
    depth: Annotated[list[Path] | None, typer.Option(help="Recorded depth of the pair, CSV; may be repeated.")] = None,
    size: Annotated[float, typer.Option(help="Whole collateral to sell, with --depth.", min=1e-6, max=WIDEST)] = 100,
    stress_weight: Annotated[int, typer.Option(help="bps of stressed variance in sigma (2.8).", min=0, max=10_000)] = 0,
    buffer: Annotated[int, typer.Option(help="bps of sigma held in calm, given up in stress.", min=0, max=10_000)] = 0,
    settings: Annotated[Path | None, typer.Option(help="Keeper's TOML whose model and scalars are walked.")] = None,
    market: Annotated[str, typer.Option(help="With --settings: which of its markets.")] = "",
    out: Annotated[Path, typer.Option(help="Folder for the page, its plots' numbers and the JSON.")] = Path("backtest"),
    as_json: Json = False,
) -> int:
    """Walk a history as the keeper would, liquidate on paper, and judge. Ends with 3 when a figure does not hold."""
    _require_calibrate()
    from keeper.backtest.evaluate import LATER, Options, evaluate
    from keeper.backtest.files import whole, write
    from keeper.backtest.verdicts import pooled
    from keeper.cli.backtest_terms import starting, terms_of
    from keeper.cli.output import emit_json

    files = [*(prices or []), *(more or [])]
    if bool(files) == bool(from_chain) or (from_chain and (depth or settings)):
        raise ConfigError("nothing to walk, or two things", "give --prices FILE, or --from-chain MARKET")
    with _progress() as progress:
        if from_chain:
            histories = [_of_chain(context, from_chain, blocks, progress)]
        else:
            terms = terms_of(context, settings, market) or starting(model, tau_hours, k, half_lives)
            if depth:
                histories = [_of_recording(files, depth, terms, size, progress)]
            else:
                histories = [_of_file(file, terms, reserve, progress) for file in _distinct(files)]
        results = []
        for history in histories:
            choice = Options(_judge_from(judge_from, history), var_hours, nu, stress_weight, buffer)
            results.append(evaluate(history, choice, progress))
        together = pooled([result.phases for result in results], LATER) if len(results) > 1 else ()
        progress("writing", 0, 1)
        written = write(results, together, out)
        progress("writing", 1, 1)
    if as_json:
        emit_json(whole(results, together))
    else:
        _show(results, together)
        print(f"{written[-1]} written, {len(written) - 1} files of numbers beside it", file=sys.stderr)
    found = [row for result in results for row in result.verdicts] + list(together)
    return FINDINGS if any(row.holds is False for row in found) else 0


def _require_calibrate() -> None:
    from importlib.util import find_spec

    lacking = [name for name in ("numpy", "scipy", "matplotlib") if find_spec(name) is None]
    if lacking:
        remedy = "./scripts/setup calibrate, or pip install bulkhead-keeper[calibrate]"
        raise ConfigError(f"{' and '.join(lacking)} is not installed", remedy)


def _of_file(file: Path, terms: "Terms", reserve: float, progress: Progress) -> "History":
    from keeper.backtest.assumptions import constant_product
    from keeper.backtest.bars import read_prices

    depth = constant_product(round(reserve * terms.model.size), terms.model)
    return _walkable(read_prices(file), terms, terms.model, depth, progress)


def _of_recording(files: list[Path], depth: list[Path], terms: "Terms", size: float, progress: Progress) -> "History":
    from dataclasses import replace

    from keeper.backtest.assumptions import ONE
    from keeper.backtest.bars import read_prices
    from keeper.backtest.recorded import opened

    if len(files) != 1:
        raise ConfigError("--depth is one pair's", "give it with the one price file of that pair")
    prices, sized = read_prices(files[0]), replace(terms.model, size=round(size * ONE))
    return _walkable(prices, terms, sized, opened(depth, prices, sized), progress)


def _walkable(
    prices: "PriceFile", terms: "Terms", model: "ModelSettings", depth: "DepthSource", progress: Progress
) -> "History":
    from dataclasses import replace

    from keeper.backtest.assumptions import starting_words
    from keeper.backtest.readings import read_history

    market, settings = terms.of(prices.name, model)
    history = read_history(prices, market, settings, starting_words(), depth, progress)
    return replace(history, terms=terms.said, not_fed=terms.not_fed)


def _of_chain(context: Context, name: str, blocks: str, progress: Progress) -> "History":
    from keeper.backtest.chain import chain_history
    from keeper.risk.windows import last_ended, window_of
    from keeper.sampling import Sampler

    config = configuration(context)
    with open_chain(config) as chain:
        history = chain.history()
        settings = now_settings(history)
        key, _ = find_market(settings, name)
        head = chain.reader.block("latest").number
        first, last = _blocks(blocks, chain.start_block, head)
        windows = range(
            window_of(max(1, first), settings.cadence_blocks), last_ended(last, settings.cadence_blocks) + 1
        )
        return chain_history(Sampler(chain.reader, chain.contract, settings), key, windows, progress)


def _blocks(text: str, start: int, head: int) -> tuple[int, int]:
    if not text:
        return start, head
    first, _, last = text.partition(":")
    if not (first.isdecimal() and last.isdecimal() and int(first) < int(last) <= head):
        raise ConfigError(f"--blocks: {text!r} is no range of blocks up to {head}", "write it as 1000:2000")
    return int(first), int(last)


def _distinct(files: list[Path]) -> list[Path]:
    names = [file.name.split(".")[0] for file in files]
    twice = next((name for name in names if names.count(name) > 1), None)
    if twice:
        raise ConfigError(f"two price files are named {twice}", "give each its own name: results are written by it")
    return files


def _judge_from(text: str, history: "History") -> int:
    from datetime import UTC, datetime

    try:
        chosen = int(datetime.fromisoformat(text or JUDGE_FROM).replace(tzinfo=UTC).timestamp())
    except ValueError:
        raise ConfigError(f"--judge-from: {text!r} is not a day", f"write it as {JUDGE_FROM}") from None
    length = history.end - history.start
    if text or history.start + length * JUDGED_SHARE < chosen < history.end - length * JUDGED_SHARE / 2:
        return chosen
    return round(history.end - length * JUDGED_SHARE)


@contextmanager
def _progress() -> Iterator[Progress]:
    """A bar with the time left on stderr, where somebody watches."""
    if not sys.stderr.isatty():
        yield lambda _what, _done, _total: None
        return
    from rich.console import Console
    from rich.progress import BarColumn, TextColumn, TimeElapsedColumn, TimeRemainingColumn
    from rich.progress import Progress as Bars

    columns = (TextColumn("{task.description}"), BarColumn(), TimeElapsedColumn(), TimeRemainingColumn())
    with Bars(*columns, console=Console(stderr=True), transient=True) as bars:
        tasks: dict[str, object] = {}

        def show(what: str, done: int, total: int) -> None:
            if what not in tasks:
                tasks[what] = bars.add_task(what, total=total)
            bars.update(tasks[what], completed=done)  # type: ignore[arg-type]

        yield show


def _show(results: "list[Result]", together: "Sequence[Verdict]") -> None:
    from keeper.cli.output import table

    for result in results:
        history = result.history
        print(f"{history.name}: {len(history.readings)} readings, {history.interval_seconds} s apart; {history.depth}")
        lost = sum(row.sigma_wad is None for row in history.readings)
        bad = f"{history.absent} bars absent, {len(history.faults)} bad, {history.stale} stale"
        print(f"no value: {lost} readings ({bad})")
        print(f"settings: {history.terms}")
        for line in history.not_fed:
            print(f"not fed by this history: {line}")
        rows = [
            (
                row.span,
                row.name,
                row.series,
                row.n,
                row.exceptions,
                row.episodes,
                _bps(row.mean_bps),
                _bps(row.caution_bps),
                *_moves(result, row.span, row.name, row.series),
            )
            for row in result.coverage
        ]
        heads = ("span", "haircut", "series", "starts", "exceptions", "episodes", "mean bps", "caution bps")
        print(table((*heads, "peak-trough", "rise 1 d", "5 d", "30 d"), rows))
        _tell(result.verdicts)
        equal = ", ".join(f"{row.name} {row.exceptions}" for row in result.hindsight)
        print(f"exceptions of the others with our mean on the later span itself, in hindsight (model): {equal}")
    _tell(together)


def _tell(verdicts: "Sequence[Verdict]") -> None:
    for verdict in verdicts:
        word = {True: "yes", False: "NO ", None: " - "}[verdict.holds]
        print(f"{word} {verdict.question}: {verdict.seen}")


def _moves(result: "Result", span: str, name: str, series: str) -> tuple[object, ...]:
    for row in result.moves:
        if (row.span, row.name, row.series) == (span, name, series):
            moves = (row.peak_to_trough_bps, row.rise_1d_bps, row.rise_5d_bps, row.rise_30d_bps)
            return tuple("-" if move is None else move for move in moves)
    return ("-",) * 4


def _bps(value: float | None) -> str:
    return "-" if value is None else f"{value:.0f}"
