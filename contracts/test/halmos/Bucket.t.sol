// SPDX-License-Identifier: MIT
pragma solidity ^0.8.28;

import {Math} from "@openzeppelin/contracts/utils/math/Math.sol";
import {Bits} from "../../src/types/Bits.sol";
import {Ceiling} from "../../src/types/Ceiling.sol";
import {LiveWord} from "../../src/types/LiveWord.sol";
import {Harness, State, Words} from "./Harness.t.sol";

/// @dev INV-03: whatever is signed and whoever calls, any 24 hours loosen by at most bucket + refill of a day: haircut
/// and premium by so many bps each, the ceiling by so many times its stretch, all out of one bucket.
contract BucketProperties is Harness {
    uint256 private constant DAY = 86_400;

    // The induction, for any number of activations within 24 hours. Let D be what is spent of the bucket right after one
    // and L what it loosened, both in bps x 86,400. Booked: D = (D before, less the refill since) + L. Not overdrawn:
    // D <= bucket, because L is no more than is available, and that is in the bucket. Refilled: the refill between
    // two is at most rate x time. Summed up, the L of a day are at most the last D plus a day's refill, so at most
    // bucket + refill. Time and rate reach an activation only through what is spent now, so these are proved at the moment
    // at which that was written, for any amount.

    function check_AnActivationBooksWhatItLoosensAndThatIsAvailable(Words memory words) external {
        State memory s = stateOf(words);
        setTime(s, 0);
        LiveWord before = s.live;
        uint256 left = s.aux.drained;
        uint256 most = available(s);
        uint256 spends = _wished(s);
        if (spends > most) spends = most;
        activate(s);
        // As far as the wish goes and no further than the bucket, whichever of the two moves further.
        assert(before.haircutBps() >= s.live.haircutBps() && before.premiumBps() >= s.live.premiumBps());
        assert(_loosened(before, s.live) == spends);
        // Fields of 40 and 14 bits: nothing overflows, and a checked product would cost the solver a division.
        unchecked {
            assert(s.aux.drained == left + spends * DAY);
        }
        assert(s.aux.drainedTime == block.timestamp);
    }

    function check_WhatIsAvailableIsInTheBucket(Words memory words) external {
        State memory s = stateOf(words);
        setTime(s, 0);
        uint256 most = available(s);
        unchecked {
            assert(most == 0 || s.aux.drained + most * DAY <= s.limits.bucketBps() * DAY);
        }
    }

    function check_TheBucketRefillsAtMostAtItsRate(Words memory words, uint32 t) external {
        State memory s = stateOf(words);
        setTime(s, t);
        assert(spent(s) <= s.aux.drained);
        assert(spent(s) + s.limits.refillBpsPerDay() * t >= s.aux.drained);
    }

    /// @dev The sum, one activation more: what was loosened since a moment is never more than what is spent now plus what
    /// was refilled since. The former is at most the bucket, the latter in a day at most a day's refill. Sums of 16 bits stand
    /// for sums of any: no code is in it.
    function check_TheSumOfActivationsIsInsideBucketAndRefill(
        uint16 loosened,
        uint16 bucket,
        uint16 refilled,
        uint16 back,
        uint16 move
    ) external pure {
        unchecked {
            vm.assume(loosened <= uint256(bucket) + refilled);
            uint256 next = uint256(bucket > back ? bucket - back : 0) + move;
            assert(uint256(loosened) + move <= next + refilled + back);
        }
    }

    /// @dev How far the pending would loosen haircut or premium, inside the floor.
    function _wished(State memory s) private pure returns (uint256) {
        uint256 goal = Math.max(Math.max(s.aux.pendingBps, s.limits.floorBps()), least(s));
        uint256 premium = Math.saturatingSub(s.live.premiumBps(), s.aux.pendingPremiumBps);
        return Math.max(Math.saturatingSub(s.live.haircutBps(), goal), premium);
    }

    /// @dev Haircut or premium, whichever moved further.
    function _loosened(LiveWord before, LiveWord now_) private pure returns (uint256) {
        uint256 haircut = before.haircutBps() - now_.haircutBps();
        uint256 premium = before.premiumBps() - now_.premiumBps();
        return haircut > premium ? haircut : premium;
    }

    // ------------------------------------------------------------------------------------------------ the ceiling

    /// @dev With a full bucket of 100 bps, a stretch of 100, and a ceiling of 5,000 units that may be asked up to 8 times
    /// as high: a product and a quotient of unknowns are beyond the solver, and ceilings have no scale.
    function check_AnActivationRaisesTheCeilingByTheStretchAtMostAndNoHigherThanAsked(Words memory words) external {
        words.limits = withBucket(words.limits, 100, 50);
        words.law = Bits.set(words.law, 146, 10, 100);
        words.live = Bits.set(words.live, 70, 20, 5000);
        State memory s = stateOf(words);
        s.aux.drained = 0;
        setTime(s, 0);
        s.aux.pendingCeiling &= (1 << 15) - 1;
        uint256 asked = s.aux.pendingCeiling;
        activateCeiling(s);
        uint256 ceiling = s.live.ceiling();
        assert(ceiling == 5000 || !Ceiling.isLower(asked, ceiling));
        assert(Ceiling.decode(ceiling) >= 5000 && Ceiling.decode(ceiling) <= 10_000);
        assert(Ceiling.decode(ceiling) <= 5000 + 50 * (s.aux.drained / DAY));
    }
}
