"""The states of one provider, by a clock that the test turns: every edge of reliability.md B2."""

import pytest

from keeper.chain.health import GOOD_PROBES, Health, Probe, ProviderState
from keeper.chain.timing import Timing

CHAIN = 1


def probe(head: int = 100, **changes: object) -> Probe:
    values: dict[str, object] = {"chain_id": CHAIN, "head": head, "finalized": head - 64, "safe": head - 32}
    return Probe(**values | changes)  # type: ignore[arg-type]


def seen(health: Health, said: Probe, best: int, at: float) -> ProviderState:
    health.probed(said, at)
    health.compared(best, at)
    return health.state


def alive(at: float = 0.0, head: int = 100) -> Health:
    health = Health(CHAIN)
    for _ in range(GOOD_PROBES):
        seen(health, probe(head), head, at)
    return health


def test_three_good_probes_in_a_row_make_it_alive() -> None:
    health = Health(CHAIN)
    assert [seen(health, probe(n), n, n) for n in (1, 2, 3)] == ["new", "new", "alive"]


def test_a_failure_between_them_starts_the_count_again() -> None:
    health = Health(CHAIN)
    seen(health, probe(1), 1, 1)
    seen(health, probe(2), 2, 2)
    health.failed(2.5, "reset")
    assert [seen(health, probe(n), n, n) for n in (3, 4, 5)] == ["new", "new", "alive"]


@pytest.mark.parametrize(("behind", "state"), [(0, "alive"), (1, "alive"), (2, "alive"), (3, "out_of_sync")])
def test_more_than_two_blocks_behind_the_best_is_out_of_sync(behind: int, state: str) -> None:
    health = alive()
    assert seen(health, probe(110 - behind), 110, 1) == state


def test_a_head_that_stands_for_30_s_while_others_move_is_out_of_sync() -> None:
    health = alive(0, 100)
    assert seen(health, probe(100), 101, 30) == "alive"
    assert seen(health, probe(100), 101, 30.1) == "out_of_sync"
    assert "stands at 100" in health.reason


def test_a_chain_that_stands_still_ejects_nobody() -> None:
    health = alive(0, 100)
    assert seen(health, probe(100), 100, 3_600) == "alive"


def test_three_failures_within_a_minute_make_it_unreachable_for_a_minute() -> None:
    health = alive()
    for at in (1.0, 2.0):
        health.failed(at, "reset")
    assert health.state == "alive"
    health.failed(2.0, "reset")
    # 1 + 1 + 1, the first a second old: still below 3.
    assert (health.state, round(health.score(2.0), 3)) == ("alive", 2.989)
    health.failed(2.0, "refused")
    assert (health.state, health.reason) == ("unreachable", "refused")
    assert not health.due(61.9)
    assert health.due(62.1)


def test_the_score_halves_in_a_minute_and_success_does_not_clear_it() -> None:
    health = alive()
    for _ in range(2):
        health.failed(0.0, "reset")
    seen(health, probe(), 100, 1.0)
    assert health.score(60.0) == 1.0
    assert health.score(120.0) == 0.5
    health.failed(120.0, "reset")
    assert (health.score(120.0), health.state) == (1.5, "alive")


def test_an_unreachable_one_needs_three_good_probes() -> None:
    health = alive()
    for _ in range(3):
        health.failed(0.0, "refused")
    states = [seen(health, probe(), 100, at) for at in (60.0, 61.0, 62.0)]
    assert states == ["unreachable", "unreachable", "alive"]


def test_another_chain_is_wrong_for_ever() -> None:
    health = alive()
    assert seen(health, probe(chain_id=5), 100, 1.0) == "wrong_chain"
    assert health.reason == "eth_chainId says 5, not 1"
    assert not health.due(10**9)
    for at in range(2, 9):
        assert seen(health, probe(), 100, at) == "wrong_chain"
        health.failed(at, "reset")
        health.violated(at, "nonsense")
    assert health.state == "wrong_chain"


def test_a_syncing_one_is_used_for_nothing_until_it_is_done() -> None:
    health = alive()
    assert seen(health, probe(syncing=True), 100, 1.0) == "syncing"
    assert [seen(health, probe(), 100, at) for at in (2.0, 3.0, 4.0)] == ["syncing", "syncing", "alive"]


@pytest.mark.parametrize(
    ("said", "reason"),
    [
        ({"finalized": None}, "it knows no finalized block"),
        ({"safe": None}, "it knows no safe block"),
        ({"finalized": 35}, "its finalized block went back from 36 to 35"),
        ({"safe": 67}, "its safe block went back from 68 to 67"),
    ],
)
def test_finality_that_is_missing_or_goes_back_leaves_only_head_reads(said: dict[str, object], reason: str) -> None:
    health = alive()
    assert seen(health, probe(**said), 100, 1.0) == "no_final"
    assert health.reason == reason
    assert [seen(health, probe(), 100, at) for at in (2.0, 3.0, 4.0)] == ["no_final", "no_final", "alive"]


def test_two_violations_within_an_hour_make_it_unusable_for_an_hour() -> None:
    health = alive()
    health.violated(0.0, "no JSON")
    assert health.state == "alive"
    health.violated(3_599.0, "half a reply")
    assert (health.state, health.reason) == ("unusable", "half a reply")
    assert not health.due(7_198.0)
    assert health.due(7_199.0)
    states = [seen(health, probe(), 100, at) for at in (7_200.0, 7_201.0, 7_202.0)]
    assert states == ["unusable", "unusable", "alive"]
    health.violated(7_203.0, "no JSON")
    assert health.state == "alive"


def test_violations_an_hour_apart_are_forgiven() -> None:
    health = alive()
    for at in (0.0, 3_600.0, 7_200.0):
        health.violated(at, "no JSON")
    assert health.state == "alive"


def test_every_time_is_scaled_by_one_factor() -> None:
    plain, quick = Timing(), Timing(0.01)
    names = [name for name in dir(Timing) if isinstance(getattr(Timing, name), property)]
    assert {name: getattr(plain, name) for name in names} == {
        "deadline": 5,
        "failover": 1.5,
        "half_life": 60,
        "others": 1,
        "pause": 60,
        "standstill": 30,
        "unusable": 3_600,
    }
    assert all(getattr(quick, name) == pytest.approx(getattr(plain, name) / 100) for name in names)
