"""Attacks on the inputs, on the real pools: what each moves, by how many basis points, and what none of them can.

Every attack is one of two futures of the same chain: one in which everybody lives on calmly, one in which an attacker
acts as well. What moves may only be the haircut of new borrowing, and only up; liquidation haircut and loosening do not
move at all. docs/attacks.md holds the figures; the tests hold it to them.
"""

import re
from collections.abc import Iterator, Sequence
from contextlib import ExitStack
from dataclasses import replace
from pathlib import Path

import pytest
from attack_world import (
    APPROVE,
    DOLLAR,
    DUST,
    ETHER,
    SLOT0,
    THIN,
    THIN_FEE,
    Acts,
    Arena,
    Sampled,
    build_arena,
    thin_position,
)

from keeper.records.decision import Due
from keeper.records.units import WAD
from keeper.risk.effective import haircut_bps
from keeper.testing import world
from keeper.testing.client import Tx, calldata
from keeper.testing.uniswap import Position

HELD = 2 * world.CADENCE
"""One averaging window, blocks: 120 s at 12 s, which stands for half an hour."""
LASTING = 4
"""Sampling windows of a future: the push, and an averaging window after it."""
AFTER = LASTING + 4
"""A push, and its echo in the accumulators."""
WHALE = 100_000 * ETHER
LIVE_BPS, STEP_BPS = 1_200, world.LIMITS.step_up_bps
TABLE = Path(__file__).parents[2] / "docs" / "attacks.md"


@pytest.fixture(scope="module")
def built(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Arena]:
    with ExitStack() as rest:
        yield build_arena(rest, tmp_path_factory.mktemp("attacks"))


@pytest.fixture
def arena(built: Arena) -> Iterator[Arena]:
    """The world as it was built, whatever the test before did to it."""
    mark = built.chain.rpc("evm_snapshot")
    yield replace(built, trailing=list(built.trailing))
    built.chain.rpc("evm_revert", mark)


def moved_bps(calm: Sequence[Sampled], attacked: Sequence[Sampled]) -> int:
    """Most by which any sample asks for more than without the attack; asserts what no attack can do."""
    for quiet, loud in zip(calm, attacked, strict=True):
        before, after, decision = loud.snapshot.words, loud.landed(), loud.folded.decision
        assert before is not None
        assert decision.due is not Due.LOOSEN
        for name in ("liquidation_target_bps", "ramp_from_bps", "bonus_bps"):
            assert getattr(after.live, name) == getattr(before.live, name)
        assert after.liquidation == before.liquidation
        assert after.live.haircut_bps >= before.live.haircut_bps
        assert after.aux.pending_time == before.aux.pending_time == 0
        assert loud.asked_bps >= quiet.asked_bps - 1
    return max(loud.asked_bps - quiet.asked_bps for quiet, loud in zip(calm, attacked, strict=True))


def stated(attack: str) -> tuple[int, ...]:
    """Basis points moved and whole USDC spent that docs/attacks.md states for an attack."""
    (row,) = [line for line in TABLE.read_text().splitlines() if line.startswith(f"| {attack} |")]
    _, _, moved, spent, *_ = row.split("|")
    found = re.findall(r"([\d,]+) (?:bps|USDC)\b", moved + spent)
    return tuple(int(number.replace(",", "")) for number in found)


def push_and_back(arena: Arena, fall: float) -> Acts:
    """Sell until the thin pool's price fell by this part, hold it for one averaging window, buy back."""
    start = arena.sqrt_price(arena.thin)
    kept = (1 - fall) ** 0.5
    limit = round(start * (kept if arena.market.pools[-1].collateral_is_token0 else 1 / kept))
    return {
        0: lambda: [arena.swap(THIN_FEE, 10**4 * ETHER, sells_collateral=True, limit=limit)],
        HELD: lambda: [arena.swap(THIN_FEE, 10**8 * DOLLAR, sells_collateral=False, limit=start)],
    }


@pytest.mark.parametrize("fall", [3, 10, 50])
def test_one_pushed_mean_in_a_thin_pool_tightens_new_borrowing_only(arena: Arena, fall: int) -> None:
    calm = arena.future(LASTING)
    attacked = arena.future(LASTING, push_and_back(arena, fall / 100))
    found = moved_bps(calm, attacked), attacked[-1].spent
    # Nobody sends these reports: each is the first after the attack, and one step is the most that it brings.
    assert all(row.landed().live.haircut_bps <= LIVE_BPS + STEP_BPS for row in attacked)
    assert found == stated(f"one mean pushed by {fall} %")


