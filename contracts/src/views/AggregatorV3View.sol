// SPDX-License-Identifier: MIT
pragma solidity ^0.8.28;

import {Math} from "@openzeppelin/contracts/utils/math/Math.sol";
import {IAggregatorV3} from "../interfaces/IAggregatorV3.sol";
import {ICollateralParameters, Limits, Parameters} from "../interfaces/ICollateralParameters.sol";
import {IDelayedValue} from "../interfaces/IDelayedValue.sol";
import {GuardLib} from "../libraries/GuardLib.sol";
import {LiquidationLib} from "../libraries/LiquidationLib.sol";
import {Aux, AuxLib} from "../types/AuxWord.sol";
import {Liquidation, LiquidationWordLib} from "../types/LiquidationWord.sol";
import {LiveWord} from "../types/LiveWord.sol";
import {ParametersLens} from "./ParametersLens.sol";

/// @dev What of a market is served, all with 4 decimals (bps).
enum Quantity {
    /// 1 - effective haircut: maximum loan-to-value of new borrowing. 0 while HALTED.
    CollateralFactor,
    /// 1 - liquidation haircut where its ramp is.
    LiquidationThreshold,
    /// Above par.
    LiquidationBonus,
    /// Funding premium.
    Premium,
    /// Probability of a liquidity crunch.
    CrunchProbability
}

