"""BalancerReader and its twin of view calls: the same bytes, whatever stands at the addresses."""

import random

import pytest
from balancer_bench import Bench, build

from keeper.chain.reader import Reader
from keeper.chain.routes import Deployless, Override
from keeper.chain.rpc import Rpc
from keeper.records.snapshot import Answer, Ask
from keeper.records.units import WAD, Address
from keeper.testing.balancer import BalancerPool, Coin, create_stable, create_weighted, make_rate
from keeper.testing.client import DevChain
from keeper.venues import VIEW_PLANS
from keeper.venues.balancer_words import MAX_TOKENS, split, tokens_ask

CACHE_SECONDS = 600
NOBODY = Address("0x" + "e0" * 20)


@pytest.fixture(scope="module")
def bench(module_chain: DevChain) -> Bench:
    return build(module_chain)


def stable(bench: Bench) -> tuple[BalancerPool, Address]:
    provider = make_rate(bench.chain, bench.trader, 11 * WAD // 10)
    coins = [Coin(bench.tokens[18], 10**24, 0, provider, CACHE_SECONDS), Coin(bench.tokens[6], 10**12)]
    return create_stable(bench.chain, bench.balancer, coins, amplification=100, fee_wad=10**14), provider


def both(bench: Bench, ask: Ask) -> Answer:
    """The reader's answer, after the views' was found to be the same."""

    def asking():  # type: ignore[no-untyped-def]
        (answer,) = yield (ask,)
        return answer

    answers = []
    with Rpc("local", bench.chain.url) as rpc:
        for route in (Override(), Deployless()):
            reader = Reader(rpc, plans=VIEW_PLANS, routes=(route,))
            answers += reader.run([asking()], reader.block("latest"))
    assert answers[0] == answers[1]
    assert isinstance(answers[0], Answer)
    return answers[0]


def test_a_valid_an_expired_and_a_broken_rate_cache(bench: Bench) -> None:
    pool, provider = stable(bench)
    settings = bench.settings("balancer_stable", pool, 0, 1)
    at = pool.tokens.index(bench.tokens[18])
    fresh = split(both(bench, tokens_ask(settings)), settings).tokens
    assert [(token.cache is None, token.rate is None) for token in fresh].count((False, True)) == 1
    assert fresh[at].cache is not None
    bench.chain.rpc("evm_setNextBlockTimestamp", int.from_bytes(fresh[at].cache.data[-32:], "big"))
    bench.chain.mine()
    assert split(both(bench, tokens_ask(settings)), settings).tokens[at].rate is None
    bench.chain.wait(1)
    expired = split(both(bench, tokens_ask(settings)), settings).tokens
    assert expired[at].rate == Answer(True, (11 * WAD // 10).to_bytes(32, "big"))
    bench.chain.transact(bench.trader, provider, "set(uint256)", 0)
    broken = split(both(bench, tokens_ask(settings)), settings).tokens
    assert broken[at].rate is not None
    assert not broken[at].rate.ok


def test_pools_of_2021_have_decimals_and_nothing_else(bench: Bench) -> None:
    coins = [Coin(bench.tokens[18], 10**24, WAD * 4 // 5), Coin(bench.tokens[6], 10**12, WAD // 5)]
    pool = create_weighted(bench.chain, bench.balancer, coins, fee_wad=10**15, factory=1)
    settings = bench.settings("balancer_weighted", pool, 0, 1)
    raw = split(both(bench, tokens_ask(settings)), settings)
    assert [token.address for token in raw.tokens] == list(pool.tokens)
    assert {int.from_bytes(token.decimals.data, "big") for token in raw.tokens} == {6, 18}
    assert all(token.cache is None and token.rate is None for token in raw.tokens)
    # Tokens, providers (which fail) and two decimals.
    assert [row.ok for row in raw.inputs] == [True, False, True, True]


@pytest.mark.parametrize("seed", range(12))
def test_garbage_is_followed_as_far_by_both(bench: Bench, seed: int) -> None:
    chance = random.Random(seed)
    pool, _ = stable(bench)
    words = [chance.choice([0, 1, 3, 96, 2**256 - 1, int(chance.choice(pool.tokens), 16)]) for _ in range(15)]
    words[3] = chance.choice([0, 1, 2, 5, MAX_TOKENS, MAX_TOKENS + 1, 2**255])
    data = b"".join(word.to_bytes(32, "big") for word in words)[: chance.choice([0, 31, 100, 480])]
    liar = bench_code(bench, data)
    for vault, address in ((liar, pool.address), (bench.balancer.vault, liar), (liar, liar), (NOBODY, NOBODY)):
        ask = tokens_ask(bench.settings("balancer_stable", BalancerPool(address, pool.pool_id, ()), 0, 1))
        both(bench, Ask(ask.to, bytes.fromhex(vault[2:]) + ask.data[20:], ask.reader, ask.gas))


def test_an_answer_that_is_too_long_is_none(bench: Bench) -> None:
    pool, _ = stable(bench)
    bench.chain.rpc("anvil_setCode", NOBODY, "0x6120006000f3")  # 8,192 bytes of zero
    ask = tokens_ask(bench.settings("balancer_stable", BalancerPool(NOBODY, pool.pool_id, ()), 0, 1))
    answer = both(bench, ask)
    bench.chain.rpc("anvil_setCode", NOBODY, "0x")
    assert answer.ok
    assert len(answer.data) < 4096


def bench_code(bench: Bench, data: bytes) -> Address:
    """A contract that answers ``data`` to everything."""
    address = Address("0x" + random.Random(data).randbytes(20).hex())
    # PUSH2 size, PUSH1 where the data begin, PUSH0, CODECOPY, PUSH2 size, PUSH0, RETURN
    size = len(data).to_bytes(2, "big").hex()
    bench.chain.rpc("anvil_setCode", address, f"0x61{size}600c5f3961{size}5ff3" + data.hex())
    return address
