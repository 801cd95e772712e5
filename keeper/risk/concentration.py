"""How much hangs on few: Herfindahl index, effective number, largest share, Gini (models.md 4).

Exact fractions of raw amounts. One party may use many accounts, so all four say at least how concentrated it is.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from fractions import Fraction


@dataclass(frozen=True, slots=True)
class Concentration:
    """Of one list of amounts whose total is above 0."""

    count: int
    """Amounts, zeros included."""
    hhi: Fraction
    """Sum of squared shares: 1/n when all are alike, 1 when one has everything."""
    top1: Fraction
    """Largest share."""
    gini: Fraction
    """0 when all are alike, (n-1)/n when one of n has everything."""

    @property
    def effective_n(self) -> Fraction:
        """How many alike would be as concentrated: 1 / HHI."""
        return Fraction(self.hhi.denominator, self.hhi.numerator)


def concentration(amounts: Sequence[int]) -> Concentration | None:
    """Figures of a list of amounts; None when their total is 0.

    ``gini = sum_ij |a_i - a_j| / (2 n total)``; over sorted amounts that is
    ``sum_i (2 i - n + 1) a_i / (n total)`` with i from 0.

    Parameters
    ----------
    amounts
        Not negative, any unit, any order. Zeros count for n, so they raise the Gini and nothing else.

    Raises
    ------
    ValueError
        An amount is negative.
    """
    if min(amounts, default=0) < 0:
        raise ValueError("an amount is negative")
    total, count = sum(amounts), len(amounts)
    if not total:
        return None
    spread = sum((2 * place - count + 1) * amount for place, amount in enumerate(sorted(amounts)))
    return Concentration(
        count=count,
        hhi=Fraction(sum(amount * amount for amount in amounts), total * total),
        top1=Fraction(max(amounts), total),
        gini=Fraction(spread, count * total),
    )
