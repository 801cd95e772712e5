// SPDX-License-Identifier: MIT
pragma solidity ^0.8.28;

/// @title Rehearsal
/// @notice Makes calls of a contract for real inside an `eth_call`, then reads storage words of it.
/// @dev Never deployed: its runtime code is placed at an unused address, or at that of the account whose calls are
/// rehearsed, by the state override of an `eth_call`, so that nothing of the call remains.
///
/// Calldata: the contract, the words' slots, the call's data. Reply: the words in the order of the slots. A call that
/// reverts reverts here with the same data.
contract Rehearsal {
    /// @notice As the keeper's next transaction would find it.
    function run(address target, bytes32[] calldata slots, bytes calldata data)
        external
        returns (bytes32[] memory words)
    {
        (bool ok, bytes memory answer) = target.call(data);
        if (!ok) {
            assembly ("memory-safe") {
                revert(add(answer, 0x20), mload(answer))
            }
        }
        words = new bytes32[](slots.length);
        for (uint256 i; i < slots.length; ++i) {
            words[i] = IWords(target).extsload(slots[i]);
        }
    }

    /// @notice Calls one after another, each on what the ones before left; a call that reverts stops none.
    function runAll(address target, bytes[] calldata calls)
        external
        returns (bool[] memory ok, bytes[] memory answers)
    {
        ok = new bool[](calls.length);
        answers = new bytes[](calls.length);
        for (uint256 i; i < calls.length; ++i) {
            (ok[i], answers[i]) = target.call(calls[i]);
        }
    }
}

interface IWords {
    function extsload(bytes32 slot) external view returns (bytes32 word);
}
