"""A whole local world in one call: real Uniswap pools with a past, feeds, and a listed ``CollateralParameters``.

Takes some seconds. Everything is deterministic except block hashes (Anvil draws a random ``mixHash`` for every block),
so two worlds have the same prices but sample different blocks.
"""

import random
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from eth_account import Account

from keeper.chain.artifacts import load
from keeper.config_dump import dump
from keeper.maths.keccak import keccak
from keeper.records.settings import MarketSettings, PoolSettings, Settings, encode_settings
from keeper.records.units import Address
from keeper.risk.keys import market_key
from keeper.testing import world
from keeper.testing.client import DevChain, Tx, calldata
from keeper.testing.every_venue import STANDING_WINDOWS, with_every_venue
from keeper.testing.market import Market, trade_block
from keeper.testing.uniswap import (
    FOREVER,
    Position,
    Uniswap,
    create_v2_pair,
    create_v3_pool,
    deploy_uniswap,
    grow_ring,
    move_positions,
    require_code,
    sqrt_price_x96,
)

HISTORY_WINDOWS = 90
"""Sampling windows traded before the listing: more than the trailing days and the bootstrap windows together need."""
CALM_STEP = 0.004
"""Standard deviation of a calm window's return: 0.4 % a minute, 290 % a year; 34 % without the time compression."""
CARDINALITY = 200
"""Slots of each pool's observation ring; one window writes one."""
SEED = 20_260_706
TREASURY = 10**15
"""Whole tokens that traders and providers start with, of each kind."""
FIRST_HAIRCUT_BPS, FIRST_LIQUIDATION_BPS = 1_200, 1_000
"""What governance lists the markets with."""

STAGES = ("deploying Uniswap v2 and v3", "opening pools with 200 ticks each", "trading a past", "listing the markets")
"""What the progress is told, in order."""

Progress = Callable[[str, int, int], None]
"""(what, done, of how many)"""


def _silent(_what: str, _done: int, _total: int) -> None:
    """Progress that nobody watches."""


@dataclass(frozen=True, slots=True)
class Devnet:
    """Everything about a built world."""

    url: str
    chain_id: int
    contract: Address
    """``CollateralParameters``."""
    authority: Address
    """OpenZeppelin ``AccessManager``; ``admin`` is its administrator."""
    admin: Address
    trader: Address
    """Owns the feeds, swaps in the pools and provides all liquidity."""
    uniswap: Uniswap
    settings: Settings
    market_keys: tuple[bytes, ...]
    """In the order of the settings."""
    keeper_keys: tuple[bytes, ...]
    """Private keys of the signers, ascending by address. Of a local chain: worth nothing."""
    positions: tuple[tuple[Address, tuple[Position, ...]], ...]
    """The big providers' positions, by v3 pool."""
    start_block: int
    """Where the contract was deployed: its events begin here."""
    listed_block: int
    prices: tuple[float, ...]
    """Where the past ended, whole USDC a token, in the order of the markets."""


def build_devnet(
    chain: DevChain,
    *,
    keepers: int = 1,
    threshold: int = 1,
    history_windows: int = HISTORY_WINDOWS,
    every_venue: bool = False,
    progress: Progress = _silent,
) -> Devnet:
    """Deploy, trade a past and list the markets.

    Parameters
    ----------
    chain
        A chain that mines on request (``AnvilOptions(no_mining=True)``).
    keepers, threshold
        Signers, and how many of them a batch needs.
    history_windows
        How many sampling windows lie before the listing.
    every_venue
        Also a pool of every other venue type, and a route (:mod:`keeper.testing.every_venue`); needs more npm packages.
    progress
        Told about every step.
    """
    admin, trader = chain.accounts[0], chain.accounts[1]
    chain.set_interval(world.BLOCK_SECONDS)
    progress(STAGES[0], 0, 1)
    uniswap = deploy_uniswap(chain, admin)
    progress(STAGES[0], 1, 1)
    usdc, tokens = _deploy_tokens(chain, trader, uniswap)
    built: list[tuple[MarketSettings, list[tuple[Address, tuple[Position, ...]]]]] = []
    for plan, token in tokens:
        progress(STAGES[1], len(built), len(tokens))
        built.append(_build_market(chain, uniswap, trader, plan, (token, usdc)))
    progress(STAGES[1], len(built), len(tokens))
    settings = world.compressed_settings(chain.chain_id, tuple(market for market, _ in built))
    keys = _keeper_keys(keepers)
    for key in keys:
        chain.fund(account_of(key), 100 * 10**18)
    authority, contract = _deploy_contract(chain, admin)
    start_block = chain.block().number
    markets = [Market(chain, uniswap, market, trader) for market in settings.markets]
    prices = _trade_past(chain, markets, history_windows, progress)
    if every_venue:
        settings = with_every_venue(chain, uniswap, (admin, trader), settings, prices)
        _stand(chain, markets, prices)
    progress(STAGES[3], 0, 1)
    market_keys = tuple(market_key(chain.chain_id, market) for market in settings.markets)
    _govern(chain, (admin, contract), settings, ([account_of(key) for key in keys], threshold), market_keys)
    progress(STAGES[3], 1, 1)
    return Devnet(
        url=chain.url,
        chain_id=chain.chain_id,
        contract=contract,
        authority=authority,
        admin=admin,
        trader=trader,
        uniswap=uniswap,
        settings=settings,
        market_keys=market_keys,
        keeper_keys=keys,
        positions=tuple(row for _, positions in built for row in positions),
        start_block=start_block,
        listed_block=chain.block().number,
        prices=prices,
    )


