"""Depth over time as a picture, its shocks shaded, and the numbers beside it."""

import csv
from pathlib import Path
from typing import Any

from keeper.cli.depth_plot import written


def write_plot(document: dict[str, Any], file: Path) -> Path:
    """Write the picture, and its numbers as CSV with the same name; answers the CSV's path; errors as ``written``."""
    return written(document, file, _write_numbers, _write_picture)


def _write_numbers(document: dict[str, Any], file: Path) -> None:
    with file.open("w", newline="") as target:
        rows = csv.writer(target)
        rows.writerow(["block", "time", "depth"])
        for row in document["series"]:
            rows.writerow([row["block"], row["time"], row["depth"] or ""])


def _write_picture(document: dict[str, Any], file: Path) -> None:
    import matplotlib as mpl

    mpl.use("Agg")
    import matplotlib.pyplot as plt

    figure, panel = plt.subplots(figsize=(11, 4.5), layout="constrained")
    points = [row for row in document["series"] if row["depth"] is not None]
    start, scale = document["series"][0]["time"], 10 ** document["collateralDecimals"]
    panel.plot([(row["time"] - start) / 3600 for row in points], [int(row["depth"]) / scale for row in points])
    for shock in document["shocks"]:
        panel.axvspan((shock["start"] - start) / 3600, (shock["end"] - start) / 3600, alpha=0.2)
    panel.set_xlabel(f"hours after block {document['firstBlock']}")
    panel.set_ylabel(f"can be sold at {document['loss']} (bps, or as liquidators)")
    panel.set_ylim(bottom=0)
    figure.suptitle(document["market"])
    figure.savefig(file, dpi=120)
    plt.close(figure)
