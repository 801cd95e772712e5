"""A haircut as a picture: the waterfall from its first part to what the contract holds, its numbers beside it."""

from pathlib import Path
from typing import Any

from keeper.cli.pictures import write_picture

UP, DOWN, TOTAL = "#c44e52", "#55a868", "#4c72b0"
"""Red for what tightens, green for what a cap takes away, blue for sums."""


def write_plot(document: dict[str, Any], file: Path) -> Path:
    """The waterfall of one decision, and its numbers as CSV with the same name; answers the CSV's path.

    Raises
    ------
    ConfigError
        The name's ending is no picture's, or the folder cannot be written.
    """
    rows = steps(document)
    header = ("part", "from_bps", "to_bps")
    return write_picture(file, [header, *rows], lambda plt: _draw(document, rows, plt))


def steps(document: dict[str, Any]) -> list[tuple[str, int, int]]:
    """(part, from, to) in bps: parts stand on one another, sums and what holds stand on 0."""
    rows, reached = [], 0
    for bar in document["bars"]:
        rows.append((bar["name"], reached, reached + bar["bps"]))
        reached += bar["bps"]
    rows.append(("liquidation_haircut", 0, reached))
    rows.append(("buffer", reached, reached + document["bufferBps"]))
    rows += [(name, 0, document[key]) for name, key in _LEVELS if document.get(key) is not None]
    return rows


_LEVELS = (("asked", "askedBps"), ("live", "liveBps"), ("effective", "effectiveBps"))


def _draw(document: dict[str, Any], rows: list[tuple[str, int, int]], plt: Any) -> Any:
    figure, axis = plt.subplots(figsize=(9, 4.8), layout="constrained")
    for at, (_, start, end) in enumerate(rows):
        colour = TOTAL if start == 0 and at else (UP if end >= start else DOWN)
        low, high = sorted((start / 100, end / 100))
        axis.bar(at, high - low, bottom=low, color=colour)
        axis.annotate(f"{abs(end - start) / 100:.2f}", (at, high), (0, 3), textcoords="offset points", ha="center")
    labels = [name.replace("_", "\n") for name, _, _ in rows]
    axis.set_xticks(range(len(rows)), labels, fontsize="small")
    axis.set_ylabel("haircut, %")
    axis.margins(y=0.12)
    axis.set_title(f"{document['market']} at block {document['block']}: {document['rules'][0]['sentence']}", wrap=True)
    return figure
