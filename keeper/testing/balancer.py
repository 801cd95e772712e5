"""Deploys the real Balancer v2 from its npm artifacts: Vault, Authorizer, fee provider, factories, filled pools.

Everything is the authors' own bytecode; ours are only the tokens (``DevToken``) and the rate providers (``DevRate``).
"""

from collections.abc import Sequence
from dataclasses import dataclass

from eth_abi.abi import encode

from keeper.chain.artifacts import load
from keeper.maths.keccak import keccak
from keeper.records.units import Address
from keeper.testing.client import DevChain, Tx, calldata
from keeper.testing.contracts import npm_contract
from keeper.testing.uniswap import ZERO

DAY = 86_400
PAUSE_WINDOW_SECONDS, BUFFER_SECONDS = 90 * DAY, 30 * DAY
"""As on mainnet."""
MAX_FEE_WAD = 5 * 10**17
"""Largest yield and AUM fee that the fee provider allows."""
CREATE_GAS = 15_000_000
LIMITLESS = 2**256 - 1

JOIN = "joinPool(bytes32,address,address,(address[],uint256[],bytes,bool))"
QUERY = "queryBatchSwap(uint8,(bytes32,uint256,uint256,uint256,bytes)[],address[],(address,bool,address,bool))"
SWAP = "swap((bytes32,uint8,address,address,uint256,bytes),(address,bool,address,bool),uint256,uint256)"
GIVEN_IN, GIVEN_OUT = 0, 1


@dataclass(frozen=True, slots=True)
class Balancer:
    """Addresses of one deployment."""

    vault: Address
    authorizer: Address
    admin: Address
    """Deployer, whom the authorizer obeys."""
    weighted: tuple[Address, Address, Address, Address]
    """Factories: 20210418 (any number of tokens), 20210418 (two), 20220908-v2, 20230206-v3."""
    stable: tuple[Address, Address, Address]
    """Factories of composable stable pools: 20220906, 20221122-v2, 20230206-v3."""


@dataclass(frozen=True, slots=True)
class BalancerPool:
    """A pool in the Vault's order."""

    address: Address
    pool_id: bytes
    tokens: tuple[Address, ...]
    """As the Vault lists them: rising, a stable pool's own share among them."""


@dataclass(frozen=True, slots=True)
class Coin:
    """A token of a pool that is to be made."""

    token: Address
    balance: int
    """Raw units that the pool starts with."""
    weight: int = 0
    """1 = 10**18; weighted pools."""
    rate_provider: Address = ZERO
    cache_seconds: int = 0


@dataclass(frozen=True, slots=True)
class Order:
    """One swap."""

    kind: int
    """``GIVEN_IN`` or ``GIVEN_OUT``: which of both amounts is given."""
    index_in: int
    index_out: int
    amount: int
    """Raw units."""


def deploy_balancer(chain: DevChain, sender: Address) -> Balancer:
    """Deploy everything that pools need; about 3 seconds."""
    (authorizer,) = chain.deploy_all([(npm_contract("BalancerAuthorizer"), (sender,))], sender)
    vault_arguments = (authorizer, ZERO, PAUSE_WINDOW_SECONDS, BUFFER_SECONDS)
    (vault,) = chain.deploy_all([(npm_contract("BalancerVault"), vault_arguments)], sender)
    provider_arguments = (vault, MAX_FEE_WAD, MAX_FEE_WAD)
    (provider,) = chain.deploy_all([(npm_contract("BalancerFeeProvider"), provider_arguments)], sender)
    old, new, versioned = (vault,), (vault, provider), (vault, provider, "factory", "pool")
    arguments = {
        "BalancerWeightedV1": old,
        "BalancerWeighted2V1": old,
        "BalancerWeightedV2": new,
        "BalancerWeightedV3": versioned,
        "BalancerStableV1": new,
        "BalancerStableV2": versioned,
        "BalancerStableV3": versioned,
    }
    made = [
        chain.deploy(npm_contract(name), *values, sender=sender, gas=15_000_000) for name, values in arguments.items()
    ]
    return Balancer(vault, authorizer, sender, (made[0], made[1], made[2], made[3]), (made[4], made[5], made[6]))