def write_operator_files(devnet: Devnet, folder: Path, *, keeper: int = 0, url: str | Mapping[str, str] = "") -> Path:
    """Write key file (0600) and ``keeper.toml`` for one of the signers; returns the TOML's path.

    ``url`` names another node than the devnet's own, or several by name.
    """
    folder.mkdir(parents=True, exist_ok=True)
    key_file = folder / "keeper.key"
    key_file.touch(mode=0o600)
    key_file.chmod(0o600)
    key_file.write_text(devnet.keeper_keys[keeper].hex() + "\n")
    providers = dict(url) if isinstance(url, Mapping) else {"anvil": url or devnet.url}
    network = {
        "name": "devnet",
        "chain_id": devnet.chain_id,
        "contract": devnet.contract,
        "allow_single_provider": len(providers) == 1,
        "providers": providers,
    }
    operator = {"key_file": "keeper.key", "data_dir": "data", "poll_seconds": 1, "start_block": devnet.start_block}
    path = folder / "keeper.toml"
    path.write_text(dump(network, operator, {"url": ""}, devnet.settings))
    return path


def account_of(key: bytes) -> Address:
    """Address of a private key."""
    return Address(Account.from_key(key).address.lower())


def _deploy_tokens(
    chain: DevChain, trader: Address, uniswap: Uniswap
) -> tuple[Address, list[tuple[world.MarketPlan, Address]]]:
    artifact = load("DevToken", "keeper.testing")
    plans = [world.USDC, *(plan.token for plan in world.MARKETS)]
    rows = [(artifact, (f"Dev {plan.symbol}", plan.symbol, plan.decimals)) for plan in plans]
    addresses = chain.deploy_all(rows, trader)
    transactions = []
    for plan, address in zip(plans, addresses, strict=True):
        transactions.append(
            Tx(trader, address, calldata("mint(address,uint256)", trader, TREASURY * 10**plan.decimals))
        )
        transactions += [
            Tx(trader, address, calldata("approve(address,uint256)", spender, 2**256 - 1))
            for spender in (uniswap.v2_router, uniswap.v3_router)
        ]
    chain.run(transactions)
    return addresses[0], list(zip(world.MARKETS, addresses[1:], strict=True))


