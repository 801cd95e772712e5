"""Deploys the real Aave v3 from its npm artifacts, in the order of Aave's own scripts, and lets accounts use it.

Everything is the authors' own bytecode; ours are only the tokens (``DevToken``) and price sources (``DevFeed``).
Its package is a development dependency: tests have it, the demo does not.
"""

from collections.abc import Sequence
from dataclasses import dataclass

from keeper.chain.artifacts import load
from keeper.records.units import Address
from keeper.testing.client import DevChain, Tx, calldata
from keeper.testing.contracts import npm_contract
from keeper.testing.uniswap import ZERO

BASE_UNIT = 10**8
"""The oracle answers US dollars with eight decimals, as on mainnet."""
RAY = 10**27
STRATEGY = (80, 0, 4, 60, 5, 60, 1, 8, 20)
"""The interest strategy's ratios and rates in hundredths: near those of a volatile asset in Aave's scripts."""
PAR_BPS = 10_000
"""Aave counts a bonus from par: 10,500 is 5 %."""
LIMITLESS = 2**256 - 1
VARIABLE_RATE = 2
GAS = 5_000_000

_LOGIC = ("BorrowLogic", "BridgeLogic", "EModeLogic", "LiquidationLogic", "PoolLogic", "SupplyLogic")
_INIT = (
    "initReserves((address,address,address,uint8,address,address,address,address,string,string,string,string,string,"
    "string,bytes)[])"
)


@dataclass(frozen=True, slots=True)
class AaveTerms:
    """What a collateral is worth to a borrower."""

    ltv_bps: int
    threshold_bps: int
    bonus_bps: int
    """What liquidators get above par."""


@dataclass(frozen=True, slots=True)
class AaveAsset:
    """A reserve to list."""

    token: Address
    decimals: int
    feed: Address
    """Answers ``latestAnswer()`` in :data:`BASE_UNIT`."""
    terms: AaveTerms


@dataclass(frozen=True, slots=True)
class Aave:
    """Addresses of one deployment."""

    admin: Address
    provider: Address
    """PoolAddressesProvider: what names the market."""
    pool: Address
    configurator: Address
    oracle: Address
    data_provider: Address

    @property
    def market_id(self) -> bytes:
        """The provider as ``MarketSettings.protocol_market_id``."""
        return bytes.fromhex(self.provider[2:]).rjust(32, b"\0")


def deploy_aave(chain: DevChain, admin: Address, assets: Sequence[AaveAsset]) -> Aave:
    """A market with these reserves, each open to supply and borrow; about 3 seconds."""
    provider = _deploy(chain, admin, "PoolAddressesProvider", "Bulkhead", admin)
    libraries = dict(zip(_LOGIC, _all(chain, admin, _LOGIC), strict=True))
    borrow = libraries["BorrowLogic"]
    flash = chain.deploy(npm_contract("AaveFlashLoanLogic", BorrowLogic=borrow), sender=admin)
    pool_code = npm_contract("AavePool", FlashLoanLogic=flash, **libraries)
    configurator_logic = _deploy(chain, admin, "ConfiguratorLogic")
    configurator_code = npm_contract("AavePoolConfigurator", ConfiguratorLogic=configurator_logic)
    pool = chain.deploy(pool_code, provider, sender=admin, gas=15_000_000)
    configurator = chain.deploy(configurator_code, sender=admin, gas=15_000_000)
    chain.transact(admin, provider, "setACLAdmin(address)", admin)
    acl = _deploy(chain, admin, "ACLManager", provider)
    chain.transact(admin, provider, "setACLManager(address)", acl)
    chain.transact(admin, acl, "addPoolAdmin(address)", admin)
    tokens, feeds = [asset.token for asset in assets], [asset.feed for asset in assets]
    oracle = _deploy(chain, admin, "AaveOracle", provider, tokens, feeds, ZERO, ZERO, BASE_UNIT)
    chain.transact(admin, provider, "setPriceOracle(address)", oracle)
    chain.transact(admin, provider, "setPoolImpl(address)", pool, gas=GAS)
    chain.transact(admin, provider, "setPoolConfiguratorImpl(address)", configurator, gas=GAS)
    made = Aave(
        admin=admin,
        provider=provider,
        pool=Address(chain.call(provider, "getPool()", returns="(address)").lower()),
        configurator=Address(chain.call(provider, "getPoolConfigurator()", returns="(address)").lower()),
        oracle=oracle,
        data_provider=_deploy(chain, admin, "AaveProtocolDataProvider", provider),
    )
    _list(chain, made, assets)
    return made


