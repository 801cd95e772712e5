// SPDX-License-Identifier: MIT
pragma solidity ^0.8.28;

import {Governor} from "@openzeppelin/contracts/governance/Governor.sol";
import {IGovernor} from "@openzeppelin/contracts/governance/IGovernor.sol";
import {TimelockController} from "@openzeppelin/contracts/governance/TimelockController.sol";
import {GovernorCountingSimple} from "@openzeppelin/contracts/governance/extensions/GovernorCountingSimple.sol";
import {GovernorTimelockControl} from "@openzeppelin/contracts/governance/extensions/GovernorTimelockControl.sol";
import {GovernorVotes} from "@openzeppelin/contracts/governance/extensions/GovernorVotes.sol";
import {IVotes} from "@openzeppelin/contracts/governance/utils/IVotes.sol";
import {ERC20} from "@openzeppelin/contracts/token/ERC20/ERC20.sol";
import {ERC20Votes} from "@openzeppelin/contracts/token/ERC20/extensions/ERC20Votes.sol";
import {EIP712} from "@openzeppelin/contracts/utils/cryptography/EIP712.sol";
import {Base} from "./Base.t.sol";
import {Authority} from "../src/Authority.sol";
import {ICollateralParameters, Limits} from "../src/interfaces/ICollateralParameters.sol";

contract VoteToken is ERC20, ERC20Votes {
    constructor(address holder) ERC20("Vote", "VOTE") EIP712("Vote", "1") {
        _mint(holder, 100e18);
    }

    function _update(address from, address to, uint256 value) internal override(ERC20, ERC20Votes) {
        super._update(from, to, value);
    }
}

/// @dev The smallest Governor with a timelock: a day of blocks to vote, a tenth of the votes as quorum.
contract TestGovernor is Governor, GovernorCountingSimple, GovernorVotes, GovernorTimelockControl {
    constructor(IVotes token, TimelockController timelock)
        Governor("TestGovernor")
        GovernorVotes(token)
        GovernorTimelockControl(timelock)
    {}

    function votingDelay() public pure override returns (uint256) {
        return 10;
    }

    function votingPeriod() public pure override returns (uint256) {
        return 7200;
    }

    function quorum(uint256) public pure override returns (uint256) {
        return 10e18;
    }

    function state(uint256 id) public view override(Governor, GovernorTimelockControl) returns (ProposalState) {
        return super.state(id);
    }

    function proposalNeedsQueuing(uint256 id) public view override(Governor, GovernorTimelockControl) returns (bool) {
        return super.proposalNeedsQueuing(id);
    }

    function _queueOperations(
        uint256 id,
        address[] memory targets,
        uint256[] memory values,
        bytes[] memory calldatas,
        bytes32 descriptionHash
    ) internal override(Governor, GovernorTimelockControl) returns (uint48) {
        return super._queueOperations(id, targets, values, calldatas, descriptionHash);
    }

    function _executeOperations(
        uint256 id,
        address[] memory targets,
        uint256[] memory values,
        bytes[] memory calldatas,
        bytes32 descriptionHash
    ) internal override(Governor, GovernorTimelockControl) {
        super._executeOperations(id, targets, values, calldatas, descriptionHash);
    }

    function _cancel(
        address[] memory targets,
        uint256[] memory values,
        bytes[] memory calldatas,
        bytes32 descriptionHash
    ) internal override(Governor, GovernorTimelockControl) returns (uint256) {
        return super._cancel(targets, values, calldatas, descriptionHash);
    }

    function _executor() internal view override(Governor, GovernorTimelockControl) returns (address) {
        return super._executor();
    }
}

