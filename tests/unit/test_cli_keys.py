"""``keeper keys new`` and ``show``, where a key may be configured, and that nothing prints one."""

import json
import subprocess
import sys
from pathlib import Path

import pytest
from eth_account import Account
from sender_desk import KEY
from test_config import write

from keeper.__main__ import main
from keeper.config import load_config
from keeper.config_keys import KeySource, Secret
from keeper.config_reload import changed_for_good
from keeper.config_secrets import secrets_of
from keeper.errors import ConfigError, Refused
from keeper.records.units import Address
from keeper.safe_batch import safe_checksum
from keeper.wiring import open_signer

PASSWORD = "corr3ct-horse-battery"
OWN = Account.from_key(KEY).address


def secret(folder: Path, name: str, text: str, mode: int = 0o600) -> Path:
    file = folder / name
    file.touch(mode)
    file.write_text(text)
    file.chmod(mode)
    return file


def test_a_new_key_is_in_a_private_keystore_that_its_password_opens(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    password, file = secret(tmp_path, "password", PASSWORD + "\n"), tmp_path / "key.json"
    assert main(["keys", "new", str(file), "--password-file", str(password)]) == 0
    shown = capsys.readouterr()
    assert file.stat().st_mode & 0o777 == 0o600
    document = json.loads(file.read_text())
    key = Account.decrypt(document, PASSWORD)
    assert shown.out.splitlines()[0] == Account.from_key(key).address
    assert document["crypto"]["kdf"] == "scrypt"
    assert bytes(key).hex() not in shown.out + shown.err + file.read_text()
    before = file.read_text()
    assert main(["keys", "new", str(file), "--password-file", str(password)]) == Refused.exit_code
    assert "exists and may hold a key in use" in capsys.readouterr().err
    assert file.read_text() == before


@pytest.mark.parametrize(
    ("text", "mode", "said"),
    [(PASSWORD, 0o644, "mode 0644"), ("short", 0o600, "5 letters"), ("", 0o600, "0 letters")],
)
def test_a_bad_password_makes_no_key(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], text: str, mode: int, said: str
) -> None:
    password, file = secret(tmp_path, "password", text, mode), tmp_path / "key.json"
    assert main(["keys", "new", str(file), "--password-file", str(password)]) == ConfigError.exit_code
    assert said in capsys.readouterr().err
    assert not file.exists()


def test_without_a_terminal_a_password_file_is_asked_for(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("sys.stdin.isatty", lambda: False, raising=False)
    assert main(["keys", "new", str(tmp_path / "key.json")]) == ConfigError.exit_code
    assert "--password-file" in capsys.readouterr().err


@pytest.mark.parametrize(
    ("lines", "environment", "kind", "modes"),
    [
        ("", {}, "none", []),
        ('key_file = "raw"', {}, "file", ["0600"]),
        ('key_file = "store"\npassword_file = "password"', {}, "file", ["0600", "0400"]),
        ("", {"BULKHEAD_KEEPER__PRIVATE_KEY": KEY.hex()}, "environment", []),
        (f'signer_url = "http://127.0.0.1:9/{PASSWORD}"\nsigner_address = "{OWN}"', {}, "remote signer", []),
    ],
)
def test_the_configured_key_is_shown_by_its_address_wherever_it_is_kept(
    tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
    monkeypatch: pytest.MonkeyPatch,
    *,
    lines: str,
    environment: dict[str, str],
    kind: str,
    modes: list[str],
) -> None:
    secret(tmp_path, "raw", KEY.hex())
    secret(tmp_path, "password", PASSWORD, 0o400)
    secret(tmp_path, "store", json.dumps(Account.encrypt(KEY, PASSWORD, kdf="pbkdf2", iterations=2)))
    path = write(tmp_path)
    path.write_text(path.read_text().replace("[keeper]\n", f"[keeper]\n{lines}\n"))
    for variable, value in environment.items():
        monkeypatch.setenv(variable, value)
    assert main(["--config", str(path), "keys", "show", "--json"]) == 0
    shown = capsys.readouterr()
    document = json.loads(shown.out)
    assert (document["kind"], document.get("address")) == (kind, None if kind == "none" else OWN)
    assert [row["mode"] for row in document["files"]] == modes
    assert main(["--config", str(path), "keys", "show"]) == 0
    for text in (shown.out, shown.err, capsys.readouterr().out):
        assert KEY.hex() not in text
        assert PASSWORD not in text


def test_a_foundry_account_is_a_keystore_of_that_name(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HOME", str(tmp_path))
    folder = tmp_path / ".foundry" / "keystores"
    folder.mkdir(parents=True)
    secret(folder, "hot", json.dumps(Account.encrypt(KEY, PASSWORD, kdf="scrypt", iterations=2)))
    secret(tmp_path, "password", PASSWORD)
    path = write(tmp_path)
    named = 'foundry_account = "hot"\npassword_file = "password"'
    path.write_text(path.read_text().replace("[keeper]\n", f"[keeper]\n{named}\n"))
    assert open_signer(load_config(path, {}).operator).address == OWN.lower()


def test_a_remote_signer_is_written_and_read_back_and_its_url_is_a_secret(tmp_path: Path) -> None:
    key = KeySource(signer_url=Secret(f"https://me:{PASSWORD}@signer/"), signer_address=Address(OWN.lower()))
    config = load_config(write(tmp_path, key=key), {})
    assert config.operator.key is not None
    assert config.operator.key.signer_url is not None
    assert config.operator.key.signer_url.reveal() == f"https://me:{PASSWORD}@signer/"
    assert PASSWORD in secrets_of(config)
    assert PASSWORD not in repr(config)
    assert PASSWORD not in repr(open_signer(config.operator))


def test_another_remote_signer_is_another_key_and_needs_a_restart(tmp_path: Path) -> None:
    address = Address(OWN.lower())
    urls = ("http://one/", "http://two/")
    one, two = (
        load_config(write(tmp_path, key=KeySource(signer_url=Secret(url), signer_address=address)), {}) for url in urls
    )
    assert list(changed_for_good(one.operator, two.operator)) == ["keeper.key_file"]
    assert list(changed_for_good(one.operator, one.operator)) == []


def test_the_checksum_of_a_safe_batch_is_the_builders() -> None:
    text = (
        '{"version":"1.0","chainId":"31337","createdAt":1700000000000,"meta":{"name":"any name","description":'
        '"Haircut 21.5 % → 24 %","txBuilderVersion":"1.16.3","createdFromSafeAddress":'
        '"0x0000000000000000000000000000000000000001","createdFromOwnerAddress":""},"transactions":[{"to":'
        '"0x0000000000000000000000000000000000000002","value":"0","data":null,"contractMethod":{"inputs":[{"name":'
        '"newCap","type":"uint256","internalType":"uint256"}],"name":"setCap","payable":false},'
        '"contractInputsValues":{"newCap":"1000"}}]}'
    )
    checksum = "0xfd67567aeee4ec8f498e2130d23fd19d7225592d9fab064c88b209770adb6e99"
    assert safe_checksum(json.loads(text)) == checksum


@pytest.mark.skipif(sys.platform != "linux", reason="PR_GET_DUMPABLE is Linux")
def test_a_process_that_opened_a_key_leaves_no_core() -> None:
    probe = (
        "import ctypes, resource\n"
        "from keeper.hardening import forbid_core_dumps\n"
        "forbid_core_dumps()\n"
        "print(resource.getrlimit(resource.RLIMIT_CORE), ctypes.CDLL(None).prctl(3, 0, 0, 0, 0))\n"
    )
    done = subprocess.run([sys.executable, "-c", probe], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "(0, 0) 0"
