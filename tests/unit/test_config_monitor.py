"""[monitor] and the notification secrets: defaults, every mistake one line, nothing repeated that is secret."""

from pathlib import Path

import pytest
from test_config import problems, replaced, write

from keeper.config import DEFAULT_LISTEN, SECRET_VARIABLES, load_config
from keeper.config_secrets import secrets_of

HOOK = "json://host/h00k-t0ken"
NOTIFY = SECRET_VARIABLES["notify_urls"]


def with_file(folder: Path, text: str, mode: int = 0o600) -> Path:
    (folder / "notify.urls").write_text(text)
    (folder / "notify.urls").chmod(mode)
    return replaced(write(folder), "[monitor]\n", '[monitor]\nnotify_file = "notify.urls"\n')


def test_health_is_served_on_loopback_unless_told_otherwise(tmp_path: Path) -> None:
    assert load_config(write(tmp_path), {}).operator.listen == DEFAULT_LISTEN == "127.0.0.1:9464"
    for value in ("", "[::1]:9000", "0.0.0.0:1"):
        assert load_config(write(tmp_path), {"BULKHEAD_MONITOR__LISTEN": value}).operator.listen == value


@pytest.mark.parametrize("value", ["9464", "host:", ":9464", "host:99999", "host:http", "host:-1"])
def test_a_wrong_address_is_one_line(tmp_path: Path, value: str) -> None:
    path = replaced(write(tmp_path), f'listen = "{DEFAULT_LISTEN}"', f'listen = "{value}"')
    assert problems(path) == (
        f'monitor.listen: \'{value}\' is not host:port; write listen = "127.0.0.1:9464", or "" for none',
    )


def test_an_unknown_key_is_named_with_the_likely_one(tmp_path: Path) -> None:
    path = replaced(write(tmp_path), "[monitor]\n", '[monitor]\nlisten_on = "x"\n')
    assert problems(path) == ("monitor.listen_on: unknown key; did you mean listen?",)


def test_notification_urls_never_stand_in_the_toml(tmp_path: Path) -> None:
    path = replaced(write(tmp_path), "[monitor]\n", f'[monitor]\nnotify_urls = "{HOOK}"\n')
    (line,) = problems(path)
    assert line.startswith("monitor.notify_urls: unknown key")
    assert "h00k" not in line


def test_a_file_of_urls_must_be_private_and_right(tmp_path: Path) -> None:
    assert load_config(with_file(tmp_path, HOOK), {}).operator.notify_file == tmp_path / "notify.urls"
    (line,) = problems(with_file(tmp_path, HOOK, 0o644))
    assert line.startswith(f"monitor.notify_file: {tmp_path / 'notify.urls'} has mode 0644")
    (line,) = problems(with_file(tmp_path, f"{HOOK}\nh00k-t0ken\n"))
    assert line.startswith("monitor.notify_file: line 2 is no notification URL that apprise knows; write one such as")
    assert "h00k" not in line
    (tmp_path / "notify.urls").unlink()
    (line,) = problems(tmp_path / "keeper.toml")
    assert line.endswith("cannot be opened; write the path of an existing file")


def test_urls_of_the_environment_are_checked_and_secret(tmp_path: Path) -> None:
    config = load_config(write(tmp_path), {NOTIFY: f"page={HOOK} json://other"})
    assert "h00k" not in repr(config)
    (line,) = problems(write(tmp_path), {NOTIFY: "nothing-h00k"})
    assert line.startswith(f"{NOTIFY}: line 1 is no notification URL")
    assert "h00k" not in line


def test_every_secret_of_a_configuration_is_known_to_the_mask(tmp_path: Path) -> None:
    environment = {NOTIFY: f"page={HOOK}", "BULKHEAD_KEEPER__PRIVATE_KEY": "0x" + "ab" * 32}
    found = secrets_of(load_config(write(tmp_path), environment))
    assert {"h00k-t0ken", HOOK, "ab" * 32, "s3cr3t-api-token"} <= set(found)
