// SPDX-License-Identifier: MIT
pragma solidity ^0.8.28;

/// @dev What keepers agree on and sign: one block, many reports. Field order is the EIP-712 type's.
struct Batch {
    /// @dev The block that was read.
    uint64 observedBlock;
    /// @dev Its hash; compared with the chain's own history, so a report on an orphaned block cannot land.
    bytes32 observedHash;
    /// @dev Its header time, unix seconds.
    uint64 observedTime;
    /// @dev Unix seconds after which the batch is void.
    uint64 validUntil;
    /// @dev keccak256 of the settings document the keepers folded with.
    bytes32 settingsHash;
    /// @dev Merkle root over the markets' commitments; opened in disputes.
    bytes32 commitmentsRoot;
    /// @dev keccak256 of the packed reports (layout in ReportLib).
    bytes32 reportsHash;
}

/// @dev One signer's answer over the batch digest: 65 bytes r, s, v, or whatever an EIP-1271 signer takes.
struct Signature {
    address signer;
    bytes data;
}

/// @dev A limits profile: what governance allows the quorum to do. Packed into two slots (types/LimitsWord.sol,
/// types/LawWord.sol).
struct Limits {
    /// @dev Lowest haircut, bps.
    uint16 floorBps;
    /// @dev Highest haircut, bps; also how far silence and regimes below HALTED can widen it.
    uint16 capBps;
    /// @dev Largest tightening in one step, bps; the rest is staged.
    uint16 stepUpBps;
    /// @dev Time between steps of a stage.
    uint32 stageSeconds;
    /// @dev Capacity of the loosening bucket, bps.
    uint16 bucketBps;
    /// @dev Refill of the bucket; capacity + refill is what can loosen in any 24 h.
    uint16 refillBpsPerDay;
    /// @dev How long a loosening, or a move of the liquidation haircut, waits before anybody may activate it.
    uint32 disputeSeconds;
    /// @dev How long after maturity it may still be activated.
    uint32 pendingExpirySeconds;
    /// @dev It is activated only while the last report is at most this old.
    uint32 freshSeconds;
    /// @dev From this age on the effective haircut widens.
    uint32 graceSeconds;
    /// @dev Least k times sigma of the widening, per sqrt(year) in 1/256.
    uint16 decayFloor;
    /// @dev What the regimes GUARDED and STRESSED add to the haircut, bps. HALTED makes it 10,000.
    uint16 guardedAddBps;
    uint16 stressedAddBps;
    /// @dev How long a regime that a report raised lasts, unless raised again.
    uint32 regimeSeconds;
    /// @dev Whether the quorum may move the liquidation haircut and the bonus at all; else its wishes are advisory.
    bool bounded;
    /// @dev Where they may go, bps.
    uint16 liquidationFloorBps;
    uint16 liquidationCapBps;
    uint16 bonusCapBps;
    /// @dev How far in any 24 h and in any 14 days, both directions together, bps.
    uint16 dayBudgetBps;
    uint16 fortnightBudgetBps;
    /// @dev How long a move takes to reach the loans.
    uint32 rampSeconds;
    /// @dev Highest premium, bps.
    uint16 premiumCapBps;
    /// @dev Lowest and highest debt ceiling a report can set, encoded as in types/Ceiling.sol; 0 = no bound.
    uint24 ceilingFloor;
    uint24 ceilingCap;
    /// @dev Growth of the ceiling, bps, that 1 bps of the bucket pays for; 0 = reports never raise it.
    uint16 ceilingStretch;
    /// @dev Least annual volatility (bps) and tail multiplier (1/100) a model may use; `decayFloor` is their product or more.
    uint16 sigmaFloorBps;
    uint16 kFloor;
    /// @dev How long one permissionless trip lasts; 0 = none is allowed.
    uint32 tripSeconds;
    /// @dev How long trips can hold a market in any 7 days.
    uint32 tripBudgetSeconds;
    /// @dev Pause between the end of a trip and the next.
    uint32 tripCooldownSeconds;
}

/// @dev What governance sets of a market.
struct Values {
    uint16 haircutBps;
    uint16 liquidationHaircutBps;
    uint16 bonusBps;
    uint16 premiumBps;
    /// @dev Encoded as in types/Ceiling.sol; 0 = none.
    uint24 ceiling;
}

