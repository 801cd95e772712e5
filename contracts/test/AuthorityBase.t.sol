// SPDX-License-Identifier: MIT
pragma solidity ^0.8.28;

import {Base} from "./Base.t.sol";
import {Authority} from "../src/Authority.sol";
import {Tripwire} from "../src/Tripwire.sol";
import {Limits} from "../src/interfaces/ICollateralParameters.sol";

/// @dev The parameters under an Authority: an admin with two days of delay, governance with one, a guardian, a tripwire
/// and disputes.
abstract contract AuthorityBase is Base {
    uint32 internal constant ADMIN_DELAY = 2 days;
    uint32 internal constant GOVERNANCE_DELAY = 1 days;
    uint64 internal constant ADMIN = 0;
    uint64 internal constant GOVERNANCE = 1;
    uint64 internal constant GUARDIAN = 2;
    uint64 internal constant TRIPWIRE = 3;
    uint64 internal constant DISPUTES = 4;

    address internal admin = makeAddr("admin");
    address internal guardian = makeAddr("guardian");
    address internal disputes = makeAddr("disputes");
    Authority internal authority;
    Tripwire internal tripwire;

    function setUp() public virtual override {
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

    function _schedule(address by, address target, bytes memory data) internal {
        vm.prank(by);
        authority.schedule(target, data, 0);
    }

    function _execute(address by, address target, bytes memory data) internal {
        vm.prank(by);
        authority.execute(target, data);
    }

    function _operation(address by, address target, bytes memory data) internal view returns (bytes32) {
        return authority.hashOperation(by, target, data);
    }

    function _tighterLimits() internal pure returns (Limits memory values) {
        values = defaultLimits();
        values.stepUpBps = 200;
    }

    function _limitsCall() internal view returns (bytes memory) {
        return abi.encodeCall(parameters.setLimits, (0, _tighterLimits()));
    }

    /// @dev Whether a report shows the tighter limits in force.
    function _stepIs200() internal returns (bool) {
        uint256 before = haircut(MARKET);
        report(MARKET, before + 500);
        return haircut(MARKET) == before + 200;
    }
}
