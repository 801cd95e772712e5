// SPDX-License-Identifier: MIT
pragma solidity ^0.8.28;

import {AccessManaged} from "@openzeppelin/contracts/access/manager/AccessManaged.sol";
import {EIP712} from "@openzeppelin/contracts/utils/cryptography/EIP712.sol";
import {Math} from "@openzeppelin/contracts/utils/math/Math.sol";
import {Batch, ICollateralParameters, Refusal, Signature} from "./interfaces/ICollateralParameters.sol";
import {MarketGovernance} from "./MarketGovernance.sol";
import {GuardLib, Observation} from "./libraries/GuardLib.sol";
import {LiquidationLib} from "./libraries/LiquidationLib.sol";
import {ObservationLib} from "./libraries/ObservationLib.sol";
import {TripLib} from "./libraries/TripLib.sol";
import {QuietLib} from "./libraries/QuietLib.sol";
import {RootLib} from "./libraries/RootLib.sol";
import {Aux, AuxLib} from "./types/AuxWord.sol";
import {Guard, GuardWordLib} from "./types/GuardWord.sol";
import {LawWord} from "./types/LawWord.sol";
import {LimitsWord} from "./types/LimitsWord.sol";
import {Liquidation} from "./types/LiquidationWord.sol";
import {LiveWord} from "./types/LiveWord.sol";
import {Report, ReportLib} from "./types/Report.sol";

