"""One factor shortens every waiting time, on a test chain only."""

import pytest

from keeper.errors import ConfigError
from keeper.timing import VARIABLE, check_time_scale, scaled

TEST_CHAIN, MAINNET = 31337, 1


def test_without_the_variable_times_are_as_given(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv(VARIABLE, raising=False)
    check_time_scale(MAINNET)
    assert scaled(15) == 15


def test_a_factor_shortens_times_on_a_test_chain(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv(VARIABLE, "0.2")
    check_time_scale(TEST_CHAIN)
    assert scaled(15) == pytest.approx(3)


def test_a_real_chain_refuses_the_factor(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv(VARIABLE, "0.2")
    with pytest.raises(ConfigError, match="chain 1"):
        check_time_scale(MAINNET)


@pytest.mark.parametrize("text", ["fast", "0", "-1", "2", "nan"])
def test_a_factor_that_is_none_is_refused(monkeypatch: pytest.MonkeyPatch, text: str) -> None:
    monkeypatch.setenv(VARIABLE, text)
    with pytest.raises(ConfigError, match="is no factor"):
        check_time_scale(TEST_CHAIN)
