// SPDX-License-Identifier: MIT
pragma solidity ^0.8.28;

import {Base, Wish} from "./Base.t.sol";
import {IERC1271} from "@openzeppelin/contracts/interfaces/IERC1271.sol";
import {Batch, ICollateralParameters, Limits, Refusal, Signature} from "../src/interfaces/ICollateralParameters.sol";
import {ObservationLib} from "../src/libraries/ObservationLib.sol";

/// @dev A contract that signs, lies, reverts or burns gas, as told.
contract ContractSigner is IERC1271 {
    enum Mood {
        Honest,
        Lying,
        Reverting,
        Burning
    }

    Mood public mood;

    constructor(Mood mood_) {
        mood = mood_;
    }

    function isValidSignature(bytes32, bytes calldata data) external view returns (bytes4) {
        if (mood == Mood.Reverting) revert("no");
        if (mood == Mood.Lying) return 0xdeadbeef;
        if (mood == Mood.Burning) {
            for (uint256 i; i < type(uint256).max; ++i) {}
        }
        return keccak256(data) == keccak256("yes") ? IERC1271.isValidSignature.selector : bytes4(0);
    }
}

contract PublishTest is Base {
    // ---------------------------------------------------------------------------------------------- whole batches

    function test_AnybodyPublishesARoutineBatch() public {
        pass(CADENCE);
        uint256 observed = newestSample();
        bytes memory reports = pack(wish(MARKET, 3500));
        vm.expectEmit(address(parameters));
        emit ICollateralParameters.BatchPublished(uint64(observed), 0, ROOT, keccak256(DOCUMENT), true);
        publish(observed, reports);
        assertEq(haircut(MARKET), 3500);
        assertEq(live(MARKET).sequence(), 1);
        assertEq(live(MARKET).observedBlock(), observed);
        assertEq(live(MARKET).decay(), 40);
        assertEq(parameters.commitmentsRoot(uint64(observed), 0), ROOT);
        assertEq(parameters.batchCount(uint64(observed)), 1);
        assertEq(parameters.auxWord(MARKET), 0);
        assertEq(parameters.historyWord(MARKET, 1), parameters.liveWord(MARKET));
    }

    function test_RevertWhen_TheBatchHasExpired() public {
        pass(CADENCE);
        bytes memory reports = pack(wish(MARKET, 3500));
        Batch memory batch = batchOf(newestSample(), reports);
        passTime(601);
        _rejects(
            batch,
            reports,
            signedBy(2, batch),
            abi.encodeWithSelector(ICollateralParameters.BatchExpired.selector, batch.validUntil, block.timestamp)
        );
    }

    function test_RevertWhen_TheObservedTimeLiesInTheFuture() public {
        pass(CADENCE);
        bytes memory reports = pack(wish(MARKET, 3500));
        Batch memory batch = batchOf(newestSample(), reports);
        batch.observedTime = uint64(block.timestamp + 1);
        _rejects(
            batch,
            reports,
            signedBy(2, batch),
            abi.encodeWithSelector(ICollateralParameters.BatchFromFuture.selector, batch.observedTime, block.timestamp)
        );
    }

    function test_RevertWhen_TheBlockWasOrphaned() public {
        pass(CADENCE);
        bytes memory reports = pack(wish(MARKET, 3500));
        Batch memory batch = batchOf(newestSample(), reports);
        batch.observedHash = keccak256("another branch");
        _rejects(
            batch,
            reports,
            signedBy(2, batch),
            abi.encodeWithSelector(
                ICollateralParameters.WrongBlockHash.selector,
                batch.observedBlock,
                batch.observedHash,
                hashOf(batch.observedBlock)
            )
        );
    }

    function test_RevertWhen_TheWindowsEndIsOneDeep() public {
        vm.roll(endOf(block.number / CADENCE + 1));
        uint256 end = block.number;
        pass(1);
        uint256 sample = ObservationLib.sampleOf(end, hashOf(end), CADENCE);
        bytes memory reports = pack(wish(MARKET, 3500));
        Batch memory batch = batchOf(sample, reports);
        Signature[] memory signatures = signedBy(2, batch);
        _rejects(
            batch,
            reports,
            signatures,
            abi.encodeWithSelector(ICollateralParameters.BatchTooShallow.selector, end, block.number)
        );
        pass(1);
        _publish(batch, reports, signatures);
        assertEq(haircut(MARKET), 3500);
    }

    function test_RevertWhen_AnEmergencyBlockIsOneDeep() public {
        pass(CADENCE);
        uint256 observed = block.number - 1;
        // A block that is its window's sample would be routine, and shallow by its window's end.
        if (observed % CADENCE == 0) pass(1);
        observed = block.number - 1;
        bytes memory reports = pack(wish(MARKET, 3500));
        Batch memory batch = batchOf(observed, reports);
        _rejects(
            batch,
            reports,
            signedBy(2, batch),
            abi.encodeWithSelector(ICollateralParameters.BatchTooShallow.selector, observed, block.number)
        );
    }

    function test_RevertWhen_ARoutineBatchIsOlderThan256Blocks() public {
        pass(CADENCE);
        uint256 observed = newestSample();
        bytes memory reports = pack(wish(MARKET, 3500));
        pass(observed + 256 - block.number);
        publish(observed, reports);
        assertEq(haircut(MARKET), 3500);

        reports = pack(wish(OTHER, 4500));
        pass(1);
        Batch memory batch = batchOf(observed, reports);
        _rejects(
            batch,
            reports,
            signedBy(2, batch),
            abi.encodeWithSelector(ICollateralParameters.BatchTooOld.selector, observed, block.number, uint256(256))
        );
    }

    function test_RevertWhen_AnEmergencyBatchIsOlderThan64Blocks() public {
        pass(CADENCE);
        uint256 observed = newestOther();
        Wish memory w = wish(MARKET, 3500);
        w.core = "";
        bytes memory reports = pack(w);
        pass(observed + 65 - block.number);
        Batch memory batch = batchOf(observed, reports);
        _rejects(
            batch,
            reports,
            signedBy(2, batch),
            abi.encodeWithSelector(ICollateralParameters.BatchTooOld.selector, observed, block.number, uint256(64))
        );
        vm.roll(block.number - 1);
        publish(observed, reports);
        assertEq(haircut(MARKET), 3500);
    }

    function test_RevertWhen_TheSettingsAreNotThoseOfTheWindowsEnd() public {
        pass(CADENCE);
        bytes memory reports = pack(wish(MARKET, 3500));
        Batch memory batch = batchOf(newestSample(), reports);
        batch.settingsHash = keccak256("another document");
        _rejects(
            batch,
            reports,
            signedBy(2, batch),
            abi.encodeWithSelector(
                ICollateralParameters.WrongSettings.selector, batch.settingsHash, keccak256(DOCUMENT)
            )
        );
    }

    function test_ASettingsChangeHoldsForWindowsThatEndFromItsBlockOn() public {
        pass(CADENCE);
        uint256 oldSample = newestSample();
        bytes memory reports = pack(wish(MARKET, 3500));
        Batch memory old = batchOf(oldSample, reports);
        vm.prank(governance);
        parameters.setSettings("second", uint64(block.number));
        _publish(old, reports, signedBy(2, old));
        assertEq(haircut(MARKET), 3500);

        pass(2 * CADENCE);
        reports = pack(wish(MARKET, 3600));
        Batch memory batch = batchOf(newestSample(), reports);
        _rejects(
            batch,
            reports,
            signedBy(2, batch),
            abi.encodeWithSelector(
                ICollateralParameters.WrongSettings.selector, batch.settingsHash, keccak256("second")
            )
        );
        batch.settingsHash = keccak256("second");
        _publish(batch, reports, signedBy(2, batch));
        assertEq(haircut(MARKET), 3600);
    }

    function test_RevertWhen_TheReportsAreNotThoseThatWereSigned() public {
        pass(CADENCE);
        bytes memory reports = pack(wish(MARKET, 3500));
        Batch memory batch = batchOf(newestSample(), reports);
        bytes memory others = pack(wish(MARKET, 3400));
        _rejects(
            batch,
            others,
            signedBy(2, batch),
            abi.encodeWithSelector(
                ICollateralParameters.WrongReportsHash.selector, keccak256(reports), keccak256(others)
            )
        );
    }

    function test_RevertWhen_NothingIsCommittedTo() public {
        pass(CADENCE);
        bytes memory reports = pack(wish(MARKET, 3500));
        Batch memory batch = batchOf(newestSample(), reports);
        batch.commitmentsRoot = 0;
        _rejects(
            batch,
            reports,
            signedBy(2, batch),
            abi.encodeWithSelector(ICollateralParameters.ZeroCommitmentsRoot.selector)
        );
    }

    function test_RevertWhen_ReportsEndInTheMiddle(uint256 cut) public {
        pass(CADENCE);
        bytes memory first = pack(wish(MARKET, 3500));
        bytes memory reports = bytes.concat(first, pack(wish(OTHER, 4500)));
        cut = bound(cut, 1, first.length - 1);
        assembly {
            mstore(reports, sub(mload(reports), cut))
        }
        Batch memory batch = batchOf(newestSample(), reports);
        _rejects(
            batch,
            reports,
            signedBy(2, batch),
            abi.encodeWithSelector(ICollateralParameters.MalformedReports.selector, first.length, reports.length)
        );
        assertEq(haircut(MARKET), 3000);
    }

    function test_RevertWhen_ThereAreNoReports() public {
        pass(CADENCE);
        Batch memory batch = batchOf(newestSample(), "");
        _rejects(
            batch, "", signedBy(2, batch), abi.encodeWithSelector(ICollateralParameters.MalformedReports.selector, 0, 0)
        );
    }

    // ------------------------------------------------------------------------------------------------- signatures

    function test_RevertWhen_OneOfTwoNeededSigned() public {
        (Batch memory batch, bytes memory reports) = _fresh();
        _tooFew(batch, reports, signedBy(1, batch), 1);
    }

    function test_RevertWhen_NobodySigned() public {
        (Batch memory batch, bytes memory reports) = _fresh();
        _tooFew(batch, reports, new Signature[](0), 0);
    }

    function test_ADuplicateSignatureDoesNotCount() public {
        (Batch memory batch, bytes memory reports) = _fresh();
        Signature[] memory signatures = new Signature[](3);
        for (uint256 i; i < 3; ++i) {
            signatures[i] = sign(keys[0], batch);
        }
        _tooFew(batch, reports, signatures, 1);
    }

    function test_SignersOutOfOrderDoNotCount() public {
        (Batch memory batch, bytes memory reports) = _fresh();
        Signature[] memory signatures = new Signature[](2);
        signatures[0] = sign(keys[1], batch);
        signatures[1] = sign(keys[0], batch);
        _tooFew(batch, reports, signatures, 1);
    }

    function test_AStrangersSignatureDoesNotCount(uint256 key) public {
        key = bound(key, 1, 1 << 250);
        (Batch memory batch, bytes memory reports) = _fresh();
        Signature[] memory signatures = new Signature[](2);
        (signatures[0], signatures[1]) = (sign(key, batch), sign(keys[2], batch));
        _tooFew(batch, reports, signatures, 1);
    }

    function test_ABadSignatureIsSkippedAndTheQuorumStillLands() public {
        (Batch memory batch, bytes memory reports) = _fresh();
        Signature[] memory signatures = signedBy(3, batch);
        signatures[0].data = "garbage";
        _publish(batch, reports, signatures);
        assertEq(haircut(MARKET), 3500);
    }

    function test_AMalleatedSignatureDoesNotCount() public {
        (Batch memory batch, bytes memory reports) = _fresh();
        Signature[] memory signatures = signedBy(2, batch);
        (uint8 v, bytes32 r, bytes32 s) = vm.sign(keys[0], parameters.batchDigest(batch));
        uint256 order = 0xFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFEBAAEDCE6AF48A03BBFD25E8CD0364141;
        signatures[0].data = abi.encodePacked(r, order - uint256(s), v == 27 ? uint8(28) : uint8(27));
        _tooFew(batch, reports, signatures, 1);
    }

    function test_ASignatureOverAnotherChainOrContractDoesNotCount() public {
        (Batch memory batch, bytes memory reports) = _fresh();
        Signature[] memory signatures = signedBy(2, batch);
        vm.chainId(999);
        _tooFew(batch, reports, signatures, 0);
    }

    function test_ARemovedSignerDoesNotCount() public {
        (Batch memory batch, bytes memory reports) = _fresh();
        address[] memory rest = new address[](2);
        (rest[0], rest[1]) = (signers[1], signers[2]);
        vm.prank(governance);
        parameters.setSigners(rest, 2);
        _tooFew(batch, reports, signedBy(2, batch), 1);
    }

    function test_AnHonestContractSignerCounts() public {
        (Batch memory batch, bytes memory reports) = _fresh();
        Signature[] memory signatures = _withContractSigner(ContractSigner.Mood.Honest, batch);
        _publish(batch, reports, signatures);
        assertEq(haircut(MARKET), 3500);
    }

    function test_ALyingRevertingOrGasBurningContractSignerIsSkipped() public {
        for (uint8 mood = 1; mood < 4; ++mood) {
            uint256 state = vm.snapshotState();
            (Batch memory batch, bytes memory reports) = _fresh();
            Signature[] memory signatures = _withContractSigner(ContractSigner.Mood(mood), batch);
            _tooFew(batch, reports, signatures, 1);
            vm.revertToState(state);
        }
    }

    function test_AGasBurningSignerCannotStopAQuorumOfOthers() public {
        (Batch memory batch, bytes memory reports) = _fresh();
        Signature[] memory pair = _withContractSigner(ContractSigner.Mood.Burning, batch);
        Signature[] memory signatures = new Signature[](3);
        uint256 at;
        for (uint256 i; i < 2; ++i) {
            // The burner and one key came back in order; the second key goes where it belongs.
            if (at == i && vm.addr(keys[1]) < pair[i].signer) signatures[at++] = sign(keys[1], batch);
            signatures[at++] = pair[i];
        }
        if (at == 2) signatures[2] = sign(keys[1], batch);
        uint256 gas = gasleft();
        _publish(batch, reports, signatures);
        assertLt(gas - gasleft(), 400_000);
        assertEq(haircut(MARKET), 3500);
    }

    // ------------------------------------------------------------------------------------------- single reports

    function test_OneMarketsRefusalLeavesTheOthersApplied() public {
        pass(CADENCE);
        uint256 observed = newestSample();
        bytes32 unknown = keccak256("unknown");
        bytes memory reports = bytes.concat(
            pack(wish(unknown, 5000)), pack(wish(MARKET, 3500)), pack(wish(MARKET, 3600)), pack(wish(OTHER, 4500))
        );
        expectRefusal(unknown, observed, Refusal.Unlisted, 0, 0);
        expectRefusal(MARKET, observed, Refusal.NotNewer, observed, observed);
        publish(observed, reports);
        assertEq(haircut(MARKET), 3500);
        assertEq(haircut(OTHER), 4500);
    }

    function test_ABatchOfWhichNothingIsAppliedStoresNothing() public {
        pass(CADENCE);
        uint256 observed = newestSample();
        bytes memory reports = pack(wish(MARKET, 3500));
        publish(observed, reports);
        uint256 word = parameters.liveWord(MARKET);
        expectRefusal(MARKET, observed, Refusal.NotNewer, observed, observed);
        publish(observed, reports);
        assertEq(parameters.liveWord(MARKET), word);
        assertEq(parameters.batchCount(uint64(observed)), 1);
    }

    function test_TwoBatchesAboutOneBlockKeepTheirOwnRoots() public {
        pass(CADENCE);
        uint256 observed = newestSample();
        publish(observed, pack(wish(MARKET, 3500)));
        bytes memory reports = pack(wish(OTHER, 4500));
        Batch memory batch = batchOf(observed, reports);
        batch.commitmentsRoot = keccak256("second");
        _publish(batch, reports, signedBy(2, batch));
        assertEq(parameters.commitmentsRoot(uint64(observed), 0), ROOT);
        assertEq(parameters.commitmentsRoot(uint64(observed), 1), keccak256("second"));
        assertEq(parameters.parameters(OTHER).updateId, 1);
    }

    function test_ReportsOnFieldsWithoutBoundsAreRefused() public {
        for (uint256 field; field < 4; ++field) {
            pass(CADENCE);
            Wish memory w = wish(MARKET, 3500);
            if (field == 0) w.premiumBps = 1;
            if (field == 1) w.ceiling = 1;
            if (field == 2) w.crunchPermille = 1;
            if (field == 3) w.regime = 1;
            uint64[4] memory got = [uint64(1) << 48, uint64(1) << 24, uint64(1) << 8, uint64(1)];
            expectRefusal(MARKET, newestSample(), Refusal.NotEnabled, got[field], 0);
            publish(newestSample(), pack(w));
            assertEq(haircut(MARKET), 3000);
        }
    }

    function test_ACoreOfMoreThan192BytesIsRefused() public {
        pass(CADENCE);
        Wish memory w = wish(MARKET, 3500);
        w.core = new bytes(193);
        expectRefusal(MARKET, newestSample(), Refusal.CoreTooLong, 193, 192);
        publish(newestSample(), pack(w));
        assertEq(haircut(MARKET), 3000);
        w.core = new bytes(192);
        publish(newestSample(), pack(w));
        assertEq(haircut(MARKET), 3500);
    }

    function test_ADecayThatDoesNotFitIsRefused() public {
        pass(CADENCE);
        Wish memory w = wish(MARKET, 3500);
        w.decay = 1 << 14;
        expectRefusal(MARKET, newestSample(), Refusal.DecayTooLarge, 1 << 14, (1 << 14) - 1);
        publish(newestSample(), pack(w));
        assertEq(live(MARKET).sequence(), 0);
    }

    function test_AnEmergencyReportWithACoreIsRefused() public {
        pass(CADENCE);
        expectRefusal(MARKET, newestOther(), Refusal.CoreForbidden, 4, 0);
        publish(newestOther(), pack(wish(MARKET, 3500)));
        assertEq(haircut(MARKET), 3000);
    }

    function test_TheEmergencyLaneTightensAndNeverLoosens(uint16 target) public {
        pass(CADENCE);
        uint256 observed = newestOther();
        Wish memory w = wish(MARKET, target);
        w.core = "";
        uint256 before = parameters.liveWord(MARKET);
        publish(observed, pack(w));
        if (target <= 3000) {
            assertEq(parameters.liveWord(MARKET), before);
            assertEq(parameters.auxWord(MARKET), 0);
        } else {
            assertEq(haircut(MARKET), target > 4000 ? 4000 : target);
            assertEq(aux(MARKET).tightenedTime, block.timestamp);
        }
    }

    function test_KeptBackLooseningDoesNotBlockATightening() public {
        pass(CADENCE);
        uint256 loosenBlock = newestSample();
        bytes memory loosening = pack(wish(MARKET, 2500));
        pass(CADENCE);
        publish(newestSample(), pack(wish(MARKET, 3500)));
        assertEq(haircut(MARKET), 3500);
        // The signed loosening of the window before comes too late, and dies.
        expectRefusal(MARKET, loosenBlock, Refusal.NotNewer, loosenBlock, live(MARKET).observedBlock());
        publish(loosenBlock, loosening);
        assertEq(aux(MARKET).pendingTime, 0);
    }

    function test_ALooseningOnAnotherBaseIsRefused() public {
        report(MARKET, 3500);
        pass(CADENCE);
        Wish memory w = wish(MARKET, 3400);
        w.baseSequence = 0;
        expectRefusal(MARKET, newestSample(), Refusal.WrongBase, 0, 1);
        publish(newestSample(), pack(w));
        assertEq(aux(MARKET).pendingTime, 0);
    }

    function test_EmergencyCut80To60() public {
        vm.prank(governance);
        parameters.listMarket(keccak256("80"), 0, 2000, 1500, 500);
        bytes32 market = keccak256("80");
        pass(CADENCE);
        report(market, 4000);
        assertEq(haircut(market), 3000, "largest allowed step at once");
        assertEq(aux(market).stagedBps, 4000, "the rest is queued");
        passTime(300);
        parameters.advance(market);
        assertEq(haircut(market), 4000);
        assertEq(aux(market).stagedBps, 0);
    }

    function test_DisplacedUpdate() public {
        report(MARKET, 3100);
        report(MARKET, 65_535);
        assertEq(haircut(MARKET), 4100, "clamped, not refused");
        assertEq(aux(MARKET).stagedBps, 9000);
        report(MARKET, 4200);
        assertEq(haircut(MARKET), 4200);
        assertEq(aux(MARKET).stagedBps, 0, "the newest report replaces the stage");
    }

    function test_ReportsNeverMoveLiquidationHaircutOrBonus(uint16 target, uint16 liquidation, uint16 bonus) public {
        pass(CADENCE);
        Wish memory w = wish(MARKET, target);
        (w.liquidationHaircutBps, w.bonusBps) = (liquidation, bonus);
        publish(newestSample(), pack(w));
        assertEq(live(MARKET).liquidationHaircutBps(), 2000);
        assertEq(live(MARKET).bonusBps(), 500);
    }

    function test_AnyTargetEndsInsideTheLimits(uint16 target) public {
        report(MARKET, target);
        assertGe(haircut(MARKET), 2000);
        assertLe(haircut(MARKET), 9000);
        assertLe(haircut(MARKET), 4000, "one step");
    }

    function test_TheFirstPendingIsMovedTighterByLaterReportsOnly() public {
        report(MARKET, 2500);
        uint256 opened = aux(MARKET).pendingTime;
        report(MARKET, 2700);
        assertEq(aux(MARKET).pendingBps, 2700);
        report(MARKET, 2200);
        assertEq(aux(MARKET).pendingBps, 2700);
        assertEq(aux(MARKET).pendingTime, opened);
        report(MARKET, 3000);
        assertEq(aux(MARKET).pendingTime, 0);
        assertEq(parameters.auxWord(MARKET), 0);
        assertFalse(live(MARKET).hasAux());
    }

    // ---------------------------------------------------------------------------------------------------- helpers

    function _fresh() private returns (Batch memory batch, bytes memory reports) {
        pass(CADENCE);
        reports = pack(wish(MARKET, 3500));
        batch = batchOf(newestSample(), reports);
    }

    /// @dev Arguments are evaluated before the expectation is set, so that signing does not use it up.
    function _rejects(Batch memory batch, bytes memory reports, Signature[] memory signatures, bytes memory revertData)
        private
    {
        vm.expectRevert(revertData);
        parameters.publish(batch, reports, signatures);
    }

    function _tooFew(Batch memory batch, bytes memory reports, Signature[] memory signatures, uint256 valid) private {
        bytes memory expected = abi.encodeWithSelector(ICollateralParameters.TooFewSignatures.selector, valid, 2);
        _rejects(batch, reports, signatures, expected);
    }

    function _publish(Batch memory batch, bytes memory reports, Signature[] memory signatures) private {
        parameters.publish(batch, reports, signatures);
    }

    /// @dev Signers become the three keys and one contract; answers the contract and the first key, in order.
    function _withContractSigner(ContractSigner.Mood mood, Batch memory batch)
        private
        returns (Signature[] memory signatures)
    {
        address account = address(new ContractSigner(mood));
        address[] memory all = new address[](4);
        uint256 at;
        for (uint256 i; i < 3; ++i) {
            if (at == i && account < signers[i]) all[at++] = account;
            all[at++] = signers[i];
        }
        if (at == 3) all[3] = account;
        vm.prank(governance);
        parameters.setSigners(all, 2);
        signatures = new Signature[](2);
        Signature memory mine = Signature(account, "yes");
        Signature memory first = sign(keys[0], batch);
        (signatures[0], signatures[1]) = account < first.signer ? (mine, first) : (first, mine);
    }
}
