// SPDX-License-Identifier: MIT
pragma solidity ^0.8.28;

import {IAccessManaged} from "@openzeppelin/contracts/access/manager/IAccessManaged.sol";
import {IAccessManager} from "@openzeppelin/contracts/access/manager/IAccessManager.sol";
import {Base, Wish} from "./Base.t.sol";
import {Authority} from "../src/Authority.sol";
import {Tripwire} from "../src/Tripwire.sol";
import {Batch, ICollateralParameters, Limits, Parameters, Signature} from "../src/interfaces/ICollateralParameters.sol";
import {ITripwire} from "../src/interfaces/ITripwire.sol";

/// @dev The parameters under an Authority: an admin with two days of delay, governance with one, a guardian, a tripwire
/// and disputes.
contract AuthorityTest is Base {
    uint32 private constant ADMIN_DELAY = 2 days;
    uint32 private constant GOVERNANCE_DELAY = 1 days;
    uint64 private constant ADMIN = 0;
    uint64 private constant GOVERNANCE = 1;
    uint64 private constant GUARDIAN = 2;
    uint64 private constant TRIPWIRE = 3;
    uint64 private constant DISPUTES = 4;

    address private admin = makeAddr("admin");
    address private guardian = makeAddr("guardian");
    address private disputes = makeAddr("disputes");
    Authority private authority;
    Tripwire private tripwire;

    function setUp() public override {
        super.setUp();
        authority = new Authority(address(this));
        tripwire = new Tripwire(address(authority), parameters);
        authority.configure(address(parameters));
        authority.configureTripwire(address(tripwire));
        authority.grantRole(GOVERNANCE, governance, GOVERNANCE_DELAY);
        authority.grantRole(GUARDIAN, guardian, 0);
        authority.grantRole(DISPUTES, disputes, 0);
        authority.grantRole(ADMIN, admin, ADMIN_DELAY);
        authority.renounceRole(ADMIN, address(this));
        vm.prank(governance);
        manager.updateAuthority(address(parameters), address(authority));
    }

    // ---------------------------------------------------------------------------------------------------- operations

    function _schedule(address by, address target, bytes memory data) private {
        vm.prank(by);
        authority.schedule(target, data, 0);
    }

    function _execute(address by, address target, bytes memory data) private {
        vm.prank(by);
        authority.execute(target, data);
    }

    function _operation(address by, address target, bytes memory data) private view returns (bytes32) {
        return authority.hashOperation(by, target, data);
    }

    function _tighterLimits() private pure returns (Limits memory values) {
        values = defaultLimits();
        values.stepUpBps = 200;
    }

    function _limitsCall() private view returns (bytes memory) {
        return abi.encodeCall(parameters.setLimits, (0, _tighterLimits()));
    }

    /// @dev Whether a report shows the tighter limits in force.
    function _stepIs200() private returns (bool) {
        uint256 before = haircut(MARKET);
        report(MARKET, before + 500);
        return haircut(MARKET) == before + 200;
    }

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

    // ---------------------------------------------------------------------------------------------------- T2: roles

    function test_T2_NoAccountHoldsTwoRoles(uint64 first, uint64 second) public {
        (first, second) = (uint64(bound(first, 0, 5)), uint64(bound(second, 0, 5)));
        Authority fresh = new Authority(address(this));
        fresh.grantRole(first, stranger, 0);
        // Again in the same role changes its delay only.
        fresh.grantRole(first, stranger, 7);
        if (first == second) return;
        vm.expectRevert(abi.encodeWithSelector(Authority.RoleHeld.selector, stranger, first, second));
        fresh.grantRole(second, stranger, 0);
        fresh.revokeRole(second, stranger); // was not held: frees nothing
        vm.expectRevert(abi.encodeWithSelector(Authority.RoleHeld.selector, stranger, first, second));
        fresh.grantRole(second, stranger, 0);
        fresh.revokeRole(first, stranger);
        fresh.grantRole(second, stranger, 0);
        (bool holds,) = fresh.hasRole(second, stranger);
        assertTrue(holds);
    }

    function test_T2_TheDeployerIsAdminAndNothingElse() public {
        Authority fresh = new Authority(address(this));
        vm.expectRevert(abi.encodeWithSelector(Authority.RoleHeld.selector, address(this), ADMIN, GOVERNANCE));
        fresh.grantRole(GOVERNANCE, address(this), 0);
        fresh.renounceRole(ADMIN, address(this));
        (bool holds,) = fresh.hasRole(ADMIN, address(this));
        assertFalse(holds);
    }

    function test_T2_ARoleThatIsStillToComeCountsAsHeld() public {
        Authority fresh = new Authority(address(this));
        fresh.setGrantDelay(GUARDIAN, 10 days);
        passTime(5 days);
        fresh.grantRole(GUARDIAN, stranger, 0);
        (bool holds,) = fresh.hasRole(GUARDIAN, stranger);
        assertFalse(holds);
        vm.expectRevert(abi.encodeWithSelector(Authority.RoleHeld.selector, stranger, GUARDIAN, GOVERNANCE));
        fresh.grantRole(GOVERNANCE, stranger, 0);
    }

    // ----------------------------------------------------------------------------------------- INV-09: who may what

    function test_INV09_EveryRestrictedFunctionRefusesEverybodyButItsRole() public {
        bytes4[] memory open = new bytes4[](4);
        open[0] = ICollateralParameters.publish.selector;
        open[1] = ICollateralParameters.advance.selector;
        open[2] = ICollateralParameters.activate.selector;
        open[3] = ICollateralParameters.activateLiquidation.selector;
        // setAuthority belongs to the authority itself.
        assertEq(_checkAll("CollateralParameters", address(parameters), open), 11 + 1);
    }

    function test_INV09_EveryRestrictedFunctionOfTheTripwireRefusesEverybodyButGovernance() public {
        bytes4[] memory open = new bytes4[](2);
        open[0] = ITripwire.witness.selector;
        open[1] = ITripwire.trip.selector;
        assertEq(_checkAll("Tripwire", address(tripwire), open), 2 + 1);
    }

    /// @dev Every function that may write, from the compiled ABI, so that a new one cannot be forgotten.
    function _checkAll(string memory name, address target, bytes4[] memory open) private returns (uint256 restricted) {
        uint256 seen;
        string memory path = string.concat("out/", name, ".sol/", name, ".json");
        // forge coverage compiles without writing artifacts.
        vm.skip(!vm.exists(path), "no artifacts in out");
        string memory json = vm.readFile(path);
        string[] memory signatures = vm.parseJsonKeys(json, ".methodIdentifiers");
        for (uint256 i;; ++i) {
            string memory entry = string.concat(".abi[", vm.toString(i), "]");
            if (!vm.keyExistsJson(json, entry)) break;
            if (!_mayWrite(json, entry)) continue;
            string memory called = vm.parseJsonString(json, string.concat(entry, ".name"));
            bytes4 selector = _selectorOf(called, signatures);
            if (_isIn(selector, open)) {
                ++seen;
            } else {
                ++restricted;
                _checkOne(called, target, selector);
            }
        }
        assertEq(seen, open.length, "the open functions are in the ABI");
    }

    function _mayWrite(string memory json, string memory entry) private pure returns (bool) {
        bytes32 kind = keccak256(bytes(vm.parseJsonString(json, string.concat(entry, ".type"))));
        if (kind != keccak256("function")) return false;
        bytes32 mutability = keccak256(bytes(vm.parseJsonString(json, string.concat(entry, ".stateMutability"))));
        return mutability != keccak256("view") && mutability != keccak256("pure");
    }

    /// @dev Strangers, keepers and the holders of all other roles are refused; the function is mapped to a role.
    function _checkOne(string memory name, address target, bytes4 selector) private {
        address[7] memory callers = [stranger, signers[0], admin, governance, guardian, address(tripwire), disputes];
        uint64[7] memory roles = [type(uint64).max, type(uint64).max, ADMIN, GOVERNANCE, GUARDIAN, TRIPWIRE, DISPUTES];
        bool isSetAuthority = selector == IAccessManaged.setAuthority.selector;
        uint64 role = authority.getTargetFunctionRole(target, selector);
        assertEq(role == ADMIN, isSetAuthority, string.concat(name, " is mapped to no role"));
        for (uint256 i; i < callers.length; ++i) {
            if (roles[i] == role && !isSetAuthority) continue;
            vm.prank(callers[i]);
            // Zeros decode as any arguments: offsets point at lengths of zero.
            (bool ok, bytes memory answer) = target.call(abi.encodePacked(selector, new bytes(2048)));
            assertFalse(ok, name);
            assertEq(
                answer, abi.encodeWithSelector(IAccessManaged.AccessManagedUnauthorized.selector, callers[i]), name
            );
        }
    }

    function _selectorOf(string memory name, string[] memory signatures) private pure returns (bytes4) {
        for (uint256 i; i < signatures.length; ++i) {
            if (vm.indexOf(signatures[i], string.concat(name, "(")) == 0) {
                return bytes4(keccak256(bytes(signatures[i])));
            }
        }
        revert(name);
    }

    function _isIn(bytes4 selector, bytes4[] memory list) private pure returns (bool) {
        for (uint256 i; i < list.length; ++i) {
            if (list[i] == selector) return true;
        }
        return false;
    }

    function test_INV09_EachRoleCanDoWhatIsItsOwn() public {
        vm.prank(guardian);
        parameters.raiseRegime(MARKET, 2, 1 hours);
        assertEq(parameters.parameters(MARKET).regime, 2);
        vm.prank(guardian);
        parameters.holdLoosening(MARKET, 1 days);
        vm.prank(disputes);
        parameters.stop(MARKET);
        vm.prank(address(tripwire));
        parameters.trip(OTHER);
        assertEq(parameters.parameters(OTHER).regime, 1);
    }

    // ------------------------------------------------------------------------------------------------- the guardian

    function test_TheGuardianCannotCancelItsOwnRemoval() public {
        bytes memory data = abi.encodeCall(IAccessManager.revokeRole, (GUARDIAN, guardian));
        _schedule(admin, address(authority), data);
        bytes memory refused = abi.encodeWithSelector(
            IAccessManager.AccessManagerUnauthorizedCancel.selector,
            guardian,
            admin,
            address(authority),
            IAccessManager.revokeRole.selector
        );
        vm.prank(guardian);
        vm.expectRevert(refused);
        authority.cancel(admin, address(authority), data);
        passTime(ADMIN_DELAY);
        _execute(admin, address(authority), data);
        (bool holds,) = authority.hasRole(GUARDIAN, guardian);
        assertFalse(holds);
        vm.prank(guardian);
        vm.expectRevert(abi.encodeWithSelector(IAccessManaged.AccessManagedUnauthorized.selector, guardian));
        parameters.raiseRegime(MARKET, 1, 1 hours);
    }

    function test_NoMisconfigurationLetsTheGuardianCancelItsOwnRemoval() public {
        Authority fresh = new Authority(address(this));
        bytes4[] memory selectors = new bytes4[](1);
        selectors[0] = IAccessManager.revokeRole.selector;
        // Mapped to a role whose operations the guardian may cancel.
        vm.expectRevert(abi.encodeWithSelector(Authority.OwnFunction.selector, selectors[0]));
        fresh.setTargetFunctionRole(address(fresh), selectors, GOVERNANCE);
        // Members of the role's admin may cancel too.
        vm.expectRevert(abi.encodeWithSelector(Authority.SelfAdministered.selector, GUARDIAN));
        fresh.setRoleAdmin(GUARDIAN, GUARDIAN);
        fresh.setRoleAdmin(GUARDIAN, GOVERNANCE);
        assertEq(fresh.getRoleAdmin(GUARDIAN), GOVERNANCE);
    }

    function test_T25_TheGuardianOnlyTightensOrVetoes() public {
        Parameters memory before = parameters.parameters(MARKET);
        vm.startPrank(guardian);
        parameters.raiseRegime(MARKET, 3, 7 days);
        vm.expectPartialRevert(ICollateralParameters.BadRaise.selector);
        parameters.raiseRegime(MARKET, 1, 1 hours);
        vm.expectPartialRevert(ICollateralParameters.BadRaise.selector);
        parameters.raiseRegime(MARKET, 0, 1 hours);
        vm.stopPrank();
        Parameters memory raised = parameters.parameters(MARKET);
        assertGt(raised.haircutBps, before.haircutBps);
        assertEq(raised.storedHaircutBps, before.storedHaircutBps);
        assertEq(raised.liquidationHaircutBps, before.liquidationHaircutBps);
        assertEq(raised.bonusBps, before.bonusBps);
        assertEq(authority.getRoleGuardian(GOVERNANCE), GUARDIAN);
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