/// @dev A market as outside readers see it at a time.
struct Parameters {
    /// @dev 1 - maximum loan-to-value of new borrowing, bps: effective, with widening and regime. Use this one.
    uint16 haircutBps;
    /// @dev As last written, before widening and regime.
    uint16 storedHaircutBps;
    /// @dev 1 - liquidation threshold of open loans, bps, where its ramp is. No alarm and no silence moves it.
    uint16 liquidationHaircutBps;
    /// @dev Where its ramp ends.
    uint16 liquidationTargetBps;
    /// @dev Liquidation bonus above par, bps; under the same law.
    uint16 bonusBps;
    /// @dev Funding premium, bps.
    uint16 premiumBps;
    /// @dev Debt ceiling, base units of the debt asset; 2^256 - 1 = none, 0 = no new debt (HALTED).
    uint256 ceiling;
    /// @dev Probability of a liquidity crunch, as the keepers see it; moves nothing here.
    uint16 crunchPermille;
    /// @dev 0 NORMAL, 1 GUARDED, 2 STRESSED, 3 HALTED.
    uint8 regime;
    /// @dev When it ends by itself; 0 while NORMAL.
    uint40 regimeExpiry;
    /// @dev Header time of the block the last report observed; listing time before the first report.
    uint32 observedTime;
    uint32 observedBlock;
    /// @dev Reports accepted so far.
    uint32 sequence;
    /// @dev Every change of the live word, reports or not; never falls.
    uint32 updateId;
    /// @dev Target of the rest of a clamped tightening, bps; 0 = none.
    uint16 stagedBps;
    /// @dev Target of a waiting loosening, bps; meaningful while pendingAt is not 0.
    uint16 pendingBps;
    /// @dev When it may be activated; 0 = none waits.
    uint40 pendingAt;
    /// @dev Liquidation haircut that waits, bps; meaningful while pendingLiquidationAt is not 0.
    uint16 pendingLiquidationBps;
    uint40 pendingLiquidationAt;
    /// @dev Seconds since observedTime.
    uint32 ageSeconds;
    /// @dev Whether the age is beyond the grace, so that the haircut widens.
    bool stale;
}

/// @dev Why one market's report was refused. The rest of the batch stands.
enum Refusal {
    None,
    /// The market is not listed.
    Unlisted,
    /// got = observed block, limit = the block of the last report: order is the fence.
    NotNewer,
    /// got = observed time, limit = that of the last report: a newer block is no earlier.
    TimeBehind,
    /// got = ceiling, limit = the largest the live word holds.
    CeilingTooWide,
    /// got = regime, limit = 3.
    UnknownRegime,
    /// got = core length, limit = 192 bytes.
    CoreTooLong,
    /// got = decay, limit = the largest the live word holds.
    DecayTooLarge,
    /// got = core length: an emergency report carries no core.
    CoreForbidden,
    /// got = asked haircut, limit = live haircut: the emergency lane only tightens, and this tightens nothing.
    NotTighter,
    /// got = the sequence a loosening rests on, limit = the sequence that holds.
    WrongBase
}

/// @title Live collateral parameters, written by a quorum of keepers inside limits that governance set.
interface ICollateralParameters {
    // ------------------------------------------------------------------------------------------------ errors: batch

    error BatchExpired(uint64 validUntil, uint256 blockTime);
    error BatchFromFuture(uint64 observedTime, uint256 blockTime);
    error BatchTooOld(uint256 observedBlock, uint256 blockNumber, uint256 maxAgeBlocks);
    /// @dev The header time it names is further back than any block it may rest on.
    error ObservedTimeTooOld(uint64 observedTime, uint256 blockTime, uint256 maxAgeSeconds);
    /// @dev `settledBlock` (the observed block, or the end of its window) must be 2 blocks deep.
    error BatchTooShallow(uint256 settledBlock, uint256 blockNumber);
    error WrongBlockHash(uint256 blockNumber, bytes32 got, bytes32 expected);
    error WrongSettings(bytes32 got, bytes32 expected);
    error WrongReportsHash(bytes32 got, bytes32 expected);
    error ZeroCommitmentsRoot();
    error TooFewSignatures(uint256 valid, uint256 threshold);
    error MalformedReports(uint256 offset, uint256 length);
    error BatchIndexExhausted(uint64 observedBlock);

