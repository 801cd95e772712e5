"""Depth curves of a pair's pools and routes at one block, for people: merged, by venue, in both directions."""

from collections.abc import Generator, Sequence
from dataclasses import dataclass
from fractions import Fraction
from typing import Any, cast

from keeper.depth_pairs import Pair
from keeper.feeds import FEEDS
from keeper.records.lockstep import together
from keeper.records.pools import PoolState, UniswapV3State, UniswapV4State
from keeper.records.ports import SaleCurve
from keeper.records.settings import PoolSettings, RouteSettings
from keeper.records.snapshot import Answer, Ask, FeedReading, PoolReading, ReadPlan
from keeper.records.units import Address, BlockRef, Price
from keeper.risk.adjacent import adjacent_ticks_up
from keeper.risk.counted import believed
from keeper.risk.depth import oracle_price, sells, upper_median
from keeper.risk.merged import Sale, curve_points, split
from keeper.risk.outliers import spot_off_mean_ticks
from keeper.risk.routes import RouteCurve
from keeper.venues import VENUES

LOSSES_BPS = (10, 25, *range(50, 1_050, 50))
FLAGGED = "flagged in the settings: counts for nothing"
NOTHING_SOLD = "nothing can be sold there"


@dataclass(frozen=True, slots=True)
class Read:
    """A pair's pools at one block."""

    pair: Pair
    pools: tuple[PoolReading, ...]
    legs: tuple[PoolReading, ...]
    """Pools of all routes, in their order."""
    feed: FeedReading | None


@dataclass(frozen=True, slots=True)
class Side:
    """One direction of a pair: where how much is sold."""

    curves: tuple[SaleCurve | None, ...]
    """Of each pool, then of each route; None where nothing is sold."""
    reference: Fraction | None
    """max(oracle, mid), raw bought per raw sold; None without a price."""

    @property
    def alive(self) -> list[SaleCurve]:
        """Those that sell."""
        return [curve for curve in self.curves if curve is not None]


def pair_reading(pair: Pair, plan: ReadPlan, block: BlockRef) -> Generator[tuple[Ask, ...], tuple[Answer, ...], Read]:
    """Read the pools, the legs of the routes and, of a market, the feed, in one round."""
    pools = [*pair.pools, *(pool for route in pair.routes for pool in route.pools)]
    readings: list[Any] = [VENUES[pool.venue].read(pool, plan, block) for pool in pools]
    if pair.market is not None:
        readings.append(FEEDS[pair.market.feed.kind].read(pair.market.feed, block))
    values = yield from together(readings)
    states, direct = cast("list[PoolReading]", values[: len(pools)]), len(pair.pools)
    feed = None if pair.market is None else cast("FeedReading", values[-1])
    return Read(pair, tuple(states[:direct]), tuple(states[direct:]), feed)


def side_of(read: Read, *, turned: bool = False) -> Side:
    """What sells how much; ``turned``: the other way round."""
    pair = read.pair.turned() if turned else read.pair
    direct = [
        curve_of(pair, pool, row, (pair.sold.address, pair.bought.address))
        for pool, row in zip(pair.pools, read.pools, strict=True)
    ]
    oracle = _oracle(read, pair)
    direct = _believed(direct, oracle)
    routes = [_route_curve(pair, route, rows) for route, rows in leg_readings(read, turned=turned)]
    prices = [curve.mid for curve in direct if curve is not None] or [row.middle for row in routes if row is not None]
    if not prices:
        return Side((*direct, *routes), None)
    prices = [upper_median(prices), *([oracle] if oracle else [])]
    return Side((*direct, *routes), max(Fraction(price.numerator, price.denominator) for price in prices))


def _believed(curves: Sequence[SaleCurve | None], oracle: Price | None) -> list[SaleCurve | None]:
    """Those that the fold would count; a price that nobody confirms would hide what the others sell."""
    kept, _ = believed([("", curve) for curve in curves if curve is not None], oracle)
    return [curve if any(curve is row for row in kept) else None for curve in curves]


def leg_readings(read: Read, *, turned: bool = False) -> list[tuple[RouteSettings, tuple[PoolReading, ...]]]:
    """Each route of one direction with the readings of its pools, in the order of ``RouteSettings.pools``."""
    rows, answers = iter(read.legs), []
    pair = read.pair.turned() if turned else read.pair
    for own, route in zip(read.pair.routes, pair.routes, strict=True):
        found = tuple(next(rows) for _ in own.pools)
        first = len(own.collateral_pools)
        answers.append((route, (*found[first:], *found[:first]) if turned else found))
    return answers


def curve_of(pair: Pair, pool: PoolSettings, reading: PoolReading, tokens: tuple[Address, Address]) -> SaleCurve | None:
    """A pool's curve; None where it is flagged, unread, or sells nothing."""
    if is_flagged(pair, pool, tokens) or reading.state is None:
        return None
    curve = VENUES[pool.venue].curve(pool, reading.state)
    return curve if sells(curve) else None


