// SPDX-License-Identifier: MIT
pragma solidity ^0.8.28;

import {Base, Wish} from "./Base.t.sol";
import {Limits, Values} from "../src/interfaces/ICollateralParameters.sol";
import {Liquidation, LiquidationWordLib} from "../src/types/LiquidationWord.sol";

/// @dev MARKET is in a profile whose quorum may move the liquidation haircut; OTHER is not.
abstract contract LawBase is Base {
    uint8 internal constant BOUNDED = 1;

    /// @dev All that the law guards of one market.
    struct Guarded {
        uint256 target;
        uint256 from;
        uint256 bonus;
        uint256 read;
        uint256 readTarget;
        uint256 readBonus;
    }

    function setUp() public virtual override {
        super.setUp();
        setLimits(BOUNDED, boundedLimits());
        setMarket(MARKET, BOUNDED, 3000, 2000, 500);
        pass(2 * CADENCE);
    }

    function boundedLimits() internal pure returns (Limits memory values) {
        values = defaultLimits();
        values.bounded = true;
    }

    function setLimits(uint8 profile, Limits memory values) internal {
        vm.prank(governance);
        parameters.setLimits(profile, values);
    }

    function setMarket(bytes32 market, uint8 profile, uint256 haircut_, uint256 liquidation, uint256 bonus) internal {
        Values memory values = Values(uint16(haircut_), uint16(liquidation), uint16(bonus), 0, 0);
        vm.prank(governance);
        parameters.setMarket(market, profile, values);
    }

    // ------------------------------------------------------------------------------------------------------- moves

    /// @dev A routine report that leaves the haircut alone and wishes for this liquidation haircut and bonus.
    function propose(uint256 liquidation, uint256 bonus) internal {
        propose(liquidation, bonus, uint32(live(MARKET).sequence()));
    }

    function propose(uint256 liquidation, uint256 bonus, uint32 base) internal {
        pass(CADENCE);
        Wish memory w = wish(MARKET, haircut(MARKET));
        (w.liquidationHaircutBps, w.bonusBps, w.baseSequence) = (uint16(liquidation), uint16(bonus), base);
        publish(newestSample(), pack(w));
    }

    /// @dev A report that agrees with what holds; it keeps the market fresh and ends any proposal.
    function agree() internal {
        propose(live(MARKET).liquidationTargetBps(), live(MARKET).bonusBps());
    }

    function ripen() internal {
        vm.warp(law().pendingTime + 6 hours);
    }

    /// @dev Propose, wait, move.
    function move(uint256 liquidation, uint256 bonus) internal {
        propose(liquidation, bonus);
        ripen();
        vm.prank(stranger);
        parameters.activateLiquidation(MARKET);
    }

    // ------------------------------------------------------------------------------------------------------- state

    function law() internal view returns (Liquidation memory) {
        return LiquidationWordLib.unpack(lens.liquidationWord(MARKET));
    }

    /// @dev Where the ramp is.
    function liquidationNow() internal view returns (uint256) {
        return parameters.parameters(MARKET).liquidationHaircutBps;
    }

    function guarded(bytes32 market) internal view returns (Guarded memory g) {
        g.target = live(market).liquidationTargetBps();
        g.from = live(market).rampFromBps();
        g.bonus = live(market).bonusBps();
        g.read = parameters.parameters(market).liquidationHaircutBps;
        g.readTarget = parameters.parameters(market).liquidationTargetBps;
        g.readBonus = parameters.parameters(market).bonusBps;
    }

    function assertSame(Guarded memory a, Guarded memory b) internal pure {
        assertEq(abi.encode(a), abi.encode(b), "INV-18: liquidation haircut or bonus moved");
    }
}
