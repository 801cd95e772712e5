// SPDX-License-Identifier: MIT
pragma solidity ^0.8.28;

/// @dev Fields of packed words. Shift and width are constants at every call, so the optimizer folds them.
library Bits {
    /// @dev A value does not fit the field it was meant for; nothing may be truncated silently. Width 0: `value` holds
    /// the bits that would have been lost of several fields that were checked together.
    error FieldOverflow(uint256 value, uint256 width);

    function get(uint256 word, uint256 shift, uint256 width) internal pure returns (uint256) {
        unchecked {
            return (word >> shift) & ((1 << width) - 1);
        }
    }

    function set(uint256 word, uint256 shift, uint256 width, uint256 value) internal pure returns (uint256) {
        unchecked {
            uint256 mask = (1 << width) - 1;
            if (value > mask) revert FieldOverflow(value, width);
            return (word & ~(mask << shift)) | (value << shift);
        }
    }

    /// @dev Fields from consecutive words of calldata, beginning at `offset`; the first is the lowest. A loop, so that code
    /// stays small where gas does not matter.
    /// @param widths One byte a field.
    function packFrom(uint256 offset, bytes memory widths) internal pure returns (uint256 word) {
        uint256 shift;
        for (uint256 i; i < widths.length; ++i) {
            uint256 value;
            assembly ("memory-safe") {
                value := calldataload(add(offset, shl(5, i)))
            }
            uint256 width = uint8(widths[i]);
            word = set(word, shift, width, value);
            shift += width;
        }
    }
}
