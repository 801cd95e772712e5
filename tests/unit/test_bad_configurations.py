"""Bad configurations, each through the real program: exit code 2, one line that names the key, no credentials.

reliability.md E, 'Configuration'. What only the chain can tell (an account in place of the contract, another chain, a
key that is no signer, wrong tokens of a pool) is in ``tests/chain/test_bad_input.py``.
"""

import json
import os
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import pytest
from eth_account import Account
from factories import CONTRACT
from test_config import TOKEN, write

from keeper.__main__ import main
from keeper.config import load_config
from keeper.maths.keccak import checksummed

CONFIG_ERROR = 2
KEY = "3c" * 32
PASSWORD = "corr3ct-horse"
SECRETS = (TOKEN, KEY, PASSWORD, "hunter2")
MIXED = "0x5aAeb6053F3E94C9b9A09f33669435E7Ef1BeAed"
"""An example of EIP-55; :data:`TYPO` has one letter in the other case."""
TYPO = "0x5aAeb6053F3E94C9b9A09f33669435E7Ef1Beaed"
WETH = "0x" + "aa" * 20
POOL = "0x" + "03" * 20
WHOLE_WAD = "200000000000000000"


@dataclass
class Ground:
    """A good configuration, to be spoilt."""

    folder: Path
    path: Path
    environment: dict[str, str]

    def swap(self, old: str, new: str) -> None:
        text = self.path.read_text()
        assert old in text
        self.path.write_text(text.replace(old, new, 1))

    def add(self, table: str, line: str) -> None:
        self.swap(f"[{table}]\n", f"[{table}]\n{line}\n")

    def secret(self, name: str, text: str, mode: int = 0o600) -> Path:
        file = self.folder / name
        file.touch(mode)
        file.write_text(text)
        file.chmod(mode)
        return file

    def keystore(self, mode: int = 0o600) -> Path:
        document = Account.encrypt("0x" + KEY, PASSWORD, kdf="pbkdf2", iterations=2)
        return self.secret("store.json", json.dumps(document), mode)


Spoil = Callable[[Ground], object]


def swap(old: str, new: str) -> Spoil:
    return lambda ground: ground.swap(old, new)


def keeper(line: str) -> Spoil:
    return lambda ground: ground.add("keeper", line)


def number(name: str, value: object) -> Spoil:
    """Another value of a number of the file."""

    def spoil(ground: Ground) -> None:
        (line,) = (row for row in ground.path.read_text().splitlines() if row.startswith(f"{name} = "))
        ground.swap(line + "\n", f"{name} = {value}\n")

    return spoil


def environment(variable: str, value: str) -> Spoil:
    return lambda ground: ground.environment.update({variable: value})


def both(*spoils: Spoil) -> Spoil:
    return lambda ground: [spoil(ground) for spoil in spoils]


def with_key(mode: int = 0o600, *lines: str) -> Spoil:
    def spoil(ground: Ground) -> None:
        ground.keystore(mode)
        for line in ('key_file = "store.json"', *lines):
            ground.add("keeper", line)

    return spoil


def owned(ground: Ground) -> None:
    with_key()(ground)
    os.chown(ground.folder / "store.json", 12345, -1)


def swappable(ground: Ground) -> None:
    """The file is private, its folder is everybody's."""
    folder = ground.folder / "open"
    folder.mkdir()
    folder.chmod(0o777)
    ground.secret("open/key", KEY)
    ground.add("keeper", 'key_file = "open/key"')


def linked(ground: Ground) -> None:
    """A private-looking link to a file that all can read."""
    real = ground.secret("real", KEY, 0o644)
    (ground.folder / "link").symlink_to(real)
    ground.add("keeper", 'key_file = "link"')


def twice(table: str) -> Spoil:
    """A table array's first entry stands twice."""

    def spoil(ground: Ground) -> None:
        text = ground.path.read_text()
        start = text.index(f"[[{table}]]")
        end = text.find("[[", start + 2)
        ground.path.write_text(text[:end] + text[start:end] + text[end:] if table != "markets" else text + text[start:])

    return spoil


