"""What would have to change for a haircut to move: each input alone, the nearest value that moves it far enough.

Exact: found by bisection on the integer model itself, not by a derivative. Every model rises with each of these inputs
but the depth, with which it falls (models.md 5.3, P2 and P3), so the nearest value on each side is unique.
"""

from collections.abc import Callable
from dataclasses import dataclass, replace

from keeper.records.ports import HaircutModel
from keeper.records.settings import ModelSettings
from keeper.records.units import BPS, WAD

MOVE_BPS = 100
"""How far the haircut has to move: what a loosening needs to be reported (``deviation_down_bps`` in design.md 5.2)."""

_MAX_AMOUNT = (1 << 112) - 1
_MAX_SECONDS = (1 << 32) - 1
_MAX_WAD = (1 << 80) - 1


@dataclass(frozen=True, slots=True)
class Sensitivity:
    """One input and how far it is, alone, from moving the haircut."""

    name: str
    """Field of the settings or of the estimates."""
    value: int
    """What it is, in its own unit."""
    tighter: int | None
    """Nearest value at which the haircut is at least so many bps higher; None = no value of its domain does it."""
    looser: int | None
    """Nearest value at which it is at least so many bps lower; None likewise."""


@dataclass(frozen=True, slots=True)
class _Point:
    """Arguments of a model."""

    model: ModelSettings
    sigma_wad: int
    q_star: int


def _set(name: str) -> Callable[[_Point, int], _Point]:
    """The point with one of its settings at another value."""

    def change(point: _Point, value: int) -> _Point:
        return replace(point, model=replace(point.model, **{name: value}))  # type: ignore[arg-type]

    return change


@dataclass(frozen=True, slots=True)
class _Input:
    """One argument that is moved alone."""

    read: Callable[[_Point], int]
    write: Callable[[_Point, int], _Point]
    highest: int
    """Of its domain (models.md 1.3); the lowest is 0."""
    rises: bool = True
    """Whether more of it is more haircut."""


_INPUTS: dict[str, _Input] = {
    "sigma_wad": _Input(lambda row: row.sigma_wad, lambda row, to: replace(row, sigma_wad=to), _MAX_WAD),
    "q_star": _Input(lambda row: row.q_star, lambda row, to: replace(row, q_star=to), _MAX_AMOUNT, rises=False),
    "size": _Input(lambda row: row.model.size, _set("size"), _MAX_AMOUNT),
    "oracle_deviation_wad": _Input(lambda row: row.model.oracle_deviation_wad, _set("oracle_deviation_wad"), WAD),
    "bonus_bps": _Input(lambda row: row.model.bonus_bps, _set("bonus_bps"), _MAX_WAD // (WAD // BPS)),
    "tau0_seconds": _Input(lambda row: row.model.tau0_seconds, _set("tau0_seconds"), _MAX_SECONDS),
    "t_rep_seconds": _Input(lambda row: row.model.t_rep_seconds, _set("t_rep_seconds"), _MAX_SECONDS),
}


def sensitivities(
    haircut: HaircutModel, model: ModelSettings, sigma_wad: int, q_star: int, move_bps: int = MOVE_BPS
) -> tuple[Sensitivity, ...]:
    """How far each input is, alone, from moving a haircut.

    Parameters
    ----------
    haircut
        The model, as ``haircuts.MODELS`` has it.
    model
        Its settings, with the size that was measured.
    sigma_wad
        Annual volatility, WAD.
    q_star
        Stressed depth, unit of the size. It is held while the bonus moves, although a bonus also says what
        liquidators can bear.
    move_bps
        How far, basis points above 0.

    Returns
    -------
    tuple of Sensitivity
        In a fixed order.
    """
    start = _Point(model, sigma_wad, min(q_star, _MAX_AMOUNT))

    def at(point: _Point) -> int:
        return haircut(point.model, point.sigma_wad, point.q_star).haircut_bps

    here = at(start)
    rows = []
    for name, field in _INPUTS.items():
        value = field.read(start)

        def reached(to: int, field: _Input = field) -> int:
            return at(field.write(start, to))

        ends = (field.highest, 0) if field.rises else (0, field.highest)
        tighter = _nearest(lambda to: reached(to) >= here + move_bps, value, ends[0])
        looser = _nearest(lambda to: reached(to) <= here - move_bps, value, ends[1])
        rows.append(Sensitivity(name, value, tighter, looser))
    return tuple(rows)


def _nearest(holds: Callable[[int], bool], start: int, end: int) -> int | None:
    """The value nearest to ``start``, towards ``end``, at which a monotone condition holds; None when not even there.

    ``start`` itself is taken not to hold.
    """
    if not holds(end):
        return None
    outside, inside = start, end
    while abs(inside - outside) > 1:
        middle = (outside + inside) // 2
        if holds(middle):
            inside = middle
        else:
            outside = middle
    return inside