def create_weighted(
    chain: DevChain, balancer: Balancer, coins: Sequence[Coin], *, fee_wad: int, factory: int = 3
) -> BalancerPool:
    """A weighted pool of one of ``Balancer.weighted``, filled with the coins' balances."""
    coins = sorted(coins, key=lambda coin: coin.token)
    tokens, weights = [coin.token for coin in coins], [coin.weight for coin in coins]
    owner = balancer.admin
    if factory == 0:
        signature = "create(string,string,address[],uint256[],uint256,address)"
        values: tuple[object, ...] = ("W", "W", tokens, weights, fee_wad, owner)
    elif factory == 1:
        signature = "create(string,string,address[],uint256[],uint256,bool,address)"
        values = ("W", "W", tokens, weights, fee_wad, True, owner)
    else:
        signature = "create(string,string,address[],uint256[],address[],uint256,address)"
        values = ("W", "W", tokens, weights, [coin.rate_provider for coin in coins], fee_wad, owner)
    return _filled(chain, balancer, _created(chain, balancer, balancer.weighted[factory], signature, *values), coins)


def create_stable(
    chain: DevChain, balancer: Balancer, coins: Sequence[Coin], *, amplification: int, fee_wad: int, factory: int = 2
) -> BalancerPool:
    """A composable stable pool of one of ``Balancer.stable``, filled with the coins' balances."""
    coins = sorted(coins, key=lambda coin: coin.token)
    pool = _created(
        chain,
        balancer,
        balancer.stable[factory],
        "create(string,string,address[],uint256,address[],uint256[],bool[],uint256,address)",
        "S",
        "S",
        [coin.token for coin in coins],
        amplification,
        [coin.rate_provider for coin in coins],
        [coin.cache_seconds for coin in coins],
        [False] * len(coins),
        fee_wad,
        balancer.admin,
    )
    return _filled(chain, balancer, pool, coins)


def allow(chain: DevChain, balancer: Balancer, contract: Address, signature: str) -> None:
    """Let the admin call a governed function of the Vault or a pool."""
    action = chain.call(contract, "getActionId(bytes4)", keccak(signature.encode())[:4], returns="(bytes32)")
    chain.transact(balancer.admin, balancer.authorizer, "grantRole(bytes32,address)", action, balancer.admin)


def make_rate(chain: DevChain, sender: Address, rate: int) -> Address:
    """A rate provider that answers ``rate`` until it is moved."""
    return chain.deploy(load("DevRate", "keeper.testing"), rate, sender=sender)


def query(pool: BalancerPool, order: Order) -> bytes:
    """Calldata of ``Vault.queryBatchSwap`` for one swap; answers the Vault's deltas of all tokens."""
    step = (pool.pool_id, order.index_in, order.index_out, order.amount, b"")
    return calldata(QUERY, order.kind, [step], list(pool.tokens), (ZERO, False, ZERO, False))


def swap(pool: BalancerPool, order: Order, trader: Address) -> bytes:
    """Calldata of ``Vault.swap`` without a limit."""
    sides = pool.tokens[order.index_in], pool.tokens[order.index_out]
    step = (pool.pool_id, order.kind, *sides, order.amount, b"")
    limit = 0 if order.kind == GIVEN_IN else LIMITLESS
    return calldata(SWAP, step, (trader, False, trader, False), limit, LIMITLESS)


def _created(chain: DevChain, balancer: Balancer, factory: Address, signature: str, *values: object) -> BalancerPool:
    """Create and look the pool up by the factory's event, whose only topic beside its name is the pool."""
    receipt = chain.transact(balancer.admin, factory, signature, *values, gas=CREATE_GAS)
    created = "0x" + keccak(b"PoolCreated(address)").hex()
    (event,) = [row for row in receipt["logs"] if row["topics"][0] == created]
    pool = Address("0x" + event["topics"][1][-40:])
    pool_id = chain.call(pool, "getPoolId()", returns="(bytes32)")
    tokens, *_ = chain.call(balancer.vault, "getPoolTokens(bytes32)", pool_id, returns="(address[],uint256[],uint256)")
    return BalancerPool(pool, pool_id, tuple(Address(token.lower()) for token in tokens))


def _filled(chain: DevChain, balancer: Balancer, pool: BalancerPool, coins: Sequence[Coin]) -> BalancerPool:
    """Mint the balances to the admin and join with them."""
    admin, balances = balancer.admin, {coin.token: coin.balance for coin in coins}
    mint, approve = "mint(address,uint256)", "approve(address,uint256)"
    chain.run([Tx(admin, coin.token, calldata(mint, admin, coin.balance)) for coin in coins])
    chain.run([Tx(admin, coin.token, calldata(approve, balancer.vault, LIMITLESS)) for coin in coins])
    # A stable pool mints its own share first and takes it in like a token, whatever amount stands for it.
    amounts = [balances.get(token, 0) for token in pool.tokens]
    request = (list(pool.tokens), [LIMITLESS] * len(amounts), encode(["uint256", "uint256[]"], [0, amounts]), False)
    chain.transact(admin, balancer.vault, JOIN, pool.pool_id, admin, admin, request)
    return pool
