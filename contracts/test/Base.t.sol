// SPDX-License-Identifier: MIT
pragma solidity ^0.8.28;

import {Test} from "forge-std/Test.sol";
import {AccessManager} from "@openzeppelin/contracts/access/manager/AccessManager.sol";
import {Batch, ICollateralParameters, Limits, Refusal, Signature} from "../src/interfaces/ICollateralParameters.sol";
import {BlockHistory} from "../src/libraries/BlockHistory.sol";
import {ObservationLib} from "../src/libraries/ObservationLib.sol";
import {Aux, AuxLib} from "../src/types/AuxWord.sol";
import {LiveWord} from "../src/types/LiveWord.sol";
import {ParametersLens} from "../src/views/ParametersLens.sol";

/// @dev A report as keepers would pack it; every field, also those that the contract does not act on.
struct Wish {
    bytes32 market;
    uint16 haircutBps;
    uint16 liquidationHaircutBps;
    uint16 bonusBps;
    uint16 premiumBps;
    uint24 ceiling;
    uint16 crunchPermille;
    uint8 regime;
    uint16 decay;
    uint32 baseSequence;
    uint256 gapBitmap;
    bytes core;
}

/// @dev Deployed contract with three signers (two needed), one profile, two markets, and a chain that keeps its hashes.
abstract contract Base is Test {
    uint32 internal constant CADENCE = 25;
    bytes32 internal constant MARKET = keccak256("market");
    bytes32 internal constant OTHER = keccak256("other market");
    bytes internal constant DOCUMENT = "settings document";
    bytes32 internal constant ROOT = keccak256("commitments");
    uint256 internal constant START_BLOCK = 10_000;
    uint256 internal constant START_TIME = 1_800_000_000;

    address internal governance = makeAddr("governance");
    address internal stranger = makeAddr("stranger");
    AccessManager internal manager;
    ICollateralParameters internal parameters;
    ParametersLens internal lens;
    address[] internal signers;
    uint256[] internal keys;

    function setUp() public virtual {
        vm.roll(START_BLOCK);
        vm.warp(START_TIME);
        // The canonical EIP-2935 code, so that out-of-range questions revert as on a real chain.
        vm.etch(
            BlockHistory.HISTORY,
            hex"3373fffffffffffffffffffffffffffffffffffffffe14604657602036036042575f35600143038111604257611fff81430311604257611fff9006545f5260205ff35b5f5ffd5b5f35611fff60014303065500"
        );
        manager = new AccessManager(governance);
        parameters = deployParameters(address(manager), CADENCE);
        lens = new ParametersLens(parameters);
        _makeSigners(3);
        vm.startPrank(governance);
        parameters.setSettings(DOCUMENT, uint64(block.number));
        parameters.setSigners(signers, 2);
        parameters.setLimits(0, defaultLimits());
        parameters.listMarket(MARKET, 0, 3000, 2000, 500);
        parameters.listMarket(OTHER, 0, 4000, 2000, 500);
        vm.stopPrank();
        pass(2 * CADENCE);
    }

    /// @dev By its artifact, so that tests are not compiled as the contract is (foundry.toml says why).
    function deployParameters(address authority, uint32 cadence) internal returns (ICollateralParameters) {
        bytes memory arguments = abi.encode(authority, cadence);
        return ICollateralParameters(deployCode("CollateralParameters.sol:CollateralParameters", arguments));
    }

    function defaultLimits() internal pure returns (Limits memory) {
        return Limits({
            floorBps: 500,
            capBps: 9000,
            stepUpBps: 1000,
            stageSeconds: 300,
            bucketBps: 100,
            refillBpsPerDay: 50,
            disputeSeconds: 6 hours,
            pendingExpirySeconds: 24 hours,
            freshSeconds: 25 hours,
            graceSeconds: 19 hours,
            decayFloor: 26,
            guardedAddBps: 300,
            stressedAddBps: 1000,
            regimeSeconds: 24 hours,
            bounded: false,
            liquidationFloorBps: 500,
            liquidationCapBps: 6000,
            bonusCapBps: 1500,
            dayBudgetBps: 100,
            fortnightBudgetBps: 300,
            rampSeconds: 3 days,
            premiumCapBps: 2000,
            ceilingFloor: 0,
            ceilingCap: 0,
            ceilingStretch: 10,
            sigmaFloorBps: 500,
            kFloor: 200,
            tripSeconds: 2 hours,
            tripBudgetSeconds: 12 hours,
            tripCooldownSeconds: 1 hours
        });
    }

    // ------------------------------------------------------------------------------------------------------ chain

    /// @dev Let blocks pass, 12 s each. Hashes reach the history contract when a batch needs them.
    function pass(uint256 blocks) internal {
        vm.roll(block.number + blocks);
        vm.warp(block.timestamp + 12 * blocks);
    }

    /// @dev What the chain itself does at the start of every block.
    function keepHash(uint256 number) internal {
        if (number < block.number) vm.store(BlockHistory.HISTORY, bytes32(number % 8191), hashOf(number));
    }

    function passTime(uint256 duration) internal {
        vm.warp(block.timestamp + duration);
    }

    function hashOf(uint256 number) internal pure returns (bytes32) {
        return keccak256(abi.encode("block", number));
    }

    function endOf(uint256 window) internal pure returns (uint256) {
        return window * CADENCE;
    }

    /// @dev Sample of the newest window whose end is 2 deep.
    function newestSample() internal view returns (uint256) {
        uint256 end = (block.number - 2) / CADENCE * CADENCE;
        return ObservationLib.sampleOf(end, hashOf(end), CADENCE);
    }

    /// @dev Newest block, 2 deep, that is not its window's sample.
    function newestOther() internal view returns (uint256 number) {
        number = block.number - 2;
        uint256 end = (number + CADENCE - 1) / CADENCE * CADENCE;
        if (ObservationLib.sampleOf(end, hashOf(end), CADENCE) == number) --number;
    }

    // ---------------------------------------------------------------------------------------------------- batches

    function wish(bytes32 market, uint256 haircutBps) internal view returns (Wish memory w) {
        w.market = market;
        w.haircutBps = uint16(haircutBps);
        w.liquidationHaircutBps = 1234;
        w.bonusBps = 777;
        w.decay = 40;
        w.baseSequence = uint32(live(market).sequence());
        w.core = "core";
    }

    function pack(Wish memory w) internal pure returns (bytes memory) {
        bytes memory head = abi.encodePacked(
            w.market, w.haircutBps, w.liquidationHaircutBps, w.bonusBps, w.premiumBps, w.ceiling, w.crunchPermille
        );
        bytes memory tail = abi.encodePacked(w.regime, w.decay, w.baseSequence, w.gapBitmap, uint8(w.core.length));
        return abi.encodePacked(head, tail, w.core);
    }

    function batchOf(uint256 observed, bytes memory reports) internal returns (Batch memory) {
        keepHash(observed);
        keepHash((observed + CADENCE - 1) / CADENCE * CADENCE);
        return Batch({
            observedBlock: uint64(observed),
            observedHash: hashOf(observed),
            observedTime: uint64(block.timestamp - 12 * (block.number - observed)),
            validUntil: uint64(block.timestamp + 600),
            settingsHash: keccak256(DOCUMENT),
            commitmentsRoot: ROOT,
            reportsHash: keccak256(reports)
        });
    }

    function sign(uint256 key, Batch memory batch) internal view returns (Signature memory) {
        (uint8 v, bytes32 r, bytes32 s) = vm.sign(key, parameters.batchDigest(batch));
        return Signature(vm.addr(key), abi.encodePacked(r, s, v));
    }

    function signedBy(uint256 count, Batch memory batch) internal view returns (Signature[] memory signatures) {
        signatures = new Signature[](count);
        for (uint256 i; i < count; ++i) {
            signatures[i] = sign(keys[i], batch);
        }
    }

    /// @dev Publish as anybody would, signed by a quorum.
    function publish(uint256 observed, bytes memory reports) internal {
        Batch memory batch = batchOf(observed, reports);
        Signature[] memory signatures = signedBy(2, batch);
        vm.prank(stranger);
        parameters.publish(batch, reports, signatures);
    }

    /// @dev One routine report about the newest sample, in a window of its own.
    function report(bytes32 market, uint256 haircutBps) internal {
        pass(CADENCE);
        publish(newestSample(), pack(wish(market, haircutBps)));
    }

    /// @dev One emergency report about the newest block that is not a sample.
    function reportEmergency(bytes32 market, uint256 haircutBps) internal {
        pass(CADENCE);
        Wish memory w = wish(market, haircutBps);
        w.core = "";
        publish(newestOther(), pack(w));
    }

    function _fresh() internal returns (Batch memory batch, bytes memory reports) {
        pass(CADENCE);
        reports = pack(wish(MARKET, 3500));
        batch = batchOf(newestSample(), reports);
    }

    /// @dev Arguments are evaluated before the expectation is set, so that signing does not use it up.
    function _rejects(Batch memory batch, bytes memory reports, Signature[] memory signatures, bytes memory revertData)
        internal
    {
        vm.expectRevert(revertData);
        parameters.publish(batch, reports, signatures);
    }

    function _tooFew(Batch memory batch, bytes memory reports, Signature[] memory signatures, uint256 valid) internal {
        bytes memory expected = abi.encodeWithSelector(ICollateralParameters.TooFewSignatures.selector, valid, 2);
        _rejects(batch, reports, signatures, expected);
    }

    function _publish(Batch memory batch, bytes memory reports, Signature[] memory signatures) internal {
        parameters.publish(batch, reports, signatures);
    }

    function _makeSigners(uint256 count) internal {
        for (uint256 i; i < count; ++i) {
            keys.push(uint256(keccak256(abi.encode("signer", i))));
            for (uint256 j = i; j > 0 && vm.addr(keys[j]) < vm.addr(keys[j - 1]); --j) {
                (keys[j], keys[j - 1]) = (keys[j - 1], keys[j]);
            }
        }
        for (uint256 i; i < count; ++i) {
            signers.push(vm.addr(keys[i]));
        }
    }

    // ------------------------------------------------------------------------------------------------------ state

    function live(bytes32 market) internal view returns (LiveWord) {
        return LiveWord.wrap(parameters.liveWord(market));
    }

    function aux(bytes32 market) internal view returns (Aux memory) {
        return AuxLib.unpack(parameters.auxWord(market));
    }

    /// @dev The live word as the ring keeps it when it is written now.
    function entryOf(bytes32 market) internal view returns (uint256) {
        return live(market).toHistory(block.timestamp);
    }

    function haircut(bytes32 market) internal view returns (uint256) {
        return live(market).haircutBps();
    }

    function expectRefusal(bytes32 market, uint256 observed, Refusal reason, uint256 got, uint256 limit) internal {
        vm.expectEmit(address(parameters));
        emit ICollateralParameters.ReportRefused(market, uint64(observed), uint8(reason), got, limit);
    }
}
