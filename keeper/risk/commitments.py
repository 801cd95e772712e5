"""What the commitments root rests on: leaves of inputs, estimates, reports that a contract can open (design.md 5.5)."""

from collections.abc import Sequence
from dataclasses import astuple

from eth_abi.abi import encode

from keeper.maths.keccak import keccak, leaf_hash, merkle_root
from keeper.records.estimates import Estimates, FeeSample, SampleDepth, SourceVolatility
from keeper.records.report import Commitment
from keeper.records.snapshot import Input, MarketSnapshot, WordInput
from keeper.records.units import BlockRef, Price

_WORD = 32
_LEAF = ["bytes32"] * 6

OPTIONAL_ABI = "(bool,uint256)"
"""No value is (false, 0)."""
PRICE_ABI = "(uint256,uint256)"
"""Numerator, denominator; no value is (0, 0)."""
SOURCE_ABI = f"(address,{OPTIONAL_ABI},uint256,uint256,string)"
FEES_ABI = "(uint64,uint256,uint256,uint128,uint160)"
"""Zeros where a pool has none."""
DEPTH_ABI = f"(uint32,uint64,{OPTIONAL_ABI},{OPTIONAL_ABI},{OPTIONAL_ABI},{OPTIONAL_ABI},{FEES_ABI}[])"
WATERFALL_ABI = "(bool,uint16,(string,int32)[],bool,bool)"
IMPLIED_ABI = f"(string,{OPTIONAL_ABI},string,uint128)"
ESTIMATES_ABI = (
    f"({PRICE_ABI},{PRICE_ABI},{OPTIONAL_ABI},{SOURCE_ABI}[],{DEPTH_ABI},uint256[],bool,{OPTIONAL_ABI},"
    f"{WATERFALL_ABI},string[],{OPTIONAL_ABI},{OPTIONAL_ABI},{OPTIONAL_ABI},{IMPLIED_ABI}[],uint256,string,"
    f"{OPTIONAL_ABI})"
)


def input_leaf(block: BlockRef, row: Input) -> bytes:
    """Leaf of one input at one block, 32 bytes.

    Every member is one word, so joining them is ``abi.encode``; a heartbeat has a hundred thousand leaves.
    """
    head = block.number.to_bytes(_WORD, "big") + block.hash + bytes.fromhex(row.account[2:]).rjust(_WORD, b"\0")
    if isinstance(row, WordInput):
        return leaf_hash(head + row.slot + row.value)
    return leaf_hash(head + keccak(row.calldata) + int(row.ok).to_bytes(_WORD, "big") + keccak(row.answer))


def sample_root(snapshot: MarketSnapshot) -> bytes:
    """Merkle root over every input of one sample, 32 bytes."""
    return merkle_root([input_leaf(snapshot.block, row) for row in snapshot.inputs])


def inputs_root(snapshots: Sequence[MarketSnapshot]) -> bytes:
    """Merkle root over the sample roots since the base, oldest first, 32 bytes."""
    return merkle_root([sample_root(snapshot) for snapshot in snapshots])


def encode_estimates(estimates: Estimates) -> bytes:
    """ABI encoding of the estimates; field order is that of the record."""
    waterfall = estimates.waterfall
    bars = (
        (True, waterfall.haircut_bps, waterfall.bars, waterfall.capped, waterfall.unquotable)
        if waterfall
        else (False, 0, (), False, False)
    )
    values = (
        _price(estimates.mid_price),
        _price(estimates.oracle_price),
        _optional(estimates.sigma_wad),
        tuple(_source(source) for source in estimates.sources),
        _depth(estimates.depth),
        estimates.daily_minima,
        estimates.warm,
        _optional(estimates.q_star),
        bars,
        estimates.missing,
        _optional(estimates.size),
        _optional(estimates.realised_wad),
        _optional(estimates.implied_wad),
        tuple((row.source, _optional(row.sigma_wad), row.reason, row.weight) for row in estimates.implied),
        estimates.oracle_deviation_wad,
        estimates.scenario,
        _optional(estimates.liquidation_bps),
    )
    return encode([ESTIMATES_ABI], [values])


def estimates_hash(estimates: Estimates) -> bytes:
    """Hash of :func:`encode_estimates`, 32 bytes."""
    return keccak(encode_estimates(estimates))


def commitment_leaf(commitment: Commitment) -> bytes:
    """Leaf of one market under the commitments root, 32 bytes."""
    return leaf_hash(
        encode(
            _LEAF,
            [
                commitment.market,
                commitment.inputs_root,
                commitment.estimates_hash,
                commitment.core_before,
                commitment.core_after,
                commitment.evidence_digest,
            ],
        )
    )


def commitments_root(commitments: Sequence[Commitment]) -> bytes:
    """Merkle root over the markets of a batch in its order, 32 bytes."""
    return merkle_root([commitment_leaf(commitment) for commitment in commitments])


def _optional(value: int | None) -> tuple[bool, int]:
    return (False, 0) if value is None else (True, value)


def _price(price: Price | None) -> tuple[int, int]:
    if price is None:
        return 0, 0
    # A v3 mid is the square of a 160-bit root: both sides lose the same low bits until they fit a word.
    excess = max(0, price.numerator.bit_length() - 256, price.denominator.bit_length() - 256)
    return price.numerator >> excess, price.denominator >> excess


def _source(source: SourceVolatility) -> tuple[str, tuple[bool, int], int, int, str]:
    return source.pool, _optional(source.sigma_wad), source.fast_wad, source.slow_wad, source.reason


def _depth(depth: SampleDepth) -> tuple[object, ...]:
    amounts = (_optional(row) for row in (depth.bound, depth.at_100_bps, depth.at_200_bps, depth.at_500_bps))
    return (depth.window, depth.block, *amounts, tuple(map(_fees, depth.fees)))


def _fees(fees: FeeSample | None) -> tuple[int, ...]:
    return astuple(fees) if fees else (0, 0, 0, 0, 0)
