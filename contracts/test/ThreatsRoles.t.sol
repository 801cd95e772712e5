// SPDX-License-Identifier: MIT
pragma solidity ^0.8.28;

import {IAccessManaged} from "@openzeppelin/contracts/access/manager/IAccessManaged.sol";
import {IAccessManager} from "@openzeppelin/contracts/access/manager/IAccessManager.sol";
import {Wish} from "./Base.t.sol";
import {LawBase} from "./LawBase.t.sol";
import {ICollateralParameters, Limits, Values} from "../src/interfaces/ICollateralParameters.sol";
import {Ceiling} from "../src/types/Ceiling.sol";

/// @dev Threats of reliability.md F that come by way of roles, keys, silence and time. Those of batches and signatures are
/// in Threats.t.sol.
contract ThreatsRolesTest is LawBase {
    uint64 internal constant ADMIN = 0;
    uint64 internal constant GUARDIAN = 1;
    uint64 internal constant TRIPWIRE = 2;
    uint64 internal constant DISPUTES = 3;

    address internal guardian = makeAddr("guardian");
    address internal tripwire = makeAddr("tripwire");
    address internal disputes = makeAddr("disputes");

    function setUp() public override {
        super.setUp();
        vm.startPrank(governance);
        bytes4[] memory selectors = new bytes4[](2);
        (selectors[0], selectors[1]) = (parameters.raiseRegime.selector, parameters.holdLoosening.selector);
        manager.setTargetFunctionRole(address(parameters), selectors, GUARDIAN);
        selectors = new bytes4[](1);
        selectors[0] = parameters.trip.selector;
        manager.setTargetFunctionRole(address(parameters), selectors, TRIPWIRE);
        selectors[0] = parameters.stop.selector;
        manager.setTargetFunctionRole(address(parameters), selectors, DISPUTES);
        manager.grantRole(GUARDIAN, guardian, 0);
        manager.grantRole(TRIPWIRE, tripwire, 0);
        manager.grantRole(DISPUTES, disputes, 0);
        vm.stopPrank();
    }

    // -------------------------------------------------------------------------------------------------------- T01

    /// @dev A stolen quorum asks for the loosest of everything every hour for two days, and brings every activation. In any
    /// 24 h the haircut and the premium fall by 150 bps at most, the ceiling grows by what 150 bps of the bucket pay for, and
    /// the liquidation haircut moves by 100 bps at most; all of it after six hours in which a dispute could have stopped it.
    function test_T01_AStolenQuorumLoosensNoMoreInADayThanIsPrinted() public {
        vm.prank(governance);
        parameters.setMarket(MARKET, BOUNDED, Values(5000, 2000, 500, 1000, uint24((10 << 13) | 5000)));
        uint256[49] memory haircuts;
        uint256[49] memory premiums;
        uint256[49] memory ceilings;
        uint256[49] memory targets;
        for (uint256 hour; hour < 49; ++hour) {
            pass(CADENCE);
            Wish memory w = wish(MARKET, 0);
            (w.ceiling, w.liquidationHaircutBps, w.bonusBps, w.decay) = ((1 << 20) - 1, 6000, 500, 0);
            publish(newestSample(), pack(w));
            try parameters.activate(MARKET) {} catch {}
            try parameters.activateLiquidation(MARKET) {} catch {}
            haircuts[hour] = haircut(MARKET);
            premiums[hour] = live(MARKET).premiumBps();
            ceilings[hour] = parameters.parameters(MARKET).ceiling;
            targets[hour] = live(MARKET).liquidationTargetBps();
            assertGe(live(MARKET).decay(), 26, "the decay's floor");
            passTime(55 minutes);
            if (hour < 6) assertEq(haircuts[hour], 5000, "the dispute window");
            if (hour < 24) continue;
            assertLe(haircuts[hour - 24] - haircuts[hour], 150);
            assertLe(premiums[hour - 24] - premiums[hour], 150);
            // 100 bps at once and 2 x 25 bps, each ten times that of what holds: 1.1 x 1.025 x 1.025.
            assertLe(ceilings[hour], ceilings[hour - 24] * 115_569 / 100_000);
            assertLe(targets[hour] - targets[hour - 24], 100);
        }
        assertLt(haircuts[48], 4850, "it did try");
        assertEq(5000 - haircuts[48], 1000 - premiums[48]);
    }

    // -------------------------------------------------------------------------------------------------- T02, T22, T25

    /// @dev Who may call what: a signer is nobody here, and each role reaches its own functions alone.
    function test_T02_KeysOfOneRoleOpenNothingOfAnother() public {
        bytes[] memory calls = _restricted();
        address[5] memory callers = [guardian, tripwire, disputes, signers[0], stranger];
        for (uint256 who; who < callers.length; ++who) {
            for (uint256 i; i < calls.length; ++i) {
                bool allowed = (who == 0 && i < 2) || (who == 1 && i == 2) || (who == 2 && i == 3);
                uint256 state = vm.snapshotState();
                vm.prank(callers[who]);
                (bool ok, bytes memory answer) = address(parameters).call(calls[i]);
                assertEq(ok, allowed);
                if (!allowed) {
                    assertEq(
                        answer, abi.encodeWithSelector(IAccessManaged.AccessManagedUnauthorized.selector, callers[who])
                    );
                }
                vm.revertToState(state);
            }
        }
    }

    /// @dev Every function that changes state and is not open to all.
    function _restricted() private view returns (bytes[] memory calls) {
        calls = new bytes[](11);
        calls[0] = abi.encodeCall(parameters.raiseRegime, (MARKET, 1, 1 hours));
        calls[1] = abi.encodeCall(parameters.holdLoosening, (MARKET, 1 hours));
        calls[2] = abi.encodeCall(parameters.trip, (MARKET));
        calls[3] = abi.encodeCall(parameters.stop, (MARKET));
        calls[4] = abi.encodeCall(parameters.setSettings, ("x", uint64(block.number)));
        calls[5] = abi.encodeCall(parameters.setSigners, (signers, 1));
        calls[6] = abi.encodeCall(parameters.setLimits, (0, defaultLimits()));
        calls[7] = abi.encodeCall(parameters.listMarket, (keccak256("new"), 0, 3000, 2000, 500));
        calls[8] = abi.encodeCall(parameters.setMarket, (MARKET, 0, Values(3000, 2000, 500, 0, 0)));
        calls[9] = abi.encodeCall(parameters.delistMarket, (MARKET));
        calls[10] = abi.encodeCall(parameters.sunset, (stranger));
    }

    /// @dev No proxy and no initialiser: the authority is there from the first instant, and the EIP-1967 slots are empty.
    function test_T22_ThereIsNothingToInitialiseOrUpgrade() public {
        ICollateralParameters fresh = deployParameters(address(manager), CADENCE);
        assertEq(IAccessManaged(address(fresh)).authority(), address(manager));
        bytes4[4] memory usual = [bytes4(0x8129fc1c), bytes4(0xc4d66de8), bytes4(0x3659cfe6), bytes4(0x4f1ef286)];
        for (uint256 i; i < usual.length; ++i) {
            (bool ok,) = address(fresh).call(abi.encodePacked(usual[i], abi.encode(stranger, uint256(64), uint256(0))));
            assertFalse(ok);
        }
        bytes32 implementation = 0x360894a13ba1a3210667c828492db98dca3e2076cc3735a920a3ca505d382bbc;
        assertEq(fresh.extsload(implementation), 0);
        vm.prank(stranger);
        vm.expectRevert(abi.encodeWithSelector(IAccessManaged.AccessManagedUnauthorized.selector, stranger));
        IAccessManaged(address(fresh)).setAuthority(stranger);
    }

    function test_T25_TheGuardianTightensAndHoldsAndNothingElse() public {
        vm.startPrank(guardian);
        parameters.raiseRegime(MARKET, 2, 1 hours);
        vm.expectRevert(abi.encodeWithSelector(ICollateralParameters.BadRaise.selector, MARKET, 1, 1 hours, 7 days));
        parameters.raiseRegime(MARKET, 1, 1 hours);
        vm.expectRevert(abi.encodeWithSelector(ICollateralParameters.BadRaise.selector, MARKET, 0, 1 hours, 7 days));
        parameters.raiseRegime(MARKET, 0, 1 hours);
        uint256 expiry = parameters.parameters(MARKET).regimeExpiry;
        parameters.raiseRegime(MARKET, 2, 1);
        assertEq(parameters.parameters(MARKET).regimeExpiry, expiry, "a raise never shortens what holds");
        parameters.holdLoosening(MARKET, 2 hours);
        parameters.holdLoosening(MARKET, 1);
        vm.stopPrank();
        assertEq(parameters.parameters(MARKET).haircutBps, 4000);
        assertEq(uint32(lens.guardWord(MARKET) >> 112), block.timestamp + 2 hours, "nor does a hold");
    }

    /// @dev Governance behind a delay: everything waits where all can see it, and the guardian cannot keep its seat.
    function test_T25_ATakeoverWaitsAndTheGuardianCannotCancelItsRemoval() public {
        vm.prank(governance);
        manager.grantRole(ADMIN, governance, 2 days);
        Limits memory wild = defaultLimits();
        wild.floorBps = 0;
        bytes memory call = abi.encodeCall(parameters.setLimits, (0, wild));
        vm.startPrank(governance);
        (bytes32 id,) = manager.schedule(address(parameters), call, 0);
        vm.expectRevert(abi.encodeWithSelector(IAccessManager.AccessManagerNotReady.selector, id));
        manager.execute(address(parameters), call);
        bytes memory removal = abi.encodeCall(manager.revokeRole, (GUARDIAN, guardian));
        manager.schedule(address(manager), removal, 0);
        vm.stopPrank();

        vm.prank(guardian);
        vm.expectRevert(
            abi.encodeWithSelector(
                IAccessManager.AccessManagerUnauthorizedCancel.selector,
                guardian,
                governance,
                address(manager),
                manager.revokeRole.selector
            )
        );
        manager.cancel(governance, address(manager), removal);
        passTime(2 days);
        vm.startPrank(governance);
        manager.execute(address(manager), removal);
        manager.execute(address(parameters), call);
        vm.stopPrank();
        assertEq(lens.limits(0).floorBps, 0);
        vm.prank(guardian);
        vm.expectRevert(abi.encodeWithSelector(IAccessManaged.AccessManagedUnauthorized.selector, guardian));
        parameters.raiseRegime(MARKET, 1, 1 hours);
    }

    // --------------------------------------------------------------------------------------------- T07, T23, T24, T27

    function test_T07_StaleDataIsFlaggedAndWidenedWithoutATransaction(uint32 silence) public {
        report(MARKET, 3500);
        uint256 observed = live(MARKET).observedTime();
        silence = uint32(bound(silence, 0, 730 days));
        vm.warp(observed + 19 hours);
        if (silence > 0) assertFalse(parameters.parameters(MARKET).stale);
        assertEq(parameters.parameters(MARKET).haircutBps, 3500);
        vm.warp(observed + 19 hours + 1 + silence);
        assertTrue(parameters.parameters(MARKET).stale);
        assertGt(parameters.parameters(MARKET).haircutBps, 3500, "from the first second");
        assertLe(parameters.parameters(MARKET).haircutBps, 9000);
        assertEq(parameters.parameters(MARKET).storedHaircutBps, 3500);
        assertEq(parameters.parameters(MARKET).ageSeconds, 19 hours + 1 + silence);
    }

    /// @dev Two trips of two hours (and ten minutes of rounding) fit the first week; no sequence of trips holds a market for
    /// more than 12 h in any 7 days, and none is higher than GUARDED.
    function test_T23_TripsAreBoundedByCoolDownAndBudget() public {
        vm.startPrank(tripwire);
        parameters.trip(MARKET);
        uint256 first = block.timestamp;
        assertEq(parameters.parameters(MARKET).regime, 1);
        vm.expectRevert(abi.encodeWithSelector(ICollateralParameters.RegimeNotNormal.selector, MARKET, 1));
        parameters.trip(MARKET);
        vm.warp(first + 2 hours + 1024);
        assertEq(parameters.parameters(MARKET).regime, 0, "it ends by itself");
        vm.expectRevert(
            abi.encodeWithSelector(
                ICollateralParameters.TripCoolingDown.selector, MARKET, first + 3 hours, block.timestamp
            )
        );
        parameters.trip(MARKET);
        vm.warp(first + 3 hours);
        parameters.trip(MARKET);
        vm.warp(first + 6 hours);
        // 21,600 s, less two of 8,224, and 6 h of refill at 6 h a week (771 s).
        vm.expectRevert(abi.encodeWithSelector(ICollateralParameters.TripBudgetSpent.selector, MARKET, 8224, 5923));
        parameters.trip(MARKET);
        vm.stopPrank();
        // The other market has a budget of its own.
        vm.prank(tripwire);
        parameters.trip(OTHER);
        assertEq(parameters.parameters(OTHER).regime, 1);
    }

    function test_T23_NoWeekSeesMoreThanTheBudgetOfTrips() public {
        uint256 start = block.timestamp;
        uint256[] memory raised = new uint256[](30 * 24);
        uint256 total;
        for (uint256 hour; hour < raised.length; ++hour) {
            vm.prank(tripwire);
            try parameters.trip(MARKET) {} catch {}
            // Seconds of this hour under GUARDED, from the expiry that is stored.
            uint256 expiry = parameters.parameters(MARKET).regimeExpiry;
            uint256 left = expiry > block.timestamp ? expiry - block.timestamp : 0;
            raised[hour] = left < 1 hours ? left : 1 hours;
            total += raised[hour];
            if (hour >= 7 * 24) total -= raised[hour - 7 * 24];
            assertLe(total, 12 hours);
            vm.warp(start + (hour + 1) * 1 hours);
        }
        assertGt(total, 4 hours, "the budget was used");
    }

    function test_T23_ACoolDownBindsNeitherQuorumNorGuardian() public {
        vm.prank(tripwire);
        parameters.trip(MARKET);
        vm.prank(guardian);
        parameters.raiseRegime(MARKET, 3, 1 hours);
        assertEq(parameters.parameters(MARKET).regime, 3);
        passTime(2 hours + 1024);
        assertEq(parameters.parameters(MARKET).regime, 0);
        pass(CADENCE);
        Wish memory w = wish(MARKET, 3000);
        w.regime = 2;
        publish(newestSample(), pack(w));
        assertEq(parameters.parameters(MARKET).regime, 2);
        assertEq(parameters.parameters(MARKET).haircutBps, 4000);
    }

    function test_T24_WithoutKeepersTheHaircutWidensAndTheTripwireStillWorks() public {
        report(MARKET, 3500);
        uint256 observed = live(MARKET).observedTime();
        uint256 last = 3500;
        for (uint256 day = 1; day <= 400; day += 21) {
            vm.warp(observed + day * 1 days);
            uint256 widened = parameters.parameters(MARKET).haircutBps;
            assertGt(widened, last);
            assertEq(liquidationNow(), 2000, "nobody is liquidated by it");
            last = widened;
        }
        vm.prank(tripwire);
        parameters.trip(MARKET);
        assertEq(parameters.parameters(MARKET).regime, 1);
        assertEq(parameters.parameters(MARKET).haircutBps, last + 300);
        // Keepers come back: never looser than what was stored (INV-16).
        report(MARKET, 0);
        assertEq(haircut(MARKET), 3500);
    }

    /// @dev Route by route in LiquidationLaw.t.sol; here all of them, in an order that the fuzzer picks.
    function test_T27_NothingButItsLawMovesTheLiquidationHaircut(uint8[10] memory routes, uint16 wild) public {
        Guarded memory before = guarded(OTHER);
        for (uint256 i; i < routes.length; ++i) {
            _play(routes[i] % 8, wild);
            assertSame(guarded(OTHER), before);
        }
    }

    function _play(uint256 route, uint16 wild) private {
        pass(CADENCE);
        Wish memory w = wish(OTHER, wild);
        (w.liquidationHaircutBps, w.bonusBps, w.crunchPermille, w.premiumBps) = (wild, wild, wild, wild);
        if (route == 0) publish(newestSample(), pack(w));
        if (route == 1) w.core = "";
        if (route == 1) w.regime = 3;
        if (route == 1) publish(newestOther(), pack(w));
        vm.prank(guardian);
        if (route == 2) parameters.raiseRegime(OTHER, 3, 7 days);
        else parameters.holdLoosening(OTHER, 1);
        vm.prank(tripwire);
        if (route == 3) try parameters.trip(OTHER) {} catch {}
        if (route == 4) passTime(uint256(wild) * 1 hours);
        if (route == 5) try parameters.advance(OTHER) {} catch {}
        if (route == 6) passTime(6 hours);
        if (route == 6) try parameters.activate(OTHER) {} catch {}
        if (route == 7) try parameters.activateLiquidation(OTHER) {} catch {}
    }

    // -------------------------------------------------------------------------------------------------------- T20

    /// @dev For a week anybody calls whatever is open as often as he likes, while keepers report every six hours: reports stay
    /// in their ring, and the entries that calls made are as few as the bucket has quarters.
    function test_T20_PermissionlessWritesDoNotFlushTheHistory() public {
        uint256 sequence;
        for (uint256 i; i < 28; ++i) {
            report(OTHER, 0);
            ++sequence;
            for (uint256 call; call < 36; ++call) {
                passTime(10 minutes);
                vm.startPrank(stranger);
                try parameters.activate(OTHER) {} catch {}
                try parameters.advance(OTHER) {} catch {}
                try parameters.activateLiquidation(OTHER) {} catch {}
                vm.stopPrank();
            }
        }
        uint256 entries = parameters.parameters(OTHER).updateId;
        // One for the full bucket, then two a day.
        assertLe(entries - sequence, 1 + 15);
        assertGe(entries - sequence, 10, "it did try");
        (uint256 oldest, uint256 newest) = lens.historyRange(OTHER);
        assertEq(oldest, 0);
        assertEq(newest, entries);
    }
}
