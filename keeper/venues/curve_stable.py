"""Curve's plain StableSwap pools: the first ones, the templates with a precise A, later factory pools, NG.

Coins' rates come from ``stored_rates()`` where the pool has it, else from the settings. Pools whose rates move and that
do not tell them (lending tokens, early oracle coins) fail the comparison with their own quotes.
"""

from collections.abc import Generator, Iterator
from dataclasses import replace
from functools import partial

from keeper.maths.curve_stable import FEE_DENOMINATOR, NoQuote, out_down, ramped, scaled, slope
from keeper.records.pools import CurveProduct, CurveRules, CurveStableState, PoolState
from keeper.records.settings import PoolSettings
from keeper.records.snapshot import Answer, Ask, PoolReading, ReadPlan
from keeper.records.units import Address, BlockRef
from keeper.venues.curve_reads import (
    MAX_COINS,
    STABLE_QUOTE,
    Asked,
    Unusable,
    agrees,
    asked,
    coin_asks,
    coin_problems,
    failed,
    indexed,
    probes,
    quote_ask,
    refuse_killed,
    views,
)
from keeper.venues.quoted import QuotedSwaps, quoted_curve
from keeper.venues.sampled import SampledCurve

MOST_SHARE = 128
"""The sale curve ends at this many times all balances together."""
FOREVER = 1 << 63
"""The time of a check, which is of no block: every ramp has ended."""
RAMP = ("initial_A()", "future_A()", "initial_A_time()", "future_A_time()")
CHECKED_PARTS = (1_000_000, 1_000, 20, 2)
"""The check compares quotes for these parts of the sold coin's balance, in both directions."""


class CurveStable:
    """Adapter of plain pools."""

    def read(
        self,
        pool: PoolSettings,
        plan: ReadPlan,  # noqa: ARG002 - a pool has no range and no ring
        block: BlockRef,
    ) -> Generator[tuple[Ask, ...], tuple[Answer, ...], PoolReading]:
        """Balances, rates, A, fees, and a few of the pool's own quotes."""
        asks = pool_asks(pool.address, len(pool.rates)) | probes(pool, STABLE_QUOTE)
        found = asked(asks, (yield tuple(asks.values())))
        try:
            return PoolReading(_state(pool, found, block.timestamp), found.inputs)
        except (Unusable, NoQuote) as error:
            return failed(pool, found, error)

    def check(
        self, pool: PoolSettings, collateral: Address, debt: Address
    ) -> Generator[tuple[Ask, ...], tuple[Answer, ...], tuple[str, ...]]:
        """Coins against the settings, then quotes of many sizes, both ways."""
        asks = pool_asks(pool.address, len(pool.rates)) | probes(pool, STABLE_QUOTE)
        asks |= coin_asks(pool.address, pool.collateral_index, "collateral")
        asks |= coin_asks(pool.address, pool.debt_index, "debt")
        found = asked(asks, (yield tuple(asks.values())))
        problems = coin_problems(found, {"collateral": collateral, "debt": debt})
        try:
            state = _state(pool, found, FOREVER)
        except (Unusable, NoQuote) as error:
            return (*problems, str(error))
        return (*problems, *(yield from compare_quotes(pool, STABLE_QUOTE, self.swaps(pool, state), state.balances)))

    def curve(self, pool: PoolSettings, state: PoolState) -> SampledCurve:
        """Sale of collateral."""
        own, sold, bought = _stable(pool, state), pool.collateral_index, pool.debt_index
        most = MOST_SHARE * sum(scaled(own)) * 10**18 // own.rates[sold]
        return quoted_curve(partial(out_down, own, sold, bought), slope(own, sold, bought), most)

    def swaps(self, pool: PoolSettings, state: PoolState) -> QuotedSwaps:
        """Both directions by ``get_dy``."""
        own, sold, bought = _stable(pool, state), pool.collateral_index, pool.debt_index
        return QuotedSwaps(partial(out_down, own, sold, bought), partial(out_down, own, bought, sold))


def pool_asks(to: Address, coins: int, prefix: str = "") -> dict[str, Ask]:
    """Everything that any generation tells of a pool of so many coins; 0 coins: it tells how many there are."""
    asks = views(to, "A()", "A_precise()", "fee()", "offpeg_fee_multiplier()", "stored_rates()", "is_killed()", *RAMP)
    asks |= indexed(to, "balances(uint256)", coins or MAX_COINS)
    asks |= indexed(to, "balances(int128)", coins) if coins else {}
    return {prefix + name: ask for name, ask in asks.items()}


