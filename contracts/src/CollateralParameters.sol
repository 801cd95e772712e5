// SPDX-License-Identifier: MIT
pragma solidity ^0.8.28;

import {AccessManaged} from "@openzeppelin/contracts/access/manager/AccessManaged.sol";
import {EIP712} from "@openzeppelin/contracts/utils/cryptography/EIP712.sol";
import {Math} from "@openzeppelin/contracts/utils/math/Math.sol";
import {
    Batch,
    ICollateralParameters,
    Limits,
    Parameters,
    Refusal,
    Signature
} from "./interfaces/ICollateralParameters.sol";
import {GuardLib, Observation} from "./libraries/GuardLib.sol";
import {ObservationLib} from "./libraries/ObservationLib.sol";
import {Aux, AuxLib} from "./types/AuxWord.sol";
import {LimitsWord, LimitsWordLib} from "./types/LimitsWord.sol";
import {LiveWord} from "./types/LiveWord.sol";
import {Report, ReportLib} from "./types/Report.sol";
import {SettingsClock} from "./types/SettingsClock.sol";
import {SignerSet} from "./types/SignerSet.sol";

/// @title Bulkhead's live collateral parameters.
///
/// A quorum of keepers signs one batch of reports about one block; anybody brings it here. Each report names a target
/// haircut; this contract clamps it into the limits of the market's profile. Tightening takes hold at once, one step
/// at a time; loosening waits for the dispute window and then drains a bucket. Nothing here lets a report move the
/// liquidation haircut or the bonus of open loans.
///
/// Roles. Governance, through an OpenZeppelin AccessManager, sets documents, signers, limits and the list of markets.
/// Keepers have no role: they have signatures. `publish`, `advance` and `activate` are open to all and cannot be closed.
///
/// Assumptions. The chain has the EIP-2935 history contract; block numbers and times fit 32 bits; fewer than
/// `threshold` signers are dishonest (and if not, the limits bound what they can loosen).
contract CollateralParameters is ICollateralParameters, AccessManaged, EIP712 {
    // ---------------------------------------------------------------------------------------------------- constants

    bytes32 internal constant BATCH_TYPEHASH = keccak256(
        "Batch(uint64 observedBlock,bytes32 observedHash,uint64 observedTime,uint64 validUntil,bytes32 settingsHash,bytes32 commitmentsRoot,bytes32 reportsHash)"
    );

    /// @dev Live words kept for each market; design.md 5.
    uint256 internal constant RING = 256;

    /// @inheritdoc ICollateralParameters
    uint32 public immutable cadence;

    // ------------------------------------------------------------------------------------------------------ storage

    struct Market {
        LiveWord live;
        uint256 aux;
        /// @dev Live words by update id mod 256.
        uint256[RING] ring;
    }

    // Slots are named in keeper/protocols/bulkhead.py and readers/MarketReader.sol; a test compares.
    mapping(bytes32 market => Market) internal _markets;
    mapping(uint8 profile => LimitsWord) internal _limits;
    mapping(uint256 observedBlock => mapping(uint256 batchIndex => bytes32)) internal _roots;
    SettingsClock internal _settings;
    SignerSet internal _signers;

    // -------------------------------------------------------------------------------------------------- constructor

    constructor(address authority_, uint32 cadence_) AccessManaged(authority_) EIP712("Bulkhead", "1") {
        // A window's sample must still be publishable when the window has ended.
        if (cadence_ == 0 || cadence_ > ObservationLib.ROUTINE_MAX_AGE) revert BadCadence(cadence_);
        cadence = cadence_;
    }

    // ------------------------------------------------------------------------------------------------------ publish

    /// @inheritdoc ICollateralParameters
    function publish(Batch calldata batch, bytes calldata reports, Signature[] calldata signatures) external {
        (bool routine, uint256 settledBlock) = ObservationLib.check(batch, cadence);
        _checkContent(batch, reports, settledBlock);
        _signers.requireQuorum(signatures, batchDigest(batch));

        uint256 index = _freeIndex(batch);
        Observation memory seen = Observation({
            observedBlock: batch.observedBlock, observedTime: batch.observedTime, batchIndex: index, routine: routine
        });
        // A batch that changes nothing leaves no trace, so replaying one cannot use the indices up.
        if (!_applyReports(reports, seen)) return;
        _roots[batch.observedBlock][index] = batch.commitmentsRoot;
        // Whole, so that keepers find the next base however the call was relayed: a wrapper's input hides its calldata.
        emit BatchPublished(batch.observedBlock, uint8(index), routine, batch, reports);
    }

    /// @dev Settings, reports and commitments are those that were signed for.
    function _checkContent(Batch calldata batch, bytes calldata reports, uint256 settledBlock) private view {
        bytes32 settings = _settings.hashAt(settledBlock);
        if (batch.settingsHash != settings || settings == 0) revert WrongSettings(batch.settingsHash, settings);
        bytes32 reportsHash = keccak256(reports);
        if (batch.reportsHash != reportsHash) revert WrongReportsHash(batch.reportsHash, reportsHash);
        if (batch.commitmentsRoot == 0) revert ZeroCommitmentsRoot();
        if (reports.length == 0) revert MalformedReports(0, 0);
    }

    /// @dev First index under which this root is or may be stored for the block.
    function _freeIndex(Batch calldata batch) private view returns (uint256 index) {
        mapping(uint256 => bytes32) storage roots = _roots[batch.observedBlock];
        while (roots[index] != 0 && roots[index] != batch.commitmentsRoot) ++index;
        if (index > type(uint8).max) revert BatchIndexExhausted(batch.observedBlock);
    }

    /// @return applied Whether any report was.
    function _applyReports(bytes calldata reports, Observation memory seen) private returns (bool applied) {
        Report memory report;
        for (uint256 offset; offset < reports.length;) {
            offset = ReportLib.parse(reports, offset, report);
            if (_applyReport(report, seen)) applied = true;
        }
    }

    function _applyReport(Report memory report, Observation memory seen) private returns (bool) {
        Market storage market = _markets[report.market];
        LiveWord live = market.live;
        if (!live.isListed()) return _refuse(report.market, seen, Refusal.Unlisted, 0, 0);
        LimitsWord limits_ = _limits[live.profile()];
        (Refusal refusal, uint256 got, uint256 limit) = GuardLib.check(live, limits_, report, seen);
        if (refusal != Refusal.None) return _refuse(report.market, seen, refusal, got, limit);

        Aux memory aux = _loadAux(market, live);
        live = GuardLib.applyReport(live, aux, limits_, got, report.decay, seen);

        uint256 auxWord_;
        (live, auxWord_) = _store(market, live, aux);
        emit ReportApplied(report.market, live.sequence(), live.raw(), auxWord_);
        return true;
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
        uint256 auxWord_;
        (live, auxWord_) = _store(slot, GuardLib.advance(market, live, aux, limits_), aux);
        emit StageAdvanced(market, live.raw(), auxWord_);
    }

    /// @inheritdoc ICollateralParameters
    function activate(bytes32 market) external {
        (Market storage slot, LiveWord live, Aux memory aux, LimitsWord limits_) = _listed(market);
        uint256 auxWord_;
        (live, auxWord_) = _store(slot, GuardLib.activate(market, live, aux, limits_), aux);
        emit PendingActivated(market, live.raw(), auxWord_);
    }

    function _listed(bytes32 market)
        private
        view
        returns (Market storage slot, LiveWord live, Aux memory aux, LimitsWord limits_)
    {
        slot = _markets[market];
        live = slot.live;
        if (!live.isListed()) revert UnknownMarket(market);
        aux = _loadAux(slot, live);
        limits_ = _limits[live.profile()];
    }

    function _loadAux(Market storage slot, LiveWord live) private view returns (Aux memory aux) {
        if (live.hasAux()) aux = AuxLib.unpack(slot.aux);
    }

    /// @dev The one place that writes a market: live word, its copy in the ring, aux word when there is or was one.
    function _store(Market storage slot, LiveWord live, Aux memory aux) private returns (LiveWord, uint256 auxWord_) {
        auxWord_ = aux.pack();
        if (auxWord_ != 0 || live.hasAux()) {
            live = live.withAuxFlag(auxWord_);
            slot.aux = auxWord_;
        }
        slot.live = live;
        slot.ring[(live.sequence() + aux.extraUpdates) % RING] = live.raw();
        return (live, auxWord_);
    }

    // --------------------------------------------------------------------------------------------------- governance

    /// @inheritdoc ICollateralParameters
    function setSettings(bytes calldata document, uint64 fromBlock) external restricted {
        if (document.length == 0 || fromBlock < block.number) revert BadSettings(fromBlock, block.number);
        bytes32 hash = keccak256(document);
        _settings.adopt(hash, fromBlock);
        emit SettingsSet(hash, fromBlock, document);
    }

    /// @inheritdoc ICollateralParameters
    function setSigners(address[] calldata newSigners, uint8 newThreshold) external restricted {
        _signers.replace(newSigners, newThreshold);
        emit SignersSet(newSigners, newThreshold);
    }

    /// @inheritdoc ICollateralParameters
    function setLimits(uint8 profile, Limits calldata newLimits) external restricted {
        LimitsWord word = LimitsWordLib.checkAndPack(profile, newLimits);
        _limits[profile] = word;
        emit LimitsSet(profile, word.raw());
    }

    /// @inheritdoc ICollateralParameters
    function listMarket(bytes32 market, uint8 profile, uint16 haircutBps, uint16 liquidationHaircutBps, uint16 bonusBps)
        external
        restricted
    {
        Market storage slot = _markets[market];
        LiveWord live = slot.live;
        LimitsWord limits_ = _limits[profile];
        if (live.isListed()) revert AlreadyListed(market);
        if (!limits_.isSet()) revert UnknownLimits(profile);
        GuardLib.checkFirstValues(limits_, haircutBps, liquidationHaircutBps, bonusBps);

        // Listed again: sequence, update ids and the spent bucket go on, whatever waited is void.
        Aux memory aux = GuardLib.relist(_loadAux(slot, live), live.raw() != 0);
        live = live.withListing(profile).withValues(haircutBps, liquidationHaircutBps, bonusBps);
        // This block is the first whose state shows the listing, so it is the first that a report may observe.
        live = live.withClock(block.timestamp, block.number - 1);
        (live,) = _store(slot, live, aux);
        emit MarketListed(market, live.raw());
    }

    /// @inheritdoc ICollateralParameters
    function delistMarket(bytes32 market) external restricted {
        LiveWord live = _markets[market].live;
        if (!live.isListed()) revert UnknownMarket(market);
        _markets[market].live = live.withoutListing();
        emit MarketDelisted(market);
    }

    // -------------------------------------------------------------------------------------------------------- views

    /// @inheritdoc ICollateralParameters
    function parameters(bytes32 market) external view returns (Parameters memory values) {
        (, LiveWord live, Aux memory aux, LimitsWord limits_) = _listed(market);
        // Every field is narrower in the packed words than here, so no cast cuts anything off.
        values.haircutBps = uint16(live.haircutBps());
        values.liquidationHaircutBps = uint16(live.liquidationHaircutBps());
        values.bonusBps = uint16(live.bonusBps());
        values.regime = uint8(live.regime());
        values.observedTime = uint32(live.observedTime());
        values.observedBlock = uint32(live.observedBlock());
        values.sequence = uint32(live.sequence());
        values.updateId = uint32(live.sequence() + aux.extraUpdates);
        values.stagedBps = uint16(aux.stagedBps);
        values.pendingBps = uint16(aux.pendingBps);
        if (aux.pendingTime != 0) values.pendingAt = uint40(aux.pendingTime + limits_.disputeSeconds());
        values.ageSeconds = uint32(block.timestamp - live.observedTime());
    }

    /// @inheritdoc ICollateralParameters
    function historyWord(bytes32 market, uint256 updateId) external view returns (uint256) {
        Market storage slot = _markets[market];
        LiveWord live = slot.live;
        if (live.raw() == 0) revert UnknownMarket(market);
        uint256 newest = live.sequence() + _loadAux(slot, live).extraUpdates;
        uint256 oldest = Math.saturatingSub(newest + 1, RING);
        if (updateId < oldest || updateId > newest) revert HistoryTruncated(market, updateId, oldest, newest);
        return slot.ring[updateId % RING];
    }

    /// @inheritdoc ICollateralParameters
    function liveWord(bytes32 market) external view returns (uint256) {
        return _markets[market].live.raw();
    }

    /// @inheritdoc ICollateralParameters
    function auxWord(bytes32 market) external view returns (uint256) {
        return _markets[market].aux;
    }

    /// @inheritdoc ICollateralParameters
    function settingsHash() external view returns (bytes32) {
        return _settings.hashAt(block.number);
    }

    /// @inheritdoc ICollateralParameters
    function settingsHashAt(uint64 blockNumber) public view returns (bytes32) {
        return _settings.hashAt(blockNumber);
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
        return _signers.threshold;
    }

    /// @inheritdoc ICollateralParameters
    function limits(uint8 profile) external view returns (Limits memory) {
        return _limits[profile].unpack();
    }

    /// @inheritdoc ICollateralParameters
    function batchCount(uint64 observedBlock) external view returns (uint256 count) {
        while (_roots[observedBlock][count] != 0) ++count;
    }

    /// @inheritdoc ICollateralParameters
    function commitmentsRoot(uint64 observedBlock, uint8 batchIndex) external view returns (bytes32) {
        return _roots[observedBlock][batchIndex];
    }

    /// @inheritdoc ICollateralParameters
    function batchDigest(Batch calldata batch) public view returns (bytes32) {
        return _hashTypedDataV4(keccak256(abi.encode(BATCH_TYPEHASH, batch)));
    }
}
