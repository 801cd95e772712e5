// SPDX-License-Identifier: MIT
pragma solidity ^0.8.28;

import {Base, Wish} from "../Base.t.sol";
import {Limits, Parameters, Values} from "../../src/interfaces/ICollateralParameters.sol";
import {Ceiling} from "../../src/types/Ceiling.sol";

/// @dev Writes one market at random, and notes what `parameters()` answered all the while: the history as a reader who
/// never looked away would have kept it.
abstract contract Witness is Base {
    struct Sight {
        uint256 time;
        Parameters values;
    }

    Sight[] internal sights;
    /// @dev Entry of each update id, and whether it is a report (the listing counts as one).
    uint256[] internal entries;
    bool[] internal ofReport;
    mapping(uint256 day => uint256 bps) internal highest;
    uint256 internal startDay;

    function setUp() public virtual override {
        super.setUp();
        Limits memory limits = defaultLimits();
        limits.bounded = true;
        limits.tripBudgetSeconds = 48 hours;
        vm.startPrank(governance);
        parameters.setLimits(1, limits);
        parameters.delistMarket(MARKET);
        parameters.listMarket(keccak256("watched"), 1, 3000, 2000, 500);
        vm.stopPrank();
        startDay = block.timestamp / 1 days;
        _noteEntry(true);
        _look();
    }

    function _watched() internal pure returns (bytes32) {
        return keccak256("watched");
    }

    // ---------------------------------------------------------------------------------------------------------- time

    /// @dev Let time pass, and look whenever the effective haircut could be at its highest in a day.
    function _passLooking(uint256 duration) internal {
        uint256 until = block.timestamp + duration;
        _look();
        while (block.timestamp < until) {
            uint256 next = _next(until, (block.timestamp / 1 days + 1) * 1 days - 1);
            next = _next(next, (block.timestamp / 1 days + 1) * 1 days);
            uint256 expiry = parameters.parameters(_watched()).regimeExpiry;
            next = _next(next, expiry - (expiry == 0 ? 0 : 1));
            next = _next(next, expiry);
            vm.roll(block.number + (next - block.timestamp) / 12);
            vm.warp(next);
            _look();
        }
    }

    function _next(uint256 soonest, uint256 time) private view returns (uint256) {
        return time > block.timestamp && time < soonest ? time : soonest;
    }

    function _look() internal {
        Parameters memory values = parameters.parameters(_watched());
        uint256 day = block.timestamp / 1 days;
        if (values.haircutBps > highest[day]) highest[day] = values.haircutBps;
        // Two looks in one second: the later counts, as it does for the history.
        if (sights.length != 0 && sights[sights.length - 1].time == block.timestamp) sights.pop();
        sights.push(Sight(block.timestamp, values));
    }

    // -------------------------------------------------------------------------------------------------------- writes

    /// @return written Whether an entry came of it.
    function _write(uint256 seed) internal returns (bool written) {
        uint256 kind = seed % 16;
        bytes32 market = _watched();
        // An entry tells its time up to 97 days after its report; HistoryTest says what it tells later.
        if (parameters.parameters(market).ageSeconds > 90 days) kind = 0;
        uint256 sequence = live(market).sequence();
        if (kind < 8) {
            _publishAny(seed, kind < 6);
            written = live(market).sequence() != sequence;
        } else {
            written = _change(seed, kind, market);
        }
        if (written) _noteEntry(kind < 8);
        _look();
    }

    function _publishAny(uint256 seed, bool routine) private {
        Wish memory w = wish(_watched(), (seed >> 8) % 12_000);
        if (seed >> 200 & 1 == 0) w.haircutBps = uint16(haircut(_watched()) - (seed >> 8) % 200);
        w.liquidationHaircutBps = uint16(1500 + (seed >> 32) % 2000);
        w.bonusBps = uint16((seed >> 48) % 700);
        w.premiumBps = uint16((seed >> 64) % 3000);
        w.decay = uint16((seed >> 80) % 2000);
        if ((seed >> 96) % 12 == 0) w.regime = uint8((seed >> 104) % 4);
        if (!routine) w.core = "";
        publish(routine ? newestSample() : newestOther(), pack(w));
    }

    function _change(uint256 seed, uint256 kind, bytes32 market) private returns (bool ok) {
        bytes memory call_ = abi.encodeCall(parameters.activate, (market));
        if (kind == 8 || kind == 9) call_ = abi.encodeCall(parameters.activateLiquidation, (market));
        if (kind == 10) call_ = abi.encodeCall(parameters.advance, (market));
        if (kind == 11) call_ = abi.encodeCall(parameters.trip, (market));
        if (kind == 12) {
            call_ = abi.encodeCall(
                parameters.raiseRegime, (market, uint8(1 + (seed >> 8) % 3), uint32(1 + (seed >> 16) % 2 days))
            );
        }
        if (kind == 13 && (seed >> 8) % 4 == 0) call_ = abi.encodeCall(parameters.stop, (market));
        if (kind == 14) {
            uint16 liquidation = uint16(live(market).liquidationTargetBps() + (seed >> 8) % 101 - 50);
            Values memory values = Values(uint16(4000 + (seed >> 16) % 500), liquidation, 500, 0, 0);
            call_ = abi.encodeCall(parameters.setMarket, (market, 1, values));
        }
        vm.prank(governance);
        (ok,) = address(parameters).call(call_);
    }

    function _noteEntry(bool isReport) internal {
        entries.push(entryOf(_watched()));
        ofReport.push(isReport);
    }

    // --------------------------------------------------------------------------------------------------------- model

    /// @return Oldest id from which on the rings of 256 reports and 128 other changes hold everything.
    function _oldestHeld() internal view returns (uint256) {
        uint256 reports;
        uint256 changes;
        for (uint256 id = entries.length; id > 0; --id) {
            if (ofReport[id - 1] ? ++reports > 256 : ++changes > 128) return id;
        }
        return 0;
    }
}
