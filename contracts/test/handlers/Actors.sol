// SPDX-License-Identifier: MIT
pragma solidity ^0.8.28;

import {AccessManager} from "@openzeppelin/contracts/access/manager/AccessManager.sol";
import {Wish} from "../Base.t.sol";
import {Batch, ICollateralParameters, Limits, Values} from "../../src/interfaces/ICollateralParameters.sol";
import {Ceiling} from "../../src/types/Ceiling.sol";
import {LiveWord} from "../../src/types/LiveWord.sol";
import {Actor, Watcher} from "./Watcher.sol";

/// @dev Everybody who can touch the contract, in any order at any time: a stolen quorum that says anything, an honest
/// keeper, guardian, tripwire, disputes, governance, anybody, time. Two markets, one advisory and one bounded at first.
contract Actors is Watcher {
    uint64 private constant GUARDIAN_ROLE = 1;
    uint64 private constant TRIPWIRE_ROLE = 2;
    uint64 private constant DISPUTES_ROLE = 3;

    address private guardian = makeAddr("guardian");
    address private tripwire = makeAddr("tripwire");
    address private disputes = makeAddr("disputes");
    uint256 private nonce;

    function setUp() public override {
        super.setUp();
        (held[0], held[1]) = (_soundLimits(0, 0), _soundLimits(1, 0));
        vm.startPrank(governance);
        _grant(GUARDIAN_ROLE, guardian, ICollateralParameters.raiseRegime.selector);
        _grant(GUARDIAN_ROLE, guardian, ICollateralParameters.holdLoosening.selector);
        _grant(TRIPWIRE_ROLE, tripwire, ICollateralParameters.trip.selector);
        _grant(DISPUTES_ROLE, disputes, ICollateralParameters.stop.selector);
        parameters.setLimits(0, held[0]);
        parameters.setLimits(1, held[1]);
        uint24 ceiling = uint24(Ceiling.encodeDown(1e24));
        parameters.setMarket(MARKET, 0, Values(3000, 2000, 500, 300, ceiling));
        parameters.setMarket(OTHER, 1, Values(4000, 3000, 500, 300, ceiling));
        vm.stopPrank();
    }

    function _grant(uint64 role, address account, bytes4 selector) private {
        bytes4[] memory selectors = new bytes4[](1);
        selectors[0] = selector;
        manager.grantRole(role, account, 0);
        manager.setTargetFunctionRole(address(parameters), selectors, role);
    }

    // ------------------------------------------------------------------------------------------------------- quorum

    /// @dev Any report, any lane, any field, one or two markets and one that nobody listed.
    function attackerQuorum(uint256 seed) external {
        _passWatched(1 + _draw(seed, "blocks") % 60, 0);
        bool routine = _draw(seed, "lane") % 3 != 0;
        bytes32 market = _market(seed);
        bytes memory packed = pack(_anyWish(seed, market, routine));
        uint256 more = _draw(seed, "more") % 4;
        if (more == 0) {
            packed = bytes.concat(packed, pack(_anyWish(~seed, market == MARKET ? OTHER : MARKET, routine)));
        }
        if (more == 1) packed = bytes.concat(pack(_anyWish(seed, keccak256("unlisted"), routine)), packed);
        _publishWatched(routine ? newestSample() : newestOther(), packed, _draw(seed, "late") % 4 == 0 ? 7200 : 0);
        if (_draw(seed, "follow") % 4 != 0) return;
        _passWatched(25, 0);
        _act(Actor.Advance, stranger, market, abi.encodeCall(parameters.advance, (market)));
    }

    /// @dev The same report again, of one market; a day of it is bounded like any other.
    function greedyQuorum(uint256 seed) external {
        bytes32 market = _market(seed);
        uint256 hours_ = 1 + _draw(seed, "hours") % 10;
        bool up = _draw(seed, "up") % 2 == 0;
        for (uint256 i; i < 3; ++i) {
            _passWatched(60, hours_ * 1 hours);
            Wish memory w = _keep(market);
            w.haircutBps = w.premiumBps = w.bonusBps = 0;
            w.ceiling = (1 << 20) - 1;
            w.liquidationHaircutBps = up ? 9999 : 0;
            if (up) w.bonusBps = uint16(live(market).bonusBps() + _draw(seed, "bonus") % 100);
            if (!_publishWatched(newestSample(), pack(w), 0)) continue;
            _act(Actor.Activate, stranger, market, abi.encodeCall(parameters.activate, (market)));
            _act(Actor.Move, stranger, market, abi.encodeCall(parameters.activateLiquidation, (market)));
        }
    }

    /// @dev A small change either way, of everything, on the newest sample: always applied.
    function honestKeeper(uint256 seed) external {
        _passWatched(60, 0);
        bytes32 market = _market(seed);
        if (!live(market).isListed()) return;
        Wish memory w = _keep(market);
        LiveWord word = live(market);
        w.haircutBps = uint16(_near(seed, "haircut", word.haircutBps(), 150));
        w.premiumBps = uint16(_near(seed, "premium", word.premiumBps(), 60));
        w.liquidationHaircutBps = uint16(_near(seed, "liquidation", word.liquidationTargetBps(), 60));
        w.bonusBps = uint16(_near(seed, "bonus", word.bonusBps(), 30));
        if (_draw(seed, "ceiling") % 2 == 0) w.ceiling = uint24(word.ceiling() + _draw(seed, "ceiling") % 300);
        if (w.ceiling >> 20 != 0) w.ceiling = 0;
        assertTrue(_publishWatched(newestSample(), pack(w), 0), "INV-14: an honest report was refused");
    }

    // ------------------------------------------------------------------------------------------------------ anybody

    function anybody(uint256 seed) external {
        bytes32 market = _market(seed);
        uint256 what = _draw(seed, "what") % 3;
        if (what == 0) _act(Actor.Advance, stranger, market, abi.encodeCall(parameters.advance, (market)));
        if (what == 1) _act(Actor.Activate, stranger, market, abi.encodeCall(parameters.activate, (market)));
        if (what == 2) _act(Actor.Move, stranger, market, abi.encodeCall(parameters.activateLiquidation, (market)));
    }

    // ---------------------------------------------------------------------------- guardian, tripwire, disputes, time

    function guardianRaise(uint256 seed) external {
        bytes32 market = _market(seed);
        uint8 level = uint8(_draw(seed, "level") % 5);
        uint32 duration = uint32(_draw(seed, "duration") % 9 * 20 minutes);
        if (_draw(seed, "long") % 16 == 0) duration = 7 days + uint32(_draw(seed, "long") / 16 % 2);
        bool fits = live(market).isListed() && level != 0 && level <= 3 && duration != 0 && duration <= 7 days
            && level >= live(market).regimeAt(block.timestamp);
        bool ok =
            _act(Actor.Guardian, guardian, market, abi.encodeCall(parameters.raiseRegime, (market, level, duration)));
        assertEq(ok, fits, "INV-15: the guardian is bound by nothing else");
        if (ok) ++counts["raised by the guardian"];
    }

    function guardianHold(uint256 seed) external {
        uint32 duration = uint32(_draw(seed, "duration") % 3 hours);
        if (_draw(seed, "long") % 32 == 0) duration = 30 days;
        bytes32 market = _market(seed);
        bytes memory call_ = abi.encodeCall(parameters.holdLoosening, (market, duration));
        if (_act(Actor.Guardian, guardian, market, call_)) ++counts["held"];
    }

    function tripper(uint256 seed) external {
        bytes32 market = _market(seed);
        _act(Actor.Tripper, tripwire, market, abi.encodeCall(parameters.trip, (market)));
    }

    function dispute(uint256 seed) external {
        bytes32 market = _market(seed);
        _act(Actor.Disputes, disputes, market, abi.encodeCall(parameters.stop, (market)));
    }

    /// @dev Seconds, hours, rarely weeks.
    function time(uint256 seed) external {
        uint256 scale = _draw(seed, "scale") % 8;
        uint256 longest = scale < 3 ? 20 minutes : scale < 7 ? 30 hours : 3 weeks;
        uint256 seconds_ = _draw(seed, "time") % longest;
        _passWatched(seconds_ / 12, seconds_ % 12);
    }

    // --------------------------------------------------------------------------------------------------- governance

    function governs(uint256 seed) external {
        uint256 what = _draw(seed, "what") % 6;
        bytes32 market = _market(seed);
        if (what == 0) _setLimits(seed);
        else if (what == 1) _listAgain(seed, market);
        else _setMarket(seed, market);
    }

    function _setLimits(uint256 seed) private {
        uint8 profile = uint8(_draw(seed, "profile") % 2);
        held[profile] = _soundLimits(profile, _draw(seed, "limits"));
        if (live(MARKET).profile() == profile) _forgetWindows(MARKET);
        if (live(OTHER).profile() == profile) _forgetWindows(OTHER);
        // The new limits hold at once, so what was seen before is not compared under them.
        vm.prank(governance);
        parameters.setLimits(profile, held[profile]);
        ++counts["limits set"];
    }

    function _setMarket(uint256 seed, bytes32 market) private {
        LiveWord word = live(market);
        uint8 profile = word.profile();
        if (_draw(seed, "swap") % 8 == 0) profile = 1 - profile;
        if (!word.isListed()) return;
        Values memory values = Values({
            haircutBps: uint16(_near(seed, "haircut", (word.haircutBps() + 3000) / 2, 500)),
            liquidationHaircutBps: uint16(_near(seed, "liquidation", word.liquidationTargetBps(), 300)),
            bonusBps: uint16(_near(seed, "bonus", word.bonusBps(), 100)),
            premiumBps: uint16(_near(seed, "premium", word.premiumBps(), 200)),
            ceiling: uint24(word.ceiling())
        });
        if (!_act(
                Actor.Governance, governance, market, abi.encodeCall(parameters.setMarket, (market, profile, values))
            )) return;
        if (profile != word.profile()) _forgetWindows(market);
        ++counts["market set"];
    }

    /// @dev Delist, wait, list again: the spent buckets and the ids go on.
    function _listAgain(uint256 seed, bytes32 market) private {
        uint8 profile = live(market).profile();
        if (!_act(Actor.Governance, governance, market, abi.encodeCall(parameters.delistMarket, (market)))) return;
        _passWatched(2, _draw(seed, "pause") % 2 hours);
        bytes memory call_ = abi.encodeCall(parameters.listMarket, (market, profile, 5000, 2500, 500));
        assertTrue(_act(Actor.Governance, governance, market, call_), "a market can be listed again");
        ++counts["listed again"];
    }

    /// @dev Limits that governance might choose; the first of each profile are the usual ones.
    function _soundLimits(uint8 profile, uint256 seed) private pure returns (Limits memory values) {
        values = defaultLimits();
        values.bounded = profile == 1;
        values.tripBudgetSeconds = 24 hours;
        if (seed == 0) return values;
        values.floorBps = uint16(_draw(seed, "floor") % 3000);
        values.capBps = uint16(5000 + _draw(seed, "cap") % 5001);
        values.stepUpBps = uint16(1 + _draw(seed, "step") % 2000);
        values.bucketBps = uint16(_draw(seed, "bucket") % 400);
        values.refillBpsPerDay = uint16(_draw(seed, "refill") % 200);
        values.disputeSeconds = uint32(1 + _draw(seed, "dispute") % 12 hours);
        values.graceSeconds = uint32(1 + _draw(seed, "grace") % 24 hours);
        values.dayBudgetBps = uint16(2 + _draw(seed, "day") % 200);
        values.fortnightBudgetBps = uint16(values.dayBudgetBps + _draw(seed, "fortnight") % 600);
        values.rampSeconds = uint32(1 + _draw(seed, "ramp") % 5 days);
        values.premiumCapBps = uint16(_draw(seed, "premium") % 3000);
        values.ceilingStretch = uint16(_draw(seed, "stretch") % 100);
        if (_draw(seed, "bound") % 3 == 0) values.ceilingCap = uint24(Ceiling.encodeDown(2e24));
        values.regimeSeconds = uint32(1 + _draw(seed, "regime") % 24 hours);
        values.tripSeconds = uint32(_draw(seed, "trip") % 3 hours);
        values.tripBudgetSeconds = 2 * (values.tripSeconds + 1024) + uint32(_draw(seed, "week") % 24 hours);
    }

    // ------------------------------------------------------------------------------------------------------ reports

    function _publishWatched(uint256 observed, bytes memory packed, uint256 late) private returns (bool applied) {
        Batch memory batch = batchOf(observed, packed);
        batch.observedTime -= uint64(late);
        batch.commitmentsRoot = bytes32(uint256(++nonce) << 32);
        bytes memory call_ = abi.encodeCall(parameters.publish, (batch, packed, signedBy(2, batch)));
        uint256 before = reports[MARKET] + reports[OTHER];
        bool ok = _actOnBoth(Actor.Quorum, stranger, call_);
        applied = reports[MARKET] + reports[OTHER] != before;
        if (applied || !ok) return applied;
        for (uint8 i; i < 4; ++i) {
            bytes28 stored = parameters.commitmentsRoot(uint64(observed), i);
            assertTrue(stored != bytes28(batch.commitmentsRoot), "INV-13: a batch without effect left its root");
        }
        ++counts["batch without effect"];
    }

    /// @dev What holds, asked for again.
    function _keep(bytes32 market) private view returns (Wish memory w) {
        LiveWord word = live(market);
        w = wish(market, word.haircutBps());
        w.liquidationHaircutBps = uint16(word.liquidationTargetBps());
        w.bonusBps = uint16(word.bonusBps());
        w.premiumBps = uint16(word.premiumBps());
    }

    function _anyWish(uint256 seed, bytes32 market, bool routine) private view returns (Wish memory w) {
        w = _keep(market);
        LiveWord word = live(market);
        w.haircutBps = uint16(_any(seed, "haircut", word.haircutBps()));
        w.premiumBps = uint16(_any(seed, "premium", word.premiumBps()));
        w.liquidationHaircutBps = uint16(_any(seed, "liquidation", word.liquidationTargetBps()));
        w.bonusBps = uint16(_any(seed, "bonus", word.bonusBps()));
        w.crunchPermille = uint16(_draw(seed, "crunch"));
        w.decay = uint16(_draw(seed, "decay") % 20_000);
        uint256 pick = _draw(seed, "ceiling");
        if (pick % 3 == 1) w.ceiling = uint24(_max(word.ceiling(), 200) + pick % 400 - 200);
        if (pick % 12 == 2) w.ceiling = uint24(pick);
        if (_draw(seed, "regime") % 8 == 0) w.regime = uint8(_draw(seed, "level") % 5);
        if (_draw(seed, "base") % 4 == 0) w.baseSequence = uint32(_draw(seed, "sequence"));
        if (!routine && _draw(seed, "core") % 8 != 0) w.core = "";
        if (_draw(seed, "core") % 16 == 0) w.core = new bytes(193);
    }

    // ------------------------------------------------------------------------------------------------------ drawing

    function _market(uint256 seed) private view returns (bytes32) {
        return _draw(seed, "market") % 2 == 0 ? MARKET : OTHER;
    }

    /// @dev Near what holds, or anything.
    function _any(uint256 seed, string memory what, uint256 held_) private pure returns (uint256) {
        uint256 pick = _draw(seed, what);
        if (pick % 4 == 0) return (pick >> 8) % 12_000;
        if (pick % 16 == 1) return pick % 32 == 1 ? 0 : 65_535;
        return _near(pick, what, held_, 300);
    }

    function _near(uint256 seed, string memory what, uint256 held_, uint256 span) private pure returns (uint256) {
        uint256 shifted = held_ + _draw(seed, what) % (2 * span + 1);
        return shifted < span ? 0 : shifted - span;
    }

    function _draw(uint256 seed, string memory what) private pure returns (uint256) {
        return uint256(keccak256(abi.encode(seed, what)));
    }
}
