// SPDX-License-Identifier: MIT
pragma solidity ^0.8.28;

import {AskLib} from "../libraries/AskLib.sol";

/// @title ChainlinkReader
/// @notice Asks a feed's latest round and the rounds before it, whose ids only the latest one tells.
/// @dev Never deployed: its runtime code is placed at an unused address by the state override of an `eth_call`.
///
/// Calldata, packed: feed 20 | number of earlier rounds uint8.
/// Reply, rows of AskLib: `latestRoundData()`, then `getRoundData(id - 1)`, `getRoundData(id - 2)`, ...
/// A proxy's id is its phase (from bit 64) and the aggregator's own round below it, counted from 1: a round that would
/// lie in an earlier phase is not asked, and none is when the latest is not a round.
contract ChainlinkReader {
    using AskLib for AskLib.Reply;

    uint256 private constant LATEST_STIPEND = 1_000_000;
    uint256 private constant ROUND_STIPEND = 200_000;
    uint256 private constant ROUND_BYTES = 160;

    fallback() external {
        address feed = address(bytes20(msg.data[0:20]));
        uint256 count = uint8(bytes1(msg.data[20:21]));
        AskLib.Reply memory reply = AskLib.empty();
        reply.ask(feed, abi.encodeWithSignature("latestRoundData()"), LATEST_STIPEND);
        uint256 id = reply.word(0);
        uint256 last = reply.ok && reply.answer.length == ROUND_BYTES ? uint64(id) : 0;
        for (uint256 back = 1; back <= count; back++) {
            if (back < last) {
                reply.ask(feed, abi.encodeWithSignature("getRoundData(uint80)", id - back), ROUND_STIPEND);
            } else {
                reply.skip();
            }
        }
        reply.end();
    }
}
