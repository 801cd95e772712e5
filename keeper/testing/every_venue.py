"""The local world's option with every venue type: more pools of WETH and USDC, and a route for WBTC through WETH.

Uniswap v4 and Balancer are the authors' own bytecode, from development packages that the demo does not install. Curve
publishes none: its three pools are our second writing of the formulas (``DevCurve``); they quote and do not swap.
Nobody trades in these pools, so they stay at the price at which the past ended.
"""

from collections.abc import Sequence
from dataclasses import dataclass, replace

from keeper.chain.artifacts import load
from keeper.maths.curve_crypto import invariant
from keeper.records.pools import CurveCryptoState
from keeper.records.settings import PoolSettings, RouteSettings, Settings, two_token_pool
from keeper.records.units import NO_ADDRESS, WAD, Address
from keeper.testing.balancer import (
    Balancer,
    BalancerPool,
    Coin,
    create_stable,
    create_weighted,
    deploy_balancer,
    make_rate,
)
from keeper.testing.client import DevChain, Tx, calldata
from keeper.testing.uniswap import Position, Uniswap, create_v3_pool, move_positions, sqrt_price_x96
from keeper.testing.uniswap_v4 import PoolKey, create_v4_pool, deploy_v4, move_v4_positions

WETH_EACH = 1_000
"""Whole WETH that each pool holds, with as much worth of USDC."""
FEE_PIPS, SPACING = 3_000, 60
WIDE = 6_000
"""Ticks on each side of a position: about 45 % down and 82 % up."""
STABLE_AMPLIFICATION = 50
STANDING_WINDOWS = 7
"""Traded afterwards, so that the v3 leg's liquidity has stood for the whole harmonic stretch."""
COUNTED_BPS = 5_000
"""Share of the WBTC route's second leg that its market counts."""
_USD_RATE = 10**30
"""Curve's rate of a coin of 6 decimals."""


@dataclass(frozen=True, slots=True)
class Ground:
    """What every builder needs."""

    chain: DevChain
    uniswap: Uniswap
    trader: Address
    admin: Address
    weth: Address
    usdc: Address
    price: int
    """Whole USDC for a whole WETH, times 10**6."""

    @property
    def amounts(self) -> tuple[int, int]:
        """Raw WETH and USDC of equal worth."""
        return WETH_EACH * 10**18, WETH_EACH * self.price

    @property
    def rate_wad(self) -> int:
        """Price of a WETH in USDC, 1 = 10**18."""
        return self.price * 10**12


def with_every_venue(
    chain: DevChain,
    uniswap: Uniswap,
    accounts: tuple[Address, Address],
    settings: Settings,
    prices: Sequence[float],
) -> Settings:
    """Open the pools and add them to the settings: WETH's market first, WBTC's second.

    Parameters
    ----------
    accounts
        Administrator of Balancer, and who provides the liquidity.
    prices
        Whole USDC for a whole token, by market.
    """
    weth, wbtc = settings.markets
    admin, trader = accounts
    ground = Ground(chain, uniswap, trader, admin, weth.collateral, weth.debt, round(prices[0] * 10**6))
    pools = (*weth.pools, _v4_pool(ground), *_balancer_pools(ground), *_curve_pools(ground))
    leg = _v3_leg(ground, wbtc.collateral, round(prices[1] * 10**6))
    route = RouteSettings(weth.collateral, weth.collateral_decimals, (leg,), _sources_off(weth.pools[:2]), COUNTED_BPS)
    return replace(settings, markets=(replace(weth, pools=pools), replace(wbtc, routes=(route,))))


def _sources_off(pools: Sequence[PoolSettings]) -> tuple[PoolSettings, ...]:
    return tuple(replace(pool, price_source=False) for pool in pools)


def _around(numerator: int, denominator: int) -> tuple[int, list[Position]]:
    """Sqrt price of raw token1 per raw token0, and one wide position there that holds about the amounts given."""
    from math import log

    middle = int(log(numerator / denominator) / log(1.0001)) // SPACING * SPACING
    # A position of +-6,000 ticks holds a quarter of what one without ends would.
    liquidity = int((numerator * denominator) ** 0.5) * 4
    return sqrt_price_x96(numerator, denominator), [Position(middle - WIDE, middle + WIDE, liquidity)]


def _v4_pool(ground: Ground) -> PoolSettings:
    chain, trader = ground.chain, ground.trader
    v4 = deploy_v4(chain, trader)
    sides = sorted(zip((ground.weth, ground.usdc), ground.amounts, strict=True))
    key = PoolKey(sides[0][0], sides[1][0], FEE_PIPS, SPACING)
    root, positions = _around(sides[1][1], sides[0][1])
    create_v4_pool(chain, v4, trader, key, root)
    chain.run(move_v4_positions(v4, trader, key, positions, opening=True))
    indexes = (0, 1) if sides[0][0] == ground.weth else (1, 0)
    return PoolSettings(
        "uniswap_v4", v4.manager, key.pool_id, NO_ADDRESS, *indexes, FEE_PIPS, SPACING, (), price_source=False
    )


