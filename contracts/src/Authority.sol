// SPDX-License-Identifier: MIT
pragma solidity ^0.8.28;

import {AccessManager} from "@openzeppelin/contracts/access/manager/AccessManager.sol";
import {ICollateralParameters} from "./interfaces/ICollateralParameters.sol";
import {ITripwire} from "./interfaces/ITripwire.sol";

/// @title OpenZeppelin's AccessManager, in which nobody wears two hats.
///
/// Every account holds at most one role, granted or about to be. Any role may be mapped to any function, so this alone
/// makes the powers disjoint. Two more doors are shut, through which the guardian could come to cancel its own removal: no
/// function of this contract can be mapped to a role, and no role administers itself.
///
/// Roles. ADMIN (0) grants, revokes and maps, with whatever delay it was granted; GOVERNANCE sets documents, signers,
/// limits, markets and wires; GUARDIAN tightens, and cancels what GOVERNANCE has scheduled; TRIPWIRE and DISPUTES are
/// contracts. Keepers have no role: they sign.
contract Authority is AccessManager {
    uint64 public constant GOVERNANCE_ROLE = 1;
    uint64 public constant GUARDIAN_ROLE = 2;
    uint64 public constant TRIPWIRE_ROLE = 3;
    uint64 public constant DISPUTES_ROLE = 4;

    /// @dev The account holds another role, which must be revoked first.
    error RoleHeld(address account, uint64 heldRole, uint64 askedRole);
    /// @dev Functions of the authority belong to its admins.
    error OwnFunction(bytes4 selector);
    error SelfAdministered(uint64 role);

    /// @dev Role held, plus one; 0 = none.
    mapping(address account => uint256) private _held;

    constructor(address initialAdmin) AccessManager(initialAdmin) {}

    // ------------------------------------------------------------------------------------------------------- set up

    /// @notice Map every restricted function of a parameters contract to its role, and let the guardian cancel what
    /// GOVERNANCE schedules. For the admin.
    function configure(address target) external onlyAuthorized {
        _setTargetFunctionRole(target, ICollateralParameters.setSettings.selector, GOVERNANCE_ROLE);
        _setTargetFunctionRole(target, ICollateralParameters.setSigners.selector, GOVERNANCE_ROLE);
        _setTargetFunctionRole(target, ICollateralParameters.setLimits.selector, GOVERNANCE_ROLE);
        _setTargetFunctionRole(target, ICollateralParameters.listMarket.selector, GOVERNANCE_ROLE);
        _setTargetFunctionRole(target, ICollateralParameters.setMarket.selector, GOVERNANCE_ROLE);
        _setTargetFunctionRole(target, ICollateralParameters.delistMarket.selector, GOVERNANCE_ROLE);
        _setTargetFunctionRole(target, ICollateralParameters.sunset.selector, GOVERNANCE_ROLE);
        _setTargetFunctionRole(target, ICollateralParameters.raiseRegime.selector, GUARDIAN_ROLE);
        _setTargetFunctionRole(target, ICollateralParameters.holdLoosening.selector, GUARDIAN_ROLE);
        _setTargetFunctionRole(target, ICollateralParameters.trip.selector, TRIPWIRE_ROLE);
        _setTargetFunctionRole(target, ICollateralParameters.stop.selector, DISPUTES_ROLE);
        _setRoleGuardian(GOVERNANCE_ROLE, GUARDIAN_ROLE);
    }

    /// @notice Map a tripwire's restricted functions to GOVERNANCE and give it its role. For the admin.
    function configureTripwire(address tripwire) external onlyAuthorized {
        _setTargetFunctionRole(tripwire, ITripwire.setWire.selector, GOVERNANCE_ROLE);
        _setTargetFunctionRole(tripwire, ITripwire.removeWire.selector, GOVERNANCE_ROLE);
        _grantRole(TRIPWIRE_ROLE, tripwire, getRoleGrantDelay(TRIPWIRE_ROLE), 0);
    }

    // -------------------------------------------------------------------------------------------------------- rules

    /// @inheritdoc AccessManager
    function _grantRole(uint64 role, address account, uint32 grantDelay, uint32 executionDelay)
        internal
        override
        returns (bool)
    {
        uint256 held = _held[account];
        // The value held is a role plus one, so it fits.
        if (held != 0 && held - 1 != role) revert RoleHeld(account, uint64(held - 1), role);
        _held[account] = uint256(role) + 1;
        return super._grantRole(role, account, grantDelay, executionDelay);
    }

    /// @inheritdoc AccessManager
    function _revokeRole(uint64 role, address account) internal override returns (bool revoked) {
        revoked = super._revokeRole(role, account);
        if (revoked) delete _held[account];
    }

    /// @inheritdoc AccessManager
    function _setTargetFunctionRole(address target, bytes4 selector, uint64 role) internal override {
        if (target == address(this)) revert OwnFunction(selector);
        super._setTargetFunctionRole(target, selector, role);
    }

    /// @inheritdoc AccessManager
    function _setRoleAdmin(uint64 role, uint64 admin) internal override {
        if (role == admin) revert SelfAdministered(role);
        super._setRoleAdmin(role, admin);
    }
}
