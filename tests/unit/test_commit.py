"""What is signed: packed reports, leaves, evidence, digest; against independent implementations where there are any."""

import hashlib
import json
from dataclasses import fields, replace

import pytest
from eth_abi.abi import encode
from eth_account import Account
from eth_account.messages import encode_typed_data
from factories import (
    CHAIN_ID,
    CONTRACT,
    feed_reading,
    make_block,
    make_settings,
    make_snapshot,
    market_settings,
    model_settings,
    pair_settings,
    pool_reading,
    pool_settings,
)
from hypothesis import given
from hypothesis import strategies as st
from shared import vectors

from keeper.fold import fold_sample
from keeper.maths.eip712 import batch_digest
from keeper.maths.keccak import EMPTY_ROOT, keccak, leaf_hash, merkle_proof, merkle_root
from keeper.records.core import Core, encode_core
from keeper.records.decision import Folded, Targets
from keeper.records.report import Batch, PreparedReport, Report
from keeper.records.snapshot import CallInput, MarketSnapshot, WordInput
from keeper.records.units import Price
from keeper.risk.commit import VALID_SECONDS, gap_bitmap, make_batch, prepare_report
from keeper.risk.commitments import (
    commitment_leaf,
    commitments_root,
    encode_estimates,
    estimates_hash,
    input_leaf,
    inputs_root,
    sample_root,
)
from keeper.risk.evidence import MAX_INTEGER, canonical
from keeper.risk.keys import market_key, settings_hash
from keeper.risk.packing import pack_report, pack_reports, unpack_reports

U16 = st.integers(0, 2**16 - 1)
TARGETS = st.builds(Targets, U16, U16, U16, U16, st.integers(0, 2**24 - 1), U16, st.integers(0, 255), U16)
REPORTS = st.builds(
    Report,
    st.binary(min_size=32, max_size=32),
    TARGETS,
    st.integers(0, 2**32 - 1),
    st.integers(0, 2**256 - 1),
    st.binary(max_size=192),
)
SETTINGS = make_settings()
MARKET = market_settings()


def at(window: int) -> MarketSnapshot:
    return make_snapshot(make_block(window * 25))


def folded(window: int = 1000, core: bytes = b"") -> Folded:
    return fold_sample(core, at(window), window, (), MARKET, SETTINGS)


def prepared(window: int = 1000) -> PreparedReport:
    return prepare_report(folded(window), [at(window)], b"", MARKET, SETTINGS)


def merkle_verifies(root: bytes, leaf: bytes, proof: list[bytes]) -> bool:
    """OpenZeppelin ``MerkleProof.verify``."""
    for sibling in proof:
        leaf = keccak(min(leaf, sibling) + max(leaf, sibling))
    return leaf == root


@given(reports=st.lists(REPORTS, max_size=4))
def test_reports_survive_their_packed_form(reports: list[Report]) -> None:
    assert unpack_reports(pack_reports(reports)) == tuple(reports)


def test_the_packed_form_is_the_one_agreed_with_the_contract() -> None:
    report = Report(bytes(range(32)), Targets(1, 2, 3, 4, 5, 6, 7, 8), 9, 10, b"\xaa\xbb")
    assert pack_report(report).hex() == (
        bytes(range(32)).hex() + "0001000200030004" + "000005" + "0006070008" + "00000009" + f"{10:064x}" + "02aabb"
    )


@given(report=REPORTS, cut=st.integers(1, 84))
def test_a_report_that_ends_early_is_refused(report: Report, cut: int) -> None:
    with pytest.raises(ValueError, match="end inside the report at byte"):
        unpack_reports(pack_report(report)[:-cut])


@pytest.mark.parametrize(
    "report",
    [
        Report(bytes(32), Targets(65_536, 0, 0), 0, 0, b""),
        Report(bytes(32), Targets(1, 0, 0, ceiling=2**24), 0, 0, b""),
        Report(bytes(32), Targets(1, 0, 0), 0, 2**256, b""),
        Report(bytes(32), Targets(1, 0, 0), 0, 0, bytes(193)),
    ],
)
def test_a_report_that_does_not_fit_is_refused(report: Report) -> None:
    with pytest.raises(ValueError, match=r"fit|longer"):
        pack_report(report)


