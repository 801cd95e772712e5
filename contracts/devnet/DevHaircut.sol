// SPDX-License-Identifier: MIT
pragma solidity ^0.8.28;

import {HaircutMath, Inputs, Waterfall} from "../src/libraries/HaircutMath.sol";
import {SmartLtvMath} from "../src/libraries/SmartLtvMath.sol";

/// @title The haircut library of a local chain: what Python's integer core must equal bit for bit.
/// @dev Each function takes many arguments of one function as rows of words and answers rows of words, so that one
/// eth_call compares thousands.
contract DevHaircut {
    error RaggedRows(uint256 words, uint256 perRow);

    /// @notice Haircut, nine bars, capped, unquotable, horizon, six log losses: 19 words for each row of 12 inputs. The
    /// losses of what can't be quoted are 0.
    function haircut(uint256[] calldata words) external pure returns (uint256[] memory results) {
        uint256 rows = _rows(words.length, 12);
        results = new uint256[](rows * 19);
        for (uint256 i; i < rows; ++i) {
            Inputs memory inputs = _inputs(words[i * 12:(i + 1) * 12]);
            Waterfall memory got = HaircutMath.haircut(inputs);
            uint256 at = i * 19;
            results[at] = got.haircutBps;
            for (uint256 bar; bar < 9; ++bar) {
                results[at + 1 + bar] = uint256(got.barsBps[bar]);
            }
            results[at + 10] = got.capped ? 1 : 0;
            results[at + 11] = got.unquotable ? 1 : 0;
            if (!got.unquotable) _writeLosses(inputs, results, at + 12);
        }
    }

    /// @notice Horizon and whether it can be quoted, for each row of size, depth, tau0, t_rep.
    function horizonWad(uint256[] calldata words) external pure returns (uint256[] memory results) {
        uint256 rows = _rows(words.length, 4);
        results = new uint256[](rows * 2);
        for (uint256 i; i < rows; ++i) {
            uint256 at = i * 4;
            (uint256 t, bool quotable) = HaircutMath.horizonWad(words[at], words[at + 1], words[at + 2], words[at + 3]);
            (results[i * 2], results[i * 2 + 1]) = (t, quotable ? 1 : 0);
        }
    }

    /// @notice Widened haircut for each row of haircut, k sigma, age, grace, cap.
    function widenedBps(uint256[] calldata words) external pure returns (uint256[] memory results) {
        uint256 rows = _rows(words.length, 5);
        results = new uint256[](rows);
        for (uint256 i; i < rows; ++i) {
            uint256 at = i * 5;
            results[i] = HaircutMath.widenedBps(words[at], words[at + 1], words[at + 2], words[at + 3], words[at + 4]);
        }
    }

    /// @notice SmartLTV before and after the bonus, for each row of c, sigma, liquidity, debt cap, bonus.
    function smartLtv(uint256[] calldata words) external pure returns (uint256[] memory results) {
        uint256 rows = _rows(words.length, 5);
        results = new uint256[](rows * 2);
        for (uint256 i; i < rows; ++i) {
            uint256 at = i * 5;
            uint256 ltv = SmartLtvMath.beforeBonusWad(words[at], words[at + 1], words[at + 2], words[at + 3]);
            (results[i * 2], results[i * 2 + 1]) = (ltv, SmartLtvMath.ltvWad(ltv, words[at + 4]));
        }
    }

    /// @notice `cdiv` of each pair.
    function cdiv(uint256[] calldata words) external pure returns (uint256[] memory results) {
        results = new uint256[](_rows(words.length, 2));
        for (uint256 i; i < results.length; ++i) {
            results[i] = HaircutMath.cdiv(words[i * 2], words[i * 2 + 1]);
        }
    }

    /// @notice `mulUp` and `mulDown` of each pair.
    function mulBoth(uint256[] calldata words) external pure returns (uint256[] memory results) {
        results = new uint256[](words.length);
        for (uint256 i; i < _rows(words.length, 2); ++i) {
            (uint256 a, uint256 b) = (words[i * 2], words[i * 2 + 1]);
            (results[i * 2], results[i * 2 + 1]) = (HaircutMath.mulUp(a, b), HaircutMath.mulDown(a, b));
        }
    }

    /// @notice `isqrtUp` of each word.
    function isqrtUp(uint256[] calldata words) external pure returns (uint256[] memory results) {
        results = new uint256[](words.length);
        for (uint256 i; i < words.length; ++i) {
            results[i] = HaircutMath.isqrtUp(words[i]);
        }
    }

    /// @notice `lnUp` of each word.
    function lnUp(uint256[] calldata words) external pure returns (uint256[] memory results) {
        results = new uint256[](words.length);
        for (uint256 i; i < words.length; ++i) {
            results[i] = uint256(HaircutMath.lnUp(words[i]));
        }
    }

    function _writeLosses(Inputs memory inputs, uint256[] memory results, uint256 at) private pure {
        (uint256 t,) = HaircutMath.horizonWad(inputs.size, inputs.qStar, inputs.tau0Seconds, inputs.tRepSeconds);
        uint256[6] memory losses = HaircutMath.components(inputs, t);
        results[at] = t;
        for (uint256 i; i < 6; ++i) {
            results[at + 1 + i] = losses[i];
        }
    }

    function _inputs(uint256[] calldata row) private pure returns (Inputs memory inputs) {
        inputs.sigmaWad = row[0];
        inputs.kWad = row[1];
        inputs.size = row[2];
        inputs.qStar = row[3];
        inputs.tau0Seconds = row[4];
        inputs.tRepSeconds = row[5];
        inputs.oracleDeviationWad = row[6];
        inputs.bonusWad = row[7];
        inputs.gasFractionWad = row[8];
        inputs.modelMultWad = row[9];
        inputs.haircutMinBps = row[10];
        inputs.haircutMaxBps = row[11];
    }

    function _rows(uint256 words, uint256 perRow) private pure returns (uint256) {
        if (words % perRow != 0) revert RaggedRows(words, perRow);
        return words / perRow;
    }
}