def test_one_source_proposes_in_a_bounded_profile_nothing_that_no_other_asks_for(arena: Arena) -> None:
    make_bounded(arena)
    calm, attacked = arena.future(AFTER), arena.future(AFTER, push_and_back(arena, 0.1))
    echo = attacked[-1].folded
    assert echo.estimates.missing_for_loans == ()
    assert loans_bps(attacked[-1]) > 2 * loans_bps(calm[-1])
    assert any("the second-highest price source" in line for line in echo.decision.reasons)
    held, others = live_bps(attacked[0]), max(map(loans_bps, calm))
    found = proposals(attacked)
    # While the mean moves there is a doubt; its echo lets the wish go where the deep pools by themselves put it.
    assert found[:LASTING] == [0] * LASTING
    assert max(found) <= max(held, others)
    assert max(0, max(found) - held) <= stated("one mean pushed by 10 %, `bounded`")[0]


def test_a_fall_of_the_market_does_propose_in_a_bounded_profile(arena: Arena) -> None:
    make_bounded(arena)
    fallen = arena.future(AFTER, moves={0: 0.9, HELD: 1 / 0.9})
    found = proposals(fallen)
    assert found[:LASTING] == [0] * LASTING
    assert found[-1] > 2 * live_bps(fallen[0])
    assert found[-1] <= loans_bps(fallen[-1])


def test_a_fake_whale_off_the_list_proposes_nothing_in_a_bounded_profile(arena: Arena) -> None:
    make_bounded(arena)
    calm, attacked = arena.future(LASTING), arena.future(LASTING, {0: lambda: fake_whale(arena)})
    last = attacked[-1]
    assert loans_bps(last) > loans_bps(calm[-1]) + 500
    assert last.folded.decision.due is Due.TIGHTEN
    assert any("the holders on the list alone" in line for line in last.folded.decision.reasons)
    assert (max(proposals(attacked)),) == stated("fake whale off the list, `bounded`")


@pytest.mark.parametrize(("least", "name"), [(2 * DUST, "silent"), (0, "heard")])
def test_fees_on_dust_liquidity_are_not_heard_or_have_no_weight(arena: Arena, least: int, name: str) -> None:
    with_fees(arena, least)
    calm = arena.future(LASTING)
    leave = arena.provide(arena.thin, thin_position(arena.opened_at, THIN - DUST), opening=False)
    trades = [
        arena.swap(THIN_FEE, 2 * 10**13, sells_collateral=True),
        arena.swap(THIN_FEE, 6 * 10**4, sells_collateral=False),
    ]
    acts: Acts = {0: lambda: leave, **{block: lambda: trades * 5 for block in range(1, LASTING * world.CADENCE)}}
    attacked = arena.future(LASTING, acts)
    said = [{row.source: row for row in each.folded.estimates.implied}[arena.thin] for each in attacked]
    highest = max((row.sigma_wad or 0 for row in said), default=0)
    if least:
        assert all("liquidity was down to" in row.reason for row in said)
    else:
        # How high it gets hangs on the block that is drawn; it is loud in any case.
        assert highest > 5 * WAD
    assert (moved_bps(calm, attacked), attacked[-1].spent) == stated(f"fee growth on dust, {name}")


def test_wash_trades_in_the_deepest_pool_raise_to_twice_the_realised_figure_at_most(arena: Arena) -> None:
    with_fees(arena, 0)
    calm = arena.future(LASTING)
    pool = arena.market.pools[0]

    def wash() -> list[Tx]:
        sale = arena.swap(pool.fee_pips, 1_000 * ETHER, sells_collateral=True)
        back = arena.sqrt_price(pool.address)
        return [sale, arena.swap(pool.fee_pips, 10**8 * DOLLAR, sells_collateral=False, limit=back)]

    attacked = arena.future(LASTING, dict.fromkeys(range(1, LASTING * world.CADENCE), wash))
    for row in attacked:
        estimates = row.folded.estimates
        assert estimates.implied_wad is not None
        assert estimates.realised_wad is not None
        assert estimates.implied_wad <= 2 * estimates.realised_wad
    moved, spent = stated("wash trades in the deepest pool")
    # The span of fees begins at a sample, whose block Anvil draws anew in every world.
    assert moved_bps(calm, attacked) == pytest.approx(moved, abs=15)
    assert attacked[-1].spent == spent


@pytest.mark.parametrize("times", [10, 1000])
def test_liquidity_of_one_block_at_the_sample_loosens_nothing(arena: Arena, times: int) -> None:
    chain, pool = arena.chain, arena.market.pools[0]
    # So much to sell that every unit of depth counts.
    arena.market = replace(arena.market, holders=(), model=replace(arena.market.model, size=12_000 * ETHER))
    calm = arena.future(LASTING)
    middle = chain.call(pool.address, "slot0()", returns=SLOT0)[1] // 10 * 10
    held = chain.call(pool.address, "liquidity()", returns="(uint128)")
    wall = arena.provide(pool.address, Position(middle - 1000, middle + 1000, held * times))
    attacked = arena.future(LASTING, {LASTING * world.CADENCE - 1: lambda: wall})
    quiet, loud = calm[-1].folded.estimates, attacked[-1].folded.estimates
    assert quiet.depth.bound is not None
    assert loud.depth.bound is not None
    assert loud.depth.bound * 100 <= quiet.depth.bound * 101
    assert loud.q_star == quiet.q_star
    assert (moved_bps(calm, attacked),) == stated("liquidity of one block")