def second_provider(url: str) -> Spoil:
    return lambda ground: ground.add("network.providers", f'second = "{url}"')


def without(ground: Ground, beginning: str) -> None:
    """The file without one line."""
    (line,) = (row for row in ground.path.read_text().splitlines() if row.startswith(beginning))
    ground.swap(line + "\n", "")


def headless(ground: Ground) -> None:
    text = ground.path.read_text()
    ground.path.write_text(text[: text.index("[[markets.pools]]")])


def marketless(ground: Ground) -> None:
    text = ground.path.read_text()
    ground.path.write_text(text[: text.index("[[markets]]")])


NETWORK = [
    ("no provider", lambda ground: without(ground, "local = "), "network.providers", "no node is named"),
    ("no chain id", swap("chain_id = 31337\n", ""), "network.chain_id", "is missing"),
    ("chain by name", number("chain_id", '"mainnet"'), "network.chain_id", "not a whole number"),
    ("chain 0", number("chain_id", 0), "network.chain_id", "below 1"),
    ("no contract", swap(f'contract = "{CONTRACT}"\n', ""), "network.contract", "is missing"),
    ("short contract", swap(CONTRACT, "0xcc"), "network.contract", "not an address"),
    ("contract as a number", swap(f'"{CONTRACT}"', "12"), "network.contract", "not an address"),
    ("an ENS name", swap(CONTRACT, "bulkhead.eth"), "network.contract", "not an address"),
    ("a wrong checksum", swap(CONTRACT, TYPO), "network.contract", "checksum"),
    ("a provider of another scheme", second_provider(f"ws://node.example/{TOKEN}"), "network.providers", "not http"),
    ("a provider without a host", second_provider(f"https:///{TOKEN}"), "network.providers", "not http"),
    ("a provider's port", second_provider(f"https://node.example:99999/{TOKEN}"), "network.providers", "not http"),
    ("a broken provider", second_provider(f"https://[::1/{TOKEN}"), "network.providers", "not http"),
    ("one node twice", second_provider(f"https://node.example/{TOKEN}"), "network.providers", "one URL"),
    ("one node alone", swap("single_provider = true", "single_provider = false"), "network.providers", "second"),
    ("a word for a switch", swap("single_provider = true", "single_provider = 1"), "allow_single_provider", "true nor"),
    ("a quorum of 3", number("emergency_quorum", 3), "network.emergency_quorum", "above 2"),
    ("no room for a reply", number("max_reply_mib", 0), "network.max_reply_mib", "below 1"),
    ("control characters", swap('name = "test"', 'name = "a\\u001b[2J"'), "network.name", "control"),
]
FEES = [
    ("wei for gwei", number("max_fee_gwei", 80_000_000_000), "keeper.max_fee_gwei", "gwei, not wei"),
    ("wei in an emergency", number("emergency_fee_gwei", 10**12), "keeper.emergency_fee_gwei", "gwei, not wei"),
    ("a fraction of a gwei", number("max_fee_gwei", 0.5), "keeper.max_fee_gwei", "not a whole number"),
    ("no fee", number("max_fee_gwei", 0), "keeper.max_fee_gwei", "below 1"),
    ("a negative fee", number("max_fee_gwei", -80), "keeper.max_fee_gwei", "below 1"),
    ("emergencies below routine", number("emergency_fee_gwei", 79), "keeper.emergency_fee_gwei", "below max_fee_gwei"),
    ("a reserve for 19", number("market_reserve_gwei", 8_999_999_999), "keeper.market_reserve_gwei", "pays 19"),
    ("wei for a budget", number("market_budget_gwei", 5 * 10**16), "keeper.market_budget_gwei", "gwei, not wei"),
    ("a zero budget", number("market_budget_gwei", 0), "keeper.market_budget_gwei", "below 1"),
    ("a zero reserve", number("market_reserve_gwei", 0), "keeper.market_reserve_gwei", "below 1"),
    ("a zero budget of the key", number("key_budget_gwei", 0), "keeper.key_budget_gwei", "below 1"),
    ("less for all than for one", number("key_budget_gwei", 1), "keeper.key_budget_gwei", "below market_budget_gwei"),
    ("nothing in flight", number("in_flight", 0), "keeper.in_flight", "below 1"),
    ("too much in flight", number("in_flight", 17), "keeper.in_flight", "above 16"),
    ("gas above a transaction's", number("gas_limit", 30_000_000), "keeper.gas_limit", "above 16777216"),
    ("no gas", number("gas_limit", 21_000), "keeper.gas_limit", "below 100000"),
    ("gas of a call", number("call_gas", 1), "keeper.call_gas", "below 1000000"),
    ("a poll of 0 s", number("poll_seconds", 0), "keeper.poll_seconds", "below 1"),
    ("milliseconds", number("poll_seconds", 4_000), "keeper.poll_seconds", "above 3600"),
    ("a tip in wei", number("tip_gwei_milli", 10**9), "keeper.tip_gwei_milli", "above 10000"),
    ("a block before the first", number("start_block", -1), "keeper.start_block", "below 0"),
    ("true for a number", number("in_flight", "true"), "keeper.in_flight", "not a whole number"),
    ("an unknown key", keeper("max_fee_gwie = 80"), "keeper.max_fee_gwie", "did you mean max_fee_gwei"),
]
KEYS = [
    ("a key in the file", keeper(f'private_key = "{KEY}"'), "keeper.private_key", "unknown key"),
    ("a password in the file", keeper(f'password = "{PASSWORD}"'), "keeper.password", "did you mean"),
    ("no key file", keeper('key_file = "none"'), "keeper.key_file", "cannot be opened"),
    ("a key file for all", with_key(0o644), "keeper.key_file", "mode 0644"),
    ("a key file for the group", with_key(0o640), "keeper.key_file", "mode 0640"),
    ("a folder for a key", keeper('key_file = "."'), "keeper.key_file", "no regular file"),
    ("somebody else's key file", owned, "keeper.key_file", "belongs to user 12345"),
    ("a key file that others can swap", swappable, "keeper.key_file", "anybody may write"),
    ("a link to an open file", linked, "keeper.key_file", "mode 0644"),
    (
        "an open password file",
        both(with_key(0o600, 'password_file = "pw"'), lambda ground: ground.secret("pw", PASSWORD, 0o604)),
        "keeper.password_file",
        "mode 0604",
    ),
    ("no password file", with_key(0o600, 'password_file = "pw"'), "keeper.password_file", "cannot be opened"),
    ("a password for nothing", keeper('password_file = "pw"'), "keeper.password_file", "without key_file"),
    (
        "the same in the environment",
        environment("BULKHEAD_KEEPER__PASSWORD", PASSWORD),
        "PASSWORD",
        "without a keystore",
    ),
    ("two keys", with_key(0o600, 'foundry_account = "hot"'), "keeper.foundry_account", "both set"),
    ("a path for an account", keeper('foundry_account = "../hot"'), "keeper.foundry_account", "not the name"),
    ("an account that is not there", keeper('foundry_account = "no-such"'), "keeper.foundry_account", "cannot be"),
    (
        "a signer by file",
        both(keeper(f'signer_url = "file:///{TOKEN}"'), keeper(f'signer_address = "{MIXED}"')),
        "keeper.signer_url",
        "not an http",
    ),
    ("nobody's signer", keeper(f'signer_url = "http://:{TOKEN}@host/"'), "keeper.signer_address", "is missing"),
    (
        "an address without a signer",
        keeper(f'signer_address = "{MIXED}"'),
        "keeper.signer_address",
        "without signer_url",
    ),
    (
        "a signer's wrong checksum",
        both(keeper(f'signer_url = "http://host/{TOKEN}"'), keeper(f'signer_address = "{TYPO}"')),
        "keeper.signer_address",
        "checksum",
    ),
    (
        "a signer and a file",
        with_key(0o600, 'signer_url = "http://host"', f'signer_address = "{MIXED}"'),
        "keeper.signer_url",
        "both set",
    ),
]
SQLITE = 'url = "sqlite:///'
STORE = [
    ("another database", swap(SQLITE, 'url = "mysql:///'), "store.url", "not a database"),
    (
        "a password in the URL",
        swap(SQLITE, f'url = "postgresql+psycopg://me:{PASSWORD}@host/'),
        "store.url",
        "holds a password",
    ),
    (
        "one among the options",
        swap(SQLITE, f'url = "postgresql+psycopg://me@host/db?password={PASSWORD}&x='),
        "store.url",
        "holds a password",
    ),
    ("a number for a URL", swap("[store]\nurl = ", "[store]\nurl = 5 #"), "store.url", "not a database"),
    ("a port alone", number("listen", '"9464"'), "monitor.listen", "not host:port"),
    ("a port too high", number("listen", '"127.0.0.1:65536"'), "monitor.listen", "not host:port"),
    ("a URL to listen at", number("listen", '"http://127.0.0.1:x"'), "monitor.listen", "not host:port"),
    (
        "open notification URLs",
        lambda ground: [
            ground.secret("urls", f"page=json://{TOKEN}", 0o644),
            ground.add("monitor", 'notify_file = "urls"'),
        ],
        "monitor.notify_file",
        "mode 0644",
    ),
    (
        "notification URLs of no service",
        lambda ground: [ground.secret("urls", f"nothing://{TOKEN}"), ground.add("monitor", 'notify_file = "urls"')],
        "monitor.notify_file",
        "",
    ),
]
SETTINGS = [
    ("more than 100 %", number("buffer_bps", 10_001), "markets[0].model.buffer_bps", "above 10000"),
    ("a negative share", number("buffer_bps", -1), "markets[0].model.buffer_bps", "below 0"),
    ("percent for basis points", number("buffer_bps", 2.5), "markets[0].model.buffer_bps", "basis points"),
    ("no WAD", number("sigma_floor_wad", 20), "markets[0].model.sigma_floor_wad", "next to nothing"),
    ("milliseconds of dwell", number("dwell_seconds", 21_600_000), "settings.dwell_seconds", "above"),
    (
        "a setting nobody knows",
        lambda ground: ground.add("settings", "dwel_seconds = 1"),
        "settings.dwel_seconds",
        "unknown",
    ),
    ("a market twice", twice("markets"), "markets[1].name", "stands twice"),
    ("a pool twice", twice("markets.pools"), "markets[0].pools[1].address", "stands twice"),
    ("a market without pools", headless, "markets[0].pools", "is missing"),
    ("no market", marketless, "markets", "is missing"),
    ("collateral for debt", swap("0x" + "bb" * 20, WETH), "markets[0].debt", "is the collateral itself"),
    ("an unknown venue", swap('"uniswap_v2"', '"uniswap_v9"'), "markets[0].pools[1].venue", "not known"),
    ("an unknown model", number("model", '"vibes"'), "markets[0].model.model", "not known"),
    ("a pool's wrong checksum", swap(POOL, TYPO), "markets[0].pools[0].address", "checksum"),
    ("floor above cap", number("haircut_min_bps", 9_500), "markets[0].model.haircut_min_bps", "above haircut_max_bps"),
    ("a schema of the future", number("schema", 3), "settings.schema", "above 2"),
]
ENVIRONMENT = [
    (
        "the environment over the file",
        environment("BULKHEAD_KEEPER__IN_FLIGHT", "17"),
        "BULKHEAD_KEEPER__IN_FLIGHT",
        "above",
    ),
    ("a wrong name", environment("BULKHEAD_KEEPER__MAX_FEE", "1"), "BULKHEAD_KEEPER__MAX_FEE", "unknown key"),
    ("a key below a word", environment("BULKHEAD_NETWORK__NAME__X", "1"), "BULKHEAD_NETWORK__NAME__X", "no table"),
    ("a key below a list", environment("BULKHEAD_MARKETS__0__NAME", "1"), "BULKHEAD_MARKETS__0__NAME", "no table"),
    (
        "a token in a variable",
        environment("BULKHEAD_NETWORK__PROVIDERS__LOCAL", f"ftp://{TOKEN}"),
        "network.providers",
        "not http",
    ),
    ("no TOML", lambda ground: ground.path.write_text("[network\nname = 1"), "keeper.toml", "not TOML"),
    ("no file", lambda ground: ground.path.unlink(), "keeper.toml", "no such file"),
    ("no text", lambda ground: ground.path.write_bytes(b"\xff\xfe\x00"), "keeper.toml", "UTF-8"),
]
TABLE: list[tuple[str, Spoil, str, str]] = [*NETWORK, *FEES, *KEYS, *STORE, *SETTINGS, *ENVIRONMENT]


