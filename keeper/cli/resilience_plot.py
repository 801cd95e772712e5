"""Depth over time as a picture, its shocks shaded, and the numbers beside it."""

from pathlib import Path
from typing import Any

from keeper.cli.pictures import write_picture


def write_plot(document: dict[str, Any], file: Path) -> Path:
    """The picture, and its numbers as CSV with the same name; answers the CSV's path; errors as ``write_picture``."""
    rows = [["block", "time", "depth"]]
    rows += [[row["block"], row["time"], row["depth"] or ""] for row in document["series"]]
    return write_picture(file, rows, lambda plt: _drawn(document, plt))


def _drawn(document: dict[str, Any], plt: Any) -> Any:
    figure, panel = plt.subplots(figsize=(11, 4.5), layout="constrained")
    points = [row for row in document["series"] if row["depth"] is not None]
    start, scale = document["series"][0]["time"], 10 ** document["collateralDecimals"]
    panel.plot([(row["time"] - start) / 3600 for row in points], [int(row["depth"]) / scale for row in points])
    for shock in document["shocks"]:
        panel.axvspan((shock["start"] - start) / 3600, (shock["end"] - start) / 3600, alpha=0.2)
    panel.set_xlabel(f"hours after block {document['firstBlock']}")
    loss = document["loss"]
    panel.set_ylabel(f"can be sold within {int(loss) // 100} %" if loss.isdigit() else "liquidators can sell")
    panel.set_ylim(bottom=0)
    figure.suptitle(document["market"])
    return figure
