// SPDX-License-Identifier: MIT
pragma solidity ^0.8.28;

import {IAccessManaged} from "@openzeppelin/contracts/access/manager/IAccessManaged.sol";
import {Math} from "@openzeppelin/contracts/utils/math/Math.sol";
import {Test} from "forge-std/Test.sol";
import {PoolFeed, PoolToken, TripwireBase} from "./TripwireBase.t.sol";
import {ArmedWire, IPriceFeed, ITripwire, IUniswapV3PoolState, Wire} from "../src/interfaces/ITripwire.sol";
import {DeviationLib} from "../src/libraries/DeviationLib.sol";

contract TripwireWiresTest is TripwireBase {
    function _refused(Wire memory wire, bytes memory expected) private {
        vm.expectRevert(expected);
        vm.prank(governance);
        tripwire.setWire(MARKET, wire);
    }

    function test_AWireKeepsWhatWasReadOnce() public view {
        ArmedWire memory armed = tripwire.wireOf(MARKET);
        assertEq(armed.pool, address(pool));
        assertEq(armed.feed, address(feed));
        assertEq(armed.windowSeconds, WINDOW);
        assertEq(armed.maxFeedAge, 1 days);
        assertEq(armed.thresholdTicks, 513);
        assertEq(armed.collateralIsToken0, collateralIsToken0());
        assertEq(armed.exponent, 18 + 6 - 18 - 8);
        assertEq(armed.minLiquidity, LIQUIDITY / 2);
        assertEq(tripwire.wireOf(OTHER).pool, address(0));
    }

    function test_AWireIsLoggedAsAskedAndAsArmed() public {
        Wire memory asked = wireOf(600);
        ArmedWire memory armed = tripwire.wireOf(MARKET);
        armed.windowSeconds = 600;
        vm.expectEmit(address(tripwire));
        emit ITripwire.WireSet(MARKET, asked, armed);
        setWire(asked);
        assertEq(abi.encode(tripwire.wireOf(MARKET)), abi.encode(armed));
    }

    function test_RevertWhen_AWindowIsTooShortOrTooLong() public {
        Wire memory wire = wireOf(599);
        _refused(wire, abi.encodeWithSelector(ITripwire.WindowOutOfRange.selector, 599, 600, 1 days));
        wire.windowSeconds = 1 days + 1;
        _refused(wire, abi.encodeWithSelector(ITripwire.WindowOutOfRange.selector, 1 days + 1, 600, 1 days));
        setWire(wireOf(600));
        setWire(wireOf(1 days));
        setWire(wireOf(0));
        assertEq(tripwire.wireOf(MARKET).windowSeconds, 0);
    }

    function test_RevertWhen_AThresholdOrAFeedAgeIsOutOfRange() public {
        Wire memory wire = wireOf(WINDOW);
        wire.thresholdBps = 99;
        _refused(wire, abi.encodeWithSelector(ITripwire.ThresholdOutOfRange.selector, 99, 100, 5000));
        wire.thresholdBps = 5001;
        _refused(wire, abi.encodeWithSelector(ITripwire.ThresholdOutOfRange.selector, 5001, 100, 5000));
        wire = wireOf(WINDOW);
        wire.maxFeedAge = 0;
        _refused(wire, abi.encodeWithSelector(ITripwire.FeedAgeOutOfRange.selector, 0, 2 days));
        wire.maxFeedAge = 2 days + 1;
        _refused(wire, abi.encodeWithSelector(ITripwire.FeedAgeOutOfRange.selector, 2 days + 1, 2 days));
    }

    function test_RevertWhen_TheCollateralIsNotInThePool() public {
        Wire memory wire = wireOf(WINDOW);
        wire.collateral = stranger;
        _refused(wire, abi.encodeWithSelector(ITripwire.NotInPool.selector, address(pool), stranger));
    }

    function test_RevertWhen_APoolOrAFeedDoesNotAnswer() public {
        bytes4 token0 = IUniswapV3PoolState.token0.selector;
        Wire memory wire = wireOf(WINDOW);
        wire.pool = stranger; // no code
        _refused(wire, abi.encodeWithSelector(ITripwire.DoesNotAnswer.selector, stranger, token0));
        wire.pool = address(feed);
        _refused(wire, abi.encodeWithSelector(ITripwire.DoesNotAnswer.selector, address(feed), token0));
        wire = wireOf(WINDOW);
        wire.feed = address(pool);
        bytes4 decimals = IPriceFeed.decimals.selector;
        _refused(wire, abi.encodeWithSelector(ITripwire.DoesNotAnswer.selector, address(pool), decimals));
        // A Uniswap v2 pair has both tokens and no slot0.
        vm.mockCallRevert(address(pool), abi.encodeCall(IUniswapV3PoolState.slot0, ()), "");
        bytes4 slot0 = IUniswapV3PoolState.slot0.selector;
        _refused(wireOf(WINDOW), abi.encodeWithSelector(ITripwire.DoesNotAnswer.selector, address(pool), slot0));
    }

    function test_T14_DecimalsAreReadOnceAndBounded(uint256 decimals) public {
        decimals = bound(decimals, 0, 300);
        vm.mockCall(address(feed), abi.encodeCall(IPriceFeed.decimals, ()), abi.encode(decimals));
        if (decimals > 77) {
            bytes4 outOfRange = ITripwire.DecimalsOutOfRange.selector;
            _refused(wireOf(WINDOW), abi.encodeWithSelector(outOfRange, address(feed), decimals, 77));
            return;
        }
        feed.push(decimals > 70 ? int256(2000 * 10 ** 70) : int256(2000 * 10 ** decimals));
        // From 10^71 on the same digits are another price, which is noticed.
        if (decimals > 70) {
            vm.expectPartialRevert(ITripwire.PricesDisagree.selector);
            vm.prank(governance);
            tripwire.setWire(MARKET, wireOf(WINDOW));
        } else {
            setWire(wireOf(WINDOW));
            assertEq(tripwire.wireOf(MARKET).exponent, 6 - int256(decimals));
        }
    }

    function test_RevertWhen_ThePoolKeepsASingleObservation() public {
        _open(1);
        _refused(wireOf(0), abi.encodeWithSelector(ITripwire.TooFewObservations.selector, address(pool), 1));
        pool.increaseObservationCardinalityNext(2);
        setWire(wireOf(0));
        // The second takes the place that was asked for, in the first block that moves the price.
        trade(1800);
        pass(1);
        trade(2000);
        witness();
        assertEq(tripwire.witnessBlock(MARKET), block.number);
    }

    function test_RevertWhen_PoolAndFeedDisagreeWhenTheWireIsSet() public {
        // The feed of the other direction.
        feed.push(int256(1e8) / 2000);
        vm.expectPartialRevert(ITripwire.PricesDisagree.selector);
        setWire(wireOf(WINDOW));
        // The other token as the collateral.
        push(2000);
        Wire memory wire = wireOf(WINDOW);
        wire.collateral = address(debt);
        vm.expectPartialRevert(ITripwire.PricesDisagree.selector);
        setWire(wire);
        push(2120);
        vm.expectPartialRevert(ITripwire.PricesDisagree.selector);
        setWire(wireOf(WINDOW));
        push(1880);
        vm.expectPartialRevert(ITripwire.PricesDisagree.selector);
        setWire(wireOf(WINDOW));
        push(2100);
        setWire(wireOf(WINDOW));
        push(1910);
        setWire(wireOf(WINDOW));
    }

    function test_ANewWireForgetsTheWitness() public {
        trade(1000);
        pass(1);
        witness();
        assertEq(tripwire.witnessBlock(MARKET), block.number);
        push(1000);
        setWire(wireOf(0));
        assertEq(tripwire.witnessBlock(MARKET), 0);
    }

    function test_AWireIsRemoved() public {
        trade(1000);
        pass(1);
        witness();
        vm.expectEmit(address(tripwire));
        emit ITripwire.WireRemoved(MARKET);
        vm.startPrank(governance);
        tripwire.removeWire(MARKET);
        assertEq(tripwire.wireOf(MARKET).pool, address(0));
        assertEq(tripwire.witnessBlock(MARKET), 0);
        vm.expectRevert(abi.encodeWithSelector(ITripwire.NoWire.selector, MARKET));
        tripwire.removeWire(MARKET);
    }

    function test_RevertWhen_TheMarketHasNoWire() public {
        bytes memory expected = abi.encodeWithSelector(ITripwire.NoWire.selector, OTHER);
        vm.expectRevert(expected);
        tripwire.trip(OTHER);
        vm.expectRevert(expected);
        tripwire.witness(OTHER);
    }

    function test_RevertWhen_AStrangerSetsOrRemovesAWire() public {
        Wire memory wire = wireOf(WINDOW);
        bytes memory expected = abi.encodeWithSelector(IAccessManaged.AccessManagedUnauthorized.selector, stranger);
        vm.startPrank(stranger);
        vm.expectRevert(expected);
        tripwire.setWire(MARKET, wire);
        vm.expectRevert(expected);
        tripwire.removeWire(MARKET);
    }

    /// @dev Exact arithmetic beside the ticks: a fall by the threshold or less never counts, one that is 0.05 % larger does.
    function test_RoundingNeverTrips(uint256 price, uint256 answer) public {
        setWire(wireOf(0));
        price = bound(price, 1700e6, 1990e6);
        answer = bound(answer, 1780e8, 2100e8);
        uint160 goal = sqrtOf(price);
        trader.swapTo(pool, cheaper(), goal);
        pass(1);
        feed.push(int256(answer));
        // Raw debt units for 10^18 of collateral, times 2^64, down; then against 95 % of the feed's answer.
        (uint160 root,,,,,,) = pool.slot0();
        uint256 square = Math.mulDiv(root, root, 1 << 64);
        uint256 scaled =
            collateralIsToken0() ? Math.mulDiv(square, 1e18, 1 << 64) : Math.mulDiv(1e18, 1 << 192, square + 1);
        uint256 bar = (answer * 95 << 64) / 10_000;
        if (scaled >= bar) {
            vm.expectPartialRevert(ITripwire.NotBelow.selector);
            tripwire.witness(MARKET);
        } else if (scaled < bar * 9995 / 10_000) {
            tripwire.witness(MARKET);
            assertEq(tripwire.witnessBlock(MARKET), block.number);
        }
    }
}

