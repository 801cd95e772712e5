// SPDX-License-Identifier: MIT
pragma solidity ^0.8.27;

/// @title UniswapV4Reader
/// @notice Answers every storage word of one Uniswap v4 pool on which its price and depth rest.
/// @dev Never deployed: its runtime code is placed at the PoolManager's own address by the state override of an
/// `eth_call`, so that it reads the manager's storage. All pools live there; the calldata says which one is meant. It
/// computes nothing but which slots to read; Python computes the same and knows the slot behind each word.
///
/// Storage layout of PoolManager (v4-core 1.0.2): pools 6 (mapping). Of a pool, counted from its first slot: slot0 0 |
/// feeGrowthGlobal0X128 1 | feeGrowthGlobal1X128 2 | liquidity 3 | ticks 4 (mapping) | tickBitmap 5 (mapping).
///
/// Calldata, packed: pool id 32 | tickSpacing uint24 | range in ticks uint24.
/// Reply, 32-byte words: slot0 | feeGrowth0 | feeGrowth1 | liquidity |
///   bitmap words that cover [tick - range, tick + range] within the protocol's bounds, rising |
///   first word (liquidityGross, liquidityNet) of every initialised tick in that stretch, rising.
/// Calldata of 20 bytes, an account: one word, its balance of the chain's own currency.
contract UniswapV4Reader {
    fallback() external {
        assembly {
            /// Rounds toward minus infinity.
            function floorDiv(value, by) -> quotient {
                quotient := sub(sdiv(value, by), slt(smod(value, by), 0))
            }
            /// Slot of `map[key]`; scratch space only.
            function mapped(key, map) -> slot {
                mstore(0x00, key)
                mstore(0x20, map)
                slot := keccak256(0x00, 0x40)
            }
            /// Number of the single bit set in `bit`.
            function bitIndex(bit) -> index {
                index := shl(7, lt(0xffffffffffffffffffffffffffffffff, bit))
                index := or(index, shl(6, lt(0xffffffffffffffff, shr(index, bit))))
                index := or(index, shl(5, lt(0xffffffff, shr(index, bit))))
                // The rest is below 2**32: de Bruijn multiplication.
                let product := and(mul(shr(index, bit), 0x077CB531), 0xffffffff)
                index := or(
                    index,
                    byte(shr(27, product), 0x00011c021d0e18031e16140f191104081f1b0d17151310071a0c12060b050a09)
                )
            }

            if eq(calldatasize(), 20) {
                mstore(0x00, balance(shr(96, calldataload(0))))
                return(0x00, 0x20)
            }

            let pool := mapped(calldataload(0), 6)
            let ticks := add(pool, 4)
            let tickBitmap := add(pool, 5)
            let spacing := shr(232, calldataload(32))
            let slot0 := sload(pool)
            mstore(0x80, slot0)
            mstore(0xa0, sload(add(pool, 1)))
            mstore(0xc0, sload(add(pool, 2)))
            mstore(0xe0, sload(add(pool, 3)))
            let cursor := 0x100

            let range := and(shr(208, calldataload(32)), 0xffffff)
            let tick := signextend(2, shr(160, slot0))
            let low := sub(tick, range)
            if slt(low, sub(0, 887272)) { low := sub(0, 887272) }
            let high := add(tick, range)
            if sgt(high, 887272) { high := 887272 }
            // Compressed ticks inside [low, high]: up at the lower end, down at the upper.
            low := sub(0, floorDiv(sub(0, low), spacing))
            high := floorDiv(high, spacing)

            let words := cursor
            let lastWord := sar(8, high)
            for { let word := sar(8, low) } iszero(sgt(word, lastWord)) { word := add(word, 1) } {
                mstore(cursor, sload(mapped(word, tickBitmap)))
                cursor := add(cursor, 32)
            }
            for { let word := sar(8, low) } iszero(sgt(word, lastWord)) { word := add(word, 1) } {
                let bits := mload(words)
                words := add(words, 32)
                let base := shl(8, word)
                if slt(base, low) { bits := shl(sub(low, base), shr(sub(low, base), bits)) }
                let spare := sub(add(base, 255), high)
                if sgt(spare, 0) { bits := shr(spare, shl(spare, bits)) }
                for {} bits {} {
                    let bit := and(bits, sub(0, bits))
                    bits := xor(bits, bit)
                    mstore(cursor, sload(mapped(mul(add(base, bitIndex(bit)), spacing), ticks)))
                    cursor := add(cursor, 32)
                }
            }
            return(0x80, sub(cursor, 0x80))
        }
    }
}