/// @title Bulkhead's live collateral parameters.
///
/// A quorum of keepers signs one batch of reports about one block; anybody brings it here. Each report names targets;
/// this contract clamps them into the limits of the market's profile. What binds new borrowing (haircut, premium,
/// ceiling) tightens at once, the haircut one step at a time; loosening waits for the dispute window and then drains a
/// bucket. The liquidation haircut and the bonus of open loans have a law of their own (libraries/LiquidationLib.sol):
/// no alarm, no silence, no guardian and no single block moves them.
///
/// Roles. Governance, through an OpenZeppelin AccessManager, sets documents, signers, limits and markets: that part lies
/// in MarketGovernance. The guardian raises regimes and holds loosening; the tripwire and disputes call what is named
/// after them. Keepers have no role: they have signatures. `publish`, `advance`, `activate` and `activateLiquidation` are
/// open to all and cannot be closed.
///
/// Assumptions. The chain has the EIP-2935 history contract; block numbers and times fit 32 bits; fewer than
/// `threshold` signers are dishonest (and if not, the limits bound what they can loosen).
contract CollateralParameters is MarketGovernance, EIP712 {
    // ---------------------------------------------------------------------------------------------------- constants

    bytes32 internal constant BATCH_TYPEHASH = keccak256(
        "Batch(uint64 observedBlock,bytes32 observedHash,uint64 observedTime,uint64 validUntil,bytes32 settingsHash,bytes32 commitmentsRoot,bytes32 reportsHash)"
    );
    /// @dev Seconds.
    uint32 internal constant MAX_RAISE = 7 days;
    uint32 internal constant MAX_HOLD = 30 days;

    /// @inheritdoc ICollateralParameters
    uint32 public immutable cadence;

    // -------------------------------------------------------------------------------------------------- constructor

    constructor(address authority_, uint32 cadence_) AccessManaged(authority_) EIP712("Bulkhead", "1") {
        // A window's sample must still be publishable when the window has ended.
        if (cadence_ == 0 || cadence_ > ObservationLib.ROUTINE_MAX_AGE) revert BadCadence(cadence_);
        cadence = cadence_;
    }

    // ------------------------------------------------------------------------------------------------------ publish

    /// @inheritdoc ICollateralParameters
    function publish(Batch calldata batch, bytes calldata reports, Signature[] calldata signatures) external {
        _requireInUse();
        (bool routine, uint256 settledBlock) = ObservationLib.check(batch, cadence);
        _checkContent(batch, reports, settledBlock);
        _signers.requireQuorum(signatures, batchDigest(batch), _clock.threshold);

        uint256 window = Math.ceilDiv(batch.observedBlock, cadence);
        bytes32 root = RootLib.pack(batch.commitmentsRoot, batch.observedBlock);
        uint256 index = RootLib.freeIndex(_roots, root, window, cadence);
        if (index == RootLib.INDICES) revert BatchIndexExhausted(batch.observedBlock);
        Observation memory seen = Observation({
            observedBlock: batch.observedBlock, observedTime: batch.observedTime, batchIndex: index, routine: routine
        });
        // A batch that changes nothing leaves no trace, so replaying one cannot use the indices up.
        if (!_applyReports(reports, seen)) return;
        _roots[RootLib.keyOf(window, index)] = root;
        // Whole, so that keepers find the next base however the call was relayed: a wrapper's input hides its calldata.
        emit BatchPublished(batch.observedBlock, uint8(index), routine, batch, reports);
    }

    /// @dev Settings, reports and commitments are those that were signed for.
    function _checkContent(Batch calldata batch, bytes calldata reports, uint256 settledBlock) private view {
        bytes32 settings = _clock.hashAt(settledBlock);
        if (batch.settingsHash != settings || settings == 0) revert WrongSettings(batch.settingsHash, settings);
        bytes32 reportsHash = keccak256(reports);
        if (batch.reportsHash != reportsHash) revert WrongReportsHash(batch.reportsHash, reportsHash);
        if (batch.commitmentsRoot == 0) revert ZeroCommitmentsRoot();
        if (reports.length == 0) revert MalformedReports(0, 0);
    }

    /// @return applied Whether any report was.
    function _applyReports(bytes calldata reports, Observation memory seen) private returns (bool applied) {
        // Neighbours mostly share a profile, which is then loaded once.
        uint256 profile = type(uint256).max;
        LimitsWord limits_;
        for (uint256 offset; offset < reports.length;) {
            bytes32 market;
            uint256 fields;
            uint256 coreLength;
            (market, fields, coreLength, offset) = ReportLib.head(reports, offset);
            Market storage slot = _markets[market];
            LiveWord live = slot.live;
            if (live.profile() != profile) {
                profile = live.profile();
                limits_ = _limits[uint8(profile)].limits;
            }
            uint256 quiet = QuietLib.apply_(live, limits_, fields, coreLength, seen);
            if (quiet != 0) {
                _storeReport(slot, LiveWord.wrap(quiet));
                emit ReportApplied(market, quiet, 0);
                applied = true;
            } else if (!live.isListed()) {
                _refuse(market, seen, Refusal.Unlisted, 0, 0);
            } else if (_applyLoudReport(live, limits_, ReportLib.unpack(market, fields, coreLength), seen)) {
                applied = true;
            }
        }
    }

    /// @dev A report that is not quiet.
    function _applyLoudReport(LiveWord live, LimitsWord limits_, Report memory report, Observation memory seen)
        private
        returns (bool)
    {
        Market storage slot = _markets[report.market];
        Liquidation memory state = _loadLiquidation(slot, live);
        live = LiquidationLib.settle(live, state);
        LawWord law = LawWord.wrap(0);
        if (limits_.isBounded() || report.premiumBps != 0 || report.ceiling != 0) law = _limits[live.profile()].law;
        {
            // A block, so that the stack is deep enough without the IR too: that is how coverage and mutants are built.
            (Refusal refusal, uint256 got, uint256 limit) = GuardLib.check(live, limits_, law, report, seen);
            if (refusal != Refusal.None) return _refuse(report.market, seen, refusal, got, limit);
        }

        Aux memory aux = AuxLib.unpack(slot.aux);
        LiveWord next = GuardLib.applyReport(live, aux, limits_, report, seen);
        if (seen.routine && limits_.isBounded()) LiquidationLib.propose(live, state, limits_, law, report);
        bool hasLiquidation = _storeLiquidation(report.market, slot, live, state);

        uint256 auxWord_;
        (next, auxWord_) = _seal(slot, live, next, aux, limits_, hasLiquidation);
        _storeReport(slot, next);
        emit ReportApplied(report.market, next.raw(), auxWord_);
        return true;
    }

    /// @return Whether the liquidation word is not zero now.
    function _storeLiquidation(bytes32 market, Market storage slot, LiveWord live, Liquidation memory state)
        private
        returns (bool)
    {
        uint256 word = state.pack();
        if (word == 0 && !live.hasLiquidation()) return false;
        if (word != slot.liquidation) {
            slot.liquidation = word;
            emit LiquidationProposed(market, word);
        }
        return word != 0;
    }

    function _refuse(bytes32 market, Observation memory seen, Refusal refusal, uint256 got, uint256 limit)
        private
        returns (bool)
    {
        emit ReportRefused(market, uint64(seen.observedBlock), uint8(refusal), got, limit);
        return false;
    }

    // -------------------------------------------------------------------------------------------- stage and pending

    /// @inheritdoc ICollateralParameters
    function advance(bytes32 market) external {
        (Market storage slot, LiveWord live, Aux memory aux, LimitsWord limits_) = _listed(market);
        LiveWord next = GuardLib.advance(market, live, aux, limits_);
        (LiveWord stored, uint256 auxWord_) = _store(slot, live, next, aux, limits_, live.hasLiquidation());
        emit StageAdvanced(market, stored.raw(), auxWord_);
    }

    /// @inheritdoc ICollateralParameters
    function activate(bytes32 market) external {
        (Market storage slot, LiveWord live, Aux memory aux, LimitsWord limits_) = _listed(market);
        _requireCalm(market, slot, live, limits_);
        LiveWord next = GuardLib.activate(market, live, aux, limits_, _limits[live.profile()].law);
        (LiveWord stored, uint256 auxWord_) = _store(slot, live, next, aux, limits_, live.hasLiquidation());
        emit PendingActivated(market, stored.raw(), auxWord_);
    }

    /// @inheritdoc ICollateralParameters
    function activateLiquidation(bytes32 market) external {
        (Market storage slot, LiveWord live, Aux memory aux, LimitsWord limits_) = _listed(market);
        _requireCalm(market, slot, live, limits_);
        Liquidation memory state = _loadLiquidation(slot, live);
        LiveWord next = LiquidationLib.activate(market, live, state, limits_, _limits[live.profile()].law);
        _storeWithLiquidation(slot, live, next, aux, limits_, state);
        emit LiquidationMoved(market, slot.live.raw(), slot.liquidation);
    }

    /// @dev Nothing loosens, and no liquidation haircut moves, while a market is not watched, alarmed or held.
    function _requireCalm(bytes32 market, Market storage slot, LiveWord live, LimitsWord limits_) private view {
        if (block.timestamp > live.observedTime() + limits_.freshSeconds()) {
            revert ReportNotFresh(market, live.observedTime(), limits_.freshSeconds());
        }
        uint256 level = live.regimeAt(block.timestamp);
        if (level != 0) revert RegimeNotNormal(market, level);
        uint256 heldUntil = GuardWordLib.unpack(slot.guard).heldUntil;
        if (block.timestamp < heldUntil) revert LooseningHeld(market, heldUntil, block.timestamp);
    }

    // ------------------------------------------------------------------------------- guardian, tripwire, disputes

    /// @inheritdoc ICollateralParameters
    function raiseRegime(bytes32 market, uint8 regime, uint32 duration) external restricted {
        (Market storage slot, LiveWord live, Aux memory aux, LimitsWord limits_) = _listed(market);
        bool higher = regime != 0 && regime <= 3 && regime >= live.regimeAt(block.timestamp);
        if (!higher || duration == 0 || duration > MAX_RAISE) revert BadRaise(market, regime, duration, MAX_RAISE);
        _raise(market, slot, live, aux, limits_, regime, block.timestamp + duration);
    }

    /// @inheritdoc ICollateralParameters
    function trip(bytes32 market) external restricted {
        (Market storage slot, LiveWord live, Aux memory aux, LimitsWord limits_) = _listed(market);
        Guard memory guard = GuardWordLib.unpack(slot.guard);
        uint256 until = TripLib.spend(market, live, guard, _limits[live.profile()].law);
        slot.guard = guard.pack();
        _raise(market, slot, live, aux, limits_, TripLib.GUARDED, until);
    }

    function _raise(
        bytes32 market,
        Market storage slot,
        LiveWord live,
        Aux memory aux,
        LimitsWord limits_,
        uint256 regime,
        uint256 until
    ) private {
        LiveWord next = live.withRegime(regime, until, block.timestamp);
        (LiveWord stored, uint256 auxWord_) = _store(slot, live, next, aux, limits_, live.hasLiquidation());
        emit RegimeRaised(market, msg.sender, stored.raw(), auxWord_);
    }

    /// @inheritdoc ICollateralParameters
    function holdLoosening(bytes32 market, uint32 duration) external restricted {
        (Market storage slot,,,) = _listed(market);
        if (duration == 0 || duration > MAX_HOLD) revert BadHold(market, duration, MAX_HOLD);
        Guard memory guard = GuardWordLib.unpack(slot.guard);
        guard.heldUntil = Math.max(guard.heldUntil, block.timestamp + duration);
        slot.guard = guard.pack();
        emit LooseningHeldUntil(market, guard.heldUntil);
    }

    /// @inheritdoc ICollateralParameters
    function stop(bytes32 market) external restricted {
        (Market storage slot, LiveWord live, Aux memory aux, LimitsWord limits_) = _listed(market);
        Liquidation memory state = _loadLiquidation(slot, live);
        LiveWord next = LiquidationLib.stop(live, state);
        GuardLib.voidPending(aux);
        uint256 auxWord_ = _storeWithLiquidation(slot, live, next, aux, limits_, state);
        emit MarketStopped(market, slot.live.raw(), auxWord_);
    }

    // -------------------------------------------------------------------------------------------------------- views

    /// @inheritdoc ICollateralParameters
    function commitmentsRoot(uint64 observedBlock, uint8 batchIndex) external view returns (bytes28) {
        return RootLib.get(_roots, observedBlock, Math.ceilDiv(observedBlock, cadence), batchIndex);
    }

    /// @inheritdoc ICollateralParameters
    function batchDigest(Batch calldata batch) public view returns (bytes32) {
        return _hashTypedDataV4(keccak256(abi.encode(BATCH_TYPEHASH, batch)));
    }
}
