// SPDX-License-Identifier: MIT
pragma solidity ^0.8.28;

import {Math} from "@openzeppelin/contracts/utils/math/Math.sol";
import {ICollateralParameters, Limits, Parameters} from "./interfaces/ICollateralParameters.sol";
import {DayLib, Days} from "./libraries/DayLib.sol";
import {EffectiveLib} from "./libraries/EffectiveLib.sol";
import {LiquidationLib} from "./libraries/LiquidationLib.sol";
import {Aux, AuxLib} from "./types/AuxWord.sol";
import {Ceiling} from "./types/Ceiling.sol";
import {LawWord} from "./types/LawWord.sol";
import {LimitsWord} from "./types/LimitsWord.sol";
import {Liquidation, LiquidationWordLib} from "./types/LiquidationWord.sol";
import {LiveWord, LiveWordLib} from "./types/LiveWord.sol";
import {SettingsClock} from "./types/SettingsClock.sol";
import {SignerSet} from "./types/SignerSet.sol";

/// @title Storage of the parameters, the one place that writes a market, and all reading.
/// @dev What may be written is decided in CollateralParameters.
abstract contract MarketStore is ICollateralParameters {
    uint256 internal constant BPS = 10_000;
    /// @dev Live words kept of reports (design.md 5), and of all other changes. Two rings, so that what anybody may do
    /// never pushes a report out.
    uint256 internal constant RING = 256;
    uint256 internal constant CHANGES = 128;

    // ------------------------------------------------------------------------------------------------------ storage

    ///   slot     field
    ///   0        live word (types/LiveWord.sol)
    ///   1        aux word (types/AuxWord.sol); a report reads it only when the live word's flag says so
    ///   2        liquidation word (types/LiquidationWord.sol); likewise
    ///   3        guard word (types/GuardWord.sol)
    ///   4..7     highest effective haircuts of 64 days (libraries/DayLib.sol)
    ///   8..263   history of reports: live words by sequence mod 256; the listing is number 0
    ///   264..391 history of other changes: live words by their number mod 128
    struct Market {
        LiveWord live;
        uint256 aux;
        uint256 liquidation;
        uint256 guard;
        Days highest;
        uint256[RING] ring;
        uint256[CHANGES] changes;
    }

    /// @dev A limits profile.
    struct Profile {
        LimitsWord limits;
        LawWord law;
    }

    // Slots are named in keeper/protocols/bulkhead.py and readers/MarketReader.sol; a test compares.
    mapping(bytes32 market => Market) internal _markets;
    mapping(uint8 profile => Profile) internal _limits;
    mapping(uint256 key => bytes32) internal _roots;
    SettingsClock internal _clock;
    SignerSet internal _signers;
    address internal _successor;

    // ------------------------------------------------------------------------------------------------------ loading

    function _requireInUse() internal view {
        if (_clock.endedAt != 0) revert Ended(_successor, _clock.endedAt);
    }

    /// @dev A market that is to be written.
    function _listed(bytes32 market)
        internal
        view
        returns (Market storage slot, LiveWord live, Aux memory aux, LimitsWord limits_)
    {
        _requireInUse();
        slot = _markets[market];
        live = slot.live;
        if (!live.isListed()) revert UnknownMarket(market);
        live = LiquidationLib.settle(live, _loadLiquidation(slot, live));
        aux = AuxLib.unpack(slot.aux);
        limits_ = _limits[live.profile()].limits;
    }

    function _loadLiquidation(Market storage slot, LiveWord live) internal view returns (Liquidation memory state) {
        if (live.hasLiquidation()) state = LiquidationWordLib.unpack(slot.liquidation);
    }

    // ------------------------------------------------------------------------------------------------------ storing

    /// @dev Write the aux word, and give the live word its flags and the day's highest value.
    function _seal(
        Market storage slot,
        LiveWord old,
        LiveWord next,
        Aux memory aux,
        LimitsWord limits_,
        bool hasLiquidation
    ) internal returns (LiveWord, uint256 auxWord_) {
        auxWord_ = aux.pack();
        uint256 oldAux = slot.aux;
        uint256 since =
            old.observedTime() / DayLib.DAY == block.timestamp / DayLib.DAY ? 0 : _writtenTime(slot, old, oldAux);
        if (auxWord_ != oldAux) slot.aux = auxWord_;
        uint256 highest = slot.highest.note(old, since, next, limits_);
        return (next.withSeal(highest, aux.isOpen(), hasLiquidation), auxWord_);
    }

    /// @dev When the live word was written: the time of its entry in the one ring or the other.
    function _writtenTime(Market storage slot, LiveWord live, uint256 auxWord_) internal view returns (uint256 time) {
        time = LiveWordLib.writtenTime(slot.ring[live.sequence() % RING]);
        uint256 changes = AuxLib.unpack(auxWord_).extraUpdates;
        if (changes != 0) time = Math.max(time, LiveWordLib.writtenTime(slot.changes[changes % CHANGES]));
    }

    /// @dev Write a report's live word and its entry.
    function _storeReport(Market storage slot, LiveWord next) internal {
        slot.live = next;
        slot.ring[next.sequence() % RING] = next.toHistory(block.timestamp);
    }

    /// @dev Write any other change of a market: live word, aux word, entry.
    function _store(
        Market storage slot,
        LiveWord old,
        LiveWord next,
        Aux memory aux,
        LimitsWord limits_,
        bool hasLiquidation
    ) internal returns (LiveWord, uint256 auxWord_) {
        bool first = old.raw() == 0;
        if (!first) ++aux.extraUpdates;
        // A regime that has expired does not come back into the day's highest with the new values.
        next = next.withRegime(0, 0, block.timestamp);
        (next, auxWord_) = _seal(slot, old, next, aux, limits_, hasLiquidation);
        if (first) {
            _storeReport(slot, next);
        } else {
            slot.live = next;
            slot.changes[aux.extraUpdates % CHANGES] = next.toHistory(block.timestamp);
        }
        return (next, auxWord_);
    }

    function _storeWithLiquidation(
        Market storage slot,
        LiveWord old,
        LiveWord next,
        Aux memory aux,
        LimitsWord limits_,
        Liquidation memory state
    ) internal returns (uint256 auxWord_) {
        uint256 word = state.pack();
        if (word != 0 || old.hasLiquidation()) slot.liquidation = word;
        (, auxWord_) = _store(slot, old, next, aux, limits_, word != 0);
    }

    // ----------------------------------------------------------------------------------------------- views: markets

    /// @inheritdoc ICollateralParameters
    function parameters(bytes32 market) external view returns (Parameters memory values) {
        Market storage slot = _markets[market];
        LiveWord live = slot.live;
        if (!live.isListed()) revert UnknownMarket(market);
        uint256 aux = slot.aux;
        uint256 liquidation = live.hasLiquidation() ? slot.liquidation : 0;
        LimitsWord limits_ = _limits[live.profile()].limits;
        // Ageing ends with the contract; that is read only when a value has aged.
        uint256 agedUntil = block.timestamp;
        if (EffectiveLib.ageOf(live, agedUntil) > limits_.graceSeconds() && _clock.endedAt != 0) {
            agedUntil = _clock.endedAt;
        }
        values = EffectiveLib.describe(live, limits_, block.timestamp, agedUntil);
        (uint256 rampTime, uint256 rampSeconds) = LiquidationWordLib.rampOf(liquidation);
        values.liquidationHaircutBps = uint16(EffectiveLib.liquidationBps(live, rampTime, rampSeconds, block.timestamp));
        // Every field is narrower in the packed words than here, so no cast cuts anything off.
        values.updateId = uint32(live.sequence() + AuxLib.extraUpdatesOf(aux));
        uint256 since;
        if (live.hasAux()) {
            (values.stagedBps, values.pendingBps, since) = AuxLib.waitingOf(aux);
            if (since != 0) values.pendingAt = uint40(since + limits_.disputeSeconds());
        }
        if (liquidation != 0) {
            (values.pendingLiquidationBps, since) = LiquidationWordLib.pendingOf(liquidation);
            if (since != 0) values.pendingLiquidationAt = uint40(since + limits_.disputeSeconds());
        }
    }

    // ------------------------------------------------------------------------------------------------- views: words

    /// @inheritdoc ICollateralParameters
    function liveWord(bytes32 market) external view returns (uint256) {
        return _markets[market].live.raw();
    }

    /// @inheritdoc ICollateralParameters
    function auxWord(bytes32 market) external view returns (uint256) {
        return _markets[market].aux;
    }

    /// @inheritdoc ICollateralParameters
    function extsload(bytes32 slot) external view returns (bytes32 word) {
        assembly ("memory-safe") {
            word := sload(slot)
        }
    }

    // -------------------------------------------------------------------------------------------------- views: rest

    /// @inheritdoc ICollateralParameters
    function settingsHash() external view returns (bytes32) {
        return _clock.hashAt(block.number);
    }

    /// @inheritdoc ICollateralParameters
    function settingsHashAt(uint64 blockNumber) external view returns (bytes32) {
        return _clock.hashAt(blockNumber);
    }

    /// @inheritdoc ICollateralParameters
    function signers() external view returns (address[] memory) {
        return _signers.members;
    }

    /// @inheritdoc ICollateralParameters
    function isSigner(address account) external view returns (bool) {
        return _signers.contains[account];
    }

    /// @inheritdoc ICollateralParameters
    function threshold() external view returns (uint8) {
        return _clock.threshold;
    }

    /// @inheritdoc ICollateralParameters
    function successor() external view returns (address, uint256 since) {
        return (_successor, _clock.endedAt);
    }
}
