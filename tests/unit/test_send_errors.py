"""What nodes say when they refuse a transaction: a corpus of real texts, each of one class (F26)."""

import json
import random
from collections import Counter
from pathlib import Path
from typing import Any

import pytest

from keeper.chain.send_errors import SendError, classify, matching

DATA = Path(__file__).parents[1] / "data" / "send_errors.json"
CORPUS: dict[str, Any] = json.loads(DATA.read_text("utf-8"))
TEXTS: list[dict[str, str]] = CORPUS["texts"]
DIALECTS = {
    *("geth", "nethermind", "besu", "erigon", "reth", "parity", "arbitrum", "optimism", "celo", "metis", "avalanche"),
    *("klaytn", "zkSync", "zkEVM", "anvil"),
}
SHOWN = 200
"""Letters of a node's message that the client keeps."""
WRAPPED = ("{}", "node main refused eth_sendRawTransaction: {} (code -32000)")
"""The node's words, bare and as the client hands them on."""


@pytest.mark.parametrize("row", TEXTS, ids=lambda row: f"{row['dialect']}: {row['text'][:40]}")
def test_f26_every_text_has_its_class_and_no_other(row: dict[str, str]) -> None:
    expected = SendError(row["class"])
    for form in WRAPPED:
        for text in (row["text"], row["text"].upper(), row["text"].lower(), row["text"][:SHOWN]):
            assert classify(form.format(text)) is expected
            # One pattern at most: then the order of the table can't matter.
            assert matching(form.format(text)) == ([] if expected is SendError.UNKNOWN else [expected])


def test_f26_the_corpus_covers_the_dialects_and_the_classes_and_says_where_from() -> None:
    assert len({row["text"] for row in TEXTS}) >= 60
    assert {row["dialect"] for row in TEXTS} >= DIALECTS
    assert {SendError(row["class"]) for row in TEXTS} == set(SendError)
    assert {row["source"] for row in TEXTS} == set(CORPUS["sources"])
    # A text stands once a dialect.
    assert max(Counter((row["text"], row["dialect"]) for row in TEXTS).values()) == 1


def test_f26_one_text_is_not_two_classes_in_two_dialects() -> None:
    classes: dict[str, set[str]] = {}
    for row in TEXTS:
        classes.setdefault(row["text"], set()).add(row["class"])
    assert {text: found for text, found in classes.items() if len(found) > 1} == {}


def test_f26_numbers_in_a_text_are_not_taken_for_codes_of_http() -> None:
    chance = random.Random(26)
    for _ in range(200):
        number = chance.choice([429, 500, 502, 503, 504, chance.randrange(10**9)])
        assert classify(f"nonce too low: next nonce {number}, tx nonce {number - 1}") is SendError.NONCE_TOO_LOW
        assert classify(f"oversized data: transaction size {number}, limit 1") is SendError.FATAL
        assert classify(f"gibberish {number}") is SendError.UNKNOWN