    // ---------------------------------------------------------------------------------------------- errors: markets

    error UnknownMarket(bytes32 market);
    error NothingStaged(bytes32 market);
    error StageNotDue(bytes32 market, uint256 dueTime, uint256 blockTime);
    error NothingPending(bytes32 market);
    error PendingNotMature(bytes32 market, uint256 matureTime, uint256 blockTime);
    error PendingExpired(bytes32 market, uint256 expiryTime, uint256 blockTime);
    error ReportNotFresh(bytes32 market, uint256 observedTime, uint256 freshSeconds);
    error RegimeNotNormal(bytes32 market, uint256 regime);
    /// @dev The guardian holds all loosening of the market.
    error LooseningHeld(bytes32 market, uint256 heldUntil, uint256 blockTime);
    /// @dev Nothing to loosen, or too little in the bucket yet.
    error LooseningExhausted(bytes32 market, uint256 liveBps, uint256 goalBps, uint256 availableBps);
    /// @dev Nothing to move, or too little in the budgets of the liquidation haircut yet.
    error MoveExhausted(bytes32 market, uint256 liveBps, uint256 goalBps, uint256 availableBps);
    /// @dev A loosening of the liquidation group would leave threshold x (1 + bonus) above 1.
    error GroupBroken(bytes32 market, uint256 liquidationHaircutBps, uint256 bonusBps);
    error TripCoolingDown(bytes32 market, uint256 readyTime, uint256 blockTime);
    error TripBudgetSpent(bytes32 market, uint256 neededSeconds, uint256 availableSeconds);
    error BadRaise(bytes32 market, uint8 regime, uint32 duration, uint32 maxDuration);
    error BadHold(bytes32 market, uint32 duration, uint32 maxDuration);
    error HistoryTruncated(bytes32 market, uint256 updateId, uint256 oldest, uint256 newest);

    // ------------------------------------------------------------------------------------------- errors: governance

    error BadCadence(uint32 cadence);
    error BadSettings(uint64 fromBlock, uint256 blockNumber);
    error BadSigners(uint256 count, uint256 threshold);
    error SignersNotAscending(address previous, address signer);
    error BadLimits(uint8 profile);
    error UnknownLimits(uint8 profile);
    error AlreadyListed(bytes32 market);
    error BadValues(uint256 haircutBps, uint256 liquidationHaircutBps, uint256 bonusBps);
    error BadSuccessor(address successor);
    /// @dev Governance has ended this contract: values hold, nothing is written any more.
    error Ended(address successor, uint256 since);

    // ------------------------------------------------------------------------------------------------------- events

    event SettingsSet(bytes32 indexed settingsHash, uint64 fromBlock, bytes document);
    event SignersSet(address[] signers, uint8 threshold);
    event LimitsSet(uint8 indexed profile, uint256 word, uint256 law);
    event MarketListed(bytes32 indexed market, uint256 live);
    event MarketSet(bytes32 indexed market, uint256 live, uint256 aux);
    event MarketDelisted(bytes32 indexed market);
    event Sunset(address indexed successor, uint256 time);
    event BatchPublished(uint64 indexed observedBlock, uint8 batchIndex, bool routine, Batch batch, bytes reports);
    /// @dev `aux` is 0 when the report had no reason to look at it.
    event ReportApplied(bytes32 indexed market, uint256 live, uint256 aux);
    event ReportRefused(bytes32 indexed market, uint64 observedBlock, uint8 reason, uint256 got, uint256 limit);
    event StageAdvanced(bytes32 indexed market, uint256 live, uint256 aux);
    event PendingActivated(bytes32 indexed market, uint256 live, uint256 aux);
    /// @dev A routine report opened, narrowed or withdrew a move of the liquidation haircut (types/LiquidationWord.sol).
    event LiquidationProposed(bytes32 indexed market, uint256 liquidation);
    event LiquidationMoved(bytes32 indexed market, uint256 live, uint256 liquidation);
    event RegimeRaised(bytes32 indexed market, address indexed by, uint256 live, uint256 aux);
    event LooseningHeldUntil(bytes32 indexed market, uint256 time);
    event MarketStopped(bytes32 indexed market, uint256 live, uint256 aux);

    // ------------------------------------------------------------------------------------------------ keepers, anybody

