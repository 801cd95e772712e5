// SPDX-License-Identifier: MIT
pragma solidity ^0.8.28;

import {Vm} from "forge-std/Vm.sol";
import {Base, Wish} from "./Base.t.sol";
import {Batch, Signature} from "../src/interfaces/ICollateralParameters.sol";

/// @dev Gas of whole transactions (21,000 and calldata included), as `isolate` makes every call one of its own, so all
/// storage is cold. Written to snapshots/gas.json; `scripts/gas_drift.py` compares it with tests/snapshots/gas.json.
///
/// Everything is on: three of five signatures, a packed core of 120 bytes, a wrapped ring, every haircut changes.
/// forge-config: default.isolate = true
contract GasTest is Base {
    uint256 internal constant CORE_BYTES = 120;
    string internal constant FILE = "gas";

    function setUp() public override {
        super.setUp();
        delete signers;
        delete keys;
        _makeSigners(5);
        vm.prank(governance);
        parameters.setSigners(signers, 3);
    }

    // -------------------------------------------------------------------------------------------------- figures

    function test_PublishOf100Markets() public {
        _list(100);
        uint256 gas = _publishAll(100, 3100);
        _note("publish_per_market_100", gas / 100);
        assertLe(gas / 100, 20_000);
    }

    function test_PublishOf10Markets() public {
        _list(10);
        uint256 gas = _publishAll(10, 3100);
        _note("publish_per_market_10", gas / 10);
        assertLe(gas / 10, 26_000);
    }

    // -------------------------------------------------------------------------------------------------- helpers

    function _market(uint256 i) internal pure returns (bytes32) {
        return keccak256(abi.encode("gas market", i));
    }

    /// @dev Listed, with one report so that no slot is written for the first time, and the ring as after a full turn.
    function _list(uint256 count) internal {
        for (uint256 i; i < count; ++i) {
            vm.prank(governance);
            parameters.listMarket(_market(i), 0, 3000, 2000, 500);
        }
        for (uint256 i; i < count; ++i) {
            bytes32 base = keccak256(abi.encode(_market(i), uint256(0)));
            // Once something was activated, the aux word is never zero again.
            vm.store(address(parameters), bytes32(uint256(base) + 1), bytes32(uint256(1) << 196));
            for (uint256 k; k < 256 + 128; ++k) {
                vm.store(address(parameters), bytes32(uint256(base) + 8 + k), bytes32(uint256(1)));
            }
        }
    }

    function _publishAll(uint256 count, uint256 target) internal returns (uint256) {
        pass(2 * CADENCE);
        bytes memory reports;
        for (uint256 i; i < count; ++i) {
            Wish memory w = wish(_market(i), target);
            w.core = _core(i);
            reports = abi.encodePacked(reports, pack(w));
        }
        Batch memory batch = batchOf(newestSample(), reports);
        uint256 key = (uint256(batch.observedBlock) + CADENCE - 1) / CADENCE % 1024 * 128;
        vm.store(address(parameters), keccak256(abi.encode(key, uint256(2))), bytes32(uint256(1)));
        Signature[] memory signatures = signedBy(3, batch);
        parameters.publish(batch, reports, signatures);
        uint256 gas = vm.lastCallGas().gasTotalUsed;
        for (uint256 i; i < count; ++i) {
            assertEq(live(_market(i)).sequence(), 1);
        }
        return gas;
    }

    function _core(uint256 seed) internal pure returns (bytes memory core) {
        for (uint256 i; i < CORE_BYTES; i += 32) {
            core = abi.encodePacked(core, keccak256(abi.encode(seed, i)));
        }
        assembly ("memory-safe") {
            mstore(core, CORE_BYTES)
        }
    }

    function _note(string memory key, uint256 value) internal {
        emit log_named_uint(key, value);
    }
}
