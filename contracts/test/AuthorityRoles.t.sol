// SPDX-License-Identifier: MIT
pragma solidity ^0.8.28;

import {IAccessManaged} from "@openzeppelin/contracts/access/manager/IAccessManaged.sol";
import {IAccessManager} from "@openzeppelin/contracts/access/manager/IAccessManager.sol";
import {AuthorityBase} from "./AuthorityBase.t.sol";
import {Authority} from "../src/Authority.sol";
import {ICollateralParameters, Parameters} from "../src/interfaces/ICollateralParameters.sol";
import {ITripwire} from "../src/interfaces/ITripwire.sol";

/// @dev Who may do what, and that nobody may do two things.
contract AuthorityRolesTest is AuthorityBase {
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
}
