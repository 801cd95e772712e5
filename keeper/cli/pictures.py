"""Pictures of commands: matplotlib without a screen, and the numbers as CSV beside each."""

import csv
from collections.abc import Callable, Iterable, Sequence
from pathlib import Path
from typing import Any

from keeper.errors import ConfigError

SUFFIXES = (".png", ".svg", ".pdf")


def write_picture(file: Path, rows: Iterable[Sequence[object]], draw: Callable[[Any], Any]) -> Path:
    """Draw into a file and write the rows as CSV with the same name; answers the CSV's path.

    Parameters
    ----------
    file
        Ends in one of ``SUFFIXES``.
    rows
        Heading first.
    draw
        Makes the figure, given pyplot.

    Raises
    ------
    ConfigError
        The name's ending is no picture's, or the folder cannot be written.
    """
    if file.suffix.lower() not in SUFFIXES:
        raise ConfigError(f"{file.name} is not a picture", f"end the name with one of {', '.join(SUFFIXES)}")
    numbers = file.with_suffix(".csv")
    try:
        with numbers.open("w", newline="") as target:
            csv.writer(target).writerows(rows)
        import matplotlib as mpl

        mpl.use("Agg")
        import matplotlib.pyplot as plt

        figure = draw(plt)
        figure.savefig(file, dpi=120)
        plt.close(figure)
    except OSError as error:
        raise ConfigError(f"{file} cannot be written: {error.strerror}", "choose a folder that exists") from None
    return numbers