def told_state(found: Asked, fixed_rates: tuple[int, ...], prefix: str = "") -> CurveStableState:
    """The pool as it tells itself, of the generation that its views suggest.

    Raises
    ------
    Unusable
        When a part is missing or impossible.
    """
    told = found.array(f"{prefix}stored_rates()")
    rates = told or fixed_rates
    if not 2 <= len(rates) <= MAX_COINS or not all(rates):
        raise Unusable("the rates of its coins are neither told nor in the settings")
    if fixed_rates and len(fixed_rates) != len(rates):
        raise Unusable(f"it has {len(rates)} rates, the settings {len(fixed_rates)}")
    forms = ("balances(uint256)", "balances(int128)") if fixed_rates else ("balances(uint256)",)
    rows = (found.row(f"{prefix}{form} {k}" for k in range(len(rates))) for form in forms)
    balances = next((row for row in rows if row is not None), None)
    if balances is None:
        raise Unusable(f"the balances of {len(rates)} coins are not told")
    fee, precise = found.one(f"{prefix}fee()"), found.maybe(f"{prefix}A_precise()")
    if fee > FEE_DENOMINATOR // 2:
        raise Unusable(f"a fee of {fee}")
    product = CurveProduct.AT_THE_END if told else CurveProduct.EACH
    rules = CurveRules(1, product, fee_last=True) if precise is None else CurveRules(product=product)
    amp = found.one(f"{prefix}A()") if precise is None else precise
    return CurveStableState(balances, rates, amp, fee, found.maybe(f"{prefix}offpeg_fee_multiplier()") or 0, rules)


def generations(told: CurveStableState, found: Asked, now: int, prefix: str = "") -> Iterator[CurveStableState]:
    """The pool under the rules of every generation, the likeliest first."""
    amps = [(told.rules.precision, told.amp)]
    ramp = found.row(prefix + name for name in RAMP)
    if told.rules.precision == 1 and ramp is not None:
        # A few pools count A in hundredths and show it only in whole numbers.
        initial, future, start, end = ramp
        amps.append((100, ramped(initial, future, start, end, now)))
    products = sorted(CurveProduct, key=lambda product: product is not told.rules.product)
    for precision, amp in amps:
        for fee_last in (precision == 1, precision != 1):
            for product in products:
                yield replace(told, amp=amp, rules=CurveRules(precision, product, fee_last))


def compare_quotes(
    pool: PoolSettings, signature: str, swaps: QuotedSwaps, balances: tuple[int, ...]
) -> Generator[tuple[Ask, ...], tuple[Answer, ...], tuple[str, ...]]:
    """The pool's own quotes for parts of its balances in both directions; one line for each that differs."""
    rows = [
        (sells, max(1, balances[index] // part))
        for sells, index in ((True, pool.collateral_index), (False, pool.debt_index))
        for part in CHECKED_PARTS
    ]
    asks = {str(row): quote_ask(pool, signature, row[1], sells=row[0]) for row in rows}
    found = asked(asks, (yield tuple(asks.values())))
    problems = []
    for row in rows:
        said = found.maybe(str(row))
        own = swaps.exact_in_down(row[1], sells_collateral=row[0])
        if said is None and own[0] == row[1] and own[1]:
            problems.append(f"its quote for {row[1]} is not answered")
        elif said is not None and own != (row[1], said):
            problems.append(f"its quote for {row[1]} is {said}, the arithmetic here gives {own[1]}")
    return tuple(problems)


def _state(pool: PoolSettings, found: Asked, now: int) -> CurveStableState:
    refuse_killed(found)
    told, own = told_state(found, pool.rates), found.quotes()
    sold, bought = pool.collateral_index, pool.debt_index
    if max(sold, bought) >= len(told.rates):
        raise Unusable(f"it has {len(told.rates)} coins")
    # Names the fault of a pool that has no price, before its quotes are looked at.
    slope(told, sold, bought)
    if not any(own.values()):
        raise Unusable("it quotes nothing")
    for state in generations(told, found, now):
        if agrees(partial(out_down, state, sold, bought), own):
            return state
    raise Unusable("its own quotes are not those of a known generation")


def _stable(pool: PoolSettings, state: PoolState) -> CurveStableState:
    if not isinstance(state, CurveStableState):
        raise TypeError(f"{pool.address}: not the state of a Curve pool")
    return state
