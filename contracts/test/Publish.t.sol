// SPDX-License-Identifier: MIT
pragma solidity ^0.8.28;

import {Base, Wish} from "./Base.t.sol";
import {Batch, ICollateralParameters, Signature} from "../src/interfaces/ICollateralParameters.sol";
import {ObservationLib} from "../src/libraries/ObservationLib.sol";

/// @dev What makes a whole batch valid. Signatures and single reports have files of their own.
contract PublishTest is Base {
    function test_AnybodyPublishesARoutineBatch() public {
        pass(CADENCE);
        uint256 observed = newestSample();
        bytes memory reports = pack(wish(MARKET, 3500));
        vm.expectEmit(address(parameters));
        emit ICollateralParameters.BatchPublished(uint64(observed), 0, true, batchOf(observed, reports), reports);
        publish(observed, reports);
        assertEq(haircut(MARKET), 3500);
        assertEq(live(MARKET).sequence(), 1);
        assertEq(live(MARKET).observedBlock(), observed);
        assertEq(live(MARKET).decay(), 40);
        assertEq(parameters.commitmentsRoot(uint64(observed), 0), bytes28(ROOT));
        assertEq(parameters.commitmentsRoot(uint64(observed), 1), bytes28(0));
        assertEq(parameters.auxWord(MARKET), 0);
        assertEq(lens.historyWord(MARKET, 1), entryOf(MARKET));
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
}
