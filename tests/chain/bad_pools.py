"""The matrix of bad pools: each entry brings one real pool beside a good one into a bad state.

``docs/bad-input.md`` is its index. What stands at an address is the authors' own bytecode wherever npm has it; Curve's
pools are our second writing.
"""

from typing import NamedTuple

from bad_ground import ABOVE, AROUND, BELOW, FEE, FULL, HIGHEST, LOWEST, Ground, Maker, destroyed, flooded, v2, v3, v4

from keeper.chain.artifacts import load
from keeper.records.settings import PoolSettings, two_token_pool
from keeper.records.units import NO_ADDRESS, WAD, Address
from keeper.testing.balancer import BalancerPool, Coin, allow, create_stable, create_weighted, make_rate
from keeper.testing.world import BLOCK_SECONDS

MOST_RESERVE = 2**112 - 1
CACHE_SECONDS = 60
SPUN = (8_710_823_250_047_368_192, 2)
"""Scaled balances for which get_D of an A of 19.97 swings between two values for ever."""
SPUN_AMP = 1_997
SHOUT = b"\x1b[2J\x1b[31mok\r\n\x07\x9b\xe2\x80\xae"
"""Clears a terminal, colours it, writes over a line, rings, turns the direction of writing."""


def taken_for(venue: str, make: Maker) -> Maker:
    """The settings say another venue than the pool is of: words of another layout."""

    def after(ground: Ground) -> PoolSettings:
        pool = make(ground)
        return two_token_pool(venue, pool.address, pool.collateral_is_token0, FEE, 60 if venue == "uniswap_v3" else 0)

    return after


