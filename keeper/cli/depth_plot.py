"""The merged depth curve as a picture, its venues stacked, and the numbers beside it."""

import csv
from pathlib import Path
from typing import Any

from keeper.errors import ConfigError

SUFFIXES = (".png", ".svg", ".pdf")


def write_plot(document: dict[str, Any], file: Path) -> Path:
    """Write the picture, and its numbers as CSV with the same name; answers the CSV's path.

    Raises
    ------
    ConfigError
        The name's ending is no picture's, or the folder cannot be written.
    """
    if file.suffix.lower() not in SUFFIXES:
        raise ConfigError(f"{file.name} is not a picture", f"end the name with one of {', '.join(SUFFIXES)}")
    table = file.with_suffix(".csv")
    try:
        _write_numbers(document, table)
        _write_picture(document, file)
    except OSError as error:
        raise ConfigError(f"{file} cannot be written: {error.strerror}", "choose a folder that exists") from None
    return table


def _write_numbers(document: dict[str, Any], file: Path) -> None:
    names = [_label(row) for row in document["venues"]]
    with file.open("w", newline="") as target:
        rows = csv.writer(target)
        rows.writerow(["direction", "loss_bps", "taken", "given", *(f"{name} in" for name in names)])
        for direction in ("sell", "buy"):
            for point in document["curves"][direction]:
                rows.writerow(
                    [direction, point["lossBps"], point["taken"], point["given"], *(fill[0] for fill in point["fills"])]
                )


def _write_picture(document: dict[str, Any], file: Path) -> None:
    import matplotlib as mpl

    mpl.use("Agg")
    import matplotlib.pyplot as plt

    figure, panels = plt.subplots(1, 2, figsize=(11, 4.5), layout="constrained")
    symbols = document["market"].split("/") if "/" in document["market"] else ("collateral", "debt")
    rows = (("sell", f"selling {symbols[0]}", "collateralDecimals"), ("buy", f"selling {symbols[-1]}", "debtDecimals"))
    labels = [_label(row) for row in document["venues"]]
    for panel, (direction, title, decimals) in zip(panels, rows, strict=True):
        points = document["curves"][direction]
        losses = [point["lossBps"] / 100 for point in points]
        scale = 10 ** document[decimals]
        stacks = [[int(point["fills"][at][0]) / scale for point in points] for at in range(len(labels))]
        panel.stackplot(losses, stacks, labels=labels)
        panel.set_xlabel("average loss against max(oracle, mid), %")
        panel.set_ylabel(f"can be sold, {title.removeprefix('selling ')}")
        panel.set_title(title)
        panel.set_xlim(0, losses[-1])
        panel.set_ylim(bottom=0)
    panels[0].legend(loc="upper left", fontsize="small")
    figure.suptitle(f"{document['market']} at block {document['block']}")
    figure.savefig(file, dpi=120)
    plt.close(figure)


def _label(venue: dict[str, Any]) -> str:
    return f"{venue['venue']} {venue['address'][:8]}"