@pytest.fixture
def ground(tmp_path: Path) -> Ground:
    return Ground(tmp_path, write(tmp_path), {})


@pytest.fixture
def said(
    ground: Ground, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> Callable[[], tuple[int, str, str]]:
    """(exit code, stdout, stderr) of the program over the ground as it is then."""

    def run() -> tuple[int, str, str]:
        for variable, value in ground.environment.items():
            monkeypatch.setenv(variable, value)
        code = main(["--config", str(ground.path), "run", "--once"])
        return code, *capsys.readouterr()

    return run


@pytest.mark.filterwarnings("ignore:'imghdr' is deprecated:DeprecationWarning")  # apprise imports it
@pytest.mark.parametrize(("spoil", "key", "word"), [row[1:] for row in TABLE], ids=[row[0] for row in TABLE])
def test_a_bad_configuration_ends_with_2_and_one_line_that_names_the_key(
    ground: Ground, said: Callable[[], tuple[int, str, str]], spoil: Spoil, key: str, word: str
) -> None:
    spoil(ground)
    code, out, err = said()
    assert (code, out) == (CONFIG_ERROR, "")
    (line,) = err.splitlines()
    assert line.startswith("error: ")
    assert key in line
    assert word in line
    assert [secret for secret in SECRETS if secret in line] == []


def test_the_table_has_sixty_different_mistakes_and_more() -> None:
    assert len({name for name, *_ in TABLE}) == len(TABLE)
    assert len({(key, word) for _, _, key, word in TABLE}) >= 60


def test_what_the_mistakes_stand_beside_is_accepted(ground: Ground) -> None:
    with_key(0o400)(ground)
    text = ground.path.read_text()
    for address in (MIXED, MIXED.lower(), "0x" + MIXED[2:].upper()):
        ground.path.write_text(text.replace(CONTRACT, address))
        assert load_config(ground.path, {}).operator.contract == MIXED.lower()
    number("market_reserve_gwei", 9_000_000_000)(ground)
    assert load_config(ground.path, {}).operator.market_reserve_gwei == 9_000_000_000


@pytest.mark.parametrize(
    "address",
    [
        "0x5aAeb6053F3E94C9b9A09f33669435E7Ef1BeAed",
        "0xfB6916095ca1df60bB79Ce92cE3Ea74c37c5d359",
        "0xdbF03B407c01E7cD3CBea99509d93f8DDDC8C6FB",
        "0xD1220A0cf47c7B9Be7A2E6BA89F429762e7b9aDb",
    ],
)
def test_the_checksum_is_that_of_eip_55(address: str) -> None:
    assert checksummed(address.lower()) == address
