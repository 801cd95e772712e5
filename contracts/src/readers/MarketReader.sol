// SPDX-License-Identifier: MIT
pragma solidity ^0.8.28;

/// @title Reader code that eth_call's state override places at the address of CollateralParameters.
/// @dev Calldata: a market key. Answer, 192 bytes: live, aux, liquidation and guard word of the market, limits and law
/// word of the live word's profile. Raw storage words, so that each can be proved. Slots as in MarketStore, profile as
/// in types/LiveWord.sol; a test compares.
contract MarketReader {
    uint256 private constant MARKETS_SLOT = 0;
    uint256 private constant LIMITS_SLOT = 1;
    uint256 private constant PROFILE_SHIFT = 233;
    uint256 private constant PROFILE_MASK = 63;

    fallback() external {
        bytes32 market = abi.decode(msg.data, (bytes32));
        uint256 base = uint256(keccak256(abi.encode(market, MARKETS_SLOT)));
        uint256 live = _load(base);
        uint256 profile = uint256(keccak256(abi.encode((live >> PROFILE_SHIFT) & PROFILE_MASK, LIMITS_SLOT)));
        bytes memory answer =
            abi.encode(live, _load(base + 1), _load(base + 2), _load(base + 3), _load(profile), _load(profile + 1));
        assembly ("memory-safe") {
            return(add(answer, 0x20), mload(answer))
        }
    }

    function _load(uint256 slot) private view returns (uint256 word) {
        assembly ("memory-safe") {
            word := sload(slot)
        }
    }
}
