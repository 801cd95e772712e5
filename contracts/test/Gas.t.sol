// SPDX-License-Identifier: MIT
pragma solidity ^0.8.28;

import {Base, Wish} from "./Base.t.sol";
import {Batch, Signature} from "../src/interfaces/ICollateralParameters.sol";

/// @dev A cheatcode that the Vm of this forge-std does not name yet.
interface VmCool {
    function cool(address target) external;
}

/// @dev Gas of whole transactions (21,000 and calldata included), as `isolate` makes every call one of its own, so all
/// storage is cold. Written to snapshots/gas.json; `scripts/gas_drift.py` compares it with tests/snapshots/gas.json.
///
/// Everything is on: three of five signatures, a packed core of 120 bytes, a wrapped ring, every haircut changes.
/// forge-config: default.isolate = true
contract GasTest is Base {
    uint256 internal constant CORE_BYTES = 120;
    bool internal _turned;
    uint256 internal _sentBytes;

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
        uint256 gas = _publishAll(100, 3100) / 100;
        _note("publish_per_market_100", gas);
        assertLe(gas, 20_000);
    }

    function test_PublishOf10Markets() public {
        _list(10);
        uint256 gas = _publishAll(10, 3100) / 10;
        _note("publish_per_market_10", gas);
        assertLe(gas, 26_000);
    }

    function test_PublishOf400MarketsFitsOneTransaction() public {
        _list(400);
        uint256 gas = _publishAll(400, 3100);
        _note("publish_400_markets", gas);
        _note("publish_400_markets_bytes", _sentBytes);
        assertLe(gas, 16_777_216);
        assertLe(_sentBytes, 128 * 1024);
    }

    /// @dev Ten markets that never had a report: every entry of the history is a slot written for the first time.
    function test_FirstWriteOfAMarket() public {
        _listFresh(10);
        uint256 gas = _publishAll(10, 3100) / 10;
        _note("publish_first_write", gas);
        assertLe(gas, 90_000);
    }

    /// @dev One market alone, first report of a fresh contract, batch and signatures included.
    function test_FirstWriteAlone() public {
        _listFresh(1);
        _note("publish_first_write_alone", _publishAll(1, 3100));
    }

    function test_StagingAndLoosening() public {
        _list(10);
        _note("publish_staging_per_market_10", _publishAll(10, 6000) / 10);
        pass(CADENCE);
        _note("publish_loosening_per_market_10", _publishAll(10, 3500) / 10);
        passTime(301);
        _publishAll(10, 6000);
        passTime(301);
        parameters.advance(_market(0));
        _note("advance", vm.lastCallGas().gasTotalUsed);
        _publishAll(10, 3500);
        passTime(7 hours);
        _publishAll(10, 3500);
        parameters.activate(_market(0));
        _note("activate", vm.lastCallGas().gasTotalUsed);
    }

    function test_FirstReportOfADay() public {
        _list(10);
        vm.warp((block.timestamp / 1 days + 1) * 1 days);
        vm.roll(block.number + 25);
        _note("publish_new_day_per_market_10", _publishAll(10, 3100) / 10);
    }

    function test_ParametersRead() public {
        _list(1);
        _publishAll(1, 6000);
        uint256 gas = _read();
        _note("parameters_read", gas);
        assertLe(gas, 10_000);
        passTime(3 days);
        _note("parameters_read_stale", _read());
    }

    // -------------------------------------------------------------------------------------------------- helpers

    /// @dev What a calling contract pays; a static call is no transaction of its own, so there are no 21,000 in it.
    function _read() internal returns (uint256) {
        VmCool(address(vm)).cool(address(parameters));
        parameters.parameters(_market(0));
        return vm.lastCallGas().gasTotalUsed;
    }

    function _listFresh(uint256 count) internal {
        for (uint256 i; i < count; ++i) {
            vm.prank(governance);
            parameters.listMarket(_market(i), 0, 3000, 2000, 500);
        }
    }

    function _market(uint256 i) internal pure returns (bytes32) {
        return keccak256(abi.encode("gas market", i));
    }

    /// @dev Listed, with one report so that no slot is written for the first time, and the ring as after a full turn.
    function _list(uint256 count) internal {
        _listFresh(count);
        _turned = true;
        for (uint256 i; i < count; ++i) {
            bytes32 base = keccak256(abi.encode(_market(i), uint256(0)));
            // Once something was activated, the aux word is never zero again.
            vm.store(address(parameters), bytes32(uint256(base) + 1), bytes32(uint256(1) << 196));
            // But the listing is the newest entry.
            for (uint256 k = 1; k < 256 + 128; ++k) {
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
        if (_turned) _useRootSlot(batch.observedBlock);
        Signature[] memory signatures = signedBy(3, batch);
        uint256 sequence = live(_market(0)).sequence();
        parameters.publish(batch, reports, signatures);
        uint256 gas = vm.lastCallGas().gasTotalUsed;
        _sentBytes = abi.encodeCall(parameters.publish, (batch, reports, signatures)).length;
        for (uint256 i; i < count; ++i) {
            assertEq(live(_market(i)).sequence(), sequence + 1);
        }
        return gas;
    }

    /// @dev As if the slot of the batch's root had been used 1,024 windows ago.
    function _useRootSlot(uint256 observedBlock) internal {
        uint256 key = (observedBlock + CADENCE - 1) / CADENCE % 1024 * 128;
        vm.store(address(parameters), keccak256(abi.encode(key, uint256(2))), bytes32(uint256(1)));
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
        vm.snapshotValue("gas", key, value);
        emit log_named_uint(key, value);
    }
}