def _v3_leg(ground: Ground, wbtc: Address, price: int) -> PoolSettings:
    chain, trader = ground.chain, ground.trader
    weth = WETH_EACH * 10**18
    sides = sorted(((ground.weth, weth), (wbtc, weth * ground.price // (price * 10**10))))
    root, positions = _around(sides[1][1], sides[0][1])
    pool = create_v3_pool(chain, ground.uniswap.v3_factory, trader, (wbtc, ground.weth), fee=FEE_PIPS, sqrt_price=root)
    chain.run(move_positions(ground.uniswap, trader, pool, positions, opening=True))
    return two_token_pool("uniswap_v3", pool, sides[0][0] == wbtc, FEE_PIPS, SPACING)


def _balancer_pools(ground: Ground) -> tuple[PoolSettings, PoolSettings]:
    chain = ground.chain
    balancer = deploy_balancer(chain, ground.admin)
    weth, usdc = ground.amounts
    halves = (Coin(ground.weth, weth, WAD // 2), Coin(ground.usdc, usdc, WAD // 2))
    weighted = create_weighted(chain, balancer, halves, fee_wad=3 * 10**15)
    rate = make_rate(chain, ground.admin, ground.rate_wad)
    coins = (Coin(ground.weth, weth, rate_provider=rate), Coin(ground.usdc, usdc))
    stable = create_stable(chain, balancer, coins, amplification=STABLE_AMPLIFICATION, fee_wad=10**15)
    return _of_vault(ground, balancer, "balancer_weighted", weighted), _of_vault(
        ground, balancer, "balancer_stable", stable
    )


def _of_vault(ground: Ground, balancer: Balancer, venue: str, pool: BalancerPool) -> PoolSettings:
    sides = (pool.tokens.index(ground.weth), pool.tokens.index(ground.usdc))
    return PoolSettings(venue, pool.address, pool.pool_id, balancer.vault, *sides, 0, 0, (), price_source=False)


def _curve_pools(ground: Ground) -> tuple[PoolSettings, PoolSettings, PoolSettings]:
    weth, usdc = ground.amounts
    rates = (ground.rate_wad, _USD_RATE)
    stable = _deploy(ground, "DevCurve", _stable((ground.weth, ground.usdc), rates, (weth, usdc)), 10**24)
    # The base pool holds USDC alone with a coin of our own, so that a trade through it ends in USDC.
    coin = ground.chain.deploy(load("DevToken", "keeper.testing"), "Dev USD", "DUSD", 18, sender=ground.admin)
    base_rates = (_USD_RATE, WAD)
    worth = usdc * 10**12
    base = _deploy(ground, "DevCurve", _stable((ground.usdc, coin), base_rates, (usdc, worth)), 2 * worth)
    lp = 2 * worth // 2
    meta = _deploy(ground, "DevCurveMeta", _stable((ground.weth, base), (rates[0], WAD), (weth, lp)), base, 2, 0, 0)
    crypto = _crypto(ground)
    tokens = [(ground.weth, weth, (stable, meta, crypto)), (ground.usdc, usdc, (stable, base, crypto))]
    mint = "mint(address,uint256)"
    ground.chain.run(
        [Tx(ground.admin, token, calldata(mint, pool, amount)) for token, amount, pools in tokens for pool in pools]
    )
    plain = PoolSettings("curve_stable", stable, bytes(32), NO_ADDRESS, 0, 1, 0, 0, rates, price_source=False)
    lp_id = bytes(12) + bytes.fromhex(base[2:])
    through = replace(
        plain, venue="curve_meta", address=meta, pool_id=lp_id, companion=base, rates=(rates[0], *base_rates)
    )
    scales = (_USD_RATE, WAD)
    return (
        plain,
        through,
        replace(plain, venue="curve_crypto", address=crypto, collateral_index=1, debt_index=0, rates=scales),
    )


def _deploy(ground: Ground, name: str, *arguments: object) -> Address:
    return ground.chain.deploy(load(name, "keeper.testing"), *arguments, sender=ground.admin)


def _stable(coins: tuple[Address, Address], rates: tuple[int, int], balances: tuple[int, int]) -> tuple[object, ...]:
    amp = STABLE_AMPLIFICATION * 100
    return (coins, rates, balances, amp, amp, 0, 0, 4 * 10**6, 0, True, False)


def _crypto(ground: Ground) -> Address:
    weth, usdc = ground.amounts
    state = CurveCryptoState(
        balances=(usdc, weth),
        precisions=(10**12, 1),
        price_scale=(ground.rate_wad,),
        ann=400_000,
        multiplier=10_000,
        gamma=145 * 10**12,
        d=0,
        mid_fee=26 * 10**6,
        out_fee=45 * 10**6,
        fee_gamma=23 * 10**13,
    )
    setup = (
        (ground.usdc, ground.weth),
        state.balances,
        state.precisions,
        state.price_scale,
        state.ann,
        state.gamma,
        invariant(state),
        state.mid_fee,
        state.out_fee,
        state.fee_gamma,
        0,
        False,
    )
    return _deploy(ground, "DevCurveCrypto", setup)