/// @title One quantity of one market in the form of a price feed, and in Maker's form with what waits behind it.
///
/// Every change of the market is a round, dense from 1 (update id + 1). The newest round answers what holds now, with
/// the widening by age, the end of a regime and the place on a ramp; older ones answer what held at their write.
/// `updatedAt` is the time of the write and `startedAt` the time of the block that the keepers had observed, so that a
/// value that widens because nobody reports looks as old as it is.
///
/// A factor of 0 is served as 0. A consumer that requires a positive answer then reverts, which is safe: nothing new is
/// lent against that collateral.
contract AggregatorV3View is IAggregatorV3, IDelayedValue {
    // ---------------------------------------------------------------------------------------------------- constants

    uint256 private constant BPS = 10_000;
    /// @inheritdoc IAggregatorV3
    uint8 public constant decimals = 4;
    /// @inheritdoc IAggregatorV3
    uint256 public constant version = 1;

    // --------------------------------------------------------------------------------------------------- immutables

    ParametersLens public immutable lens;
    ICollateralParameters public immutable source;
    bytes32 public immutable market;
    Quantity public immutable quantity;

    // ------------------------------------------------------------------------------------------------------ storage

    string private _pair;

    // -------------------------------------------------------------------------------------------------- constructor

    /// @param pair_ Collateral and debt asset, for the description: "WETH/USDC".
    constructor(ParametersLens lens_, bytes32 market_, Quantity quantity_, string memory pair_) {
        lens = lens_;
        source = lens_.source();
        market = market_;
        quantity = quantity_;
        _pair = pair_;
    }

    /// @inheritdoc IAggregatorV3
    function description() external view returns (string memory) {
        return string.concat(_pair, " ", _name());
    }

    function _name() private view returns (string memory) {
        if (quantity == Quantity.CollateralFactor) return "collateral factor";
        if (quantity == Quantity.LiquidationThreshold) return "liquidation threshold";
        if (quantity == Quantity.LiquidationBonus) return "liquidation bonus";
        if (quantity == Quantity.Premium) return "premium";
        return "crunch probability";
    }

    // ------------------------------------------------------------------------------------------------------- rounds

    /// @inheritdoc IAggregatorV3
    function latestRoundData() public view returns (uint80, int256, uint256, uint256, uint80) {
        (bool any, Parameters memory values) = _current();
        require(any, "No data present");
        return _round(values);
    }

    /// @inheritdoc IAggregatorV3
    function getRoundData(uint80 roundId) public view returns (uint80, int256, uint256, uint256, uint80) {
        (bool listed, Parameters memory values) = _current();
        if (listed && roundId == uint256(values.updateId) + 1) return _round(values);
        require(_isHeld(roundId), "No data present");
        (values,) = lens.parametersOf(market, roundId - 1);
        return _round(values);
    }

    /// @inheritdoc IAggregatorV3
    function latestAnswer() external view returns (int256 answer) {
        (, answer,,,) = latestRoundData();
    }

    /// @inheritdoc IAggregatorV3
    function latestTimestamp() external view returns (uint256 updatedAt) {
        (,,, updatedAt,) = latestRoundData();
    }

    /// @inheritdoc IAggregatorV3
    function latestRound() external view returns (uint256 roundId) {
        (roundId,,,,) = latestRoundData();
    }

    /// @inheritdoc IAggregatorV3
    function getAnswer(uint256 roundId) external view returns (int256 answer) {
        (, answer,,,) = getRoundData(_narrow(roundId));
    }

    /// @inheritdoc IAggregatorV3
    function getTimestamp(uint256 roundId) external view returns (uint256 updatedAt) {
        (,,, updatedAt,) = getRoundData(_narrow(roundId));
    }

    /// @dev Whether the history holds a round. A market that was delisted keeps its history.
    function _isHeld(uint256 roundId) private view returns (bool) {
        if (roundId == 0 || source.liveWord(market) == 0) return false;
        (uint256 oldest, uint256 newest) = lens.historyRange(market);
        return roundId > oldest && roundId <= newest + 1;
    }

    function _narrow(uint256 roundId) private pure returns (uint80) {
        require(roundId <= type(uint80).max, "No data present");
        return uint80(roundId);
    }

    /// @dev The market's values now; none unless it is listed.
    function _current() private view returns (bool any, Parameters memory values) {
        any = LiveWord.wrap(source.liveWord(market)).isListed();
        if (any) values = source.parameters(market);
    }

    function _round(Parameters memory values) private view returns (uint80, int256, uint256, uint256, uint80) {
        (, uint256 writtenTime) = lens.parametersOf(market, values.updateId);
        uint80 roundId = uint80(values.updateId) + 1;
        return (roundId, int256(_value(values)), values.observedTime, writtenTime, roundId);
    }

    function _value(Parameters memory values) private view returns (uint256) {
        if (quantity == Quantity.CollateralFactor) return BPS - values.haircutBps;
        if (quantity == Quantity.LiquidationThreshold) return BPS - values.liquidationHaircutBps;
        if (quantity == Quantity.LiquidationBonus) return values.bonusBps;
        if (quantity == Quantity.Premium) return values.premiumBps;
        return uint256(values.crunchPermille) * 10;
    }

    // ------------------------------------------------------------------------------------------------ Maker's form

    /// @inheritdoc IDelayedValue
    function peek() public view returns (bytes32, bool) {
        (bool any, Parameters memory values) = _current();
        return any ? (bytes32(_value(values)), true) : (bytes32(0), false);
    }

    /// @inheritdoc IDelayedValue
    /// @dev Where the stage, the pending, the proposal or the ramp leads to when it goes all the way, under the limits,
    /// age and regime of now. What waits may still be stopped.
    function peep() external view returns (bytes32, bool) {
        (bool any, Parameters memory values) = _current();
        (, uint256 ended) = source.successor();
        if (!any || ended != 0) return (0, false);
        uint256 next = _next(values, lens.limits(LiveWord.wrap(source.liveWord(market)).profile()));
        return next == type(uint256).max ? (bytes32(0), false) : (bytes32(next), true);
    }

    /// @inheritdoc IDelayedValue
    function read() external view returns (bytes32 value) {
        bool any;
        (value, any) = peek();
        require(any, "No data present");
    }

    /// @return What waits; 2^256 - 1 when nothing does.
    function _next(Parameters memory values, Limits memory limits) private view returns (uint256) {
        if (quantity == Quantity.CollateralFactor) return _nextFactor(values, limits);
        if (quantity == Quantity.LiquidationThreshold) return _nextThreshold(values, limits);
        if (quantity == Quantity.LiquidationBonus) return _nextBonus(values, limits);
        if (quantity == Quantity.Premium) return _nextPremium(values, limits);
        return type(uint256).max;
    }

    function _nextFactor(Parameters memory values, Limits memory limits) private view returns (uint256) {
        Aux memory aux = AuxLib.unpack(source.auxWord(market));
        uint256 goal = Math.min(aux.stagedBps, limits.capBps);
        if (goal > values.storedHaircutBps) return BPS - lens.haircutIf(market, goal);
        if (!_isAlive(aux.pendingTime, limits)) return type(uint256).max;
        LiveWord live = LiveWord.wrap(source.liveWord(market));
        live = LiquidationLib.settle(live, LiquidationWordLib.unpack(lens.liquidationWord(market)));
        goal = Math.max(Math.max(aux.pendingBps, limits.floorBps), GuardLib.leastBps(live));
        if (goal >= values.storedHaircutBps) return type(uint256).max;
        return BPS - lens.haircutIf(market, goal);
    }

    function _nextPremium(Parameters memory values, Limits memory limits) private view returns (uint256) {
        Aux memory aux = AuxLib.unpack(source.auxWord(market));
        bool waits = _isAlive(aux.pendingTime, limits) && aux.pendingPremiumBps < values.premiumBps;
        return waits ? aux.pendingPremiumBps : type(uint256).max;
    }

    function _nextThreshold(Parameters memory values, Limits memory limits) private view returns (uint256) {
        Liquidation memory state = LiquidationWordLib.unpack(lens.liquidationWord(market));
        uint256 goal = values.liquidationTargetBps;
        if (limits.bounded && _isAlive(state.pendingTime, limits)) {
            goal = Math.max(Math.min(state.pendingBps, limits.liquidationCapBps), limits.liquidationFloorBps);
        }
        return goal == values.liquidationHaircutBps ? type(uint256).max : BPS - goal;
    }

    function _nextBonus(Parameters memory values, Limits memory limits) private view returns (uint256) {
        Liquidation memory state = LiquidationWordLib.unpack(lens.liquidationWord(market));
        if (!limits.bounded || !_isAlive(state.pendingTime, limits)) return type(uint256).max;
        uint256 goal = Math.min(state.pendingBonusBps, limits.bonusCapBps);
        return goal == values.bonusBps ? type(uint256).max : goal;
    }

    /// @dev Whether something that opened at a time can still be activated, now or once it is mature.
    function _isAlive(uint256 opened, Limits memory limits) private view returns (bool) {
        return opened != 0
            && block.timestamp <= opened + uint256(limits.disputeSeconds) + uint256(limits.pendingExpirySeconds);
    }
}
