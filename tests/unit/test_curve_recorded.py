"""Curve quotes against what mainnet's contracts answered: 3pool, the RAI metapool, tricrypto; and the vectors."""

import gzip
import json
from pathlib import Path
from typing import Any

import pytest
from shared import shared_path, vectors

from keeper.maths.curve_crypto import fee_at
from keeper.maths.curve_crypto import invariant as crypto_invariant
from keeper.maths.curve_crypto import out_down as crypto_out_down
from keeper.maths.curve_crypto import scaled as crypto_scaled
from keeper.maths.curve_meta import underlying_out_down, virtual_price_used
from keeper.maths.curve_stable import invariant, out_down, ramped, scaled, slope
from keeper.records.pools import CurveCryptoState, CurveMetaState, CurveRules, CurveStableState

RECORDED: dict[str, Any] = json.loads((Path(__file__).parents[1] / "data" / "curve_recorded.json").read_text())
RATES = (10**18, 10**30, 10**30)
FIRST = CurveRules(precision=1, fee_last=True)


def quoted(coins: list[str], key: str) -> tuple[int, int, int]:
    """``DAI->USDC 5`` as (0, 1, 5)."""
    pair, amount = key.split(" ")
    sold, bought = pair.split("->")
    return coins.index(sold), coins.index(bought), int(amount)


def three_pool() -> tuple[dict[str, Any], CurveStableState]:
    raw = json.loads(shared_path("data/pools/curve_3pool_block_24407242.json").read_text())
    return raw, CurveStableState(tuple(raw["balances"]), RATES, raw["a_coefficient"], raw["fee"], rules=FIRST)


def test_all_18_answers_of_3pool() -> None:
    raw, pool = three_pool()
    entries = json.loads(shared_path("data/pools/curve_3pool_answers_get_dy.json").read_text())["entries"]
    assert len(entries) == 18
    names = [token["symbol"] for token in raw["tokens"]]
    for key, entry in entries.items():
        _, _, pair, amount = key.split("|")
        assert out_down(pool, *quoted(names, f"{pair} {amount}")) == entry["value"]


def test_the_virtual_price_and_the_ramp_of_3pool() -> None:
    raw, pool = three_pool()
    d = invariant(scaled(pool), pool.amp, pool.rules)
    assert d * 10**18 // raw["lp_token_total_supply"] == raw["virtual_price"]
    ends = raw["initial_a"], raw["future_a"], raw["initial_a_time"], raw["future_a_time"]
    assert ramped(*ends, raw["block_timestamp"]) == raw["a_coefficient"]
    assert ramped(*ends, raw["initial_a_time"]) == 5000
    assert ramped(*ends, raw["initial_a_time"] + 302_000) == 5000 - 1000 * 302_000 // 603_828
    assert ramped(4000, 5000, 100, 200, 199) == 4990


@pytest.mark.parametrize("case", ["curve-A100-1000000000000000000000", "curve-A10-100000000000000000000"])
def test_the_vectors_of_the_specification(case: str) -> None:
    row = next(row for row in vectors("stableswap") if row["id"] == case)
    given, expected = row["inputs"], row["expected"]
    balances = tuple(int(balance) for balance in given["balances"])
    pool = CurveStableState(balances, (10**18, 10**18), given["amp"], given["fee_1e10"], rules=FIRST)
    assert invariant(scaled(pool), pool.amp, pool.rules) == int(expected["D"])
    assert out_down(pool, given["i"], given["j"], int(given["dx"])) == int(expected["dy"])


def test_four_crvusd_pools_trade_near_their_peg() -> None:
    with gzip.open(shared_path("data/positions/crvusd_market_weth_block_19122585.json.gz")) as file:
        pools = json.load(file)["stableswap_pools_params"]
    assert len(pools) == 4
    for raw in pools:
        # The source calls the balances D.
        pool = CurveStableState(tuple(raw["D"]), tuple(raw["rates"]), raw["A"] * 100, raw["fee"])
        above, below = slope(pool, 0, 1)
        unit = 10**18 * 10**18 // raw["rates"][0]
        out = out_down(pool, 0, 1, unit)
        # TUSD stood at 0.989 that day.
        assert 988 * 10**15 < out < 1003 * 10**15
        assert out <= unit * above // below * (10**10 - raw["fee"]) // 10**10 + 1


def metapool(raw: dict[str, Any]) -> CurveMetaState:
    base, a = raw["base"], raw["A"] * 100
    price = virtual_price_used(base["virtual_price"], raw["base_virtual_price"], raw["base_cache_updated"], raw["time"])
    return CurveMetaState(
        CurveStableState(tuple(raw["balances"]), (raw["redemption_price"], price), a, raw["fee"]),
        CurveStableState(tuple(base["balances"]), RATES, base["A"], base["fee"], rules=FIRST),
        base["supply"],
    )


@pytest.mark.parametrize("raw", RECORDED["metapools"], ids=lambda raw: str(raw["block"]))
def test_every_answer_of_the_metapool(raw: dict[str, Any]) -> None:
    meta = metapool(raw)
    # The stored price at 25144000 is three minutes old and in force; at the other blocks it expired days before.
    fresh = raw["block"] == 25144000
    assert meta.pool.rates[1] == (raw if fresh else raw["base"])["base_virtual_price" if fresh else "virtual_price"]
    for key, value in raw["get_dy"].items():
        assert out_down(meta.pool, *quoted(raw["coins"], key)) == value
    for key, value in raw["get_dy_underlying"].items():
        assert underlying_out_down(meta, *quoted(raw["underlying"], key)) == value


def test_71_answers_of_the_metapool_were_compared() -> None:
    assert sum(len(raw["get_dy"]) + len(raw["get_dy_underlying"]) for raw in RECORDED["metapools"]) == 71


def test_a_stored_price_expires_after_ten_minutes() -> None:
    assert virtual_price_used(5, 4, 1_000, 1_600) == 4
    assert virtual_price_used(5, 4, 1_000, 1_601) == 5
    assert virtual_price_used(5, None, 1_000, 1_000) == 5
    assert virtual_price_used(5, 4, None, 1_000) == 5


def tricrypto() -> tuple[dict[str, Any], CurveCryptoState]:
    raw = RECORDED["tricrypto"]
    return raw, CurveCryptoState(
        tuple(raw["balances"]),
        tuple(10 ** (18 - decimals) for decimals in raw["decimals"]),
        tuple(raw["price_scale"]),
        raw["A"] * 100,
        100,
        raw["gamma"],
        raw["D"],
        raw["mid_fee"],
        raw["out_fee"],
        raw["fee_gamma"],
    )


def test_all_18_answers_of_tricrypto() -> None:
    raw, pool = tricrypto()
    assert len(raw["get_dy"]) == 18
    for key, value in raw["get_dy"].items():
        assert crypto_out_down(pool, *quoted(raw["coins"], key)) == value


def test_fee_and_invariant_of_tricrypto_are_the_pools_own() -> None:
    raw, pool = tricrypto()
    assert fee_at(pool, crypto_scaled(pool, pool.balances)) == raw["fee"]
    assert crypto_invariant(pool) == raw["D"]
