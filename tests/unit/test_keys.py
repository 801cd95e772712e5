"""The key: how it is opened, and what a bad one says."""

import json
from pathlib import Path

import pytest
from eth_account import Account
from sender_desk import KEY

from keeper.chain.failpoints import check_failpoint
from keeper.chain.keys import open_account
from keeper.chain.rpc import Reverted, RpcError
from keeper.errors import ConfigError, Refused, RetryLater


def test_a_raw_key_file_and_a_keystore_open_to_the_same_account(tmp_path: Path) -> None:
    raw, store, password = tmp_path / "raw", tmp_path / "store.json", tmp_path / "password"
    raw.write_text("0x" + KEY.hex() + "\n")
    store.write_text(json.dumps(Account.encrypt(KEY, "hunter2", kdf="pbkdf2", iterations=2)))
    password.write_text("hunter2\n")
    opened = [open_account(raw, None), open_account(store, password), open_account(None, None, KEY.hex())]
    assert {account.address for account in opened} == {Account.from_key(KEY).address}


@pytest.mark.parametrize(
    ("written", "password"),
    [
        (b"hunter2", "hunter2"),
        (b"hunter2\n", "hunter2"),
        (b"hunter2\r\n", "hunter2"),
        (b"hunter2\n\n", "hunter2\n"),
        (b" hunter2 \n", " hunter2 "),
        (b"hunter2\r", "hunter2\r"),
    ],
)
def test_one_newline_at_the_end_of_a_password_file_is_not_part_of_it(
    tmp_path: Path, written: bytes, password: str
) -> None:
    store, file = tmp_path / "store.json", tmp_path / "password"
    store.write_text(json.dumps(Account.encrypt(KEY, password, kdf="pbkdf2", iterations=2)))
    file.write_bytes(written)
    assert open_account(store, file).address == Account.from_key(KEY).address


def test_a_keystore_with_scrypt_opens(tmp_path: Path) -> None:
    store, password = tmp_path / "store.json", tmp_path / "password"
    store.write_text(json.dumps(Account.encrypt(KEY, "hunter2", kdf="scrypt", iterations=2)))
    password.write_text("hunter2")
    assert open_account(store, password).address == Account.from_key(KEY).address


@pytest.mark.parametrize("text", ["", "12", "zz" * 32, "0" * 64, "f" * 64])
def test_a_bad_raw_key_is_refused_without_showing_it(tmp_path: Path, text: str) -> None:
    file = tmp_path / "raw"
    file.write_text(text)
    with pytest.raises(ConfigError, match="not 32 bytes of hex") as caught:
        open_account(file, None)
    assert not text or len(text) < 10 or text not in str(caught.value)


def test_a_wrong_or_missing_password_is_refused(tmp_path: Path) -> None:
    store, password = tmp_path / "store.json", tmp_path / "password"
    store.write_text(json.dumps(Account.encrypt(KEY, "hunter2", kdf="pbkdf2", iterations=2)))
    password.write_text("hunter3")
    with pytest.raises(ConfigError, match="does not open"):
        open_account(store, password)
    with pytest.raises(ConfigError, match="needs a password"):
        open_account(store, None)
    store.write_text('{"version": 3}')
    with pytest.raises(ConfigError, match="does not open"):
        open_account(store, password)


@pytest.mark.parametrize(
    ("changes", "said"),
    [
        ({"version": 4}, "is no keystore of version 3"),
        ({"version": 99}, "is no keystore of version 3"),
        ({"version": None}, "is no keystore of version 3"),
        ({"kdf": "argon2id"}, "does not open"),
        ({"mac": "00"}, "does not open"),
    ],
)
def test_a_keystore_of_another_kind_is_refused_in_a_line(tmp_path: Path, changes: dict[str, object], said: str) -> None:
    store, password = tmp_path / "store.json", tmp_path / "password"
    document = Account.encrypt(KEY, "hunter2", kdf="pbkdf2", iterations=2)
    for name, value in changes.items():
        (document if name in document else document["crypto"])[name] = value
    store.write_text(json.dumps(document))
    password.write_text("hunter2")
    with pytest.raises(ConfigError, match=said) as caught:
        open_account(store, password)
    assert caught.value.hint
    assert document["crypto"]["ciphertext"] not in str(caught.value)


def test_failpoints_are_refused_on_a_real_chain(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("KEEPER_FAILPOINT", "signed:post_commit=kill")
    check_failpoint(31337)
    with pytest.raises(ConfigError, match="chain 1"):
        check_failpoint(1)
    monkeypatch.setenv("KEEPER_FAILPOINT", "nowhere=kill")
    with pytest.raises(ConfigError, match="names no failpoint"):
        check_failpoint(31337)


def test_errors_of_the_outside_world_are_told_apart() -> None:
    assert issubclass(RpcError, RetryLater)
    assert issubclass(Reverted, Refused)
