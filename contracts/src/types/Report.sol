// SPDX-License-Identifier: MIT
pragma solidity ^0.8.28;

import {ICollateralParameters} from "../interfaces/ICollateralParameters.sol";
import {Bits} from "./Bits.sol";

/// @dev One market's report, as far as the contract acts on it. The checks replace targets by what the limits let
/// through; gap bitmap and core are read by keepers from the event.
struct Report {
    bytes32 market;
    uint256 haircutBps;
    /// @dev Read only where the limits are `bounded`.
    uint256 liquidationHaircutBps;
    /// @dev Read only where the limits are `bounded`.
    uint256 bonusBps;
    uint256 premiumBps;
    /// @dev As in the live word; 0 = says nothing about the ceiling.
    uint256 ceiling;
    uint256 crunchPermille;
    /// @dev 0 = says nothing about the regime: a raise ends only by its expiry.
    uint256 regime;
    uint256 decay;
    uint256 baseSequence;
    uint256 coreLength;
}

/// @dev Packed reports, big-endian, one after the other without padding. Twin: `pack_report` in keeper/records/report.py.
///
///   offset  bytes  field
///   0       32     market
///   32       2     haircut, bps
///   34       2     liquidation haircut, bps
///   36       2     bonus, bps
///   38       2     premium, bps
///   40       3     ceiling
///   43       2     crunch, permille
///   45       1     regime
///   46       2     decay
///   48       4     base sequence
///   52      32     gap bitmap
///   84       1     core length
///   85       -     core
library ReportLib {
    using Bits for uint256;

    uint256 private constant HEAD = 85;

    /// @dev Where the report at `offset` begins and ends, and its fields as they lie there. Runs with every report:
    /// loads instead of slices.
    /// @return market Key.
    /// @return fields The 32 bytes behind the key.
    /// @return coreLength Bytes of the core.
    /// @return next Offset behind the report.
    function head(bytes calldata reports, uint256 offset)
        internal
        pure
        returns (bytes32 market, uint256 fields, uint256 coreLength, uint256 next)
    {
        unchecked {
            next = offset + HEAD;
            if (next > reports.length) revert ICollateralParameters.MalformedReports(offset, reports.length);
            assembly ("memory-safe") {
                let at := add(reports.offset, offset)
                market := calldataload(at)
                fields := calldataload(add(at, 32))
                // The byte at 84 is the last of the word that starts at 53.
                coreLength := and(calldataload(add(at, 53)), 0xff)
            }
            next += coreLength;
            if (next > reports.length) revert ICollateralParameters.MalformedReports(offset, reports.length);
        }
    }

    /// @dev The fields one by one.
    function unpack(bytes32 market, uint256 fields, uint256 coreLength) internal pure returns (Report memory report) {
        report.market = market;
        report.haircutBps = fields.get(240, 16);
        report.liquidationHaircutBps = fields.get(224, 16);
        report.bonusBps = fields.get(208, 16);
        report.premiumBps = fields.get(192, 16);
        report.ceiling = fields.get(168, 24);
        report.crunchPermille = fields.get(152, 16);
        report.regime = fields.get(144, 8);
        report.decay = fields.get(128, 16);
        report.baseSequence = fields.get(96, 32);
        report.coreLength = coreLength;
    }
}
