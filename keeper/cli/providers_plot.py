"""A market's providers as a picture: who takes how much of a sale, and the depth that is left as the largest leave."""

from pathlib import Path
from typing import Any

from keeper.cli.pictures import write_picture


def write_plot(document: dict[str, Any], file: Path) -> Path:
    """The picture, and its numbers as CSV with the same name; answers the CSV's path; errors as ``write_picture``."""
    return write_picture(file, _numbers(document), lambda plt: _drawn(document, plt))


def _numbers(document: dict[str, Any]) -> list[list[object]]:
    losses = list(document["depth"])
    rows: list[list[object]] = [
        ["leaves", "in_range", "taken_at_200", *(f"depth_{loss}" for loss in losses)],
        ["", "", "", *document["depth"].values()],
    ]
    for row in document["providers"]:
        depths = row["depth"] or dict.fromkeys(losses, "")
        rows.append([row["account"], row["inRange"], row["takenAt200"], *depths.values()])
    rows += [[f"largest {row['count']}", "", "", *row["depth"].values()] for row in document["together"]]
    return rows


def _drawn(document: dict[str, Any], plt: Any) -> Any:
    figure, (left, right) = plt.subplots(1, 2, figsize=(11, 4.5), layout="constrained")
    shown = document["providers"][: document["shown"]][::-1]
    left.barh([row["account"][:8] for row in shown], [row["depthBps"] / 100 for row in shown])
    left.set_xlabel("share of the sale at a loss of 2 %, %")
    left.set_title("largest providers")
    scale = 10 ** document["collateralDecimals"]
    counts = [0, *(row["count"] for row in document["together"])]
    for loss in document["depth"]:
        sizes = [int(row["depth"][loss]) / scale for row in (document, *document["together"])]
        right.plot(counts, sizes, marker="o", label=f"loss of {int(loss) // 100} %")
    right.set_xlabel("largest providers that left")
    right.set_ylabel("can be sold")
    right.set_ylim(bottom=0)
    right.set_xticks(counts)
    right.set_title("depth without them")
    right.legend(fontsize="small")
    figure.suptitle(f"{document['market']} at block {document['block']}")
    return figure