def is_flagged(pair: Pair, pool: PoolSettings, tokens: tuple[Address, Address]) -> bool:
    """Whether the settings flag the pool, or a token that it trades here."""
    return not {pool.address, *tokens}.isdisjoint(pair.flagged)


def curves_of(read: Read) -> dict[str, Any]:
    """For both directions the largest sale within each average loss, split over venues and routes; raw units."""
    return {
        name: [
            _point(loss, sale) for loss, sale in zip(LOSSES_BPS, _points(side_of(read, turned=turned)), strict=False)
        ]
        for name, turned in (("sell", False), ("buy", True))
    }


def sale_of(read: Read, size: int) -> dict[str, Any] | None:
    """Best split of selling this much, raw units; None without a price."""
    side = side_of(read)
    if side.reference is None:
        return None
    sale = split(side.alive, size)
    loss = sale.loss_bps_up(side.reference)
    return None if loss is None else _point(loss, _spread(sale, side))


def venues_of(read: Read) -> list[dict[str, Any]]:
    """What each pool and each route is and how it was read, in the order of the fills."""
    pair, ends = read.pair, (read.pair.sold.address, read.pair.bought.address)
    rows = [_venue(pair, pool, row, ends) for pool, row in zip(pair.pools, read.pools, strict=True)]
    for route, legs in leg_readings(read):
        first = len(route.collateral_pools)
        tokens = [(ends[0], route.bridge)] * first + [(route.bridge, ends[1])] * len(route.debt_pools)
        own = [
            _venue(pair, pool, row, side) | {"leg": "first" if at < first else "second"}
            for at, (pool, row, side) in enumerate(zip(route.pools, legs, tokens, strict=True))
        ]
        dead = _route_curve(pair, route, legs) is None
        failure = "a leg sells nothing" if dead else None
        rows.append(
            {
                "venue": "route",
                "address": route.bridge,
                "through": pair.symbols[route.bridge],
                "failure": failure,
                "legs": own,
            }
        )
    return rows


def _venue(pair: Pair, pool: PoolSettings, reading: PoolReading, tokens: tuple[Address, Address]) -> dict[str, Any]:
    off = None if reading.state is None else spot_off_mean_ticks(reading.state)
    apart = None if reading.state is None else adjacent_ticks_up(None, reading.state)
    failure = FLAGGED if is_flagged(pair, pool, tokens) else reading.failure or None
    if failure is None and curve_of(pair, pool, reading, tokens) is None:
        failure = NOTHING_SOLD
    return {
        "venue": pool.venue,
        "address": pool.address,
        "failure": failure,
        "spotOffMeanTicks": off,
        "adjacentTicks": apart,
        "feeGrowthX128": _fee_growth(reading.state),
    }


def _fee_growth(state: PoolState | None) -> list[str] | None:
    """Both words of a pool that keeps them, token 0 first."""
    if not isinstance(state, UniswapV3State | UniswapV4State):
        return None
    return [str(state.fee_growth0_x128), str(state.fee_growth1_x128)]


def _route_curve(pair: Pair, route: RouteSettings, readings: Sequence[PoolReading]) -> RouteCurve | None:
    count, legs = len(route.collateral_pools), []
    ends = ((pair.sold.address, route.bridge), (route.bridge, pair.bought.address))
    halves = ((route.collateral_pools, readings[:count]), (route.debt_pools, readings[count:]))
    for (pools, rows), tokens in zip(halves, ends, strict=True):
        found = [curve_of(pair, pool, row, tokens) for pool, row in zip(pools, rows, strict=True)]
        legs.append(tuple(curve for curve in found if curve is not None))
    return RouteCurve(legs[0], legs[1]) if all(legs) else None


def _oracle(read: Read, pair: Pair) -> Price | None:
    if read.feed is None or read.feed.answer is None or pair.market is None:
        return None
    oracle = oracle_price(read.feed.answer, pair.market)
    return Price(oracle.denominator, oracle.numerator) if pair.backwards else oracle


def _points(side: Side) -> tuple[Sale, ...]:
    if side.reference is None:
        return ()
    return tuple(_spread(sale, side) for sale in curve_points(side.alive, side.reference, LOSSES_BPS))


def _spread(sale: Sale, side: Side) -> Sale:
    """Fills in the order of all venues, nothing for those that sell nothing."""
    fills = iter(sale.fills)
    return Sale(tuple((0, 0) if curve is None else next(fills) for curve in side.curves))


def _point(loss: int, sale: Sale) -> dict[str, Any]:
    return {
        "lossBps": loss,
        "taken": str(sale.taken),
        "given": str(sale.given),
        "fills": [[str(taken), str(given)] for taken, given in sale.fills],
    }
