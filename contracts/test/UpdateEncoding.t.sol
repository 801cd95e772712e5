// SPDX-License-Identifier: MIT
pragma solidity ^0.8.28;

import {Test} from "forge-std/Test.sol";
import {Parameters} from "../src/interfaces/ICollateralParameters.sol";
import {Ceiling} from "../src/types/Ceiling.sol";
import {Encoding, UpdateEncoding} from "../src/views/UpdateEncoding.sol";

contract UpdateEncodingTest is Test {
    function test_EModeIsTheInverseOfItsDecoderAndRefusesWhatAaveWould(
        uint16 haircut_,
        uint16 liquidation,
        uint16 bonus
    ) public pure {
        Parameters memory values = _values(haircut_, liquidation, bonus);
        bytes memory value = UpdateEncoding.encode(Encoding.EMode, values, false, 0);
        uint256 ltv = 10_000 - values.haircutBps;
        uint256 threshold = 10_000 - values.liquidationHaircutBps;
        if (ltv == 0) ltv = 1;
        // As Aave checks it: half up.
        uint256 product = (threshold * (10_000 + uint256(values.bonusBps)) + 5000) / 10_000;
        if (value.length == 0) {
            assertTrue(
                values.bonusBps == 0 || ltv > threshold || threshold * (10_000 + uint256(values.bonusBps)) > 100_000_000
            );
            return;
        }
        assertEq(value.length, 96);
        (uint256 a, uint256 b, uint256 c) = abi.decode(value, (uint256, uint256, uint256));
        assertEq(a, ltv);
        assertEq(b, threshold);
        assertEq(c, values.bonusBps);
        assertTrue(a != 0 && a <= b && c != 0 && product <= 10_000);
    }

    function test_FactorsAreTheInverseOfTheirDecoderAndRefuseWhatVenusWould(uint16 haircut_, uint16 liquidation)
        public
        pure
    {
        Parameters memory values = _values(haircut_, liquidation, 500);
        bytes memory value = UpdateEncoding.encode(Encoding.Factors, values, false, 0);
        if (values.haircutBps < values.liquidationHaircutBps) {
            assertEq(value.length, 0);
            return;
        }
        assertEq(value.length, 64);
        (uint256 factor, uint256 threshold) = abi.decode(value, (uint256, uint256));
        assertEq(10_000 - factor * 10_000 / 1e18, values.haircutBps);
        assertEq(10_000 - threshold * 10_000 / 1e18, values.liquidationHaircutBps);
        assertLe(factor, threshold);
    }

    function test_CapsAreBigEndianBaseUnitsAndNeverLessThanAToken(uint24 encoded, uint8 decimals) public pure {
        decimals = uint8(bound(decimals, 0, 36));
        Parameters memory values;
        values.ceiling = Ceiling.decode(bound(encoded, 1, (1 << 20) - 1));
        bytes memory value = UpdateEncoding.encode(Encoding.Cap, values, true, decimals);
        assertEq(value.length, 32);
        uint256 read;
        for (uint256 i; i < 32; ++i) {
            read = read << 8 | uint8(value[i]);
        }
        uint256 token = 10 ** uint256(decimals);
        assertEq(read, values.ceiling < token ? token : values.ceiling);
        assertGe(read / token, 1);
        assertEq(UpdateEncoding.encode(Encoding.Cap, values, false, decimals).length, 0);
    }

    function test_OurOwnTypeIsTheEffectiveHaircut(uint16 haircut_) public pure {
        Parameters memory values = _values(haircut_, 0, 0);
        bytes memory value = UpdateEncoding.encode(Encoding.Haircut, values, false, 0);
        assertEq(abi.decode(value, (uint256)), values.haircutBps);
    }

    function _values(uint16 haircut_, uint16 liquidation, uint16 bonus)
        private
        pure
        returns (Parameters memory values)
    {
        values.haircutBps = uint16(bound(haircut_, 0, 10_000));
        values.liquidationHaircutBps = uint16(bound(liquidation, 0, 9999));
        values.bonusBps = uint16(bound(bonus, 0, 10_000));
    }
}
