// SPDX-License-Identifier: MIT
pragma solidity ^0.8.28;

import {IAccessManaged} from "@openzeppelin/contracts/access/manager/IAccessManaged.sol";
import {IAccessManager} from "@openzeppelin/contracts/access/manager/IAccessManager.sol";
import {AuthorityBase} from "./AuthorityBase.t.sol";
import {Authority} from "../src/Authority.sol";
import {Batch, ICollateralParameters, Limits, Signature} from "../src/interfaces/ICollateralParameters.sol";

/// @dev Delays, hostile powers, and what no power can close.
contract AuthorityTest is AuthorityBase {
    // -------------------------------------------------------------------------------------------------------- delays

    function test_GovernanceActsAfterItsDelayAndNotBefore() public {
        bytes memory data = _limitsCall();
        bytes32 id = _operation(governance, address(parameters), data);
        vm.prank(governance);
        vm.expectRevert(abi.encodeWithSelector(IAccessManager.AccessManagerNotScheduled.selector, id));
        authority.execute(address(parameters), data);
        _schedule(governance, address(parameters), data);
        passTime(GOVERNANCE_DELAY - 1);
        vm.prank(governance);
        vm.expectRevert(abi.encodeWithSelector(IAccessManager.AccessManagerNotReady.selector, id));
        authority.execute(address(parameters), data);
        assertFalse(_stepIs200());
        passTime(1);
        _execute(governance, address(parameters), data);
        assertTrue(_stepIs200());
    }

    function test_GovernanceMayCallTheTargetItselfOnceTheDelayHasPassed() public {
        _schedule(governance, address(parameters), _limitsCall());
        passTime(GOVERNANCE_DELAY);
        vm.startPrank(governance);
        parameters.setLimits(0, _tighterLimits());
        // Once.
        vm.expectPartialRevert(IAccessManager.AccessManagerNotScheduled.selector);
        parameters.setLimits(0, _tighterLimits());
        vm.stopPrank();
        assertTrue(_stepIs200());
    }

    function test_WhatWasScheduledCanBeCancelledAndExpires() public {
        bytes memory data = _limitsCall();
        bytes32 id = _operation(governance, address(parameters), data);
        _schedule(governance, address(parameters), data);
        vm.prank(stranger);
        vm.expectPartialRevert(IAccessManager.AccessManagerUnauthorizedCancel.selector);
        authority.cancel(governance, address(parameters), data);
        vm.prank(governance);
        authority.cancel(governance, address(parameters), data);
        passTime(GOVERNANCE_DELAY);
        vm.prank(governance);
        vm.expectRevert(abi.encodeWithSelector(IAccessManager.AccessManagerNotScheduled.selector, id));
        authority.execute(address(parameters), data);

        _schedule(governance, address(parameters), data);
        passTime(GOVERNANCE_DELAY + authority.expiration());
        vm.prank(governance);
        vm.expectRevert(abi.encodeWithSelector(IAccessManager.AccessManagerExpired.selector, id));
        authority.execute(address(parameters), data);
        assertFalse(_stepIs200());
    }

    // -------------------------------------------------------------------------------------------- T25: hostile powers

    function test_T25_HostileGovernanceCannotActBeforeItsDelayAndCanBeVetoed() public {
        Limits memory loose = defaultLimits();
        loose.bucketBps = 9000;
        bytes memory data = abi.encodeCall(parameters.setLimits, (0, loose));
        _schedule(governance, address(parameters), data);
        vm.prank(governance);
        vm.expectPartialRevert(IAccessManager.AccessManagerUnauthorizedCall.selector);
        authority.schedule(address(parameters), data, uint48(block.timestamp + 1));
        passTime(GOVERNANCE_DELAY - 1);
        vm.prank(guardian);
        authority.cancel(governance, address(parameters), data);
        passTime(1);
        vm.prank(governance);
        vm.expectPartialRevert(IAccessManager.AccessManagerNotScheduled.selector);
        authority.execute(address(parameters), data);
    }

    function test_T25_ARoleTakeoverTakesAtLeastTheDelay() public {
        address ally = makeAddr("ally");
        bytes memory data = abi.encodeCall(IAccessManager.grantRole, (GOVERNANCE, ally, 0));
        vm.prank(admin);
        vm.expectPartialRevert(IAccessManager.AccessManagerNotScheduled.selector);
        authority.grantRole(GOVERNANCE, ally, 0);
        // Nobody else can, with or without delay.
        address[3] memory others = [governance, guardian, stranger];
        for (uint256 i; i < 3; ++i) {
            vm.startPrank(others[i]);
            vm.expectPartialRevert(IAccessManager.AccessManagerUnauthorizedAccount.selector);
            authority.grantRole(GOVERNANCE, ally, 0);
            vm.expectPartialRevert(IAccessManager.AccessManagerUnauthorizedCall.selector);
            authority.schedule(address(authority), data, 0);
            vm.stopPrank();
        }
        _schedule(admin, address(authority), data);
        passTime(ADMIN_DELAY - 1);
        vm.prank(admin);
        vm.expectPartialRevert(IAccessManager.AccessManagerNotReady.selector);
        authority.execute(address(authority), data);
        vm.prank(ally);
        vm.expectPartialRevert(IAccessManaged.AccessManagedUnauthorized.selector);
        parameters.setLimits(0, _tighterLimits());
        passTime(1);
        _execute(admin, address(authority), data);
        vm.prank(ally);
        parameters.setLimits(0, _tighterLimits());
        assertTrue(_stepIs200());
    }

    function test_T25_TheAdminCannotShortenItsOwnDelayAtOnce() public {
        bytes memory data = abi.encodeCall(IAccessManager.grantRole, (ADMIN, admin, 0));
        _schedule(admin, address(authority), data);
        passTime(ADMIN_DELAY);
        _execute(admin, address(authority), data);
        // The decision took the old delay, and its effect takes it once more.
        (, uint32 delay,,) = authority.getAccess(ADMIN, admin);
        assertEq(delay, ADMIN_DELAY);
        passTime(ADMIN_DELAY);
        (, delay,,) = authority.getAccess(ADMIN, admin);
        assertEq(delay, 0);
    }

    function test_RevertWhen_AnybodyButTheAdminConfigures() public {
        vm.startPrank(governance);
        vm.expectPartialRevert(IAccessManager.AccessManagerUnauthorizedAccount.selector);
        authority.configure(address(parameters));
        vm.expectPartialRevert(IAccessManager.AccessManagerUnauthorizedAccount.selector);
        authority.configureTripwire(address(tripwire));
        vm.stopPrank();
        bytes memory data = abi.encodeCall(Authority.configure, (stranger));
        _schedule(admin, address(authority), data);
        passTime(ADMIN_DELAY);
        _execute(admin, address(authority), data);
        assertEq(authority.getTargetFunctionRole(stranger, ICollateralParameters.stop.selector), DISPUTES);
    }

    // ------------------------------------------------------------------------------------------- what stays open

    function test_PublishAdvanceAndActivateCannotBeClosed() public {
        bytes memory close = abi.encodeCall(IAccessManager.setTargetClosed, (address(parameters), true));
        bytes4[] memory selectors = new bytes4[](3);
        selectors[0] = ICollateralParameters.publish.selector;
        selectors[1] = ICollateralParameters.advance.selector;
        selectors[2] = ICollateralParameters.activate.selector;
        bytes memory take =
            abi.encodeCall(IAccessManager.setTargetFunctionRole, (address(parameters), selectors, DISPUTES));
        _schedule(admin, address(authority), close);
        _schedule(admin, address(authority), take);
        passTime(ADMIN_DELAY);
        _execute(admin, address(authority), take);
        _execute(admin, address(authority), close);
        vm.prank(guardian);
        vm.expectPartialRevert(IAccessManaged.AccessManagedUnauthorized.selector);
        parameters.raiseRegime(MARKET, 1, 1 hours);

        report(MARKET, 4500);
        assertEq(haircut(MARKET), 4000);
        passTime(300);
        vm.startPrank(stranger);
        parameters.advance(MARKET);
        assertEq(haircut(MARKET), 4500);
        vm.stopPrank();
        report(MARKET, 4450);
        passTime(6 hours);
        vm.startPrank(stranger);
        parameters.activate(MARKET);
        assertEq(haircut(MARKET), 4450);
        vm.expectPartialRevert(ICollateralParameters.NothingPending.selector);
        parameters.activateLiquidation(MARKET);
    }

    function test_SignersAndThresholdChangeWithoutAGap() public {
        address[] memory next = new address[](1);
        uint256 key = uint256(keccak256("next signer"));
        next[0] = vm.addr(key);
        bytes memory data = abi.encodeCall(parameters.setSigners, (next, 1));
        _schedule(governance, address(parameters), data);
        passTime(GOVERNANCE_DELAY);
        pass(CADENCE);

        // One block: a batch of the old set, the change, a batch of the new set.
        publish(newestSample(), pack(wish(MARKET, 3100)));
        _execute(governance, address(parameters), data);
        bytes memory reports = pack(wish(OTHER, 4100));
        Batch memory batch = batchOf(newestSample(), reports);
        Signature[] memory old = signedBy(2, batch);
        vm.expectRevert(abi.encodeWithSelector(ICollateralParameters.TooFewSignatures.selector, 0, 1));
        parameters.publish(batch, reports, old);
        Signature[] memory signatures = new Signature[](1);
        signatures[0] = sign(key, batch);
        parameters.publish(batch, reports, signatures);
        assertEq(haircut(MARKET), 3100);
        assertEq(haircut(OTHER), 4100);
    }
}
