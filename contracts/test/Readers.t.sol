// SPDX-License-Identifier: MIT
pragma solidity ^0.8.28;

import {Base} from "./Base.t.sol";
import {Dispatcher} from "../src/readers/Dispatcher.sol";
import {SlotReader} from "../src/readers/SlotReader.sol";

/// @dev Answers as it is told, and counts how much gas it was given.
contract Callee {
    function echo(bytes calldata data) external pure returns (bytes memory) {
        return data;
    }

    function refuse(uint256 code) external pure {
        assembly ("memory-safe") {
            mstore(0, code)
            revert(0, 32)
        }
    }

    function gasGiven() external view returns (uint256) {
        return gasleft();
    }

    function long(uint256 length) external pure {
        assembly ("memory-safe") {
            return(0, length)
        }
    }

    function spin() external pure {
        while (true) {}
    }
}

/// @dev The readers that eth_call places over a state; here their code is placed by hand. tests/chain runs them on Anvil.
contract ReadersTest is Base {
    address private constant PLACE = address(0xD15);
    uint256 private constant MAX_ANSWER = 131_072;
    Callee private callee;

    function setUp() public override {
        super.setUp();
        callee = new Callee();
        vm.etch(PLACE, type(Dispatcher).runtimeCode);
    }

    // ------------------------------------------------------------------------------------------------- slot reader

    function test_TheSlotReaderAnswersRawWordsInTheirOrder() public {
        report(MARKET, 6000);
        bytes32 base = keccak256(abi.encode(MARKET, uint256(0)));
        bytes32 next = bytes32(uint256(base) + 1);
        (uint256 live_, uint256 aux_) = (parameters.liveWord(MARKET), parameters.auxWord(MARKET));
        vm.etch(address(parameters), type(SlotReader).runtimeCode);
        (bool ok, bytes memory answer) = address(parameters).staticcall(abi.encode(next, base, next));
        assertTrue(ok);
        assertNotEq(live_, aux_);
        assertEq(answer, abi.encode(aux_, live_, aux_));
        (ok, answer) = address(parameters).staticcall("");
        assertTrue(ok);
        assertEq(answer, "");
    }

    // -------------------------------------------------------------------------------------------------- dispatcher

    function test_EveryCallIsAnsweredInItsOrderBehindBlockTimeAndGas() public view {
        bytes memory refused = abi.encodeCall(Callee.refuse, (77));
        bytes memory calls = abi.encodePacked(_call("first"), _packed(100_000, refused), _call(""));
        (uint256 gasUsed, bytes memory answers) = _dispatch(calls, 1_000_000);
        bytes memory first = abi.encode(bytes("first"));
        bytes memory none = abi.encode(bytes(""));
        bytes memory expected = abi.encodePacked(uint8(1), uint24(first.length), first, uint8(0), uint24(32));
        expected = abi.encodePacked(expected, uint256(77), uint8(1), uint24(none.length), none);
        assertEq(answers, expected);
        assertGt(gasUsed, 500);
        assertLt(gasUsed, 50_000);
    }

    function test_NothingAskedIsBlockTimeAndGasAlone() public view {
        (, bytes memory answers) = _dispatch("", 100_000);
        assertEq(answers, "");
    }

    function test_ACalleeGetsItsStipendAndNoMore() public view {
        bytes memory call = _packed(40_000, abi.encodeCall(Callee.gasGiven, ()));
        (, bytes memory answers) = _dispatch(call, 1_000_000);
        assertEq(bytes4(answers), bytes4(abi.encodePacked(uint8(1), uint24(32))));
        uint256 given = uint256(bytes32(_tail(answers, 4)));
        assertLe(given, 40_000);
        assertGt(given, 39_000);
    }

    function test_ACalleeThatBurnsItsStipendHasAnswered() public view {
        bytes memory calls = abi.encodePacked(_packed(50_000, abi.encodeCall(Callee.spin, ())), _call("next"));
        (uint256 gasUsed, bytes memory answers) = _dispatch(calls, 1_000_000);
        bytes memory next = abi.encode(bytes("next"));
        assertEq(answers, abi.encodePacked(uint8(0), uint24(0), uint8(1), uint24(next.length), next));
        assertGt(gasUsed, 50_000);
    }

    function test_RevertWhen_LessGasIsLeftThanACalleeWasPromised() public view {
        bytes memory call = _packed(200_000, abi.encodeCall(Callee.gasGiven, ()));
        // Enough for the stipend, not for the 64th part that stays and for what lies beside it.
        (bool ok, bytes memory answer) = PLACE.staticcall{gas: 250_000}(call);
        assertFalse(ok);
        assertEq(answer, abi.encodePacked(Dispatcher.NotEnoughGas.selector));
        (ok,) = PLACE.staticcall{gas: 200_000 + 3175 + 61_000}(call);
        assertTrue(ok);
    }

    function test_AnAnswerThatIsTooLongIsAFailureWithoutData() public view {
        bytes memory atBound = _packed(2_000_000, abi.encodeCall(Callee.long, (MAX_ANSWER)));
        (, bytes memory answers) = _dispatch(atBound, 10_000_000);
        assertEq(answers.length, 4 + MAX_ANSWER);
        assertEq(bytes4(answers), bytes4(abi.encodePacked(uint8(1), uint24(MAX_ANSWER))));
        bytes memory beyond = _packed(2_000_000, abi.encodeCall(Callee.long, (MAX_ANSWER + 1)));
        (, answers) = _dispatch(abi.encodePacked(beyond, _call("next")), 10_000_000);
        bytes memory next = abi.encode(bytes("next"));
        assertEq(answers, abi.encodePacked(uint8(0), uint24(0), uint8(1), uint24(next.length), next));
    }

    // ------------------------------------------------------------------------------------------------------ helpers

    function _packed(uint32 stipend, bytes memory data) private view returns (bytes memory) {
        return abi.encodePacked(stipend, address(callee), uint24(data.length), data);
    }

    function _call(bytes memory data) private view returns (bytes memory) {
        return _packed(100_000, abi.encodeCall(Callee.echo, (data)));
    }

    function _dispatch(bytes memory calls, uint256 gas_) private view returns (uint256 gasUsed, bytes memory answers) {
        (bool ok, bytes memory answer) = PLACE.staticcall{gas: gas_}(calls);
        assertTrue(ok);
        (uint256 number, uint256 time, uint256 used) = abi.decode(answer, (uint256, uint256, uint256));
        assertEq(number, block.number);
        assertEq(time, block.timestamp);
        return (used, _tail(answer, 96));
    }

    function _tail(bytes memory data, uint256 from) private pure returns (bytes memory rest) {
        rest = new bytes(data.length - from);
        for (uint256 i; i < rest.length; ++i) {
            rest[i] = data[i + from];
        }
    }
}