    /// @notice Apply a batch that enough current signers signed. Open to anybody who brings the signatures.
    /// @dev Routine lane when `observedBlock` is its window's sample, else emergency lane (tightens only, no core).
    /// Reverts whole for faults of the batch; one market's refusal emits `ReportRefused` and leaves the others applied.
    /// A batch of which nothing was applied stores and publishes nothing.
    function publish(Batch calldata batch, bytes calldata reports, Signature[] calldata signatures) external;

    /// @notice Take the next step of a staged tightening. Open to anybody.
    function advance(bytes32 market) external;

    /// @notice Loosen by a matured pending, as far as the bucket allows. Open to anybody.
    function activate(bytes32 market) external;

    /// @notice Move the liquidation haircut by a matured proposal, as far as its budgets allow. Open to anybody.
    function activateLiquidation(bytes32 market) external;

    // ------------------------------------------------------------------------------- guardian, tripwire, disputes

    /// @notice Raise the regime of a market for at most 7 days. For the guardian; bound by no cool-down.
    function raiseRegime(bytes32 market, uint8 regime, uint32 duration) external;

    /// @notice Let nothing loosen, and no liquidation haircut move, for at most 30 days from now. For the guardian. What
    /// waits goes on waiting, and expires as it would.
    function holdLoosening(bytes32 market, uint32 duration) external;

    /// @notice Raise a market to GUARDED for the trip's length. For the tripwire, which has checked a proof.
    function trip(bytes32 market) external;

    /// @notice Void a pending loosening and a proposed move, and stop a ramp where it is. For disputes.
    function stop(bytes32 market) external;

    // --------------------------------------------------------------------------------------------------- governance

    /// @notice Adopt a settings document from `fromBlock` on (not in the past). It is emitted whole, its hash stored.
    /// @dev A next document that is not yet in force is replaced.
    function setSettings(bytes calldata document, uint64 fromBlock) external;

    /// @notice Replace signer set and threshold at once. `signers` strictly ascending.
    function setSigners(address[] calldata newSigners, uint8 newThreshold) external;

    /// @notice Set a limits profile for all markets that use it.
    function setLimits(uint8 profile, Limits calldata newLimits) external;

    /// @notice List a market with its first values. A market listed again continues its sequence and update ids.
    function listMarket(bytes32 market, uint8 profile, uint16 haircutBps, uint16 liquidationHaircutBps, uint16 bonusBps)
        external;

    /// @notice Set a listed market's profile and values. Whatever waits is void; the spent budgets are not. The
    /// liquidation haircut goes to its new value along the profile's ramp.
    function setMarket(bytes32 market, uint8 profile, Values calldata values) external;

    /// @notice End this contract for good: nothing is written any more, values hold, nothing widens further.
    function sunset(address successor) external;

    /// @notice Stop accepting reports for a market. Its history stays readable.
    function delistMarket(bytes32 market) external;

    // -------------------------------------------------------------------------------------------------------- views

    /// @notice Length of a window in blocks.
    function cadence() external view returns (uint32);

    /// @notice Hash of the settings in force now; zero before the first.
    function settingsHash() external view returns (bytes32);

    /// @notice Hash of the settings in force at a block; zero when older than the two that are kept.
    function settingsHashAt(uint64 blockNumber) external view returns (bytes32);

    function signers() external view returns (address[] memory);
    function isSigner(address account) external view returns (bool);
    function threshold() external view returns (uint8);

    /// @notice Packed live word (types/LiveWord.sol).
    function liveWord(bytes32 market) external view returns (uint256);

    /// @notice Packed aux word (types/AuxWord.sol); a stage or a pending is open while the live word's flag says so.
    function auxWord(bytes32 market) external view returns (uint256);

    /// @notice A listed market's values now. Never reverts for a listed market.
    function parameters(bytes32 market) external view returns (Parameters memory);

    /// @notice A raw storage word, for views/ParametersLens.sol.
    function extsload(bytes32 slot) external view returns (bytes32);

    /// @notice What replaces this contract, and since when; zeros while it is in use.
    function successor() external view returns (address, uint256 since);

    /// @notice First 28 bytes of the commitments root of a batch of the last 1,024 windows; zero when there is none.
    function commitmentsRoot(uint64 observedBlock, uint8 batchIndex) external view returns (bytes28);

    /// @notice What keepers sign.
    function batchDigest(Batch calldata batch) external view returns (bytes32);
}
