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

/// @dev A limits profile: what governance allows the quorum to do. Packed into one slot (types/LimitsWord.sol).
struct Limits {
    /// @dev Lowest haircut, bps.
    uint16 floorBps;
    /// @dev Highest haircut, bps.
    uint16 capBps;
    /// @dev Largest tightening in one step, bps; the rest is staged.
    uint16 stepUpBps;
    /// @dev Time between steps of a stage.
    uint32 stageSeconds;
    /// @dev Capacity of the loosening bucket, bps.
    uint16 bucketBps;
    /// @dev Refill of the bucket; capacity + refill is what can loosen in any 24 h.
    uint16 refillBpsPerDay;
    /// @dev How long a loosening waits before anybody may activate it.
    uint32 disputeSeconds;
    /// @dev How long after maturity it may still be activated.
    uint32 pendingExpirySeconds;
    /// @dev A loosening is activated only while the last report is at most this old.
    uint32 freshSeconds;
}

/// @dev A market as outside readers see it.
struct Parameters {
    /// @dev 1 - maximum loan-to-value of new borrowing, bps.
    uint16 haircutBps;
    /// @dev 1 - liquidation threshold of open loans, bps. No report moves it.
    uint16 liquidationHaircutBps;
    /// @dev Liquidation bonus above par, bps. No report moves it.
    uint16 bonusBps;
    /// @dev 0 NORMAL, 1 GUARDED, 2 STRESSED, 3 HALTED.
    uint8 regime;
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
    /// @dev Seconds since observedTime.
    uint32 ageSeconds;
}

/// @dev Why one market's report was refused. The rest of the batch stands.
enum Refusal {
    None,
    /// The market is not listed.
    Unlisted,
    /// got = observed block, limit = the block of the last report: order is the fence.
    NotNewer,
    /// got = the sequence a loosening rests on, limit = the sequence that holds.
    WrongBase,
    /// got = premium, ceiling, crunch and regime as packed (64 bits): nothing bounds them yet, so they must be zero.
    NotEnabled,
    /// got = core length: an emergency report carries no core.
    CoreForbidden,
    /// got = core length, limit = 192 bytes.
    CoreTooLong,
    /// got = decay, limit = the largest the live word holds.
    DecayTooLarge,
    /// got = clamped target, limit = live haircut: the emergency lane only tightens.
    NotTighter
}

/// @title Live collateral parameters, written by a quorum of keepers inside limits that governance set.
interface ICollateralParameters {
    // ------------------------------------------------------------------------------------------------ errors: batch

    error BatchExpired(uint64 validUntil, uint256 blockTime);
    error BatchFromFuture(uint64 observedTime, uint256 blockTime);
    error BatchTooOld(uint256 observedBlock, uint256 blockNumber, uint256 maxAgeBlocks);
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
    error LooseningExhausted(bytes32 market, uint256 liveBps, uint256 goalBps, uint256 availableBps);
    error HistoryTruncated(bytes32 market, uint256 updateId, uint256 oldest, uint256 newest);

    // ------------------------------------------------------------------------------------------- errors: governance

    error BadCadence(uint32 cadence);
    error BadSettings(uint64 fromBlock, uint256 blockNumber);
    error BadSigners(uint256 count, uint256 threshold);
    error SignersNotAscending(address previous, address signer);
    error BadLimits(uint8 profile);
    error UnknownLimits(uint8 profile);
    error AlreadyListed(bytes32 market);
    error BadFirstValues(uint256 haircutBps, uint256 liquidationHaircutBps, uint256 bonusBps);

    // ------------------------------------------------------------------------------------------------------- events

    event SettingsSet(bytes32 indexed settingsHash, uint64 fromBlock, bytes document);
    event SignersSet(address[] signers, uint8 threshold);
    event LimitsSet(uint8 indexed profile, uint256 word);
    event MarketListed(bytes32 indexed market, uint256 live);
    event MarketDelisted(bytes32 indexed market);
    event BatchPublished(uint64 indexed observedBlock, uint8 batchIndex, bool routine, Batch batch, bytes reports);
    event ReportApplied(bytes32 indexed market, uint256 indexed sequence, uint256 live, uint256 aux);
    event ReportRefused(bytes32 indexed market, uint64 observedBlock, uint8 reason, uint256 got, uint256 limit);
    event StageAdvanced(bytes32 indexed market, uint256 live, uint256 aux);
    event PendingActivated(bytes32 indexed market, uint256 live, uint256 aux);

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
    function limits(uint8 profile) external view returns (Limits memory);

    /// @notice Packed live word (types/LiveWord.sol).
    function liveWord(bytes32 market) external view returns (uint256);

    /// @notice Packed aux word (types/AuxWord.sol); not zero only while the live word's flag says so.
    function auxWord(bytes32 market) external view returns (uint256);

    /// @notice A listed market's values. Never reverts for a listed market.
    function parameters(bytes32 market) external view returns (Parameters memory);

    /// @notice Live word as of an update id, while the ring of 256 holds it.
    function historyWord(bytes32 market, uint256 updateId) external view returns (uint256);

    /// @notice How many batches were stored for an observed block.
    function batchCount(uint64 observedBlock) external view returns (uint256);

    /// @notice Commitments root of a stored batch; zero when there is none.
    function commitmentsRoot(uint64 observedBlock, uint8 batchIndex) external view returns (bytes32);

    /// @notice What keepers sign.
    function batchDigest(Batch calldata batch) external view returns (bytes32);
}
