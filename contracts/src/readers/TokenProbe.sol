// SPDX-License-Identifier: MIT
pragma solidity ^0.8.28;

/// @title TokenProbe
/// @notice Moves a token out of a pool, between two strangers and back into the pool, and says what happened.
/// @dev Never deployed: its runtime code is placed by the state override of an `eth_call` at the pool that holds the
/// token and at two addresses that nobody owns, so that nothing of it remains.
///
/// No answer of the token is copied beyond its first word, so that a long one costs nothing. Whatever the token calls at
/// one of the three addresses lands in the fallback, which keeps a note of it.
contract TokenProbe {
    struct Move {
        /// Whether it was tried: nothing is moved on from where nothing arrived.
        bool tried;
        bool ok;
        /// Length of the answer, bytes, and its first word.
        uint256 size;
        uint256 word;
        uint256 gasUsed;
        uint256 asked;
        /// What left the sender and what the receiver got, as `balanceOf` has it.
        int256 sent;
        int256 received;
        /// Whether the token called one of the three.
        bool called;
        /// Whether `balanceOf` answered one word each time.
        bool counted;
    }

    uint256 private constant TRANSFER_GAS = 3_000_000;
    uint256 private constant BALANCE_GAS = 500_000;

    /// @dev Far from any layout: the pool's own storage stays as it is.
    bytes32 private constant CALLS = keccak256("Bulkhead token probe: calls");

    /// @notice As the pool: three moves for each amount, out, across and back in.
    function run(address token, address first, address second, uint256[] calldata amounts)
        external
        returns (Move[] memory moves)
    {
        moves = new Move[](3 * amounts.length);
        for (uint256 i; i < amounts.length; ++i) {
            moves[3 * i] = _moved(token, address(this), first, amounts[i]);
            moves[3 * i + 1] = _passedOn(token, moves[3 * i], first, second);
            moves[3 * i + 2] = _passedOn(token, moves[3 * i + 1], second, address(this));
        }
    }

    /// @notice As any of the three: one transfer.
    function transferred(address token, address to, uint256 amount)
        external
        returns (bool ok, uint256 size, uint256 word, uint256 gasUsed)
    {
        return _called(token, TRANSFER_GAS, abi.encodeWithSignature("transfer(address,uint256)", to, amount));
    }

    /// @notice How often somebody called this address with what is not ours.
    function calls() external view returns (uint256 count) {
        bytes32 slot = CALLS;
        assembly ("memory-safe") {
            count := sload(slot)
        }
    }

    /// @dev Says yes to every hook, so that the move goes on and shows what else it does.
    fallback() external payable {
        bytes32 slot = CALLS;
        assembly ("memory-safe") {
            sstore(slot, add(sload(slot), 1))
            mstore(0, 1)
            return(0, 0x20)
        }
    }

    function _passedOn(address token, Move memory before, address from, address to) private returns (Move memory move) {
        if (!before.ok || before.received <= 0) return move;
        return _moved(token, from, to, uint256(before.received));
    }

    function _moved(address token, address from, address to, uint256 amount) private returns (Move memory move) {
        uint256 heard = TokenProbe(payable(from)).calls() + TokenProbe(payable(to)).calls();
        (bool counted, uint256 held) = _balance(token, from);
        (bool countedTo, uint256 got) = _balance(token, to);
        (move.tried, move.asked) = (true, amount);
        (move.ok, move.size, move.word, move.gasUsed) = TokenProbe(payable(from)).transferred(token, to, amount);
        (bool countedAfter, uint256 left) = _balance(token, from);
        (bool countedToAfter, uint256 has) = _balance(token, to);
        unchecked {
            (move.sent, move.received) = (int256(held - left), int256(has - got));
        }
        move.counted = counted && countedTo && countedAfter && countedToAfter;
        move.called = TokenProbe(payable(from)).calls() + TokenProbe(payable(to)).calls() != heard;
    }

    function _balance(address token, address account) private returns (bool counted, uint256 balance) {
        bool ok;
        uint256 size;
        (ok, size, balance,) = _called(token, BALANCE_GAS, abi.encodeWithSignature("balanceOf(address)", account));
        counted = ok && size == 32;
    }

    function _called(address to, uint256 stipend, bytes memory data)
        private
        returns (bool ok, uint256 size, uint256 word, uint256 gasUsed)
    {
        uint256 before = gasleft();
        assembly ("memory-safe") {
            mstore(0, 0)
            ok := call(stipend, to, 0, add(data, 0x20), mload(data), 0, 0x20)
            size := returndatasize()
            word := mload(0)
        }
        gasUsed = before - gasleft();
    }
}
