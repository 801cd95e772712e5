// SPDX-License-Identifier: MIT
pragma solidity ^0.8.28;

import {ERC20} from "@openzeppelin/contracts/token/ERC20/ERC20.sol";
import {Math} from "@openzeppelin/contracts/utils/math/Math.sol";
import {Base} from "./Base.t.sol";
import {Tripwire} from "../src/Tripwire.sol";
import {IPriceFeed, ITripwire, IUniswapV3PoolState, Wire} from "../src/interfaces/ITripwire.sol";

interface IFactory {
    function createPool(address tokenA, address tokenB, uint24 fee) external returns (address);
}

interface IPool is IUniswapV3PoolState {
    function initialize(uint160 sqrtPriceX96) external;
    function increaseObservationCardinalityNext(uint16 next) external;
    function mint(address recipient, int24 lower, int24 upper, uint128 amount, bytes calldata data)
        external
        returns (uint256, uint256);
    function burn(int24 lower, int24 upper, uint128 amount) external returns (uint256, uint256);
    function swap(address recipient, bool zeroForOne, int256 amount, uint160 sqrtPriceLimitX96, bytes calldata data)
        external
        returns (int256, int256);
    function flash(address recipient, uint256 amount0, uint256 amount1, bytes calldata data) external;
}

/// @dev A token that anybody may mint.
contract PoolToken is ERC20 {
    uint8 private immutable _UNITS;

    constructor(uint8 units) ERC20("Token", "TOKEN") {
        _UNITS = units;
    }

    function decimals() public view override returns (uint8) {
        return _UNITS;
    }

    function mint(address to, uint256 amount) external {
        _mint(to, amount);
    }
}

/// @dev A Chainlink feed that says what it is told.
contract PoolFeed is IPriceFeed {
    uint8 public immutable decimals;
    int256 private _answer;
    uint256 private _updatedAt;

    constructor(uint8 decimals_) {
        decimals = decimals_;
    }

    function push(int256 answer) external {
        (_answer, _updatedAt) = (answer, block.timestamp);
    }

    function latestRoundData() external view returns (uint80, int256, uint256, uint256, uint80) {
        return (1, _answer, _updatedAt, _updatedAt, 1);
    }
}

/// @dev Trades and provides with tokens that it mints when the pool asks to be paid. While the pool waits to be paid, it
/// makes the calls it was given, in order, and keeps their answers.
contract Trader {
    address private _target;
    bytes[] private _calls;
    bool[] public succeeded;
    bytes[] public answers;
    /// @dev The pool's own tick during the last callback.
    int24 public tickSeen;

    function callDuring(address target, bytes[] memory calls) external {
        _target = target;
        delete _calls;
        for (uint256 i; i < calls.length; ++i) {
            _calls.push(calls[i]);
        }
    }

    function swapTo(IPool pool, bool zeroForOne, uint160 sqrtPriceX96) public {
        pool.swap(address(this), zeroForOne, type(int128).max, sqrtPriceX96, "");
    }

    /// @dev There, what was given to do, and back, in one transaction and outside any callback of the pool.
    function swapThereAndBack(IPool pool, bool zeroForOne, uint160 there, uint160 back) external {
        bytes[] memory calls = _calls;
        delete _calls;
        swapTo(pool, zeroForOne, there);
        _make(calls, pool);
        swapTo(pool, !zeroForOne, back);
    }

    function provide(IPool pool, int24 lower, int24 upper, uint128 amount) external {
        pool.mint(address(this), lower, upper, amount, "");
    }

    function withdraw(IPool pool, int24 lower, int24 upper, uint128 amount) external {
        pool.burn(lower, upper, amount);
    }

    function uniswapV3SwapCallback(int256 amount0, int256 amount1, bytes calldata) external {
        _make(_calls, IPool(msg.sender));
        if (amount0 > 0) PoolToken(IPool(msg.sender).token0()).mint(msg.sender, uint256(amount0));
        if (amount1 > 0) PoolToken(IPool(msg.sender).token1()).mint(msg.sender, uint256(amount1));
    }

    function uniswapV3MintCallback(uint256 amount0, uint256 amount1, bytes calldata) external {
        PoolToken(IPool(msg.sender).token0()).mint(msg.sender, amount0);
        PoolToken(IPool(msg.sender).token1()).mint(msg.sender, amount1);
    }

    function _make(bytes[] memory calls, IPool pool) private {
        if (calls.length == 0) return;
        delete succeeded;
        delete answers;
        for (uint256 i; i < calls.length; ++i) {
            (bool ok, bytes memory answer) = _target.call(calls[i]);
            succeeded.push(ok);
            answers.push(answer);
        }
        (, tickSeen,,,,,) = pool.slot0();
    }
}

