"""The reader's own rules, with a node that is made to misbehave."""

from collections.abc import Sequence

import pytest
from factories import make_block

from keeper.chain.reader import OTHER_BLOCK_TRIES, Reader
from keeper.chain.routes import OtherBlock
from keeper.chain.rpc import Rpc
from keeper.errors import RetryLater
from keeper.records.snapshot import Answer, Ask
from keeper.records.units import Address, BlockRef

ASK = Ask(Address("0x" + "11" * 20), b"\x01")


class Neighbours:
    """A way of reading that answers from another block so many times first."""

    name = "neighbours"
    reads_words = True

    def __init__(self, times: int) -> None:
        self.left = times

    def call(self, rpc: Rpc, asks: Sequence[Ask], block: BlockRef, gas_cap: int) -> tuple[list[Answer], int]:
        if asks and self.left > 0:
            self.left -= 1
            raise OtherBlock("the node read block 8 instead of 7")
        return [Answer(True, b"seven")] * len(asks), 0


def ask_once():  # type: ignore[no-untyped-def]
    (answer,) = yield (ASK,)
    return answer.data


def reader_of(times: int) -> Reader:
    reader = Reader(Rpc("node", "http://127.0.0.1:1"))
    reader._route = Neighbours(times)
    return reader


@pytest.mark.parametrize("times", range(OTHER_BLOCK_TRIES))
def test_a_node_that_answers_from_a_neighbour_while_a_block_comes_in_is_asked_again(times: int) -> None:
    reader = reader_of(times)
    assert reader.run([ask_once()], make_block()) == [b"seven"]
    assert reader.eth_calls == times + 1


def test_a_node_that_always_answers_from_another_block_is_not_believed() -> None:
    reader = reader_of(OTHER_BLOCK_TRIES)
    with pytest.raises(RetryLater, match="read block 8 instead of 7"):
        reader.run([ask_once()], make_block())
    assert reader.eth_calls == OTHER_BLOCK_TRIES