def _build_market(
    chain: DevChain, uniswap: Uniswap, trader: Address, plan: world.MarketPlan, pair: tuple[Address, Address]
) -> tuple[MarketSettings, list[tuple[Address, tuple[Position, ...]]]]:
    """Feed and pools of one market: its settings, and the big positions by pool."""
    token, usdc = pair
    is_token0 = token < usdc
    feed = chain.deploy(load("DevFeed", "keeper.testing"), f"{plan.token.symbol} / USD", 8, sender=trader)
    sqrt_price = sqrt_price_x96(*world.raw_price(plan.token, plan.token.price, collateral_is_token0=is_token0))
    middle = world.first_tick(plan.token, collateral_is_token0=is_token0)
    pools: list[PoolSettings] = []
    big: list[tuple[Address, tuple[Position, ...]]] = []
    for pool in plan.pools:
        if pool.venue == "uniswap_v2":
            address = create_v2_pair(chain, uniswap.v2_factory, trader, (token, usdc))
            chain.run([_fill_pair(uniswap, trader, pool, (token, usdc), (plan.token, is_token0))])
        else:
            address = create_v3_pool(
                chain, uniswap.v3_factory, trader, (token, usdc), fee=pool.fee, sqrt_price=sqrt_price
            )
            rungs = world.ladder(pool, middle, collateral_is_token0=is_token0)
            wide = world.providers(pool, rungs)
            chain.run(grow_ring(address, trader, CARDINALITY))
            for transaction in move_positions(uniswap, trader, address, (*rungs, *wide), opening=True):
                chain.run([transaction])
            big.append((address, wide))
        require_code(chain, address)
        pools.append(world.pool_settings(pool, address, collateral_is_token0=is_token0))
    return world.market_settings(plan, token, usdc, feed, tuple(pools)), big


def _fill_pair(
    uniswap: Uniswap,
    trader: Address,
    pool: world.PoolPlan,
    pair: tuple[Address, Address],
    token: tuple[world.TokenPlan, bool],
) -> Tx:
    """Both reserves of a v2 pair at the first price."""
    debt, collateral = world.raw_price(token[0], token[0].price, collateral_is_token0=True)
    # liquidity^2 = collateral * debt and debt / collateral = price, in integers.
    amounts = [pool.liquidity * sqrt_price_x96(*ratio) // 2**96 for ratio in ((collateral, debt), (debt, collateral))]
    order = (*pair, *amounts, 0, 0, trader, FOREVER)
    signature = "addLiquidity(address,address,uint256,uint256,uint256,uint256,address,uint256)"
    return Tx(trader, uniswap.v2_router, calldata(signature, *order), 5_000_000)


def _keeper_keys(count: int) -> tuple[bytes, ...]:
    """Well-known keys of the local chain's signers, ascending by address as the contract wants them."""
    return tuple(sorted((keccak(f"bulkhead devnet keeper {i}".encode()) for i in range(count)), key=account_of))


def _deploy_contract(chain: DevChain, admin: Address) -> tuple[Address, Address]:
    authority = chain.deploy(load("AccessManager"), admin, sender=admin)
    return authority, chain.deploy(load("CollateralParameters"), authority, world.CADENCE, sender=admin)


def _trade_past(chain: DevChain, markets: Sequence[Market], windows: int, progress: Progress) -> tuple[float, ...]:
    """Trade calmly, once a window, so that rings and trailing days are full; returns the last prices."""
    chance = random.Random(SEED)
    prices = [float(plan.token.price) for plan in world.MARKETS]
    for window in range(windows):
        prices = [price * (1 + chance.gauss(0, CALM_STEP)) for price in prices]
        trade_block(chain, markets, prices, chance)
        chain.mine(world.CADENCE - 1)
        progress(STAGES[2], window + 1, windows)
    return tuple(prices)


def _stand(chain: DevChain, markets: Sequence[Market], prices: Sequence[float]) -> None:
    """Trade on around the last prices while the new pools' liquidity stands."""
    chance = random.Random(SEED)
    for _ in range(STANDING_WINDOWS):
        trade_block(chain, markets, prices, chance)
        chain.mine(world.CADENCE - 1)


def _govern(
    chain: DevChain,
    sender: tuple[Address, Address],
    settings: Settings,
    quorum: tuple[Sequence[Address], int],
    market_keys: Sequence[bytes],
) -> None:
    """As ``sender`` = (admin, contract): set settings, limits and signers, and list the markets."""
    listing = "listMarket(bytes32,uint8,uint16,uint16,uint16)"
    first = (world.PROFILE, FIRST_HAIRCUT_BPS, FIRST_LIQUIDATION_BPS, world.MODEL["bonus_bps"])
    signers, threshold = quorum
    calls = [
        calldata("setSettings(bytes,uint64)", encode_settings(settings), chain.block().number + 1),
        calldata("setSigners(address[],uint8)", sorted(signers), threshold),
        calldata(f"setLimits(uint8,{world.LIMITS_ABI})", world.PROFILE, world.limits_values(world.LIMITS, world.LAW)),
        *(calldata(listing, key, *first) for key in market_keys),
    ]
    chain.run([Tx(sender[0], sender[1], call) for call in calls])
