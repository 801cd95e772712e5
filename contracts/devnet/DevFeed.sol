// SPDX-License-Identifier: MIT
pragma solidity ^0.8.28;

/// @title Price feed of a local chain in the shape of Chainlink's AggregatorV3Interface; its owner pushes the answers.
contract DevFeed {
    error NotOwner(address caller, address owner);

    struct Round {
        int256 answer;
        uint256 updatedAt;
    }

    address public immutable owner;
    uint8 public immutable decimals;
    uint256 public constant version = 1;
    string public description;

    uint80 private _latest;
    mapping(uint80 round => Round) private _rounds;

    event AnswerUpdated(int256 indexed current, uint256 indexed roundId, uint256 updatedAt);

    constructor(string memory description_, uint8 decimals_) {
        owner = msg.sender;
        description = description_;
        decimals = decimals_;
    }

    /// @notice Publish an answer in `decimals` at this block's time.
    function push(int256 answer) external {
        if (msg.sender != owner) revert NotOwner(msg.sender, owner);
        _rounds[++_latest] = Round(answer, block.timestamp);
        emit AnswerUpdated(answer, _latest, block.timestamp);
    }

    function latestRoundData()
        external
        view
        returns (uint80 roundId, int256 answer, uint256 startedAt, uint256 updatedAt, uint80 answeredInRound)
    {
        return getRoundData(_latest);
    }

    /// @notice What Aave's oracle asks.
    function latestAnswer() external view returns (int256) {
        return _rounds[_latest].answer;
    }

    function getRoundData(uint80 id)
        public
        view
        returns (uint80 roundId, int256 answer, uint256 startedAt, uint256 updatedAt, uint80 answeredInRound)
    {
        Round memory round = _rounds[id];
        return (id, round.answer, round.updatedAt, round.updatedAt, id);
    }
}
