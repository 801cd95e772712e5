"""A real Aave v3 market with accounts of every kind, for tests of what is read of it."""

from dataclasses import dataclass, replace

from factories import market_settings

from keeper.chain.artifacts import load
from keeper.records.settings import MarketSettings
from keeper.records.units import Address
from keeper.testing.aave import (
    Aave,
    AaveAsset,
    AaveTerms,
    borrow,
    deploy_aave,
    make_category,
    make_feed,
    reserve_tokens,
    supply,
)
from keeper.testing.client import DevChain

WETH_USD, USDC_USD = 3_000 * 10**8, 10**8
ETHER, DOLLAR = 10**18, 10**6
TERMS = AaveTerms(8_000, 8_250, 500)
YEAR = 365 * 86_400


@dataclass(frozen=True)
class AaveBench:
    chain: DevChain
    aave: Aave
    weth: Address
    usdc: Address
    steth: Address
    weth_feed: Address
    a_weth: Address
    debt_usdc: Address
    lender: Address
    failing: Address
    """12 WETH against 21,000 USDC: fails a fall by 30 %, which takes 10.5 of them."""
    rich: Address
    """1,000 WETH against a dust of debt."""
    mixed: Address
    """20 WETH and 30,000 USDC against 55,000 USDC: fails, too."""
    category: Address
    """WETH against stETH, in e-mode."""
    unpledged: Address
    """WETH that serves as no collateral, USDC against USDC."""
    stranger: Address
    """5 WETH, on no list."""

    @property
    def holders(self) -> tuple[Address, ...]:
        return self.failing, self.rich, self.mixed, self.category, self.unpledged

    def market(self, *holders: Address, **changes: object) -> MarketSettings:
        made = market_settings(
            protocol="aave_v3",
            protocol_market_id=self.aave.market_id,
            collateral=self.weth,
            debt=self.usdc,
            holders=holders or self.holders,
        )
        return replace(made, **changes)

    def set_price(self, dollars: int) -> None:
        self.chain.transact(self.aave.admin, self.weth_feed, "push(int256)", dollars * 10**8)


def build_aave(
    chain: DevChain, pair: tuple[Address, Address] | None = None, *, seconds: int = YEAR // 100
) -> AaveBench:
    """The market and some interest; ``pair`` are tokens (WETH, USDC) that exist already."""
    admin, lender, failing, rich, mixed, category, unpledged, stranger = chain.accounts[:8]
    token = load("DevToken", "keeper.testing")
    weth, usdc = pair or chain.deploy_all([(token, ("WETH", "WETH", 18)), (token, ("USDC", "USDC", 6))], admin)
    (steth,) = chain.deploy_all([(token, ("stETH", "stETH", 18))], admin)
    weth_feed, usdc_feed, steth_feed = (make_feed(chain, admin, price) for price in (WETH_USD, USDC_USD, WETH_USD))
    assets = [
        AaveAsset(weth, 18, weth_feed, TERMS),
        AaveAsset(usdc, 6, usdc_feed, AaveTerms(7_500, 7_800, 450)),
        AaveAsset(steth, 18, steth_feed, AaveTerms(7_000, 7_500, 750)),
    ]
    aave = deploy_aave(chain, admin, assets)
    make_category(chain, aave, 1, AaveTerms(9_300, 9_500, 100), (weth, steth))
    supply(chain, aave, lender, usdc, 10**7 * DOLLAR)
    supply(chain, aave, lender, steth, 10**4 * ETHER)
    for account, amount in ((failing, 12), (rich, 1_000), (mixed, 20), (category, 50), (unpledged, 7), (stranger, 5)):
        supply(chain, aave, account, weth, amount * ETHER)
    for account in (mixed, unpledged):
        supply(chain, aave, account, usdc, 30_000 * DOLLAR)
    chain.transact(unpledged, aave.pool, "setUserUseReserveAsCollateral(address,bool)", weth, False)
    chain.transact(category, aave.pool, "setUserEMode(uint8)", 1)
    for account, amount in ((failing, 21_000), (rich, 100), (mixed, 55_000), (unpledged, 20_000)):
        borrow(chain, aave, account, usdc, amount * DOLLAR)
    borrow(chain, aave, category, steth, 45 * ETHER)
    borrow(chain, aave, lender, weth, 100 * ETHER)
    chain.wait(seconds)
    tokens = reserve_tokens(chain, aave, weth)[0], reserve_tokens(chain, aave, usdc)[1]
    accounts = (lender, failing, rich, mixed, category, unpledged, stranger)
    return AaveBench(chain, aave, weth, usdc, steth, weth_feed, *tokens, *accounts)
