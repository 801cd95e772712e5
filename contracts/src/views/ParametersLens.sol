// SPDX-License-Identifier: MIT
pragma solidity ^0.8.28;

import {Math} from "@openzeppelin/contracts/utils/math/Math.sol";
import {ICollateralParameters, Limits, Parameters} from "../interfaces/ICollateralParameters.sol";
import {DayLib} from "../libraries/DayLib.sol";
import {EffectiveLib} from "../libraries/EffectiveLib.sol";
import {AuxLib} from "../types/AuxWord.sol";
import {LawWord} from "../types/LawWord.sol";
import {LimitsWord} from "../types/LimitsWord.sol";
import {LiquidationWordLib} from "../types/LiquidationWord.sol";
import {LiveWord, LiveWordLib} from "../types/LiveWord.sol";

/// @title History and limits of CollateralParameters, unpacked.
/// @dev Holds nothing; reads raw words of its one source. Slots as in MarketStore; a test compares.
contract ParametersLens {
    /// @dev Asked for a time before the oldest entry that the ring still holds, or for one that has not come.
    error TimeOutOfRange(bytes32 market, uint256 time, uint256 oldest, uint256 newest);
    error DayOutOfRange(bytes32 market, uint256 day, uint256 oldest, uint256 newest);

    uint256 private constant MARKETS_SLOT = 0;
    uint256 private constant LIMITS_SLOT = 1;
    uint256 private constant LIQUIDATION = 2;
    uint256 private constant GUARD = 3;
    uint256 private constant HIGHEST = 4;
    uint256 private constant FIRST_REPORT = 8;
    uint256 private constant RING = 256;
    uint256 private constant FIRST_CHANGE = 264;
    uint256 private constant CHANGES = 128;

    ICollateralParameters public immutable source;

    constructor(ICollateralParameters source_) {
        source = source_;
    }

    // ------------------------------------------------------------------------------------------------------ history

    // Two rings, one order: the listing is id 0; report number s comes before the other changes that show sequence s.
    // So change number k (from 1) has the id sequence + k, and report s has s + the number of changes before it.

    /// @notice Ids of the oldest and newest entry that the rings still hold. Dense; they start at 0 and never fall.
    function historyRange(bytes32 market) public view returns (uint256 oldest, uint256 newest) {
        uint256 sequence = _live(market).sequence();
        uint256 changes = _changes(market);
        newest = sequence + changes;
        if (sequence >= RING) {
            uint256 first = sequence + 1 - RING;
            oldest = first + _changesBefore(market, changes, first);
        }
        if (changes > CHANGES) oldest = Math.max(oldest, _changeId(market, changes + 1 - CHANGES));
    }

    /// @notice History word (types/LiveWord.sol) of an update id.
    function historyWord(bytes32 market, uint256 updateId) external view returns (uint256) {
        _requireHeld(market, updateId);
        return _entry(market, updateId);
    }

    function _requireHeld(bytes32 market, uint256 updateId) private view returns (uint256 oldest, uint256 newest) {
        (oldest, newest) = historyRange(market);
        if (updateId < oldest || updateId > newest) {
            revert ICollateralParameters.HistoryTruncated(market, updateId, oldest, newest);
        }
    }

    /// @notice Up to `count` history words (types/LiveWord.sol) from an update id on, oldest first.
    function historyPage(bytes32 market, uint256 updateId, uint256 count)
        external
        view
        returns (uint256[] memory page)
    {
        (, uint256 newest) = _requireHeld(market, updateId);
        page = new uint256[](Math.min(count, newest + 1 - updateId));
        for (uint256 i; i < page.length; ++i) {
            page[i] = _entry(market, updateId + i);
        }
    }

    /// @notice A market's values at a time that the ring still reaches, under the limits of today. What waited then
    /// (stage, pending) is not part of the ring.
    function parametersAt(bytes32 market, uint256 time) external view returns (Parameters memory values) {
        (uint256 oldest, uint256 newest) = historyRange(market);
        return _describe(market, _entryAt(market, time, oldest, newest), oldest, time);
    }

    /// @notice A market's values as an update left them, under the limits of today, and when it was written.
    function parametersOf(bytes32 market, uint256 updateId)
        external
        view
        returns (Parameters memory values, uint256 writtenTime)
    {
        (uint256 oldest,) = _requireHeld(market, updateId);
        writtenTime = LiveWordLib.writtenTime(_entry(market, updateId));
        values = _describe(market, updateId, oldest, writtenTime);
    }

    /// @dev What an entry stood for at a time.
    function _describe(bytes32 market, uint256 id, uint256 oldest, uint256 time)
        private
        view
        returns (Parameters memory values)
    {
        LiveWord live = LiveWord.wrap(_entry(market, id));
        (LimitsWord limits_,) = _profile(_live(market).profile());
        values = EffectiveLib.describe(live, limits_, time, _agedUntil(time));
        (uint256 rampTime, uint256 length) = _rampOf(market, live, id, oldest);
        values.liquidationHaircutBps = uint16(EffectiveLib.liquidationBps(live, rampTime, length, time));
        values.updateId = uint32(id);
    }

    /// @notice The effective haircut that a market would have now if `storedBps` were stored: where a stage or a pending
    /// leads to.
    function haircutIf(bytes32 market, uint256 storedBps) external view returns (uint256) {
        LiveWord live = _live(market);
        (LimitsWord limits_,) = _profile(live.profile());
        return
            EffectiveLib.haircutBps(live.withHaircut(storedBps), limits_, block.timestamp, _agedUntil(block.timestamp));
    }

    /// @dev Newest entry written at a time or before.
    function _entryAt(bytes32 market, uint256 time, uint256 low, uint256 high) private view returns (uint256) {
        uint256 oldestTime = LiveWordLib.writtenTime(_entry(market, low));
        if (time < oldestTime || time > block.timestamp) {
            revert TimeOutOfRange(market, time, oldestTime, block.timestamp);
        }
        while (low < high) {
            uint256 middle = (low + high + 1) / 2;
            if (LiveWordLib.writtenTime(_entry(market, middle)) <= time) low = middle;
            else high = middle - 1;
        }
        return low;
    }

    /// @dev When the ramp of an entry started, and its length. Those of the ramp under way are stored. One of the past
    /// started with the first of the unbroken run of entries that show the same, and is described with the length that
    /// the limits have today.
    function _rampOf(bytes32 market, LiveWord live, uint256 id, uint256 oldest)
        private
        view
        returns (uint256 time, uint256 length)
    {
        if (live.rampFromBps() == live.liquidationTargetBps()) return (0, 0);
        (time, length) = LiquidationWordLib.rampOf(_word(market, LIQUIDATION));
        if (time != 0 && LiveWordLib.writtenTime(live.raw()) > time) return (time, length);
        for (; id > oldest; --id) {
            LiveWord previous = LiveWord.wrap(_entry(market, id - 1));
            bool same = previous.rampFromBps() == live.rampFromBps()
                && previous.liquidationTargetBps() == live.liquidationTargetBps();
            if (!same) break;
        }
        (, LawWord law) = _profile(_live(market).profile());
        return (LiveWordLib.writtenTime(_entry(market, id)), law.rampSeconds());
    }

    /// @notice Highest effective haircut of a day (unix time / 86,400, UTC) of the last 64, bps; today's so far.
    function dayHighest(bytes32 market, uint256 day) external view returns (uint256 value) {
        LiveWord live = _live(market);
        uint256 today = block.timestamp / DayLib.DAY;
        uint256 oldest = Math.saturatingSub(today, DayLib.DAYS - 1);
        if (day < oldest || day > today) revert DayOutOfRange(market, day, oldest, today);
        value = DayLib.get(_word(market, HIGHEST + DayLib.indexOf(day)), day);
        (, uint256 newest) = historyRange(market);
        uint256 since = LiveWordLib.writtenTime(_entry(market, newest));
        // A market that is not listed stands for nothing.
        if (day < since / DayLib.DAY || !live.isListed()) return value;
        (LimitsWord limits_,) = _profile(live.profile());
        uint256 held = DayLib.during(live, limits_, since, day, _agedUntil(block.timestamp));
        // What a lane holds of a later day than that of the write is of 256 days ago.
        value = day == since / DayLib.DAY ? Math.max(value, held) : held;
    }

    // ------------------------------------------------------------------------------------------------- words, limits

    /// @notice Packed state of the liquidation law (types/LiquidationWord.sol).
    function liquidationWord(bytes32 market) external view returns (uint256) {
        return _word(market, LIQUIDATION);
    }

    /// @notice Packed trips and hold (types/GuardWord.sol).
    function guardWord(bytes32 market) external view returns (uint256) {
        return _word(market, GUARD);
    }

    /// @notice A limits profile; zeros when it is not set.
    function limits(uint8 profile) external view returns (Limits memory values) {
        (LimitsWord first, LawWord second) = _profile(profile);
        first.unpackInto(values);
        second.unpackInto(values);
    }

    // ------------------------------------------------------------------------------------------------------ reading

    function _live(bytes32 market) private view returns (LiveWord live) {
        live = LiveWord.wrap(source.liveWord(market));
        if (live.raw() == 0) revert ICollateralParameters.UnknownMarket(market);
    }

    function _word(bytes32 market, uint256 offset) private view returns (uint256) {
        uint256 base = uint256(keccak256(abi.encode(market, MARKETS_SLOT)));
        return uint256(source.extsload(bytes32(base + offset)));
    }

    function _changes(bytes32 market) private view returns (uint256) {
        return AuxLib.unpack(_word(market, 1)).extraUpdates;
    }

    /// @dev Entry of a change, by its number from 1.
    function _change(bytes32 market, uint256 number) private view returns (uint256) {
        return _word(market, FIRST_CHANGE + number % CHANGES);
    }

    function _changeId(bytes32 market, uint256 number) private view returns (uint256) {
        return LiveWord.wrap(_change(market, number)).sequence() + number;
    }

    /// @dev How many of the changes lie before report `sequence`: they show a lower one.
    function _changesBefore(bytes32 market, uint256 changes, uint256 sequence) private view returns (uint256 low) {
        low = Math.saturatingSub(changes, CHANGES);
        uint256 high = changes;
        while (low < high) {
            uint256 middle = (low + high + 1) / 2;
            if (LiveWord.wrap(_change(market, middle)).sequence() < sequence) low = middle;
            else high = middle - 1;
        }
    }

    /// @dev Entry of an id that the rings hold.
    function _entry(bytes32 market, uint256 updateId) private view returns (uint256) {
        uint256 changes = _changes(market);
        uint256 low = Math.saturatingSub(changes, CHANGES);
        uint256 oldest = low;
        uint256 high = changes;
        while (low < high) {
            uint256 middle = (low + high + 1) / 2;
            if (_changeId(market, middle) <= updateId) low = middle;
            else high = middle - 1;
        }
        if (low > oldest && _changeId(market, low) == updateId) return _change(market, low);
        return _word(market, FIRST_REPORT + (updateId - low) % RING);
    }

    function _profile(uint8 profile) private view returns (LimitsWord, LawWord) {
        uint256 base = uint256(keccak256(abi.encode(uint256(profile), LIMITS_SLOT)));
        uint256 first = uint256(source.extsload(bytes32(base)));
        uint256 second = uint256(source.extsload(bytes32(base + 1)));
        return (LimitsWord.wrap(first), LawWord.wrap(second));
    }

    /// @dev Ageing ends with the contract.
    function _agedUntil(uint256 time) private view returns (uint256) {
        (, uint256 since) = source.successor();
        return since == 0 ? time : Math.min(time, since);
    }
}
