// SPDX-License-Identifier: MIT
pragma solidity ^0.8.27;

/// @title UniswapV3Reader
/// @notice Answers every storage word of a Uniswap v3 pool on which its price, depth and recent means rest.
/// @dev Never deployed: its runtime code is placed at the pool's own address by the state override of an `eth_call`, so
/// that it reads the pool's storage. It computes nothing but which slots to read; Python computes the same and knows
/// the slot behind each word.
///
/// Storage layout of UniswapV3Pool (v3-core 1.0.1): slot0 0 | feeGrowthGlobal0X128 1 | feeGrowthGlobal1X128 2 |
/// protocolFees 3 | liquidity 4 | ticks 5 (mapping) | tickBitmap 6 (mapping) | positions 7 | observations 8 + i.
///
/// Calldata, packed: tickSpacing uint24 | range in ticks uint24 | per target seconds ago uint32.
/// Reply, 32-byte words: slot0 | feeGrowth0 | feeGrowth1 | liquidity | newest observation |
///   bitmap words that cover [tick - range, tick + range] within the protocol's bounds, rising |
///   first word (liquidityGross, liquidityNet) of every initialised tick in that stretch, rising |
///   per target: ring index, observation at or before the target, observation after it.
/// A target at or after the newest observation answers (newest, 0); one before the oldest answers (oldest, 0).
contract UniswapV3Reader {
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
            /// Seconds from an observation to now, modulo 2**32: larger is older. Safe across the overflow of 2106.
            function age(observation) -> value {
                value := and(sub(timestamp(), observation), 0xffffffff)
            }

            let cursor := 0x80
            let spacing := shr(232, calldataload(0))
            let slot0 := sload(0)
            let newestIndex := and(shr(184, slot0), 0xffff)
            let cardinality := and(shr(200, slot0), 0xffff)
            let newest := sload(add(8, newestIndex))
            mstore(cursor, slot0)
            mstore(0xa0, sload(1))
            mstore(0xc0, sload(2))
            mstore(0xe0, sload(4))
            mstore(0x100, newest)
            cursor := 0x120

            {
                let range := and(shr(208, calldataload(0)), 0xffffff)
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
                    mstore(cursor, sload(mapped(word, 6)))
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
                        mstore(cursor, sload(mapped(mul(add(base, bitIndex(bit)), spacing), 5)))
                        cursor := add(cursor, 32)
                    }
                }
            }

            for { let at := 6 } lt(at, calldatasize()) { at := add(at, 4) } {
                let ago := shr(224, calldataload(at))
                let index := newestIndex
                let before := newest
                let after_ := 0
                if gt(ago, age(newest)) {
                    index := mod(add(newestIndex, 1), cardinality)
                    before := sload(add(8, index))
                    if iszero(shr(248, before)) {
                        index := 0
                        before := sload(8)
                    }
                    // `age(before) < ago` means the ring does not reach back that far: the oldest answers.
                    if iszero(lt(age(before), ago)) {
                        // Binary search as Oracle.binarySearch does; a lawful ring ends within 17 rounds.
                        let l := mod(add(newestIndex, 1), cardinality)
                        let r := sub(add(l, cardinality), 1)
                        for { let round := 0 } lt(round, 20) { round := add(round, 1) } {
                            let i := shr(1, add(l, r))
                            index := mod(i, cardinality)
                            before := sload(add(8, index))
                            if iszero(shr(248, before)) {
                                l := add(i, 1)
                                continue
                            }
                            after_ := sload(add(8, mod(add(i, 1), cardinality)))
                            let targetAtOrAfter := iszero(lt(age(before), ago))
                            if and(targetAtOrAfter, iszero(gt(age(after_), ago))) { break }
                            switch targetAtOrAfter
                            case 0 { r := sub(i, 1) }
                            default { l := add(i, 1) }
                        }
                    }
                }
                mstore(cursor, index)
                mstore(add(cursor, 32), before)
                mstore(add(cursor, 64), after_)
                cursor := add(cursor, 96)
            }
            return(0x80, sub(cursor, 0x80))
        }
    }
}