def make_category(chain: DevChain, aave: Aave, number: int, terms: AaveTerms, tokens: Sequence[Address]) -> None:
    """An e-mode category with these terms, for these reserves, with their own price sources."""
    signature = "setEModeCategory(uint8,uint16,uint16,uint16,address,string)"
    values = (number, terms.ltv_bps, terms.threshold_bps, PAR_BPS + terms.bonus_bps, ZERO, "category")
    chain.transact(aave.admin, aave.configurator, signature, *values)
    for token in tokens:
        chain.transact(aave.admin, aave.configurator, "setAssetEModeCategory(address,uint8)", token, number)


def supply(chain: DevChain, aave: Aave, account: Address, token: Address, amount: int) -> None:
    """Mint, approve and supply."""
    chain.run(
        [
            Tx(account, token, calldata("mint(address,uint256)", account, amount)),
            Tx(account, token, calldata("approve(address,uint256)", aave.pool, LIMITLESS)),
        ]
    )
    signature = "supply(address,uint256,address,uint16)"
    chain.transact(account, aave.pool, signature, token, amount, account, 0, gas=GAS)


def borrow(chain: DevChain, aave: Aave, account: Address, token: Address, amount: int) -> None:
    """Borrow at the variable rate."""
    signature = "borrow(address,uint256,uint256,uint16,address)"
    chain.transact(account, aave.pool, signature, token, amount, VARIABLE_RATE, 0, account, gas=GAS)


def reserve_tokens(chain: DevChain, aave: Aave, token: Address) -> tuple[Address, Address]:
    """AToken and variable debt token of a reserve."""
    a_token, _, debt_token = chain.call(
        aave.data_provider, "getReserveTokensAddresses(address)", token, returns="(address,address,address)"
    )
    return Address(a_token.lower()), Address(debt_token.lower())


def make_feed(chain: DevChain, owner: Address, price: int) -> Address:
    """A price source; ``owner`` pushes to move it."""
    feed = chain.deploy(load("DevFeed", "keeper.testing"), "X / USD", 8, sender=owner)
    chain.transact(owner, feed, "push(int256)", price)
    return feed


def _list(chain: DevChain, aave: Aave, assets: Sequence[AaveAsset]) -> None:
    implementations = [
        _deploy(chain, aave.admin, name, aave.pool) for name in ("AToken", "StableDebtToken", "VariableDebtToken")
    ]
    # Ratios and rates are given in rays.
    values = [RAY * value // 100 for value in STRATEGY]
    strategy = _deploy(chain, aave.admin, "DefaultReserveInterestRateStrategy", aave.provider, *values)
    names = ("Bulkhead a", "ba", "Bulkhead v", "bv", "Bulkhead s", "bs")
    rows = [
        (*implementations, asset.decimals, strategy, asset.token, aave.admin, ZERO, *names, b"\x10") for asset in assets
    ]
    chain.transact(aave.admin, aave.configurator, _INIT, rows, gas=25_000_000)
    for asset in assets:
        terms = (asset.token, asset.terms.ltv_bps, asset.terms.threshold_bps, PAR_BPS + asset.terms.bonus_bps)
        signature = "configureReserveAsCollateral(address,uint256,uint256,uint256)"
        chain.transact(aave.admin, aave.configurator, signature, *terms)
        chain.transact(aave.admin, aave.configurator, "setReserveBorrowing(address,bool)", asset.token, True)


def _deploy(chain: DevChain, sender: Address, name: str, *values: object) -> Address:
    return chain.deploy(npm_contract(f"Aave{name}"), *values, sender=sender)


def _all(chain: DevChain, sender: Address, names: Sequence[str]) -> list[Address]:
    return [_deploy(chain, sender, name) for name in names]
