// SPDX-License-Identifier: MIT
pragma solidity ^0.8.28;

import {Base, Wish} from "./Base.t.sol";
import {Batch, Refusal} from "../src/interfaces/ICollateralParameters.sol";

/// @dev What one report of a valid batch does to its market, and why it may be refused.
contract PublishReportsTest is Base {
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
        assertEq(parameters.commitmentsRoot(uint64(observed), 1), bytes28(0));
    }

    function test_TwoBatchesAboutOneBlockKeepTheirOwnRoots() public {
        pass(CADENCE);
        uint256 observed = newestSample();
        publish(observed, pack(wish(MARKET, 3500)));
        bytes memory reports = pack(wish(OTHER, 4500));
        Batch memory batch = batchOf(observed, reports);
        batch.commitmentsRoot = keccak256("second");
        _publish(batch, reports, signedBy(2, batch));
        assertEq(parameters.commitmentsRoot(uint64(observed), 0), bytes28(ROOT));
        assertEq(parameters.commitmentsRoot(uint64(observed), 1), bytes28(keccak256("second")));
        assertEq(parameters.parameters(OTHER).updateId, 1);
    }

    function test_ACeilingOrARegimeThatDoesNotFitIsRefused() public {
        pass(CADENCE);
        Wish memory w = wish(MARKET, 3500);
        w.ceiling = 1 << 20;
        expectRefusal(MARKET, newestSample(), Refusal.CeilingTooWide, 1 << 20, (1 << 20) - 1);
        publish(newestSample(), pack(w));
        w.ceiling = 0;
        w.regime = 4;
        expectRefusal(MARKET, newestSample(), Refusal.UnknownRegime, 4, 3);
        publish(newestSample(), pack(w));
        assertEq(haircut(MARKET), 3000);
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

    function test_TheEmergencyLaneQuickensTheDecayAndNeverSlowsIt() public {
        report(MARKET, 3500);
        assertEq(live(MARKET).decay(), 40);
        _emergencyDecay(3600, 39);
        assertEq(live(MARKET).decay(), 40);
        _emergencyDecay(3700, 41);
        assertEq(live(MARKET).decay(), 41);
        pass(CADENCE);
        report(MARKET, 3800);
        assertEq(live(MARKET).decay(), 40, "a routine report may");
    }

    function _emergencyDecay(uint16 target, uint16 decay) private {
        pass(CADENCE);
        Wish memory w = wish(MARKET, target);
        (w.core, w.decay) = ("", decay);
        publish(newestOther(), pack(w));
        assertEq(haircut(MARKET), target);
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

    function test_ReportsNeverMoveLiquidationHaircutOrBonus(uint16 target, uint16 liquidation, uint16 bonus) public {
        pass(CADENCE);
        Wish memory w = wish(MARKET, target);
        (w.liquidationHaircutBps, w.bonusBps) = (liquidation, bonus);
        publish(newestSample(), pack(w));
        assertEq(live(MARKET).liquidationTargetBps(), 2000);
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
}
