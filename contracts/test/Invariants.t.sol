// SPDX-License-Identifier: MIT
pragma solidity ^0.8.28;

import {Base} from "./Base.t.sol";
import {Actors} from "./handlers/Actors.sol";

/// @dev Every actor in any order at any time. What is checked after each call is in handlers/Watcher.sol.
contract InvariantsTest is Base {
    Actors internal actors;
    bytes4[] internal selectors;

    function setUp() public override {
        actors = new Actors();
        actors.setUp();
        selectors.push(Actors.attackerQuorum.selector);
        selectors.push(Actors.greedyQuorum.selector);
        selectors.push(Actors.honestKeeper.selector);
        selectors.push(Actors.anybody.selector);
        selectors.push(Actors.guardianRaise.selector);
        selectors.push(Actors.guardianHold.selector);
        selectors.push(Actors.tripper.selector);
        selectors.push(Actors.dispute.selector);
        selectors.push(Actors.time.selector);
        selectors.push(Actors.governs.selector);
        targetContract(address(actors));
        targetSelector(FuzzSelector(address(actors), selectors));
    }

    function invariant_NobodyLeavesWhatIsHisToChange() public {}

    /// @dev Handlers that never get anywhere would prove nothing.
    function test_TheHandlersReachEveryTransition() public {
        for (uint256 i; i < 1500; ++i) {
            uint256 seed = uint256(keccak256(abi.encode("reach", i)));
            (bool ok, bytes memory answer) =
                address(actors).call(abi.encodeWithSelector(selectors[seed % selectors.length], seed));
            if (!ok) assembly { revert(add(answer, 32), mload(answer)) }
        }
        string[24] memory transitions = [
            "applied",
            "staged",
            "advanced",
            "pending",
            "haircut loosened",
            "premium loosened",
            "ceiling raised",
            "proposal",
            "moved up",
            "moved down",
            "bonus raised",
            "raised by the quorum",
            "raised by the guardian",
            "regime expired",
            "stale",
            "recovered",
            "held",
            "tripped",
            "pending stopped",
            "ramp stopped",
            "limits set",
            "market set",
            "listed again",
            "batch without effect"
        ];
        for (uint256 i; i < transitions.length; ++i) {
            emit log_named_uint(transitions[i], actors.counts(transitions[i]));
        }
        for (uint256 i; i < transitions.length; ++i) {
            assertGt(actors.counts(transitions[i]), 0, transitions[i]);
        }
    }
}
