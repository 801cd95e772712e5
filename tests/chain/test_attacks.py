"""Attacks on the inputs, on the real pools: what each moves, by how many basis points, and what none of them can.

Every attack is one of two futures of the same chain: one in which nobody does anything, one in which the attacker acts.
What moves may only be the haircut of new borrowing, and only up; liquidation haircut and loosening do not move at all.
The numbers seen are in docs/attacks.md.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from typing import cast

import pytest
from test_inputs import with_aave

from keeper.chain.anvil import Anvil, AnvilOptions
from keeper.chain.reader import Reader
from keeper.chain.rpc import Rpc
from keeper.fold import fold_sample, market_reading, read_plan
from keeper.records.decision import Due, Folded
from keeper.records.estimates import SampleDepth
from keeper.records.live import ContractWords
from keeper.records.report import Report
from keeper.records.settings import MarketSettings, Settings
from keeper.records.snapshot import MarketSnapshot
from keeper.records.units import WAD
from keeper.risk.effective import haircut_bps
from keeper.risk.limits import apply_report
from keeper.risk.windows import last_ended, window_of
from keeper.sampling import Sampler
from keeper.testing import world
from keeper.testing.aave import borrow, supply
from keeper.testing.client import DevChain, Tx, calldata
from keeper.testing.devnet import Devnet, build_devnet
from keeper.testing.market import MAX_SQRT, MIN_SQRT, V3_SWAP
from keeper.testing.uniswap import FOREVER, Position, create_v3_pool, grow_ring, move_positions

ETHER, DOLLAR = 10**18, 10**6
HELD_BLOCKS = 10
"""One averaging window: 120 s at 12 s, which stands for half an hour."""
RANGE = 3000


@dataclass
class Arena:
    """One market of a real world, read and folded at any block."""

    chain: DevChain
    devnet: Devnet
    reader: Reader
    market: MarketSettings
    trailing: Sequence[SampleDepth] = ()

    @property
    def settings(self) -> Settings:
        others = [row for row in self.devnet.settings.markets if row.name != self.market.name]
        return replace(self.devnet.settings, markets=(self.market, *others))

    def fold(self, core: bytes = b"") -> tuple[MarketSnapshot, Folded]:
        """Read and fold the newest block, as if it were its window's sample."""
        block, settings = self.reader.block("latest"), self.settings
        plan = read_plan(core, self.market, settings)
        reading = market_reading(self.market, settings, plan, self.devnet.contract, block)
        snapshot = cast("MarketSnapshot", self.reader.run([reading], block)[0])
        window = window_of(block.number, settings.cadence_blocks)
        return snapshot, fold_sample(core, snapshot, window, self.trailing, self.market, settings)

    def swap(self, fee: int, amount: int, *, sells_collateral: bool) -> Tx:
        """A trade of the attacker's in the market's v3 pool of this fee."""
        pair = (self.market.collateral, self.market.debt)
        tokens = pair if sells_collateral else pair[::-1]
        limit = MIN_SQRT if tokens[0] < tokens[1] else MAX_SQRT
        order = (*tokens, fee, self.devnet.trader, FOREVER, amount, 0, limit)
        return Tx(self.devnet.trader, self.devnet.uniswap.v3_router, calldata(V3_SWAP, order), 8_000_000)

    def past(self, windows: int) -> tuple[SampleDepth, ...]:
        """Depths of the last windows, fees included, under the market's own settings."""
        sampler = Sampler(self.reader, self.devnet.contract, self.settings)
        last = last_ended(self.reader.block("latest").number, self.settings.cadence_blocks)
        (key,) = [key for key, row in sampler.markets.items() if row.name == self.market.name]
        return tuple(sampler.depths(window)[key] for window in range(last - windows + 1, last + 1))


@pytest.fixture(scope="module")
def built() -> Iterator[tuple[DevChain, Devnet]]:
    with Anvil.start(AnvilOptions(no_mining=True)) as node:
        chain = DevChain(node.url)
        yield chain, build_devnet(chain)


@pytest.fixture
def arena(built: tuple[DevChain, Devnet]) -> Iterator[Arena]:
    """The world as it was built, whatever the test before did to it."""
    chain, devnet = built
    mark = chain.rpc("evm_snapshot")
    with Rpc("local", devnet.url) as rpc:
        made = Arena(chain, devnet, Reader(rpc), devnet.settings.markets[0])
        made.trailing = made.past(85)
        yield made
    chain.rpc("evm_revert", mark)


