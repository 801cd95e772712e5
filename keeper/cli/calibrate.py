"""``keeper calibrate``: what price history says about the settings, as a proposal with its evidence."""

import sys
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from keeper.cli.common import Json
from keeper.errors import ConfigError

if TYPE_CHECKING:
    from keeper.calibration.calibrate import Calibration, Request
    from keeper.calibration.liquidity import Spread

NU_RANGE = (2.1, 200.0)
SPREAD_PARTS = 2
MAX_TAU0_SECONDS = 864_000
"""Ten days; no feed and no auction takes longer."""


def calibrate(  # noqa: PLR0917 - typer makes an option of each
    prices: Annotated[
        list[Path], typer.Option(help="CSV of candles (ts, open, high, low, close, volume), .gz too; may be repeated.")
    ],
    asset: Annotated[list[str] | None, typer.Option(help="Name of each file's asset, in their order.")] = None,
    options: Annotated[Path | None, typer.Option(help="CSV of an option chain; with one price file.")] = None,
    rate: Annotated[float, typer.Option(help="Continuous annual rate of the chain, 0.03 = 3 %.")] = 0.0,
    nu: Annotated[float | None, typer.Option(help="Degrees of freedom of the tail; estimated when not given.")] = None,
    tau0_seconds: Annotated[int, typer.Option(help="Heartbeat + inclusion + auction.", min=1)] = 43_200,
    spread_bps: Annotated[str, typer.Option(help="Quoted spread of the asset, MEAN,SD in bps.")] = "",
    out: Annotated[Path | None, typer.Option(help="Folder for the TOML, the table, the picture and its data.")] = None,
    as_json: Json = False,
) -> int:
    """Propose tail multiplier, floor, model multiplier and horizon from price history, with the evidence for each."""
    from keeper.cli.output import emit_json

    names = _names(prices, asset or [])
    request = _request(prices, options, rate, nu, tau0_seconds, spread_bps)
    _require_packages()
    documents = []
    for file, name in zip(prices, names, strict=True):
        found = _calibrate(file, name, request)
        documents.append(_tell(found, file.name, out, as_json=as_json))
    if as_json:
        emit_json({"calibrations": documents})
    return 0


def _names(prices: list[Path], assets: list[str]) -> list[str]:
    """Name of each file's asset; they become file names."""
    if assets and len(assets) != len(prices):
        raise ConfigError(f"{len(prices)} price files and {len(assets)} names", "give --asset once for each, or never")
    names = assets or [file.name.split(".")[0] for file in prices]
    for name in names:
        if not name.replace("-", "").replace("_", "").isalnum():
            raise ConfigError(f"--asset: {name!r} cannot be a file's name", "use letters, digits, - and _")
    if len(set(names)) != len(names):
        raise ConfigError("two price files have one name", "give each its own --asset")
    return names


def _request(  # noqa: PLR0917 - the options
    prices: list[Path], options: Path | None, rate: float, nu: float | None, tau0_seconds: int, spread_bps: str
) -> "Request":
    from keeper.calibration.calibrate import Request
    from keeper.calibration.price_file import read_chain

    if nu is not None and not NU_RANGE[0] <= nu <= NU_RANGE[1]:
        raise ConfigError(f"--nu: {nu} is outside {NU_RANGE[0]} to {NU_RANGE[1]}", "4 is the default of the model")
    if tau0_seconds > MAX_TAU0_SECONDS:
        raise ConfigError(f"--tau0-seconds: {tau0_seconds} is above {MAX_TAU0_SECONDS}", "12 hours are 43200")
    if not -1 < rate < 1:
        raise ConfigError(f"--rate: {rate} is not a fraction", "3 % is 0.03")
    if options is not None and len(prices) != 1:
        raise ConfigError("--options belongs to one asset", "give one --prices with it")
    return Request(nu, tau0_seconds, read_chain(options) if options else {}, rate, _spread(spread_bps))


def _spread(text: str) -> "Spread | None":
    from keeper.calibration.liquidity import Spread

    if not text:
        return None
    try:
        parts = [float(part) for part in text.split(",")]
    except ValueError:
        parts = []
    if len(parts) != SPREAD_PARTS or not all(0 <= part < 10_000 for part in parts):
        raise ConfigError(f"--spread-bps: {text!r} is not MEAN,SD", "write it as 5,2.5")
    return Spread(parts[0] / 10_000, parts[1] / 10_000)


def _require_packages() -> None:
    from importlib.util import find_spec

    if missing := [name for name in ("arch", "scipy") if find_spec(name) is None]:
        raise ConfigError(f"{missing[0]} is not installed", "run ./scripts/setup calibrate")


def _calibrate(file: Path, name: str, request: "Request") -> "Calibration":
    from keeper.calibration.answers import NoValue
    from keeper.calibration.calibrate import calibrate as run
    from keeper.calibration.price_file import read_candles
    from keeper.cli.log import emit

    candles = read_candles(file)
    found = run(name, candles, request, lambda step: emit("calibrating", asset=name, step=step))
    if isinstance(found, NoValue):
        raise ConfigError(f"{file.name}: {found.reason}", "docs/calibration.md says what a price file holds")
    return found


def _tell(found: "Calibration", source: str, out: Path | None, *, as_json: bool) -> dict[str, object]:
    from keeper.cli.calibrate_report import document, sections, text

    report = sections(found, source)
    if not as_json:
        print(text(report))
    if out is not None:
        from keeper.cli.calibrate_files import write_files

        for path in write_files(found, report, source, out):
            print(f"{path} written", file=sys.stderr)
    return document(found, source)
