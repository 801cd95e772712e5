"""Depth curves as pictures, with the numbers beside them: one pair's venues stacked, or several markets together."""

from pathlib import Path
from typing import Any

from keeper.cli.depth_show import label
from keeper.cli.pictures import write_picture


def write_plot(document: dict[str, Any], file: Path) -> Path:
    """One pair's picture, and its numbers as CSV with the same name; answers the CSV's path.

    Raises
    ------
    ConfigError
        The name's ending is no picture's, or the folder cannot be written.
    """
    header = ["direction", "loss_bps", "taken", "given", *(f"{label(row)} in" for row in document["venues"])]
    rows = [
        [direction, point["lossBps"], point["taken"], point["given"], *(fill[0] for fill in point["fills"])]
        for direction in ("sell", "buy")
        for point in document["curves"][direction]
    ]
    return write_picture(file, [header, *rows], lambda figures: _draw_pair(document, figures))


def write_together(document: dict[str, Any], file: Path) -> Path:
    """Several markets' picture, and its numbers as CSV; raises as :func:`write_plot`."""
    rows = [
        [row["market"], point["lossBps"], point["alone"], point["together"]]
        for row in document["markets"]
        for point in row["points"]
    ]
    header = ["market", "loss_bps", "alone", "together"]
    return write_picture(file, [header, *rows], lambda figures: _draw_together(document, figures))


def _draw_pair(document: dict[str, Any], plt: Any) -> Any:
    figure, panels = plt.subplots(1, 2, figsize=(11, 4.5), layout="constrained")
    symbols = document["market"].split("/") if "/" in document["market"] else ("collateral", "debt")
    rows = (("sell", f"selling {symbols[0]}", "collateralDecimals"), ("buy", f"selling {symbols[-1]}", "debtDecimals"))
    labels = [label(row) for row in document["venues"]]
    # More venues than the default cycle has colours.
    colours = plt.get_cmap("tab20").colors
    for panel, (direction, title, decimals) in zip(panels, rows, strict=True):
        points = document["curves"][direction]
        losses = [point["lossBps"] / 100 for point in points]
        scale = 10 ** document[decimals]
        stacks = [[int(point["fills"][at][0]) / scale for point in points] for at in range(len(labels))]
        panel.stackplot(losses, stacks, labels=labels, colors=colours)
        panel.set_xlabel("average loss against max(oracle, mid), %")
        panel.set_ylabel(f"can be sold, {title.removeprefix('selling ')}")
        panel.set_title(title)
        if losses:
            panel.set_xlim(0, losses[-1])
        panel.set_ylim(bottom=0)
    panels[0].legend(loc="upper left", fontsize="small")
    figure.suptitle(f"{document['market']} at block {document['block']}")
    return figure


def _draw_together(document: dict[str, Any], plt: Any) -> Any:
    rows = document["markets"]
    figure, panels = plt.subplots(1, len(rows), figsize=(5.5 * len(rows), 4.5), layout="constrained", squeeze=False)
    for panel, row in zip(panels[0], rows, strict=True):
        losses = [point["lossBps"] / 100 for point in row["points"]]
        scale = 10 ** row["collateralDecimals"]
        for name, style in (("alone", "--"), ("together", "-")):
            panel.plot(losses, [int(point[name]) / scale for point in row["points"]], style, label=name)
        panel.set_xlabel("average loss against max(oracle, mid), %")
        panel.set_ylabel("can be sold, whole tokens")
        panel.set_title(row["market"])
        panel.set_xlim(0, losses[-1])
        panel.set_ylim(bottom=0)
    panels[0][0].legend(loc="upper left", fontsize="small")
    figure.suptitle(f"sold together at block {document['block']}")
    return figure
