"""F59: one keeper's fold fails, or its node lacks a sample: it abstains and says so; the others agree."""

from collections.abc import Callable, Collection, Sequence
from contextlib import ExitStack
from pathlib import Path
from typing import Any, Never

import pytest
from faults import lies
from faults.proxy import FaultProxy
from faults.world import Keeper, World, config_of, keeper

from keeper.acting import plan_publish
from keeper.cycle import CycleResult, read_words
from keeper.errors import Refused, RetryLater
from keeper.haircuts import MODELS
from keeper.protocols.bulkhead import decode_publish
from keeper.risk.commit import batch_digest

MODEL = "liquidity_adjusted"


def digest(one: Keeper, of: Collection[bytes] = ()) -> bytes:
    """What it would sign over its newest window, of all markets unless some are named."""
    follower, head = one.ports.follower, one.ports.reader.block("latest")
    rows = [one.ports.samples.latest(market) for market in sorted(of or one.ports.samples.markets())]
    plan = plan_publish(follower, [row for row in rows if row], read_words(one.ports, head), head, None)
    batch, _, _ = decode_publish(plan.intent.data)
    return batch_digest(batch, follower.chain_id, follower.contract)


def broken(*_: Any) -> Never:
    raise FloatingPointError("not a number")


def nonsense(*_: Any) -> None:
    """A model whose file is there and holds nothing."""


def cycles(keepers: Sequence[Keeper]) -> list[CycleResult]:
    results = [one.cycle() for one in keepers]
    assert all(isinstance(row, CycleResult) for row in results), results
    return results  # type: ignore[return-value]


@pytest.mark.parametrize("model", [broken, pytest.param(nonsense, marks=pytest.mark.matrix)])
def test_f59_a_keeper_whose_model_fails_abstains_and_the_others_sign_the_same(
    town: World,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    verdict: Callable[..., None],
    model: Callable[..., object],
) -> None:
    with ExitStack() as stack:
        left, right, third = (
            stack.enter_context(
                keeper(config_of(town.devnet, tmp_path / name, [town.chain.url]), broadcast=name == "a")
            )
            for name in "abc"
        )
        cycles([left, right, third])
        town.chain.mine(3)
        cycles([left, right, third])
        town.window(0.97)
        with monkeypatch.context() as damaged:
            damaged.setitem(MODELS, MODEL, model)
            cycles([third])
        assert {row["market"] for row in third.events("market_failed")} == {"WETH/USDC", "WBTC/USDC"}
        cycles([left, right])
        assert digest(left) == digest(right)
        # Whole again, but over a window that only it lacks.
        for _ in range(4):
            town.window(0.8)
            planned = [row.plans for row in cycles([right, third, left])]
            assert planned[1] == ()
            assert digest(left) == digest(right)
            landed = {key for plan in planned[0] if plan.intent.purpose == "publish" for key in plan.intent.markets}
            if landed:
                break
        # Whether its own fold makes a report due is chance; that it would not sign one is not.
        with pytest.raises(Refused, match=r"could not be folded here .abstained until another keeper reports"):
            digest(third)
        # What the first one sent lands: of its markets the third thinks the same again, with their state or its own.
        town.chain.mine()
        for _ in range(2):
            town.window()
            cycles([left, right, third])
        assert landed
        assert digest(left, landed) == digest(right, landed) == digest(third, landed)
    town.whole()
    verdict(
        fault="F59", happened="abstained and said so, two equal digests; back with the next report", recovery_blocks=2
    )


@pytest.mark.matrix
def test_a_keeper_whose_node_lacks_a_sample_abstains_until_it_can_be_read(town: World, tmp_path: Path) -> None:
    with FaultProxy(town.chain.url) as proxy, ExitStack() as stack:
        good, poor = (
            stack.enter_context(keeper(config_of(town.devnet, tmp_path / name, [url]), broadcast=name == "a"))
            for name, url in (("a", town.chain.url), ("b", proxy.url))
        )
        cycles([good, poor])
        town.chain.mine(3)
        cycles([good, poor])
        town.crash()
        rule = proxy.on("eth_call", lies.error(-32000, "missing trie node"))
        for _ in range(2):
            assert isinstance(poor.cycle(), RetryLater)
            assert poor.rows() == []
        cycles([good])
        town.chain.mine(3)
        cycles([good])
        proxy.off(rule)
        cycles([poor])
        assert digest(good) == digest(poor)
        assert poor.events("state_adopted") == []
    town.whole()
