// SPDX-License-Identifier: MIT
pragma solidity ^0.8.28;

/// @title Reader code that eth_call's state override places at the address of CollateralParameters.
/// @dev Calldata: a market key. Answer, 96 bytes: live word, aux word, limits word of the live word's profile.
/// Raw storage words, so that each can be proved. Slots as in CollateralParameters; a test compares.
contract MarketReader {
    uint256 private constant MARKETS_SLOT = 0;
    uint256 private constant LIMITS_SLOT = 1;

    fallback() external {
        bytes32 market = abi.decode(msg.data, (bytes32));
        uint256 base = uint256(keccak256(abi.encode(market, MARKETS_SLOT)));
        uint256 live = _load(base);
        uint256 profile = uint8(live >> 226);
        bytes memory answer =
            abi.encode(live, _load(base + 1), _load(uint256(keccak256(abi.encode(profile, LIMITS_SLOT)))));
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