/// @dev A real Uniswap v3 pool (npm artifact) of an 18 decimal collateral against a 6 decimal debt asset at 2,000, a
/// feed that says so, and a tripwire between it and the parameters.
abstract contract TripwireBase is Base {
    uint64 internal constant TRIPWIRE_ROLE = 3;
    uint32 internal constant WINDOW = 1800;
    uint128 internal constant LIQUIDITY = 5e16;
    int24 internal constant LOWEST = -887_220;
    uint256 internal constant PRICE = 2000;

    Tripwire internal tripwire;
    PoolFeed internal feed;
    PoolToken internal collateral;
    PoolToken internal debt;
    IPool internal pool;
    Trader internal trader;

    function setUp() public virtual override {
        super.setUp();
        _open(200);
        tripwire = new Tripwire(address(manager), parameters);
        bytes4[] memory selectors = new bytes4[](1);
        selectors[0] = parameters.trip.selector;
        vm.startPrank(governance);
        manager.setTargetFunctionRole(address(parameters), selectors, TRIPWIRE_ROLE);
        manager.grantRole(TRIPWIRE_ROLE, address(tripwire), 0);
        tripwire.setWire(MARKET, wireOf(WINDOW));
        vm.stopPrank();
        passTime(2 * WINDOW);
    }

    /// @dev Tokens in the wanted order, pool, feed, liquidity over the whole range.
    function _open(uint16 cardinality) internal {
        trader = new Trader();
        collateral = new PoolToken(18);
        do {
            debt = new PoolToken(6);
        } while ((address(collateral) < address(debt)) != collateralIsToken0());
        string memory folder = "node_modules/@uniswap/v3-core/artifacts/contracts/";
        address factory = deployCode(string.concat(folder, "UniswapV3Factory.sol/UniswapV3Factory.json"));
        pool = IPool(IFactory(factory).createPool(address(collateral), address(debt), 3000));
        pool.initialize(sqrtOf(PRICE * 1e6));
        if (cardinality > 1) pool.increaseObservationCardinalityNext(cardinality);
        trader.provide(pool, LOWEST, -LOWEST, LIQUIDITY);
        feed = new PoolFeed(8);
        feed.push(int256(PRICE * 1e8));
        passTime(12);
    }

    function wireOf(uint32 window) internal view returns (Wire memory) {
        return Wire({
            pool: address(pool),
            collateral: address(collateral),
            feed: address(feed),
            windowSeconds: window,
            maxFeedAge: 1 days,
            thresholdBps: 500,
            minLiquidity: LIQUIDITY / 2
        });
    }

    function setWire(Wire memory wire) internal {
        vm.prank(governance);
        tripwire.setWire(MARKET, wire);
    }

    // ------------------------------------------------------------------------------------------------------- market

    /// @dev The pool's token order; a test contract may choose the other.
    function collateralIsToken0() internal pure virtual returns (bool) {
        return true;
    }

    /// @dev The pool's root price for a price in raw units of the debt asset for one whole collateral.
    function sqrtOf(uint256 price) internal pure returns (uint160) {
        (uint256 token1, uint256 token0) = collateralIsToken0() ? (price, 1e18) : (uint256(1e18), price);
        return uint160(Math.sqrt(Math.mulDiv(token1, 1 << 192, token0)));
    }

    /// @dev Trade the pool to a price in whole debt assets.
    function trade(uint256 price) internal {
        uint160 goal = sqrtOf(price * 1e6);
        (uint160 now_,,,,,,) = pool.slot0();
        trader.swapTo(pool, goal < now_, goal);
    }

    /// @dev The trade that makes the collateral cheaper.
    function cheaper() internal pure returns (bool zeroForOne) {
        return collateralIsToken0();
    }

    function push(uint256 price) internal {
        feed.push(int256(price * 1e8));
    }

    // -------------------------------------------------------------------------------------------------------- trips

    function trip() internal {
        vm.prank(stranger);
        tripwire.trip(MARKET);
    }

    function witness() internal {
        vm.prank(stranger);
        tripwire.witness(MARKET);
    }

    /// @dev The next trip fails because the pool did not lie low between these times.
    function expectNotBelow(uint32 fromAgo, uint32 toAgo) internal {
        vm.expectPartialRevert(ITripwire.NotBelow.selector);
        this.tripFor(fromAgo, toAgo);
    }

    /// @dev Trips; a failure for another stretch than named is turned into another error.
    function tripFor(uint32 fromAgo, uint32 toAgo) external {
        try tripwire.trip(MARKET) {}
        catch (bytes memory answer) {
            (,,, uint32 gotFrom, uint32 gotTo) =
                abi.decode(_arguments(answer), (bytes32, int256, int256, uint32, uint32));
            assertEq(gotFrom, fromAgo);
            assertEq(gotTo, toAgo);
            assembly ("memory-safe") {
                revert(add(answer, 32), mload(answer))
            }
        }
    }

    function _arguments(bytes memory answer) private pure returns (bytes memory rest) {
        rest = new bytes(answer.length - 4);
        for (uint256 i; i < rest.length; ++i) {
            rest[i] = answer[i + 4];
        }
    }

    function regime() internal view returns (uint256) {
        return parameters.parameters(MARKET).regime;
    }
}
