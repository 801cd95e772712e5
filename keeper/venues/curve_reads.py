"""What the readings of Curve's pools share: calls by name, quotes asked along with the state, faults in one line.

A Curve pool does not say of which generation it is, so each reading also asks it for a few quotes of its own, and
counts only when the arithmetic here answers the same.
"""

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass

from keeper.maths.curve_stable import NoQuote
from keeper.records.settings import PoolSettings
from keeper.records.snapshot import Answer, Ask, CallInput, PoolReading
from keeper.records.units import Address
from keeper.venues.abi import address_of, answered, view, words_of

VIEW_GAS = 500_000
QUOTE_GAS = 8_000_000
"""A quote takes some 100,000; through a first pool whose iteration does not end before its 255 rounds, millions."""
PROBES = (10**6, 10**12, 10**18, 10**24)
"""Amounts of collateral, raw units, for which the pool's own quote is asked with every reading."""
MAX_COINS = 8
"""As many as StableSwap-NG can hold."""

STABLE_QUOTE = "get_dy(int128,int128,uint256)"
META_QUOTE = "get_dy_underlying(int128,int128,uint256)"
CRYPTO_QUOTE = "get_dy(uint256,uint256,uint256)"


class Unusable(ValueError):
    """The pool can't be counted; the message says why."""


@dataclass(frozen=True, slots=True)
class Asked:
    """One round's calls and answers, by name."""

    asks: Mapping[str, Ask]
    answers: Mapping[str, Answer]

    @property
    def inputs(self) -> tuple[CallInput, ...]:
        """All of them, in the order asked."""
        rows = ((ask, self.answers[name]) for name, ask in self.asks.items())
        return tuple(CallInput(ask.to, ask.data, answer.ok, answer.data) for ask, answer in rows)

    def maybe(self, name: str) -> int | None:
        """The one word answered, or None."""
        found = answered(self.answers[name], 1)
        return None if found is None else found[0]

    def one(self, name: str) -> int:
        """The one word answered.

        Raises
        ------
        Unusable
            When it was not.
        """
        found = self.maybe(name)
        if found is None:
            raise Unusable(f"{name} is not answered")
        return found

    def row(self, names: Iterable[str]) -> tuple[int, ...] | None:
        """A word for each name, or None when one is missing."""
        found = tuple(self.maybe(name) for name in names)
        return None if None in found else tuple(word for word in found if word is not None)

    def array(self, name: str) -> tuple[int, ...]:
        """A fixed or dynamic array of words; empty when not answered."""
        answer = self.answers[name]
        if not answer.ok or len(answer.data) % 32 or not answer.data:
            return ()
        words = words_of(answer.data)
        dynamic = len(words) >= 2 and words[0] == 32 and len(words) == words[1] + 2
        return words[2:] if dynamic else words

    def quotes(self) -> dict[int, int]:
        """Amount in -> the pool's own quote, for the probes that it answered."""
        found = {amount: self.maybe(f"quote {amount}") for amount in PROBES}
        return {amount: out for amount, out in found.items() if out is not None}


def asked(asks: Mapping[str, Ask], answers: tuple[Answer, ...]) -> Asked:
    """Answers under the names of their calls."""
    return Asked(asks, dict(zip(asks, answers, strict=True)))


def views(to: Address, *signatures: str) -> dict[str, Ask]:
    """Calls without arguments, named by their signature."""
    return {signature: cheap(to, signature) for signature in signatures}


def indexed(to: Address, signature: str, count: int) -> dict[str, Ask]:
    """Calls for 0, 1, ... named ``signature index``."""
    return {f"{signature} {index}": cheap(to, signature, index) for index in range(count)}


def cheap(to: Address, signature: str, *arguments: int) -> Ask:
    """A call of a plain view."""
    ask = view(to, signature, *arguments)
    return Ask(ask.to, ask.data, gas=VIEW_GAS)


def quote_ask(pool: PoolSettings, signature: str, amount: int, *, sells: bool = True) -> Ask:
    """The pool's own quote for selling (or with ``sells`` false, buying) collateral."""
    sides = (pool.collateral_index, pool.debt_index)
    ask = view(pool.address, signature, *(sides if sells else sides[::-1]), amount)
    return Ask(ask.to, ask.data, gas=QUOTE_GAS)


def probes(pool: PoolSettings, signature: str) -> dict[str, Ask]:
    """The quotes asked with every reading."""
    return {f"quote {amount}": quote_ask(pool, signature, amount) for amount in PROBES}


def agrees(quote: Callable[[int], int], own: Mapping[int, int]) -> bool:
    """Whether the arithmetic here answers what the pool itself did, at least once and each time."""
    try:
        return bool(own) and all(quote(amount) == out for amount, out in own.items())
    except NoQuote:
        return False


def refuse_killed(found: Asked) -> None:
    """A killed pool still quotes but no longer swaps; the oldest don't say that they are."""
    if found.maybe("is_killed()"):
        raise Unusable("killed")


def failed(pool: PoolSettings, found: Asked, reason: object) -> PoolReading:
    """A reading without a state."""
    return PoolReading(None, found.inputs, f"{pool.address}: {reason}")


def coin_asks(to: Address, index: int, name: str) -> dict[str, Ask]:
    """The two forms in which generations tell a coin."""
    forms = ("coins(uint256)", "coins(int128)")
    return {f"{name} {form}": cheap(to, form, index) for form in forms}


def coin_problems(found: Asked, wanted: Mapping[str, Address]) -> list[str]:
    """One line for each coin that is not the market's."""
    lines = []
    for name, address in wanted.items():
        told = [found.maybe(f"{name} {form}") for form in ("coins(uint256)", "coins(int128)")]
        coin = next((word for word in told if word is not None), None)
        if coin is None or address_of(coin) != address.lower():
            said = "not told" if coin is None else address_of(coin)
            lines.append(f"{name} is {said}, the market needs {address}")
    return lines
