"""Other people's contracts that a local chain deploys, from their npm packages; ours are in ``chain.artifacts``."""

import json
from functools import cache

from keeper.chain.anvil import node_modules
from keeper.chain.artifacts import Artifact
from keeper.errors import ConfigError
from keeper.records.units import Address

_AAVE = "@aave/core-v3/artifacts/contracts"
_BALANCER = "@balancer-labs/v2-deployments/dist/tasks"

NPM = {
    "UniswapV2Factory": "@uniswap/v2-core/build/UniswapV2Factory.json",
    "UniswapV2Pair": "@uniswap/v2-core/build/UniswapV2Pair.json",
    "UniswapV2Router02": "@uniswap/v2-periphery/build/UniswapV2Router02.json",
    "WETH9": "@uniswap/v2-periphery/build/WETH9.json",
    "UniswapV3Factory": "@uniswap/v3-core/artifacts/contracts/UniswapV3Factory.sol/UniswapV3Factory.json",
    "UniswapV3Pool": "@uniswap/v3-core/artifacts/contracts/UniswapV3Pool.sol/UniswapV3Pool.json",
    "SwapRouter": "@uniswap/v3-periphery/artifacts/contracts/SwapRouter.sol/SwapRouter.json",
    "QuoterV2": "@uniswap/v3-periphery/artifacts/contracts/lens/QuoterV2.sol/QuoterV2.json",
    "TickLens": "@uniswap/v3-periphery/artifacts/contracts/lens/TickLens.sol/TickLens.json",
    "NonfungiblePositionManager": "@uniswap/v3-periphery/artifacts/contracts/NonfungiblePositionManager.sol/"
    "NonfungiblePositionManager.json",
    "BalancerVault": f"{_BALANCER}/20210418-vault/artifact/Vault.json",
    "BalancerAuthorizer": f"{_BALANCER}/20210418-authorizer/artifact/Authorizer.json",
    "BalancerFeeProvider": f"{_BALANCER}/20220725-protocol-fee-percentages-provider/artifact/"
    "ProtocolFeePercentagesProvider.json",
    "BalancerWeightedV1": f"{_BALANCER}/deprecated/20210418-weighted-pool/artifact/WeightedPoolFactory.json",
    "BalancerWeighted2V1": f"{_BALANCER}/deprecated/20210418-weighted-pool/artifact/WeightedPool2TokensFactory.json",
    "BalancerWeightedV2": f"{_BALANCER}/20220908-weighted-pool-v2/artifact/WeightedPoolFactory.json",
    "BalancerWeightedV3": f"{_BALANCER}/20230206-weighted-pool-v3/artifact/WeightedPoolFactory.json",
    "BalancerStableV1": f"{_BALANCER}/deprecated/20220906-composable-stable-pool/artifact/"
    "ComposableStablePoolFactory.json",
    "BalancerStableV2": f"{_BALANCER}/20221122-composable-stable-pool-v2/artifact/ComposableStablePoolFactory.json",
    "BalancerStableV3": f"{_BALANCER}/20230206-composable-stable-pool-v3/artifact/ComposableStablePoolFactory.json",
    "PoolManager": "@uniswap/v4-core/out/PoolManager.sol/PoolManager.json",
    "V4Quoter": "@uniswap/v4-periphery/foundry-out/V4Quoter.sol/V4Quoter.json",
    **{
        f"Aave{name}": f"{_AAVE}/{folder}/{name}.sol/{name}.json"
        for folder, names in {
            "misc": ("AaveOracle", "AaveProtocolDataProvider"),
            "protocol/configuration": ("ACLManager", "PoolAddressesProvider"),
            "protocol/libraries/logic": (
                "BorrowLogic",
                "BridgeLogic",
                "ConfiguratorLogic",
                "EModeLogic",
                "FlashLoanLogic",
                "LiquidationLogic",
                "PoolLogic",
                "SupplyLogic",
            ),
            "protocol/pool": ("DefaultReserveInterestRateStrategy", "Pool", "PoolConfigurator"),
            "protocol/tokenization": ("AToken", "StableDebtToken", "VariableDebtToken"),
        }.items()
        for name in names
    },
    "PositionManager": "@uniswap/v4-periphery/foundry-out/PositionManager.sol/PositionManager.json",
    "StateView": "@uniswap/v4-periphery/foundry-out/StateView.sol/StateView.json",
}
"""Where each contract lies inside node_modules. Their licences keep them out of our tree and wheel."""


@cache
def npm_contract(name: str, **libraries: Address) -> Artifact:
    """One of :data:`NPM`, as its authors compiled it, with the libraries that it calls by their deployed addresses.

    Raises
    ------
    ConfigError
        When the npm packages are not installed, with the command that installs them.
    """
    path = node_modules() / NPM[name]
    try:
        document = json.loads(path.read_text())
    except OSError:
        raise ConfigError(f"{NPM[name]} is not installed", "run: npm --prefix contracts ci") from None
    code = document["bytecode"]
    # forge nests the code, hardhat and truffle do not.
    text = code["object"] if isinstance(code, dict) else code
    for places in document.get("linkReferences", {}).values():
        for library, spots in places.items():
            for spot in spots:
                start = 2 + 2 * int(spot["start"])
                text = text[:start] + libraries[library][2:] + text[start + 2 * int(spot["length"]) :]
    return Artifact(tuple(document["abi"]), bytes.fromhex(text.removeprefix("0x")), b"", {})
