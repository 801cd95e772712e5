// SPDX-License-Identifier: MIT
pragma solidity ^0.8.28;

import {AccessManaged} from "@openzeppelin/contracts/access/manager/AccessManaged.sol";
import {ICollateralParameters, Limits, Values} from "./interfaces/ICollateralParameters.sol";
import {MarketStore} from "./MarketStore.sol";
import {GuardLib} from "./libraries/GuardLib.sol";
import {LiquidationLib} from "./libraries/LiquidationLib.sol";
import {Aux, AuxLib} from "./types/AuxWord.sol";
import {LawWord, LawWordLib} from "./types/LawWord.sol";
import {LimitsWord, LimitsWordLib} from "./types/LimitsWord.sol";
import {Liquidation} from "./types/LiquidationWord.sol";
import {LiveWord} from "./types/LiveWord.sol";

/// @title What governance does to the parameters: documents, signers, limits, markets, and the end.
/// @dev A base of CollateralParameters, apart from it so that each file reads from top to bottom. Who governance is, and
/// with which delay, is the authority's matter.
abstract contract MarketGovernance is MarketStore, AccessManaged {
    // ------------------------------------------------------------------------------ settings, signers and limits

    /// @inheritdoc ICollateralParameters
    function setSettings(bytes calldata document, uint64 fromBlock) external restricted {
        _requireInUse();
        if (document.length == 0 || fromBlock < block.number) revert BadSettings(fromBlock, block.number);
        bytes32 hash = keccak256(document);
        _clock.adopt(hash, fromBlock);
        emit SettingsSet(hash, fromBlock, document);
    }

    /// @inheritdoc ICollateralParameters
    function setSigners(address[] calldata newSigners, uint8 newThreshold) external restricted {
        _requireInUse();
        _signers.replace(newSigners, newThreshold);
        _clock.threshold = newThreshold;
        emit SignersSet(newSigners, newThreshold);
    }

    /// @inheritdoc ICollateralParameters
    function setLimits(uint8 profile, Limits calldata newLimits) external restricted {
        _requireInUse();
        // Profiles have 6 bits in the live word.
        if (profile > 63) revert BadLimits(profile);
        LimitsWord limits_ = LimitsWordLib.checkAndPack(profile, newLimits);
        LawWord law = LawWordLib.checkAndPack(profile, newLimits, limits_);
        _limits[profile] = Profile(limits_, law);
        emit LimitsSet(profile, limits_.raw(), law.raw());
    }

    // ------------------------------------------------------------------------------------------------------ markets

    /// @inheritdoc ICollateralParameters
    function listMarket(bytes32 market, uint8 profile, uint16 haircutBps, uint16 liquidationHaircutBps, uint16 bonusBps)
        external
        restricted
    {
        _requireInUse();
        Market storage slot = _markets[market];
        LiveWord live = slot.live;
        LimitsWord limits_ = _limits[profile].limits;
        if (live.isListed()) revert AlreadyListed(market);
        if (!limits_.isSet()) revert UnknownLimits(profile);
        _checkValues(limits_, haircutBps, liquidationHaircutBps, bonusBps);

        // Listed again: sequence, update ids and the spent budgets go on, whatever waited is void.
        Aux memory aux = AuxLib.unpack(slot.aux);
        Liquidation memory state = _loadLiquidation(slot, live);
        GuardLib.forget(aux);
        LiquidationLib.clear(state);
        LiveWord next = live.withListing(profile).withLoosened(haircutBps, 0, 0);
        next = next.withLiquidation(liquidationHaircutBps, liquidationHaircutBps, bonusBps);
        // This block is the first whose state shows the listing, so it is the first that a report may observe.
        next = next.withClock(block.timestamp, block.number - 1, limits_.decayFloor());
        _storeWithLiquidation(slot, live, next, aux, limits_, state);
        emit MarketListed(market, slot.live.raw());
    }

    /// @inheritdoc ICollateralParameters
    function setMarket(bytes32 market, uint8 profile, Values calldata values) external restricted {
        (Market storage slot, LiveWord live, Aux memory aux,) = _listed(market);
        Liquidation memory state = _loadLiquidation(slot, live);
        LimitsWord limits_ = _limits[profile].limits;
        if (!limits_.isSet()) revert UnknownLimits(profile);
        _checkValues(limits_, values.haircutBps, values.liquidationHaircutBps, values.bonusBps);
        // Until the ramp has passed, the values must agree with where it starts too.
        uint256 from = LiquidationLib.nowBps(live, state);
        if (values.haircutBps < from || !LiquidationLib.isCoupled(from, values.bonusBps)) {
            revert BadValues(values.haircutBps, from, values.bonusBps);
        }

        GuardLib.forget(aux);
        LiquidationLib.clear(state);
        LiveWord next = live.withLoosened(values.haircutBps, values.premiumBps, values.ceiling);
        LawWord law = _limits[profile].law;
        next = LiquidationLib.startRamp(next, state, law, from, values.liquidationHaircutBps, values.bonusBps);
        next = next.withListing(profile);
        uint256 auxWord_ = _storeWithLiquidation(slot, live, next, aux, limits_, state);
        emit MarketSet(market, slot.live.raw(), auxWord_);
    }

    /// @dev Values lie inside the limits, and agree with each other: liquidation haircut <= haircut, threshold x
    /// (1 + bonus) <= 1.
    function _checkValues(LimitsWord limits_, uint256 haircut, uint256 liquidationHaircut, uint256 bonus) private pure {
        bool inside = haircut >= limits_.floorBps() && haircut <= limits_.capBps();
        bool coupled = liquidationHaircut <= haircut && liquidationHaircut < BPS
            && LiquidationLib.isCoupled(liquidationHaircut, bonus);
        if (!inside || !coupled) revert BadValues(haircut, liquidationHaircut, bonus);
    }

    /// @inheritdoc ICollateralParameters
    function delistMarket(bytes32 market) external restricted {
        (Market storage slot, LiveWord live,, LimitsWord limits_) = _listed(market);
        slot.highest.close(live, _writtenTime(slot, live, slot.aux), limits_);
        // As it was written last, not settled: this makes no entry.
        slot.live = slot.live.withoutListing();
        emit MarketDelisted(market);
    }

    // ------------------------------------------------------------------------------------------------------ the end

    /// @inheritdoc ICollateralParameters
    function sunset(address successor_) external restricted {
        _requireInUse();
        if (successor_ == address(0) || successor_ == address(this)) revert BadSuccessor(successor_);
        _successor = successor_;
        _clock.endedAt = uint40(block.timestamp);
        emit Sunset(successor_, block.timestamp);
    }
}
