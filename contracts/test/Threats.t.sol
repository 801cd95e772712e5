// SPDX-License-Identifier: MIT
pragma solidity ^0.8.28;

import {LawBase} from "./LawBase.t.sol";
import {Wish} from "./Base.t.sol";
import {ContractSigner} from "./PublishSignatures.t.sol";
import {Batch, ICollateralParameters, Refusal, Signature} from "../src/interfaces/ICollateralParameters.sol";
import {BlockHistory} from "../src/libraries/BlockHistory.sol";
import {Ceiling} from "../src/types/Ceiling.sol";

/// @dev Threats of reliability.md F that come by way of batches and signatures. Those of roles and time are in
/// ThreatsRoles.t.sol. Not met here, because no contract of ours meets them: T09, T11, T14 to T17 (reading of pools,
/// tokens and providers: the keeper's tests), T12 (private relay and the cascade simulator), T26 (block source of a chain).
contract ThreatsTest is LawBase {
    // -------------------------------------------------------------------------------------------------- T03, T04, T05

    function test_T03_TheSameReportAgainChangesNothing(uint16 target, uint16 delay) public {
        pass(CADENCE);
        uint256 observed = newestSample();
        bytes memory reports = pack(wish(OTHER, target));
        Batch memory batch = batchOf(observed, reports);
        Signature[] memory signatures = signedBy(2, batch);
        _publish(batch, reports, signatures);
        bytes32 before = _words(OTHER);
        passTime(delay % 601);
        expectRefusal(OTHER, observed, Refusal.NotNewer, observed, observed);
        _publish(batch, reports, signatures);
        assertEq(_words(OTHER), before);
        assertEq(live(OTHER).sequence(), 1);
    }

    function test_T04_AnOlderReportAfterANewerOneIsRefused(uint16 target, uint8 age) public {
        uint256 older = newestSample();
        bytes memory late = pack(wish(OTHER, target));
        pass(CADENCE * bound(age, 1, 7));
        uint256 newer = newestSample();
        publish(newer, pack(wish(OTHER, 4100)));
        bytes32 before = _words(OTHER);
        expectRefusal(OTHER, older, Refusal.NotNewer, older, newer);
        publish(older, late);
        assertEq(_words(OTHER), before);
        assertEq(haircut(OTHER), 4100);
    }

    function test_T04_AKeptBackLooseningDiesWithItsBase() public {
        pass(CADENCE);
        Wish memory kept = wish(OTHER, 3000);
        publish(newestSample(), pack(wish(OTHER, 4100)));
        pass(CADENCE);
        expectRefusal(OTHER, newestSample(), Refusal.WrongBase, 0, 1);
        publish(newestSample(), pack(kept));
        assertEq(aux(OTHER).pendingTime, 0);
        assertEq(haircut(OTHER), 4100);
    }

    function test_T05_ReplayOnAnotherChainIsRejected(uint64 chainId) public {
        chainId = uint64(bound(chainId, 1, type(uint64).max - 1));
        if (chainId == block.chainid) ++chainId;
        (Batch memory batch, bytes memory reports) = _fresh();
        Signature[] memory signatures = signedBy(3, batch);
        vm.chainId(chainId);
        _tooFew(batch, reports, signatures, 0);
        assertEq(haircut(MARKET), 3000);
    }

    function test_T05_ReplayOnAnotherContractIsRejected() public {
        // The same signers, settings, limits and markets at another address.
        ICollateralParameters second = deployParameters(address(manager), CADENCE);
        vm.startPrank(governance);
        second.setSettings(DOCUMENT, uint64(block.number));
        second.setSigners(signers, 2);
        second.setLimits(0, defaultLimits());
        second.listMarket(MARKET, 0, 3000, 2000, 500);
        vm.stopPrank();
        pass(CADENCE);
        (Batch memory batch, bytes memory reports) = _fresh();
        Signature[] memory signatures = signedBy(3, batch);
        parameters = second;
        _tooFew(batch, reports, signatures, 0);
        _publish(batch, reports, signedBy(2, batch));
        assertEq(haircut(MARKET), 3500, "signed for it, it lands");
    }

    // ---------------------------------------------------------------------------------------------------- T06, T29

    function test_T06_AMalleatedOrFlippedSignatureDoesNotCount(uint8 v) public {
        (Batch memory batch, bytes memory reports) = _fresh();
        Signature[] memory signatures = signedBy(2, batch);
        (uint8 right, bytes32 r, bytes32 s) = vm.sign(keys[0], parameters.batchDigest(batch));
        uint256 order = 0xFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFEBAAEDCE6AF48A03BBFD25E8CD0364141;
        signatures[0].data = abi.encodePacked(r, order - uint256(s), right == 27 ? uint8(28) : uint8(27));
        _tooFew(batch, reports, signatures, 1);
        if (v == right) ++v;
        signatures[0].data = abi.encodePacked(r, s, v);
        _tooFew(batch, reports, signatures, 1);
        signatures[0].data = abi.encodePacked(r, s, right);
        _publish(batch, reports, signatures);
        assertEq(haircut(MARKET), 3500);
    }

    function test_T06_NeitherDuplicatesNorTheZeroSignerMakeAQuorum(uint8 copies) public {
        (Batch memory batch, bytes memory reports) = _fresh();
        Signature[] memory signatures = new Signature[](bound(copies, 2, 40));
        // An ecrecover that fails answers 0: that address can be no member.
        signatures[0] = Signature(address(0), new bytes(65));
        for (uint256 i = 1; i < signatures.length; ++i) {
            signatures[i] = sign(keys[2], batch);
        }
        _tooFew(batch, reports, signatures, 1);
    }

    function test_T29_AHundredMarketsLandPastTwentyNineGasBurningSigners() public {
        bytes32[] memory markets = new bytes32[](100);
        vm.startPrank(governance);
        for (uint256 i; i < 100; ++i) {
            markets[i] = keccak256(abi.encode("hundred", i));
            parameters.listMarket(markets[i], 0, 3000, 2000, 500);
        }
        address[] memory all = _withBurners(29);
        parameters.setSigners(all, 2);
        vm.stopPrank();
        pass(2 * CADENCE);
        bytes memory reports;
        for (uint256 i; i < 100; ++i) {
            reports = bytes.concat(reports, pack(wish(markets[i], 3100 + i)));
        }
        Batch memory batch = batchOf(newestSample(), reports);
        Signature[] memory signatures = new Signature[](32);
        for (uint256 i; i < 32; ++i) {
            signatures[i] = Signature(all[i], "yes");
            for (uint256 k; k < 3; ++k) {
                if (all[i] == signers[k]) signatures[i] = sign(keys[k], batch);
            }
        }
        uint256 gas = gasleft();
        _publish(batch, reports, signatures);
        gas -= gasleft();
        assertLt(gas, 12_000_000, "29 x 100,000 for the burners, and the batch");
        for (uint256 i; i < 100; ++i) {
            assertEq(haircut(markets[i]), 3100 + i);
        }
    }

    function _withBurners(uint256 count) private returns (address[] memory all) {
        all = new address[](count + 3);
        for (uint256 i; i < all.length; ++i) {
            all[i] = i < 3 ? signers[i] : address(new ContractSigner(ContractSigner.Mood.Burning));
            for (uint256 j = i; j > 0 && all[j] < all[j - 1]; --j) {
                (all[j], all[j - 1]) = (all[j - 1], all[j]);
            }
        }
    }

    // ---------------------------------------------------------------------------------------------- T08, T10, T13

    /// @dev Half of a pool is swapped at one sample and swapped back: a report reads a calm that is not there.
    function test_T08_AManipulatedSampleLoosensNothing(uint16 target, uint16 liquidation) public {
        pass(CADENCE);
        Wish memory w = wish(MARKET, bound(target, 0, 2999));
        w.liquidationHaircutBps = liquidation;
        publish(newestSample(), pack(w));
        passTime(6 hours);
        Wish memory truth = wish(MARKET, 3000);
        (truth.liquidationHaircutBps, truth.bonusBps) = (2000, 500);
        pass(CADENCE);
        publish(newestSample(), pack(truth));
        vm.expectRevert(abi.encodeWithSelector(ICollateralParameters.NothingPending.selector, MARKET));
        parameters.activate(MARKET);
        vm.expectRevert(abi.encodeWithSelector(ICollateralParameters.NothingPending.selector, MARKET));
        parameters.activateLiquidation(MARKET);
        assertEq(haircut(MARKET), 3000);
        assertEq(live(MARKET).liquidationTargetBps(), 2000);
    }

    function test_T10_ManipulatedBlocksInARowMoveBorrowingAloneAndOneWay() public {
        uint256[3] memory lengths = [uint256(2), 5, 10];
        uint256 state = vm.snapshotState();
        for (uint256 i; i < lengths.length; ++i) {
            for (uint256 j; j < lengths[i]; ++j) {
                report(OTHER, 0);
            }
            assertEq(haircut(OTHER), 4000, "down: nothing within the dispute window");
            vm.revertToState(state);
            state = vm.snapshotState();
            for (uint256 j; j < lengths[i]; ++j) {
                pass(CADENCE);
                Wish memory w = wish(OTHER, 9000);
                w.core = "";
                publish(newestOther(), pack(w));
            }
            uint256 expected = 4000 + 1000 * lengths[i];
            assertEq(haircut(OTHER), expected < 9000 ? expected : 9000, "up: a step a report, to the cap");
            assertEq(live(OTHER).liquidationTargetBps(), 2000);
            vm.revertToState(state);
            state = vm.snapshotState();
        }
    }

    /// @dev R1 with the incident's own numbers: test_CoupledClampTheCapoNumbers in Scenarios.t.sol. Here any wish.
    function test_T13_CoupledValuesMoveTogetherOrNotAtAll(uint16 liquidation, uint16 bonus) public {
        setMarket(MARKET, BOUNDED, 3000, 2000, 1450);
        (liquidation, bonus) = (uint16(bound(liquidation, 500, 6000)), uint16(bound(bonus, 0, 1500)));
        propose(liquidation, bonus);
        if (law().pendingTime == 0) return;
        ripen();
        Guarded memory before = guarded(MARKET);
        try parameters.activateLiquidation(MARKET) {
            uint256 from = live(MARKET).rampFromBps();
            uint256 to = live(MARKET).liquidationTargetBps();
            assertLe((10_000 - (from < to ? from : to)) * (10_000 + live(MARKET).bonusBps()), 1e8, "INV-05");
            assertLe(to, haircut(MARKET), "INV-04");
        } catch {
            assertSame(guarded(MARKET), before);
        }
    }

    // ---------------------------------------------------------------------------------------------- T18, T19, T28

    function test_T18_ATimeThatIsNotTheBlocksOwnIsBounded() public {
        (Batch memory batch, bytes memory reports) = _fresh();
        uint256 real = batch.observedTime;
        uint256 now_ = block.timestamp;
        batch.observedTime = uint64(now_ + 15);
        _refusedWhole(batch, reports, ICollateralParameters.BatchFromFuture.selector, now_ + 15, now_);
        batch.observedTime = uint64(now_ + 1 days);
        _refusedWhole(batch, reports, ICollateralParameters.BatchFromFuture.selector, now_ + 1 days, now_);
        batch.observedTime = uint64(now_ - 1 days);
        bytes memory expected =
            abi.encodeWithSelector(ICollateralParameters.ObservedTimeTooOld.selector, now_ - 1 days, now_, 7200);
        _rejects(batch, reports, signedBy(2, batch), expected);
        batch.observedTime = uint64(now_ - 7200 - 1);
        expected = abi.encodeWithSelector(ICollateralParameters.ObservedTimeTooOld.selector, now_ - 7201, now_, 7200);
        _rejects(batch, reports, signedBy(2, batch), expected);
        batch.observedTime = uint64(real - 15);
        _publish(batch, reports, signedBy(2, batch));
        assertEq(live(MARKET).observedTime(), real - 15, "15 s of play move nothing but the age");
        assertEq(haircut(MARKET), 3500);
    }

    function test_T18_AReportThatExpiredOrWaitedADayIsRejected() public {
        (Batch memory batch, bytes memory reports) = _fresh();
        uint256 until = batch.validUntil;
        vm.warp(until + 1);
        _refusedWhole(batch, reports, ICollateralParameters.BatchExpired.selector, until, until + 1);
        vm.warp(until + 1 days);
        _refusedWhole(batch, reports, ICollateralParameters.BatchExpired.selector, until, until + 1 days);
        vm.warp(until);
        _publish(batch, reports, signedBy(2, batch));
        assertEq(haircut(MARKET), 3500);
    }

    function _refusedWhole(Batch memory batch, bytes memory reports, bytes4 error, uint256 a, uint256 b) private {
        _rejects(batch, reports, signedBy(2, batch), abi.encodeWithSelector(error, a, b));
    }

    /// @dev Every field of a report up to its type's maximum: it lands clamped in its own bits, or is refused by name.
    function test_T19_ExtremesEndInTheirOwnFields(
        uint16 target,
        uint16 premium,
        uint24 ceiling,
        uint16 crunch,
        uint16 decay,
        uint32 base
    ) public {
        Wish memory w = wish(OTHER, target);
        (w.premiumBps, w.crunchPermille, w.ceiling) = (premium, crunch, ceiling);
        (w.decay, w.baseSequence, w.gapBitmap) = (decay, base, type(uint256).max);
        (w.liquidationHaircutBps, w.bonusBps) = (65_535, 65_535);
        pass(CADENCE);
        publish(newestSample(), pack(w));
        bool loosens = target < 4000 && premium == 0 && ceiling == 0;
        if (ceiling >> 20 != 0 || decay >> 14 != 0 || (loosens && base != 0)) {
            assertEq(live(OTHER).sequence(), 0);
            return;
        }
        assertEq(live(OTHER).sequence(), 1);
        assertEq(haircut(OTHER), _clamp(target, 4000, 5000));
        assertEq(live(OTHER).premiumBps(), premium < 2000 ? premium : 2000);
        assertEq(live(OTHER).crunchPermille(), crunch < 1000 ? crunch : 1000);
        assertEq(live(OTHER).decay(), decay > 26 ? decay : 26);
        assertEq(live(OTHER).ceiling(), ceiling);
        assertEq(parameters.parameters(OTHER).ceiling, ceiling == 0 ? type(uint256).max : Ceiling.decode(ceiling));
        assertEq(live(OTHER).liquidationTargetBps(), 2000);
        assertEq(live(OTHER).bonusBps(), 500);
        assertEq(live(OTHER).profile(), 0);
        assertTrue(live(OTHER).isListed());
    }

    function test_T28_AReportOnAnOrphanedBlockIsRejected() public {
        (Batch memory batch, bytes memory reports) = _fresh();
        Signature[] memory signatures = signedBy(2, batch);
        // The chain reorganises after the signing: the same height has another hash.
        bytes32 other = keccak256("another branch");
        uint256 slot = batch.observedBlock % 8191;
        vm.store(BlockHistory.HISTORY, bytes32(slot), other);
        bytes memory expected = abi.encodeWithSelector(
            ICollateralParameters.WrongBlockHash.selector, batch.observedBlock, batch.observedHash, other
        );
        _rejects(batch, reports, signatures, expected);
        assertEq(live(MARKET).sequence(), 0);
    }

    // -------------------------------------------------------------------------------------------------------- T21

    /// @dev One field too far in one market of many; S4 is the scenario of ten.
    function test_T21_APartialFailureStaysInsideItsMarket(uint8 which) public {
        pass(CADENCE);
        Wish memory bad = wish(OTHER, 4500);
        which = uint8(bound(which, 0, 3));
        if (which == 0) bad.regime = 4;
        if (which == 1) bad.ceiling = type(uint24).max;
        if (which == 2) bad.core = new bytes(193);
        if (which == 3) bad.decay = type(uint16).max;
        bytes32 before = _words(OTHER);
        publish(newestSample(), bytes.concat(pack(bad), pack(wish(MARKET, 3500))));
        assertEq(_words(OTHER), before, "INV-13");
        assertEq(haircut(MARKET), 3500);
    }

    // ------------------------------------------------------------------------------------------------------ helpers

    function _clamp(uint256 value, uint256 low, uint256 high) private pure returns (uint256) {
        return value < low ? low : value > high ? high : value;
    }

    /// @dev All slots of a market.
    function _words(bytes32 market) private view returns (bytes32 digest) {
        uint256 base = uint256(keccak256(abi.encode(market, uint256(0))));
        for (uint256 i; i < 392; ++i) {
            bytes32 word = parameters.extsload(bytes32(base + i));
            if (word != 0) digest = keccak256(abi.encode(digest, i, word));
        }
    }
}
