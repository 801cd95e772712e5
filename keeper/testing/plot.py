"""The demo's picture: price, depth and haircut of every market over the story, as PNG and SVG."""

from collections.abc import Sequence
from pathlib import Path

from keeper.testing.judge import Moment


def draw(moments: Sequence[Moment], folder: Path) -> list[Path]:
    """Write ``demo.png`` and ``demo.svg``; returns their paths."""
    import matplotlib as mpl

    mpl.use("Agg")
    import matplotlib.pyplot as plt

    count = len(moments[0].views)
    figure, axes = plt.subplots(3, count, figsize=(7 * count, 8), sharex=True, squeeze=False, layout="constrained")
    steps = [moment.step.index + 1 for moment in moments]
    for column in range(count):
        views = [moment.views[column] for moment in moments]
        price, depth, haircut = (axes[row][column] for row in range(3))
        price.set_title(views[0].settings.name)
        price.plot(steps, [view.price for view in views], color="C0")
        price.set_ylabel("price, USDC")
        for label, index in (("1 %", 0), ("2 %", 1), ("5 %", 2)):
            depth.plot(steps, [view.depth[index] for view in views], label=f"within {label}")
        depth.set_ylabel("depth, whole tokens")
        depth.legend(loc="lower left", fontsize="small")
        asked = [_asked(moment, column) for moment in moments]
        haircut.plot(steps, asked, color="C3", linestyle=":", label="asked by the model")
        live = [view.words.live.haircut_bps / 100 for view in views]
        haircut.step(steps, live, where="post", color="C3", label="live on chain")
        haircut.set_ylabel("haircut, %")
        haircut.set_xlabel("sampling window (1 minute of chain time)")
        haircut.legend(loc="lower right", fontsize="small")
        _shade(moments, [price, depth, haircut])
    paths = [folder / "demo.png", folder / "demo.svg"]
    for path in paths:
        figure.savefig(path)
    plt.close(figure)
    return paths


def _asked(moment: Moment, column: int) -> float | None:
    folded = moment.views[column].folded
    targets = folded.decision.targets if folded else None
    return targets.haircut_bps / 100 if targets else None


def _shade(moments: Sequence[Moment], axes: Sequence[object]) -> None:
    """Grey behind every second phase."""
    names = list(dict.fromkeys(moment.step.phase for moment in moments))
    for name in names[1::2]:
        steps = [moment.step.index + 1 for moment in moments if moment.step.phase == name]
        for axis in axes:
            axis.axvspan(steps[0] - 0.5, steps[-1] + 0.5, color="0.93", zorder=0)  # type: ignore[attr-defined]
