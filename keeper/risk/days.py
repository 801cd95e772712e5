"""The day's highest effective haircut that a live word carries.

Twin of ``note`` in ``contracts/src/libraries/DayLib.sol``, bit for bit, as far as the live word alone decides.
"""

from keeper.records.live import FLAG_LISTED, ContractWords
from keeper.risk import effective

DAY_SECONDS = 86_400


def note(old: ContractWords, new: ContractWords, now: int) -> int | None:
    """What the new live word has to carry, when ``old`` held until now and ``new`` holds from now on.

    None on the first write of another day: that takes over what the slots of past days hold, which no keeper reads.
    """
    after = effective.haircut_bps(new, now, now)
    # A market listed anew stood for nothing until now.
    if not old.live.flags & FLAG_LISTED:
        return after
    today = now // DAY_SECONDS
    return max(during(old, today, now), after) if old.live.observed_time // DAY_SECONDS == today else None


def during(words: ContractWords, day: int, now: int) -> int:
    """Highest effective haircut that the words stood for in a day from their observed one up to today, bps."""
    start = max(day * DAY_SECONDS, words.live.observed_time)
    end = min((day + 1) * DAY_SECONDS - 1, now)
    value = effective.highest_bps(words, start, end, now)
    return max(value, words.live.day_highest_bps) if day == words.live.observed_time // DAY_SECONDS else value