/// @dev Parameters that a DAO owns: real proposals through Governor and TimelockController.
contract GovernorTest is Base {
    uint256 private constant TIMELOCK_DELAY = 2 days;
    uint64 private constant ADMIN = 0;
    uint64 private constant GOVERNANCE = 1;
    string private constant DESCRIPTION = "# Smaller steps\n\nNo single report should cost more than 2 %.\n";

    address private voter = makeAddr("voter");
    TestGovernor private governor;
    TimelockController private timelock;

    function setUp() public override {
        super.setUp();
        VoteToken token = new VoteToken(voter);
        vm.prank(voter);
        token.delegate(voter);
        timelock = new TimelockController(TIMELOCK_DELAY, new address[](0), new address[](0), address(this));
        governor = new TestGovernor(token, timelock);
        timelock.grantRole(timelock.PROPOSER_ROLE(), address(governor));
        timelock.grantRole(timelock.CANCELLER_ROLE(), address(governor));
        timelock.grantRole(timelock.EXECUTOR_ROLE(), address(0));
        timelock.renounceRole(timelock.DEFAULT_ADMIN_ROLE(), address(this));
        pass(1);
    }

    // ------------------------------------------------------------------------------------------------------ set-ups

    /// @dev The timelock is the admin of OpenZeppelin's own AccessManager; functions stay with the admin.
    function _ownedThroughAdmin() private {
        vm.startPrank(governance);
        manager.grantRole(ADMIN, address(timelock), 0);
        manager.renounceRole(ADMIN, governance);
        vm.stopPrank();
    }

    /// @dev The timelock holds GOVERNANCE of an Authority, whose admin is a second, slower timelock of the DAO.
    function _ownedThroughRole() private {
        address[] memory proposers = new address[](1);
        proposers[0] = address(governor);
        TimelockController slow = new TimelockController(14 days, proposers, new address[](1), address(0));
        Authority authority = new Authority(address(this));
        authority.configure(address(parameters));
        authority.grantRole(GOVERNANCE, address(timelock), 0);
        authority.grantRole(ADMIN, address(slow), 0);
        authority.renounceRole(ADMIN, address(this));
        vm.prank(governance);
        manager.updateAuthority(address(parameters), address(authority));
    }

    // ---------------------------------------------------------------------------------------------------- proposals

    function _call(bytes memory data)
        private
        view
        returns (address[] memory targets, uint256[] memory values, bytes[] memory calldatas)
    {
        (targets, values, calldatas) = (new address[](1), new uint256[](1), new bytes[](1));
        (targets[0], calldatas[0]) = (address(parameters), data);
    }

    /// @dev Propose, vote and queue; on the way every early step is refused.
    function _passThroughVote(bytes memory data) private returns (uint256 id) {
        (address[] memory targets, uint256[] memory values, bytes[] memory calldatas) = _call(data);
        bytes32 hash = keccak256(bytes(DESCRIPTION));
        vm.prank(voter);
        id = governor.propose(targets, values, calldatas, DESCRIPTION);
        assertEq(id, uint256(keccak256(abi.encode(targets, values, calldatas, hash))));
        vm.expectPartialRevert(IGovernor.GovernorUnexpectedProposalState.selector);
        governor.execute(targets, values, calldatas, hash);
        pass(11);
        vm.prank(voter);
        governor.castVote(id, 1);
        vm.expectPartialRevert(IGovernor.GovernorUnexpectedProposalState.selector);
        governor.queue(targets, values, calldatas, hash);
        pass(7200);
        governor.queue(targets, values, calldatas, hash);
    }

    function _execute(bytes memory data) private {
        (address[] memory targets, uint256[] memory values, bytes[] memory calldatas) = _call(data);
        governor.execute(targets, values, calldatas, keccak256(bytes(DESCRIPTION)));
    }

    function _smallerSteps() private pure returns (Limits memory values) {
        values = defaultLimits();
        values.stepUpBps = 200;
    }

    function _limitsChangeByProposal() private {
        bytes memory data = abi.encodeCall(parameters.setLimits, (0, _smallerSteps()));
        uint256 id = _passThroughVote(data);
        passTime(TIMELOCK_DELAY - 1);
        vm.expectPartialRevert(TimelockController.TimelockUnexpectedOperationState.selector);
        this.execute(data);
        // Until it is executed, the old limits hold: a step of 1,000.
        uint256 before = haircut(MARKET);
        report(MARKET, before + 700);
        assertEq(haircut(MARKET), before + 700);
        vm.expectEmit(true, false, false, false, address(parameters));
        emit ICollateralParameters.LimitsSet(0, 0, 0);
        _execute(data);
        assertEq(uint256(governor.state(id)), uint256(IGovernor.ProposalState.Executed));
        report(MARKET, before + 1400);
        assertEq(haircut(MARKET), before + 900);
        assertEq(parameters.parameters(MARKET).stagedBps, before + 1400);
    }

    /// @dev From outside, so that an expected revert covers the whole of it.
    function execute(bytes calldata data) external {
        _execute(data);
    }

    // -------------------------------------------------------------------------------------------------------- tests

    function test_AProposalChangesLimitsWhenTheTimelockIsTheAdmin() public {
        _ownedThroughAdmin();
        _limitsChangeByProposal();
    }

    function test_AProposalChangesLimitsWhenTheTimelockHoldsTheGovernanceRole() public {
        _ownedThroughRole();
        _limitsChangeByProposal();
    }

    function test_OnlyTheTimelockGovernsAfterTheHandOver() public {
        _ownedThroughAdmin();
        address[4] memory others = [governance, voter, address(governor), address(this)];
        for (uint256 i; i < 4; ++i) {
            vm.prank(others[i]);
            vm.expectRevert(abi.encodeWithSignature("AccessManagedUnauthorized(address)", others[i]));
            parameters.setLimits(0, _smallerSteps());
        }
    }

    function test_AProposalThatIsVotedDownChangesNothing() public {
        _ownedThroughRole();
        bytes memory data = abi.encodeCall(parameters.setLimits, (0, _smallerSteps()));
        (address[] memory targets, uint256[] memory values, bytes[] memory calldatas) = _call(data);
        vm.prank(voter);
        uint256 id = governor.propose(targets, values, calldatas, DESCRIPTION);
        pass(11);
        vm.prank(voter);
        governor.castVote(id, 0);
        pass(7200);
        assertEq(uint256(governor.state(id)), uint256(IGovernor.ProposalState.Defeated));
        vm.expectPartialRevert(IGovernor.GovernorUnexpectedProposalState.selector);
        governor.queue(targets, values, calldatas, keccak256(bytes(DESCRIPTION)));
        report(MARKET, 3700);
        assertEq(haircut(MARKET), 3700);
    }

    function test_AProposalNamesASuccessorAndEndsTheContract() public {
        _ownedThroughRole();
        address next = makeAddr("successor");
        bytes memory data = abi.encodeCall(parameters.sunset, (next));
        _passThroughVote(data);
        passTime(TIMELOCK_DELAY);
        report(MARKET, 3500);
        _execute(data);
        (address named, uint256 since) = parameters.successor();
        assertEq(named, next);
        assertEq(since, block.timestamp);
        // Values hold and do not age; nothing is written any more.
        assertEq(parameters.parameters(MARKET).haircutBps, 3500);
        vm.expectRevert(abi.encodeWithSelector(ICollateralParameters.Ended.selector, next, since));
        parameters.advance(MARKET);
        passTime(30 days);
        assertEq(parameters.parameters(MARKET).haircutBps, 3500);
    }
}