@given(numbers=st.tuples(*[st.integers(0, 2**64 - 1)] * 3), words=st.tuples(*[st.binary(min_size=32, max_size=32)] * 4))
def test_the_digest_is_what_wallets_sign(numbers: tuple[int, ...], words: tuple[bytes, ...]) -> None:
    batch = Batch(numbers[0], words[0], numbers[1], numbers[2], words[1], words[2], words[3])
    names = (
        "observedBlock",
        "observedHash",
        "observedTime",
        "validUntil",
        "settingsHash",
        "commitmentsRoot",
        "reportsHash",
    )
    types = ("uint64", "bytes32", "uint64", "uint64", "bytes32", "bytes32", "bytes32")
    message = encode_typed_data(
        {"name": "Bulkhead", "version": "1", "chainId": CHAIN_ID, "verifyingContract": CONTRACT},
        {"Batch": [{"name": name, "type": kind} for name, kind in zip(names, types, strict=True)]},
        dict(zip(names, (getattr(batch, field.name) for field in fields(Batch)), strict=True)),
    )
    digest = batch_digest(batch, CHAIN_ID, CONTRACT)
    assert digest == keccak(b"\x19" + message.version + message.header + message.body)


def test_a_signature_over_the_digest_names_its_signer() -> None:
    batch, _ = make_batch([prepared()], make_block(), settings_hash(SETTINGS))
    account = Account.from_key(b"\x01" * 32)
    digest = batch_digest(batch, CHAIN_ID, CONTRACT)
    signature = account.unsafe_sign_hash(digest).signature
    assert Account._recover_hash(digest, signature=signature) == account.address


def test_leaves_are_the_agreed_encodings() -> None:
    block = make_block()
    word = WordInput(CONTRACT, b"\x01" * 32, b"\x02" * 32)
    plain = encode(
        ["uint256", "bytes32", "address", "bytes32", "bytes32"],
        [block.number, block.hash, CONTRACT, word.slot, word.value],
    )
    assert input_leaf(block, word) == keccak(keccak(plain))
    call = CallInput(CONTRACT, b"\x03", True, b"\x04")
    plain = encode(
        ["uint256", "bytes32", "address", "bytes32", "bool", "bytes32"],
        [block.number, block.hash, CONTRACT, keccak(b"\x03"), True, keccak(b"\x04")],
    )
    assert input_leaf(block, call) == keccak(keccak(plain))


def test_every_input_of_every_sample_can_be_opened() -> None:
    samples = [at(1000), at(1001), at(1002)]
    roots = [sample_root(sample) for sample in samples]
    assert merkle_verifies(inputs_root(samples), roots[1], merkle_proof(roots, 1))
    leaves = [input_leaf(samples[1].block, row) for row in samples[1].inputs]
    assert len(leaves) == 4
    for index, leaf in enumerate(leaves):
        assert merkle_verifies(roots[1], leaf, merkle_proof(leaves, index))


@given(leaves=st.lists(st.binary(min_size=32, max_size=32), min_size=1, max_size=9), index=st.integers(0, 8))
def test_merkle_proofs_verify_as_openzeppelin_does(leaves: list[bytes], index: int) -> None:
    index %= len(leaves)
    assert merkle_verifies(merkle_root(leaves), leaves[index], merkle_proof(leaves, index))
    assert merkle_root([]) == EMPTY_ROOT


def test_a_commitment_holds_hashes_of_everything_behind_the_report() -> None:
    got, fold = prepared(), folded()
    commitment = got.commitment
    assert commitment.market == got.report.market == market_key(CHAIN_ID, MARKET)
    assert commitment.inputs_root == inputs_root([at(1000)])
    assert commitment.estimates_hash == keccak(encode_estimates(fold.estimates))
    assert commitment.core_before == keccak(b"")
    assert commitment.core_after == keccak(fold.decision.core_after)
    assert commitment.evidence_digest == keccak(got.evidence)
    values = [getattr(commitment, field.name) for field in fields(commitment)]
    assert commitment_leaf(commitment) == leaf_hash(encode(["bytes32"] * 6, values))


def test_p50_any_change_of_an_input_changes_the_evidence_and_the_root() -> None:
    base = prepared()
    changed = make_snapshot(feed=feed_reading(2061 * 10**8 + 1))
    fold = fold_sample(b"", changed, 1000, (), MARKET, SETTINGS)
    other = prepare_report(fold, [changed], b"", MARKET, SETTINGS)
    assert other.commitment.evidence_digest != base.commitment.evidence_digest
    assert other.commitment.inputs_root != base.commitment.inputs_root


def test_p52_the_evidence_reads_back_as_itself() -> None:
    evidence = prepared().evidence
    document = json.loads(evidence)
    assert canonical(document) == evidence
    assert document["schemaVersion"] == 1
    assert document["chain"] == "eip155:31337"
    assert document["coreAfter"] == "0x" + folded().decision.core_after.hex()
    assert [len(row["inputs"]) for row in document["samples"]] == [4]
    assert document["decision"]["targets"]["haircutBps"] == folded().decision.targets.haircut_bps
    assert document["estimates"]["depth"]["bound"] == str(folded().estimates.depth.bound)


