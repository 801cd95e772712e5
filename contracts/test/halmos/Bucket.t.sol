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

    /// @dev The step of the induction: what was loosened is booked, the bucket is never overdrawn.
    function check_AnActivationBooksWhatItLoosens(uint256 l, uint256 a, uint256 k, uint32 t) external {
        State memory s = stateOf(l, a, k);
        setTime(s, t);
        uint256 before = s.live.haircutBps();
        uint256 refill = s.limits.refillBpsPerDay() * (t - s.aux.drainedTime);
        uint256 left = s.aux.drained > refill ? s.aux.drained - refill : 0;
        activate(s);
        assert(s.aux.drained >= left + (before - s.live.haircutBps()) * DAY);
        assert(s.aux.drained <= s.limits.bucketBps() * DAY);
        assert(s.aux.drainedTime == t);
    }

    /// @dev Three activations within 24 hours from any state; between them the quorum may set any haircut and any
    /// pending it likes, since neither reports nor stages touch the bucket.
    function check_ThreeActivationsInADayStayInsideTheBudget(
        uint256[3] memory l,
        uint256[3] memory a,
        uint256 k,
        uint32[3] memory t
    ) external {
        vm.assume(t[0] <= t[1] && t[1] <= t[2] && t[2] - t[0] <= DAY);
        State memory s = stateOf(l[0], a[0], k);
        uint256 loosened;
        for (uint256 i; i < 3; ++i) {
            State memory next = stateOf(l[i], a[i], k);
            if (i > 0) (next.aux.drained, next.aux.drainedTime) = (s.aux.drained, s.aux.drainedTime);
            setTime(next, t[i]);
            uint256 before = next.live.haircutBps();
            activate(next);
            loosened += before - next.live.haircutBps();
            s = next;
        }
        assert(loosened <= s.limits.bucketBps() + s.limits.refillBpsPerDay());
    }
}