/// @dev All of it with the collateral as the pool's second token.
contract TripwireWiresSecondTokenTest is TripwireWiresTest {
    function collateralIsToken0() internal pure override returns (bool) {
        return false;
    }
}

contract DeviationLibTest is Test {
    /// @dev Against values computed with 120 decimal digits.
    function test_FeedTicksAreThoseOfTheRealLogarithmOrOneLess() public pure {
        _feedTick(2000e8, -2, -200_312);
        _feedTick(1, 10, -184_217);
        _feedTick(1, -200, -5_019_887);
        _feedTick(1e18, 0, 0);
        _feedTick(1e18 - 1, 0, -1);
        _feedTick(1e18 + 1, 0, 0);
        _feedTick(type(int256).max, -10, 1_122_857);
        _feedTick(314_159_265, 7, -57_634);
        _feedTick(999_900_010_000_000_000, 0, -1);
        _feedTick(1_000_100_000_000_000_000, 0, 1);
        _feedTick(1_000_099_999_999_999_999, 0, 0);
        _feedTick(12_345_678_901_234_567_890_123, -77, -1_678_864);
    }

    function _feedTick(int256 answer, int256 exponent, int256 real) private pure {
        int256 tick = DeviationLib.feedTickDown(answer, exponent);
        assertLe(tick, real);
        assertGe(tick, real - 1);
    }

    function test_FallsAreRoundedUp() public pure {
        assertEq(DeviationLib.fallTicksUp(1), 2);
        assertEq(DeviationLib.fallTicksUp(100), 101);
        assertEq(DeviationLib.fallTicksUp(500), 513);
        assertEq(DeviationLib.fallTicksUp(1000), 1054);
        assertEq(DeviationLib.fallTicksUp(5000), 6932);
        assertEq(DeviationLib.fallTicksUp(9999), 92_109);
    }

    function test_MeansAreRoundedUp() public pure {
        assertEq(DeviationLib.meanTickUp(100, 10, true), 11);
        assertEq(DeviationLib.meanTickUp(101, 10, true), 12);
        assertEq(DeviationLib.meanTickUp(-100, 10, true), -9);
        assertEq(DeviationLib.meanTickUp(-101, 10, true), -9);
        assertEq(DeviationLib.meanTickUp(100, 10, false), -10);
        assertEq(DeviationLib.meanTickUp(101, 10, false), -10);
        assertEq(DeviationLib.meanTickUp(-101, 10, false), 11);
    }

    function test_OneSecondWithoutLiquiditySinksTheMean() public pure {
        uint256 perSecond = (uint256(1) << 128) / 1e18;
        assertEq(DeviationLib.meanLiquidity(uint160(1800 * perSecond), 1800), 1e18);
        assertLt(DeviationLib.meanLiquidity(uint160(1799 * perSecond + (1 << 128)), 1800), 1801);
    }
}