def test_what_has_no_value_has_no_key() -> None:
    blind = make_snapshot(pools=(pool_reading(failure="the storage could not be read"), at(1).pools[1]))
    fold = fold_sample(b"", blind, 1000, (), MARKET, SETTINGS)
    with pytest.raises(ValueError, match="missing input"):
        prepare_report(fold, [blind], b"", MARKET, SETTINGS)
    assert encode_estimates(fold.estimates) != encode_estimates(replace(fold.estimates, sigma_wad=0))


@pytest.mark.parametrize("value", [1.0, None, MAX_INTEGER + 1, -MAX_INTEGER - 1, b"bytes"])
def test_evidence_holds_no_float_no_null_and_no_inexact_integer(value: object) -> None:
    for document in ({"a": value}, [{"a": [value]}]):
        with pytest.raises(ValueError, match=r"evidence holds|decimal string"):
            canonical(document)  # type: ignore[arg-type]


def of_json(kind: str, value: str | int) -> str | int | bytes:
    if kind == "bytes32":
        return bytes.fromhex(str(value)[2:])
    return int(value) if kind.startswith("uint") else value


def test_canonical_bytes_and_hashes_of_the_vectors() -> None:
    for case in vectors("evidence_hash"):
        inputs, want = case["inputs"], case["expected"]
        if "document" in inputs:
            data = canonical(inputs["document"])
            assert data.hex() == want["canonical_hex"], case["id"]
            assert hashlib.sha256(data).hexdigest() == want["sha256"], case["id"]
        else:
            rows = zip(inputs["types"], inputs["values"], strict=True)
            data = encode(inputs["types"], [of_json(kind, value) for kind, value in rows])
            assert data.hex() == want["abi_hex"], case["id"]
        assert "0x" + keccak(data).hex() == want["keccak256"], case["id"]


def test_keys_beyond_the_basic_plane_are_refused() -> None:
    with pytest.raises(ValueError, match="two canonical forms"):
        canonical({"\U0001f600": 1, "\ufb33": 2})


def test_a_price_beyond_a_word_keeps_its_ratio() -> None:
    base = folded().estimates
    huge = replace(base, mid_price=Price(2**319 + 5, 2**192))
    assert encode_estimates(huge) == encode_estimates(replace(base, mid_price=Price(2**255, 2**128)))
    assert estimates_hash(huge) == keccak(encode_estimates(huge))


def test_windows_that_nobody_folded_are_named() -> None:
    base = encode_core(Core(1000, 1, 0, ()))
    assert gap_bitmap(base, [at(1001), at(1002)], 25) == 0
    assert gap_bitmap(base, [at(1002), at(1005)], 25) == 0b01101
    assert gap_bitmap(b"", [at(1002), at(1004)], 25) == 0b10


@pytest.mark.parametrize("windows", [(1000,), (1002, 1001), (1001, 1001), (1001, 1300)])
def test_samples_that_do_not_fit_their_base_are_refused(windows: tuple[int, ...]) -> None:
    with pytest.raises(ValueError, match=r"must rise|cannot be named"):
        gap_bitmap(encode_core(Core(1000, 1, 0, ())), [at(window) for window in windows], 25)


def test_a_batch_is_the_same_bytes_in_any_order() -> None:
    other = market_settings(protocol_market_id=b"\x07" * 32)
    block = make_block()
    snapshot = make_snapshot(block, market=other)
    second = prepare_report(fold_sample(b"", snapshot, 1000, (), other, SETTINGS), [snapshot], b"", other, SETTINGS)
    rows = [prepared(), second]
    batch, packed = make_batch(rows, block, settings_hash(SETTINGS))
    assert make_batch(rows[::-1], block, settings_hash(SETTINGS)) == (batch, packed)
    ordered = sorted(rows, key=lambda row: row.report.market)
    assert unpack_reports(packed) == tuple(row.report for row in ordered)
    assert batch.commitments_root == commitments_root([row.commitment for row in ordered])
    assert batch.reports_hash == keccak(packed)
    assert batch.valid_until == block.timestamp + VALID_SECONDS
    assert (batch.observed_block, batch.observed_hash) == (block.number, block.hash)


def test_a_batch_names_each_market_once() -> None:
    for rows in ([], [prepared(), prepared()]):
        with pytest.raises(ValueError, match="each market once"):
            make_batch(rows, make_block(), bytes(32))


def test_model_and_settings_of_the_market_are_bound() -> None:
    market = market_settings(model=model_settings(buffer_bps=300), pools=(pool_settings(), pair_settings()))
    fold = fold_sample(b"", at(1000), 1000, (), market, SETTINGS)
    other = prepare_report(fold, [at(1000)], b"", market, make_settings(markets=(market,)))
    assert json.loads(other.evidence)["settingsHash"] != json.loads(prepared().evidence)["settingsHash"]