def thin_pool(arena: Arena, liquidity: int) -> MarketSettings:
    """The market with one more price source: a 1 % pool with little in it that has traded for an hour of windows."""
    chain, devnet, market = arena.chain, arena.devnet, arena.market
    first = chain.call(market.pools[0].address, "slot0()", returns="(uint160,int24,uint16,uint16,uint16,uint8,bool)")
    pair = (market.collateral, market.debt)
    pool = create_v3_pool(chain, devnet.uniswap.v3_factory, devnet.trader, pair, fee=10_000, sqrt_price=first[0])
    chain.run(grow_ring(pool, devnet.trader, 100))
    middle = first[1] // 200 * 200
    ladder = [Position(middle - RANGE // 200 * 200, middle + RANGE // 200 * 200, liquidity)]
    chain.run(move_positions(devnet.uniswap, devnet.trader, pool, ladder, opening=True))
    source = replace(market.pools[0], address=pool, fee_pips=10_000, tick_spacing=200)
    for step in range(24):
        chain.run([arena.swap(10_000, 10**13 if step % 2 else 10**4, sells_collateral=bool(step % 2))])
        chain.mine(4)
    return replace(market, pools=(*market.pools, source))


@dataclass(frozen=True)
class Effect:
    """What an attack did, against the future in which nobody acted."""

    asked_bps: int
    """Change of what the model asks of new borrowing."""
    live: ContractWords
    """What the contract holds after the attacked report."""
    due: Due


def effect(calm: Folded, snapshot: MarketSnapshot, attacked: Folded) -> Effect:
    """Judge it, and assert what no attack can: it loosens nothing and moves no liquidation haircut."""
    words, block, decision = snapshot.words, snapshot.block, attacked.decision
    assert words is not None
    assert decision.due is not Due.LOOSEN
    assert decision.predicted_haircut_bps >= words.live.haircut_bps
    after = words
    if decision.due is not Due.NONE and decision.targets is not None:
        report = Report(snapshot.market, decision.targets, words.live.sequence, 0, decision.core_after)
        landed = apply_report(words, report, block.number, block.timestamp, 0, block.timestamp, routine=True)
        assert landed.refusal == ""
        after = landed.words
    for name in ("liquidation_target_bps", "ramp_from_bps", "bonus_bps"):
        assert getattr(after.live, name) == getattr(words.live, name)
    assert after.liquidation == words.liquidation
    assert after.live.haircut_bps >= words.live.haircut_bps
    assert after.aux.pending_time == words.aux.pending_time == 0
    return Effect(asked(attacked) - asked(calm), after, decision.due)


def asked(folded: Folded) -> int:
    assert folded.estimates.waterfall is not None, folded.estimates.missing
    return folded.estimates.waterfall.haircut_bps


def two_futures(arena: Arena) -> tuple[Folded, str]:
    """What one averaging window without anybody leads to; and the mark from which the attacker starts."""
    mark = arena.chain.rpc("evm_snapshot")
    arena.chain.mine(HELD_BLOCKS + 2)
    _, calm = arena.fold()
    arena.chain.rpc("evm_revert", mark)
    return calm, arena.chain.rpc("evm_snapshot")


def test_one_pushed_mean_in_a_thin_pool_tightens_new_borrowing_only(arena: Arena, record_property) -> None:  # type: ignore[no-untyped-def]
    arena.market = thin_pool(arena, 10**15)
    calm, _ = two_futures(arena)
    arena.chain.run([arena.swap(10_000, 10_000 * ETHER, sells_collateral=True)])
    arena.chain.mine(HELD_BLOCKS)
    arena.chain.run([arena.swap(10_000, 10**7 * DOLLAR, sells_collateral=False)])
    snapshot, attacked = arena.fold()
    found = effect(calm, snapshot, attacked)
    assert found.asked_bps > 100
    assert attacked.estimates.depth.bound is not None
    record_property(
        "figure", f"attack: pushed mean, thin pool: new borrowing +{found.asked_bps} bps, {found.due.value}"
    )


@pytest.mark.parametrize(("least", "raises"), [(10**16, False), (0, True)])
def test_dust_liquidity_with_fee_growth_is_not_heard_or_bounded(  # type: ignore[no-untyped-def]
    arena: Arena, record_property, least: int, raises: bool
) -> None:
    quiet = thin_pool(arena, 10**12)
    terms = replace(quiet.model, implied_seconds=600, implied_min_liquidity=least, implied_change_wad=100 * WAD)
    arena.market = replace(quiet, model=terms)
    arena.trailing = arena.past(12)
    calm, _ = two_futures(arena)
    for _ in range(6):
        # To and fro in one block: the fees fall to a dust of liquidity, the price ends where it was.
        trades = [arena.swap(10_000, 10**13, sells_collateral=True), arena.swap(10_000, 10**5, sells_collateral=False)]
        arena.chain.run(trades * 10)
        arena.chain.mine(1)
    snapshot, attacked = arena.fold()
    found = effect(calm, snapshot, attacked)
    said = {row.source: row for row in attacked.estimates.implied}[quiet.pools[-1].label]
    assert (said.sigma_wad is not None) is raises, said
    realised, implied = attacked.estimates.realised_wad, attacked.estimates.implied_wad
    assert realised is not None
    assert implied is None or implied <= 2 * realised
    assert attacked.estimates.liquidation_bps is not None
    record_property(
        "figure", f"attack: dust liquidity, floor {least}: new borrowing {found.asked_bps:+} bps; {said.reason}"
    )


@pytest.mark.parametrize("times", [10, 1000])
def test_liquidity_of_one_block_at_the_sample_loosens_nothing(arena: Arena, record_property, times: int) -> None:  # type: ignore[no-untyped-def]
    chain, pool = arena.chain, arena.market.pools[0]
    calm, _ = two_futures(arena)
    chain.mine(HELD_BLOCKS + 1)
    state = "(uint160,int24,uint16,uint16,uint16,uint8,bool)"
    middle = chain.call(pool.address, "slot0()", returns=state)[1] // 10 * 10
    held = chain.call(pool.address, "liquidity()", returns="(uint128)")
    wall = [Position(middle - 1000, middle + 1000, held * times)]
    chain.run(move_positions(arena.devnet.uniswap, arena.devnet.trader, pool.address, wall, opening=True))
    snapshot, attacked = arena.fold()
    found = effect(calm, snapshot, attacked)
    assert attacked.estimates.q_star is not None
    assert calm.estimates.q_star is not None
    assert attacked.estimates.q_star * 100 <= calm.estimates.q_star * 101
    assert found.asked_bps >= -1
    record_property("figure", f"attack: {times} x liquidity for one block: new borrowing {found.asked_bps:+} bps")


def test_an_idle_pool_is_no_value_and_the_old_one_ages(arena: Arena, record_property) -> None:  # type: ignore[no-untyped-def]
    sources = tuple(row for row in arena.market.pools if row.price_source)
    arena.market = replace(arena.market, pools=sources)
    _, before = arena.fold()
    assert before.estimates.waterfall is not None
    arena.chain.mine(50)
    arena.chain.run(
        [Tx(arena.devnet.trader, arena.market.feed.address, calldata("push(int256)", 3000 * 10**8), 200_000)]
    )
    snapshot, idle = arena.fold(before.decision.core_after)
    words, time = snapshot.words, snapshot.block.timestamp
    assert words is not None
    assert (idle.decision.targets, idle.decision.due) == (None, Due.NONE)
    assert all("idle: nothing was traded" in line for line in idle.estimates.missing)
    assert idle.decision.predicted_haircut_bps == words.live.haircut_bps
    later = [haircut_bps(words, time + seconds, time + seconds) for seconds in (0, 3600, 86_400)]
    assert later == sorted(later)
    assert later[-1] > words.live.haircut_bps
    record_property("figure", f"attack: idle pool: nothing is reported; readers see {later} bps now, in 1 h, in 24 h")


def test_a_fake_whale_with_dust_debt_moves_nothing_on_the_list_and_tightens_off_it(record_property) -> None:  # type: ignore[no-untyped-def]
    with Anvil.start(AnvilOptions(no_mining=True)) as node:
        chain = DevChain(node.url)
        devnet, bench = with_aave(chain, build_devnet(chain))
        with Rpc("local", devnet.url) as rpc:
            arena = Arena(chain, devnet, Reader(rpc), devnet.settings.markets[0])
            calm, _ = two_futures(arena)
            whale = chain.accounts[9]
            supply(chain, bench.aave, whale, bench.weth, 100_000 * ETHER)
            borrow(chain, bench.aave, whale, bench.usdc, DOLLAR)
            chain.mine(HELD_BLOCKS)
            stranger, off = arena.fold()
            arena.market = replace(arena.market, holders=(*arena.market.holders, whale))
            listed, on = arena.fold()
    moved = effect(calm, listed, on)
    assert on.estimates.size is not None
    assert calm.estimates.size is not None
    assert on.estimates.size - calm.estimates.size <= ETHER
    assert moved.asked_bps <= 1
    unlisted = effect(calm, stranger, off)
    assert off.estimates.size is not None
    assert off.estimates.size >= 100_000 * ETHER
    assert unlisted.asked_bps > moved.asked_bps
    record_property(
        "figure",
        f"attack: fake whale: on the list {moved.asked_bps:+} bps, off it {unlisted.asked_bps:+} bps of new borrowing",
    )


def test_the_averaging_window_is_the_world_s(arena: Arena) -> None:
    assert arena.settings.window_seconds == HELD_BLOCKS * world.BLOCK_SECONDS
