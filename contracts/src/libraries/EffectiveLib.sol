// SPDX-License-Identifier: MIT
pragma solidity ^0.8.28;

import {Math} from "@openzeppelin/contracts/utils/math/Math.sol";
import {Parameters} from "../interfaces/ICollateralParameters.sol";
import {Ceiling} from "../types/Ceiling.sol";
import {LimitsWord} from "../types/LimitsWord.sol";
import {LiveWord} from "../types/LiveWord.sol";
import {HaircutMath} from "./HaircutMath.sol";

/// @title What readers get: stored values, widened by silence, raised by the regime, moved along the ramp.
/// @dev Pure functions of words and time; twin: keeper/risk/effective.py.
library EffectiveLib {
    uint256 internal constant HALTED = 3;
    uint256 private constant BPS = 10_000;
    /// @dev One unit of the live word's decay in WAD: 1e18 / 256, exact.
    uint256 private constant DECAY_UNIT_WAD = 3_906_250_000_000_000;

    /// @dev Stored haircut + widening (models.md 6.1) + regime, bps. `time`: unix seconds; `agedUntil`: when ageing
    /// stopped, or `time` while it goes on.
    function haircutBps(LiveWord live, LimitsWord limits, uint256 time, uint256 agedUntil)
        internal
        pure
        returns (uint256 bps)
    {
        uint256 level = live.regimeAt(time);
        if (level == HALTED) return BPS;
        bps = live.haircutBps();
        uint256 age = ageOf(live, agedUntil);
        uint256 grace = limits.graceSeconds();
        if (age <= grace && level == 0) return bps;

        uint256 cap = limits.capBps();
        // Governance may have raised the floor since the report.
        uint256 ks = Math.max(live.decay(), limits.decayFloor()) * DECAY_UNIT_WAD;
        bps = HaircutMath.widenedBps(bps, ks, age, grace, cap);
        if (level != 0 && bps < cap) bps = Math.min(cap, bps + limits.regimeAddBps(level));
    }

    /// @dev Highest effective haircut between `from` (within the time that `live` holds) and `to`, bps. It only widens,
    /// but for the end of a regime.
    function highestBps(LiveWord live, LimitsWord limits, uint256 from, uint256 to, uint256 agedUntil)
        internal
        pure
        returns (uint256 bps)
    {
        bps = haircutBps(live, limits, to, Math.min(to, agedUntil));
        (uint256 level, uint256 expiry) = live.storedRegime();
        if (level == 0 || expiry <= from || expiry > to) return bps;
        return Math.max(bps, haircutBps(live, limits, expiry - 1, Math.min(expiry - 1, agedUntil)));
    }

    /// @dev Seconds since the observed block.
    function ageOf(LiveWord live, uint256 agedUntil) internal pure returns (uint256) {
        return Math.saturatingSub(agedUntil, live.observedTime());
    }

    /// @dev The liquidation haircut on its way along the ramp, bps; rounded towards where it started, so that it never
    /// runs ahead of the line.
    function liquidationBps(LiveWord live, uint256 rampTime, uint256 rampSeconds, uint256 time)
        internal
        pure
        returns (uint256)
    {
        uint256 from = live.rampFromBps();
        uint256 to = live.liquidationTargetBps();
        if (from == to) return to;
        uint256 elapsed = Math.saturatingSub(time, rampTime);
        if (elapsed >= rampSeconds) return to;
        return from < to ? from + (to - from) * elapsed / rampSeconds : from - (from - to) * elapsed / rampSeconds;
    }

    /// @dev What a word stands for at a time; without liquidation haircut, update id, stage and pending, which rest on
    /// other words.
    function describe(LiveWord live, LimitsWord limits, uint256 time, uint256 agedUntil)
        internal
        pure
        returns (Parameters memory values)
    {
        // Every field is narrower in the packed words than here, so no cast cuts anything off.
        uint256 age = ageOf(live, agedUntil);
        values.ageSeconds = uint32(ageOf(live, time));
        values.stale = age > limits.graceSeconds();
        values.haircutBps = uint16(haircutBps(live, limits, time, agedUntil));
        values.storedHaircutBps = uint16(live.haircutBps());
        values.liquidationTargetBps = uint16(live.liquidationTargetBps());
        values.bonusBps = uint16(live.bonusBps());
        values.premiumBps = uint16(live.premiumBps());
        values.crunchPermille = uint16(live.crunchPermille());
        values.regime = uint8(live.regimeAt(time));
        if (values.regime != 0) {
            (, uint256 expiry) = live.storedRegime();
            values.regimeExpiry = uint40(expiry);
        }
        uint256 ceiling = live.ceiling();
        if (values.regime != HALTED) values.ceiling = ceiling == 0 ? type(uint256).max : Ceiling.decode(ceiling);
        values.observedTime = uint32(live.observedTime());
        values.observedBlock = uint32(live.observedBlock());
        values.sequence = uint32(live.sequence());
    }
}
