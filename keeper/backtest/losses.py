"""What a liquidation that starts at a reading would have lost: the lowest price until it is sold, and the sale."""

from dataclasses import dataclass

from keeper.backtest.records import History, Reading
from keeper.maths.fixed import cdiv
from keeper.records.settings import ModelSettings


@dataclass(frozen=True, slots=True)
class Loss:
    """First-passage loss of one start."""

    fraction: float
    """1 - lowest price / price at the start, times what the sale left."""
    complete: bool
    """Whether every bar until the end was there; else it is a lower bound."""


def losses(history: History) -> list[Loss | None]:
    """Loss of each start; None without a price, without depth, or where the history ends before the sale.

    Time until it is sold is ``tau(Q)`` of models.md 4. Where bars are missing at the end, the seller sells at the first
    price after them.
    """
    model, rows = history.market.model, history.readings
    lows = [row.low_wad for row in rows]
    answers: list[Loss | None] = []
    for at, row in enumerate(rows):
        seconds = sale_seconds(model, row)
        end = at + 1 + history.slots(seconds) if seconds is not None else len(rows) + 1
        if row.close_wad is None or end > len(rows):
            answers.append(None)
            continue
        seen = [low for low in lows[at + 1 : end] if low is not None]
        complete = len(seen) == end - at - 1
        while lows[end - 1] is None and end < len(rows):
            end += 1
            if (late := lows[end - 1]) is not None:
                seen.append(late)
        if not seen:
            answers.append(None)
            continue
        answers.append(Loss(1 - min(seen) / row.close_wad * (1 - row.cost), complete))
    return answers


def sale_seconds(model: ModelSettings, row: Reading) -> int | None:
    """``tau0 + t_rep max(0, Q/Q* - 1)``, rounded up; None when there is nothing to sell into."""
    if row.q_star is None or (row.q_star == 0 and model.size):
        return None
    if model.size <= row.q_star:
        return model.tau0_seconds
    return model.tau0_seconds + cdiv((model.size - row.q_star) * model.t_rep_seconds, row.q_star)