def weighted(*, factory: int = 3) -> Maker:
    def make(ground: Ground) -> PoolSettings:
        coins = (Coin(ground.market.collateral, 10**21, WAD // 2), Coin(ground.market.debt, 10**12, WAD // 2))
        pool = create_weighted(ground.chain, ground.balancer, coins, fee_wad=10**15, factory=factory)
        return of_vault(ground, "balancer_weighted", pool)

    return make


def composable(ground: Ground) -> tuple[PoolSettings, Address]:
    """A stable pool and the rate provider of its collateral."""
    provider = make_rate(ground.chain, ground.devnet.admin, WAD)
    coins = (Coin(ground.market.collateral, 10**21, 0, provider, CACHE_SECONDS), Coin(ground.market.debt, 10**9))
    pool = create_stable(ground.chain, ground.balancer, coins, amplification=100, fee_wad=10**15)
    return of_vault(ground, "balancer_stable", pool), provider


def of_vault(ground: Ground, venue: str, pool: BalancerPool) -> PoolSettings:
    sides = (pool.tokens.index(ground.market.collateral), pool.tokens.index(ground.market.debt))
    return PoolSettings(venue, pool.address, pool.pool_id, ground.balancer.vault, *sides, 0, 0, (), price_source=False)


def rate_reverts(ground: Ground) -> PoolSettings:
    """The provider fails, and the cached rate has expired."""
    pool, provider = composable(ground)
    ground.act(provider, "set(uint256)", 0)
    ground.chain.mine(CACHE_SECONDS // BLOCK_SECONDS + 1)
    return pool


def stopped(signature: str) -> Maker:
    """A weighted pool of which the admin called this."""

    def make(ground: Ground) -> PoolSettings:
        pool = weighted()(ground)
        allow(ground.chain, ground.balancer, pool.address, signature)
        ground.act(pool.address, signature)
        return pool

    return make


def collateral_of_77_decimals(ground: Ground) -> PoolSettings:
    """The token of a pool that asks for decimals took another number afterwards, as an upgraded proxy may."""
    pool = weighted(factory=1)(ground)
    coin = (load("DevToken", "keeper.testing"), ("M", "M", 77))
    (other,) = ground.chain.deploy_all([coin], ground.devnet.admin)
    ground.chain.rpc("anvil_setCode", ground.market.collateral, ground.chain.rpc("eth_getCode", other, "latest"))
    ground.chain.mine()
    return pool


def curve(balances: tuple[int, int], amp: int = 5_000, *, killed: bool = False) -> Maker:
    """A plain pool of the generation that swings for ever or stops at once, by balances in 18 decimals each."""

    def make(ground: Ground) -> PoolSettings:
        coins, rates = (ground.market.collateral, ground.market.debt), (WAD, WAD)
        setup = (coins, rates, balances, amp, amp, 0, 0, 4 * 10**6, 0, True, False)
        pool = ground.chain.deploy(load("DevCurve", "keeper.testing"), setup, 10**24, sender=ground.devnet.admin)
        if killed:
            ground.act(pool, "set(uint256[],bool)", balances, True)
        return PoolSettings("curve_stable", pool, bytes(32), NO_ADDRESS, 0, 1, 0, 0, rates, price_source=False)

    return make


def shouting(venue: str) -> Maker:
    """An account that reverts with 1 MB of control characters, whatever it is asked."""

    def make(ground: Ground) -> PoolSettings:
        address = Address("0x" + "5a" * 20)
        ground.chain.rpc("anvil_setCode", address, revert_code(SHOUT, 1_000_000))
        ground.chain.mine()
        pool_id = bytes.fromhex(address[2:]) + bytes(12) if venue.startswith("balancer") else bytes(32)
        rates = (WAD, WAD) if venue.startswith("curve") else ()
        return PoolSettings(
            venue, address, pool_id, ground.balancer.vault, *ground.sides, 0, 0, rates, price_source=False
        )

    return make


def revert_code(text: bytes, size: int) -> str:
    """Runtime code: revert with ``Error(string)`` of so many bytes that begin with the text."""
    selector, word = "08c379a0" + "00" * 28, text.ljust(32, b"\x1b").hex()
    words = ((0, f"{selector}"), (4, f"{32:064x}"), (36, f"{size:064x}"), (68, word))
    stores = "".join(f"7f{value}60{offset:02x}52" for offset, value in words)
    return f"0x{stores}62{size + 68:06x}5ffd"


def renamed_code(token: Address, text: bytes, size: int) -> str:
    """Runtime code of a token that calls itself so many bytes that begin with the text, and else is another one."""
    stores = f"60205f52 62{size:06x}602052 7f{text.ljust(32, bytes([27])).hex()}604052".replace(" ", "")
    answer = f"5b{stores}62{size + 64:06x}5ff3"
    start = "5f3560e01c"
    tail = f"365f5f375f5f365f73{token[2:]}5af43d5f5f3e"
    # JUMPDEST of the name: after the start, two tests of 11 bytes, the tail and 11 bytes that end it.
    name = len(start) // 2 + 22 + len(tail) // 2 + 12
    tests = "".join(f"8063{selector}1461{name:04x}57" for selector in ("06fdde03", "95d89b41"))
    good = name - 4
    return f"0x{start}{tests}{tail}61{good:04x}573d5ffd00 5b3d5ff3{answer}".replace(" ", "")


class Entry(NamedTuple):
    """One line of the matrix."""

    make: Maker
    said: str
    """What of the line beside the pool's name is certain, as a regular expression."""


NOTHING_SOLD, OFF = "nothing can be sold there", "bps off the feed, which the other venue is near, not counted"
UNREAD = "the storage could not be read"
EXTREME = f"{NOTHING_SOLD}|{OFF}"
"""Which of both depends on the side that the collateral is on."""
HEALTHY = 10**21, 3 * 10**12
"""Reserves of a pair near the market's price."""

MATRIX: dict[str, Entry] = {
    "empty v2 pair": Entry(v2(0, 0), "no reserves"),
    "empty v3 pool": Entry(v3(60), NOTHING_SOLD),
    "empty v4 pool": Entry(v4(60), NOTHING_SOLD),
    "v2 pair with one side": Entry(v2(10**21, 0), "no reserves"),
    "v3 pool with one side, above": Entry(v3(60, ABOVE), NOTHING_SOLD),
    "v3 pool with one side, below": Entry(v3(60, BELOW), NOTHING_SOLD),
    "v4 pool with one side, above": Entry(v4(60, ABOVE), NOTHING_SOLD),
    "v4 pool with one side, below": Entry(v4(60, BELOW), NOTHING_SOLD),
    "v3 price at MIN, empty": Entry(v3(60, root=LOWEST), NOTHING_SOLD),
    "v3 price at MAX, empty": Entry(v3(60, root=HIGHEST), NOTHING_SOLD),
    "v3 price at MIN, liquid": Entry(v3(1, FULL, root=LOWEST), EXTREME),
    "v3 price at MAX, liquid": Entry(v3(1, FULL, root=HIGHEST), EXTREME),
    "v4 price at MIN, liquid": Entry(v4(1, FULL, root=LOWEST), EXTREME),
    "v4 price at MAX, liquid": Entry(v4(1, FULL, root=HIGHEST), EXTREME),
    "v3 tick spacing 1, flooded": Entry(flooded(v3(1, AROUND)), UNREAD),
    "v4 tick spacing 1, flooded": Entry(flooded(v4(1, AROUND)), UNREAD),
    "v3 tick spacing 16383, one side": Entry(v3(16_383, ABOVE), NOTHING_SOLD),
    "v4 tick spacing 32767, one side": Entry(v4(32_767, ABOVE), NOTHING_SOLD),
    "uninitialised v3 pool": Entry(v3(60, root=0), "not initialised, or locked"),
    "uninitialised v4 pool": Entry(v4(60, root=0), "not initialised"),
    "paused pool": Entry(stopped("pause()"), "the pool is paused"),
    "pool in recovery mode": Entry(stopped("enableRecoveryMode()"), "the pool is in recovery mode"),
    "killed Curve pool": Entry(curve((10**21, 10**21), killed=True), "killed"),
    "self-destructed v2 pair": Entry(destroyed(v2(*HEALTHY)), "no reserves"),
    "self-destructed v3 pool": Entry(destroyed(v3(60, AROUND)), "not initialised, or locked"),
    "self-destructed Balancer pool": Entry(destroyed(weighted()), "does not tell whether it is paused"),
    "self-destructed Curve pool": Entry(destroyed(curve((10**21, 10**21))), "not"),
    "layout that lies: v2 read as v3": Entry(taken_for("uniswap_v3", v2(*HEALTHY)), "not initialised, or locked"),
    "layout that lies: v3 read as v2": Entry(taken_for("uniswap_v2", v3(60, AROUND)), "off the feed"),
    "v2 reserves of 1 wei": Entry(v2(1, 1), OFF),
    "v2 reserves of 2^112-1": Entry(v2(MOST_RESERVE, MOST_RESERVE), OFF),
    "v2 reserves of 1 wei and 2^112-1": Entry(v2(1, MOST_RESERVE), OFF),
    "v2 reserves of 2^112-1 and 1 wei": Entry(v2(MOST_RESERVE, 1), OFF),
    "Curve whose D does not converge": Entry(curve(SPUN, SPUN_AMP), "the invariant does not converge"),
    "Curve with a balance of 0": Entry(curve((10**21, 0)), "a balance of 0"),
    "rate provider that reverts": Entry(rate_reverts, "fails and the cached rate has expired"),
    "Curve that reverts with 1 MB": Entry(shouting("curve_stable"), "the balances of 2 coins are not told"),
    "Balancer that reverts with 1 MB": Entry(shouting("balancer_weighted"), "the Vault does not know the pool id"),
    "decimals 77 in a Balancer pool": Entry(collateral_of_77_decimals, "has 77 decimals"),
}
"""Name -> how the pool is brought there and what its line must say."""
