// SPDX-License-Identifier: MIT
pragma solidity ^0.8.28;

import {Harness, State} from "./Harness.t.sol";

/// @dev INV-03: whatever is signed and whoever calls, any 24 hours loosen by at most bucket + refill of a day.
contract BucketProperties is Harness {
    uint256 private constant DAY = 86_400;

    function check_AnActivationNeverLoosensMoreThanIsAvailable(uint256 l, uint256 a, uint256 k, uint32 t) external {
        State memory s = stateOf(l, a, k);
        setTime(s, t);
        uint256 before = s.live.haircutBps();
        uint256 most = available(s);
        activate(s);
        assert(s.live.haircutBps() <= before);
        assert(before - s.live.haircutBps() <= most);
    }

    // The induction, for any number of activations within 24 hours. Let D be what is spent of the bucket right after one
    // and L what it loosened, both in bps x 86,400. Booked: D >= (D before, less the refill since) + L. Not overdrawn:
    // D <= bucket. Refilled: the refill between two is at most rate x time. Summed up, the L of a day are at most the last
    // D plus a day's refill, so at most bucket + refill. Time and rate reach an activation only through what is spent now,
    // so the first two are proved at the moment at which that was written, for any amount.

    function check_AnActivationBooksWhatItLoosens(uint256 l, uint256 a, uint256 k) external {
        State memory s = stateOf(l, a, k);
        setTime(s, 0);
        uint256 before = s.live.haircutBps();
        uint256 left = s.aux.drained;
        activate(s);
        // Fields of 40 and 14 bits: nothing overflows, and a checked product would cost the solver a division.
        unchecked {
            assert(s.aux.drained == left + (before - s.live.haircutBps()) * DAY);
        }
        assert(s.aux.drainedTime == block.timestamp);
    }

    function check_AnActivationNeverOverdrawsTheBucket(uint256 l, uint256 a, uint256 k) external {
        State memory s = stateOf(l, a, k);
        setTime(s, 0);
        activate(s);
        assert(s.aux.drained <= s.limits.bucketBps() * DAY);
    }

    function check_TheBucketRefillsAtMostAtItsRate(uint256 a, uint256 k, uint32 t) external {
        State memory s = stateOf(0, a, k);
        setTime(s, t);
        assert(spent(s) <= s.aux.drained);
        assert(spent(s) + s.limits.refillBpsPerDay() * t >= s.aux.drained);
    }

    /// @dev The whole of it, with the starting values 100 and 50 bps: three activations within 24 hours from any bucket;
    /// between them a quorum may set any haircut and any pending it likes, since reports and stages leave the bucket alone.
    function check_ThreeActivationsInADayStayInsideTheBudget(
        uint256[3] memory l,
        uint256[3] memory a,
        uint256 k,
        uint32[3] memory t
    ) external {
        vm.assume(uint256(t[1]) + t[2] <= DAY);
        k = withBucket(k, 100, 50);
        uint256 loosened;
        State memory s = stateOf(l[0], a[0], k);
        for (uint256 i; i < 3; ++i) {
            State memory next = stateOf(l[i], a[i], k);
            if (i > 0) (next.aux.drained, next.aux.drainedTime) = (s.aux.drained, s.aux.drainedTime);
            setTime(next, t[i]);
            uint256 before = next.live.haircutBps();
            activate(next);
            loosened += before - next.live.haircutBps();
            s = next;
        }
        assert(loosened <= 150);
    }
}