def test_a_fake_whale_with_dust_debt_moves_nothing_on_the_list_and_tightens_off_it(arena: Arena) -> None:
    whale = arena.chain.accounts[8]
    calm = arena.future(LASTING)
    off = arena.future(LASTING, {0: lambda: fake_whale(arena)})
    arena.market = replace(arena.market, holders=(*arena.market.holders, whale))
    on = arena.future(LASTING, {0: lambda: fake_whale(arena)})
    before, listed, stranger = (rows[-1].folded.estimates.size for rows in (calm, on, off))
    assert before is not None
    assert listed is not None
    assert stranger is not None
    assert listed - before < ETHER // 100
    assert stranger >= WHALE
    assert (moved_bps(calm, on),) == stated("fake whale on the holder list")
    # Stressed depth rests on samples of the past, whose blocks Anvil draws anew in every world.
    assert [moved_bps(calm, off)] == pytest.approx(stated("fake whale off the list"), abs=40)


def test_an_idle_pool_is_no_value_and_the_old_one_ages(arena: Arena) -> None:
    rows = arena.future(10, stopped=True)
    idle = [row for row in rows if row.folded.estimates.sigma_wad is None]
    assert len(idle) == 3
    for row in idle:
        words, decision = row.snapshot.words, row.folded.decision
        assert words is not None
        assert (decision.targets, decision.due, decision.predicted_haircut_bps) == (None, Due.NONE, LIVE_BPS)
        assert sum("idle: nothing was traded for" in line for line in row.folded.estimates.missing) == 3
    time = idle[-1].snapshot.block.timestamp
    seen = tuple(haircut_bps(words, time + hours * 3600, time + hours * 3600) for hours in (0, 1, 24))
    # How fast it widens was said by a report on a block that Anvil drew.
    assert seen == pytest.approx(stated("idle pool"), abs=60)
    assert seen[0] == LIVE_BPS < seen[1] < seen[2]


def with_fees(arena: Arena, least: int) -> None:
    """Pools imply a volatility from now on, and could have done so at the trailing samples."""
    terms = replace(arena.market.model, implied_seconds=600, implied_min_liquidity=least, implied_change_wad=100 * WAD)
    arena.market = replace(arena.market, model=terms)
    arena.trailing = arena.past(24)


def fake_whale(arena: Arena) -> list[Tx]:
    """An account comes with much collateral and borrows next to nothing."""
    whale, aave, token = arena.chain.accounts[8], arena.bench.aave, arena.market.collateral
    supply = calldata("supply(address,uint256,address,uint16)", token, WHALE, whale, 0)
    borrow = calldata("borrow(address,uint256,uint256,uint16,address)", arena.market.debt, DOLLAR, 2, 0, whale)
    return [
        Tx(whale, token, calldata("mint(address,uint256)", whale, WHALE)),
        Tx(whale, token, calldata(APPROVE, aave.pool, WHALE)),
        *(Tx(whale, aave.pool, call, 2_000_000) for call in (supply, borrow)),
    ]


def make_bounded(arena: Arena) -> None:
    """From now on routine reports may propose moves of the liquidation haircut."""
    values = world.limits_values(replace(world.LIMITS, bounded=True), world.LAW)
    signature = f"setLimits(uint8,{world.LIMITS_ABI})"
    arena.chain.transact(arena.devnet.admin, arena.devnet.contract, signature, world.PROFILE, values)


def proposals(rows: Sequence[Sampled]) -> list[int]:
    """Liquidation haircut that each sample's report proposes, bps; 0 = none. Asserts that none moves by it."""
    for row in rows:
        words, after = row.snapshot.words, row.landed()
        assert words is not None
        assert words.limits.bounded
        for name in ("liquidation_target_bps", "ramp_from_bps", "bonus_bps"):
            assert getattr(after.live, name) == getattr(words.live, name)
    return [row.landed().liquidation.pending_bps for row in rows]


def loans_bps(row: Sampled) -> int:
    """What all inputs of a sample ask for open loans."""
    assert row.folded.estimates.liquidation_bps is not None
    return row.folded.estimates.liquidation_bps


def live_bps(row: Sampled) -> int:
    """Liquidation haircut that holds at a sample."""
    assert row.snapshot.words is not None
    return row.snapshot.words.live.liquidation_target_bps
