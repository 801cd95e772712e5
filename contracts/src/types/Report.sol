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

    /// @dev Parse the report at `offset` into `report`.
    /// @return next Offset behind it.
    function parse(bytes calldata reports, uint256 offset, Report memory report) internal pure returns (uint256 next) {
        unchecked {
            if (offset + HEAD > reports.length) revert ICollateralParameters.MalformedReports(offset, reports.length);
            uint256 fields = uint256(bytes32(reports[offset + 32:offset + 64]));
            report.market = bytes32(reports[offset:offset + 32]);
            report.haircutBps = fields.get(240, 16);
            report.liquidationHaircutBps = fields.get(224, 16);
            report.bonusBps = fields.get(208, 16);
            report.premiumBps = fields.get(192, 16);
            report.ceiling = fields.get(168, 24);
            report.crunchPermille = fields.get(152, 16);
            report.regime = fields.get(144, 8);
            report.decay = fields.get(128, 16);
            report.baseSequence = fields.get(96, 32);
            report.coreLength = uint8(reports[offset + 84]);
            next = offset + HEAD + report.coreLength;
            if (next > reports.length) revert ICollateralParameters.MalformedReports(offset, reports.length);
        }
    }
}
