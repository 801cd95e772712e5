"""Configuration: a round trip, every mistake at once and in one line each, secrets never shown."""

import os
from dataclasses import replace
from pathlib import Path

import pytest
from factories import (
    CHAIN_ID,
    CONTRACT,
    V2_POOL,
    make_settings,
    market_settings,
    model_settings,
    pair_settings,
    pool_settings,
)

from keeper.config import Config, Operator, Provider, dump_toml, load_config
from keeper.config_keys import KeySource, Secret
from keeper.errors import ConfigError
from keeper.records.settings import DYNAMIC_FEE, PoolSettings, Settings
from keeper.records.units import NO_ADDRESS, Address
from keeper.venues import VENUES

TOKEN = "s3cr3t-api-token"


def operator(folder: Path, **changes: object) -> Operator:
    values: dict[str, object] = {
        "network": "test",
        "chain_id": CHAIN_ID,
        "contract": CONTRACT,
        "providers": (Provider("local", Secret(f"https://node.example/{TOKEN}")),),
        "allow_single_provider": True,
        "key": None,
        "data_dir": folder / "data",
        "store_url": f"sqlite:///{folder / 'data' / 'keeper.sqlite'}",
    }
    return Operator(**values | changes)


def write(folder: Path, settings: Settings | None = None, **changes: object) -> Path:
    path = folder / "keeper.toml"
    path.write_text(dump_toml(operator(folder, **changes), settings or make_settings()))
    return path


def problems(path: Path, environment: dict[str, str] | None = None) -> tuple[str, ...]:
    with pytest.raises(ConfigError) as caught:
        load_config(path, environment or {})
    return caught.value.problems


def replaced(path: Path, old: str, new: str) -> Path:
    text = path.read_text()
    assert old in text
    path.write_text(text.replace(old, new, 1))
    return path


def test_what_is_written_is_read_back(tmp_path: Path) -> None:
    config = load_config(write(tmp_path), {})
    assert config.settings == make_settings()
    read, written = config.operator, operator(tmp_path)
    assert (read.network, read.chain_id, read.contract) == (written.network, written.chain_id, written.contract)
    assert (read.data_dir, read.store_url, read.key) == (written.data_dir, written.store_url, None)
    assert read.providers[0].url.reveal() == f"https://node.example/{TOKEN}"


def test_holders_and_rounds_are_written_and_read_back(tmp_path: Path) -> None:
    market = market_settings(**AAVE, holders=(HOLDER, V2_POOL), shock_bps=2_500, shock_share_bps=6_000)
    settings = make_settings(markets=(replace(market, feed=replace(market.feed, rounds=8)),))
    assert load_config(write(tmp_path, settings), {}).settings == settings


def test_amounts_beyond_64_bits_survive(tmp_path: Path) -> None:
    market = market_settings(model=model_settings(size=10**30, k_wad=2**80))
    settings = make_settings(markets=(market,))
    assert load_config(write(tmp_path, settings), {}).settings == settings


def test_scalars_have_the_starting_values(tmp_path: Path) -> None:
    path = write(tmp_path)
    head, _, rest = path.read_text().partition("[settings]\n")
    path.write_text(head + rest[rest.index("[[markets]]") :])
    settings = load_config(path, {}).settings
    assert (settings.cadence_blocks, settings.heartbeat_seconds, settings.dwell_seconds) == (25, 64_800, 21_600)
    assert (settings.deviation_up_bps, settings.deviation_down_bps, settings.trailing_days) == (50, 100, 30)


def test_relative_paths_start_at_the_file(tmp_path: Path) -> None:
    path = replaced(write(tmp_path), f'data_dir = "{tmp_path / "data"}"', 'data_dir = "here"')
    path.write_text(path.read_text().replace(f'url = "sqlite:///{tmp_path / "data" / "keeper.sqlite"}"', 'url = ""'))
    config = load_config(path, {})
    assert config.operator.data_dir == tmp_path / "here"
    assert config.operator.store_url == f"sqlite:///{tmp_path / 'here' / 'keeper.sqlite'}"


def test_an_unknown_key_is_named_with_the_likely_one(tmp_path: Path) -> None:
    path = replaced(write(tmp_path), "deviation_up_bps = 50", "deviation_upp_bps = 50")
    assert problems(path) == ("settings.deviation_upp_bps: unknown key; did you mean deviation_up_bps?",)


@pytest.mark.parametrize(
    ("old", "new", "line"),
    [
        (
            "buffer_bps = 250",
            "buffer_bps = 25000",
            "markets[0].model.buffer_bps: 25000 is above 10000; give basis points from 0 to 10000: 250 is 2.5 %",
        ),
        (
            "buffer_bps = 250",
            "buffer_bps = 2.5",
            ("markets[0].model.buffer_bps: 2.5 is not a whole number; give basis points from 0 to 10000: 250 is 2.5 %"),
        ),
        (
            "sigma_floor_wad = 200000000000000000",
            "sigma_floor_wad = 2000",
            (
                "markets[0].model.sigma_floor_wad: 2000 would be next to nothing in WAD; "
                "give a WAD, 18 decimals: 0.3 is 300000000000000000"
            ),
        ),
        (
            "sigma_floor_wad = 200000000000000000",
            "sigma_floor_wad = 0.6",
            (
                "markets[0].model.sigma_floor_wad: 0.6 is not a whole number; "
                "give a WAD, 18 decimals: 0.6 is 600000000000000000"
            ),
        ),
        (
            "dwell_seconds = 21600",
            "dwell_seconds = 21600000",
            "settings.dwell_seconds: 21600000 is above 8640000; give whole seconds: half an hour is 1800",
        ),
        (
            "model_mult_wad = 1150000000000000000",
            "model_mult_wad = 150000000000000000",
            (
                "markets[0].model.model_mult_wad: 150000000000000000 is below 1000000000000000000; "
                "give a WAD, 18 decimals: 0.3 is 300000000000000000"
            ),
        ),
        (
            "chain_id = 31337",
            'chain_id = "mainnet"',
            ("network.chain_id: 'mainnet' is not a whole number; give a whole number from 1 to 9007199254740992"),
        ),
        (
            f'contract = "{CONTRACT}"',
            'contract = "0xcc"',
            ("network.contract: '0xcc' is not an address; write 0x and 40 hex digits, as \"0xC02a...\""),
        ),
        (
            'venue = "uniswap_v2"',
            'venue = "uniswap_v9"',
            f"markets[0].pools[1].venue: 'uniswap_v9' is not known; choose from: {', '.join(sorted(VENUES))}",
        ),
        ('name = "WETH/USDC"', "", "markets[0].name: is missing; add name"),
        (
            'name = "WETH/USDC"',
            'name = "\\u001b[2Jok"',
            "markets[0].name: '\\x1b[2Jok' holds control characters; write plain text",
        ),
        (
            'name = "WETH/USDC"',
            f'name = "{"N" * 1_000_000}"',
            f"markets[0].name: '{'N' * 64}'... has 1000000 letters; give 64 at most",
        ),
        ("rounds = 0", "rounds = 9", "markets[0].feed.rounds: 9 is above 8; give a whole number from 0 to 8"),
        (
            "holders = []",
            'holders = ["0xcc"]',
            "markets[0].holders[0]: '0xcc' is not an address; write 0x and 40 hex digits, as \"0xC02a...\"",
        ),
    ],
)
def test_a_wrong_value_is_one_line_with_key_and_remedy(tmp_path: Path, old: str, new: str, line: str) -> None:
    assert problems(replaced(write(tmp_path), old, new)) == (line,)


def test_all_mistakes_are_reported_together(tmp_path: Path) -> None:
    path = replaced(write(tmp_path), "margin_bps = 50", "margin_bps = 50000\nmargin = 1")
    path = replaced(path, "fee_pips = 3000", "fee_pips = -1")
    path = replaced(path, 'local = "https', 'local = "ftp')
    found = problems(path)
    assert [line.split(":")[0] for line in found] == [
        "network.providers",
        "settings.margin_bps",
        "settings.margin",
        "markets[0].pools[0].fee_pips",
    ]
    assert not any(TOKEN in line for line in found)


V4 = {"venue": "uniswap_v4", "address": "0x" + "44" * 20, "price_source": False}
V4_ID = {"pool_id": b"\x01" * 32, "tick_spacing": 0, "fee_pips": DYNAMIC_FEE}
BASE = PoolSettings("curve_stable", Address("0x" + "ba" * 20), bytes(32), NO_ADDRESS, 0, 1, 0, 0, (10**18,) * 2, False)
THROUGH = replace(
    BASE,
    venue="curve_meta",
    address=Address("0x" + "1c" * 20),
    pool_id=bytes(12) + b"\x1b" * 20,
    companion=BASE.address,
    rates=(10**18,) * 3,
)


HOLDER = Address("0x" + "0a" * 20)
AAVE = {"protocol": "aave_v3", "protocol_market_id": bytes(12) + b"\xa0" * 20}
MANY = tuple(Address(f"0x{number:040x}") for number in range(1, 1_002))
LISTED_TWICE = "stands twice in this market; list each pool once, direct or as a leg"
TWICE = "markets[0].pools[2].address: what {} holds would count twice; keep one of the routes through it"


@pytest.mark.parametrize(
    ("settings", "line"),
    [
        (
            make_settings(warm_days=40),
            "settings.warm_days: is above trailing_days, so nothing could ever loosen; make it smaller",
        ),
        (
            make_settings(markets=(market_settings(), market_settings())),
            "markets[1].name: 'WETH/USDC' stands twice; give every market its own name",
        ),
        (
            make_settings(markets=(market_settings(pools=(pair_settings(),)),)),
            "markets[0].pools: 0 are price sources; set price_source = true on 1 to 3 of them",
        ),
        (
            make_settings(markets=(market_settings(pools=(pool_settings(), pool_settings(fee_pips=500))),)),
            f"markets[0].pools[1].address: {pool_settings().address} {LISTED_TWICE}",
        ),
        (
            make_settings(markets=(market_settings(pools=(pool_settings(), BASE, THROUGH)),)),
            TWICE.format(BASE.address),
        ),
        (
            make_settings(
                markets=(market_settings(pools=(pool_settings(), THROUGH, replace(THROUGH, pool_id=bytes(32)))),)
            ),
            TWICE.format(THROUGH.address),
        ),
        (
            make_settings(markets=(market_settings(pools=(pool_settings(), pair_settings(price_source=True))),)),
            "markets[0].pools[1].price_source: uniswap_v2 keeps no observation ring; set it to false",
        ),
        (
            make_settings(markets=(market_settings(pools=(pool_settings(), pool_settings(**V4, tick_spacing=60))),)),
            "markets[0].pools[1].pool_id: is missing; write the id: keccak of the pool's key",
        ),
        (
            make_settings(markets=(market_settings(pools=(pool_settings(), pool_settings(**V4, **V4_ID))),)),
            "markets[0].pools[1].tick_spacing: is 0; write the tickSpacing of the pool's key",
        ),
        (
            make_settings(markets=(market_settings(pools=(pool_settings(fee_pips=DYNAMIC_FEE),)),)),
            "markets[0].pools[0].fee_pips: 8388608 is not below 1,000,000; write millionths: 0.3 % is 3000",
        ),
        (
            make_settings(markets=(market_settings(model=model_settings(haircut_min_bps=9500)),)),
            "markets[0].model.haircut_min_bps: is above haircut_max_bps; make it smaller",
        ),
        (
            make_settings(markets=(market_settings(debt=market_settings().collateral),)),
            "markets[0].debt: is the collateral itself; write the address of the token that is borrowed",
        ),
        (
            make_settings(markets=(market_settings(holders=(HOLDER,)),)),
            "markets[0].holders: nobody borrows from the bare contract; remove them, or name the lending protocol",
        ),
        (
            make_settings(markets=(market_settings(**AAVE, holders=(HOLDER, V2_POOL, HOLDER)),)),
            f"markets[0].holders: {HOLDER} stands twice; name every account once",
        ),
        (
            make_settings(markets=(market_settings(**AAVE, holders=MANY),)),
            "markets[0].holders: 1001 are named; keep the largest 1000",
        ),
        (
            make_settings(markets=(market_settings(**AAVE | {"protocol_market_id": bytes(32)}),)),
            (
                "markets[0].protocol_market_id: is no address; "
                "write the PoolAddressesProvider: 0x, 24 zeros and its 40 digits"
            ),
        ),
        (
            make_settings(markets=(market_settings(**AAVE, shock_bps=10_000),)),
            "markets[0].shock_bps: must leave a price, and lower it; write 3000 for a fall by 30 %",
        ),
    ],
)
def test_a_contradiction_between_settings_is_found(tmp_path: Path, settings: Settings, line: str) -> None:
    assert problems(write(tmp_path, settings)) == (line,)


def test_the_environment_overrides_the_file_and_is_named_in_the_message(tmp_path: Path) -> None:
    path = write(tmp_path)
    assert load_config(path, {"BULKHEAD_KEEPER__POLL_SECONDS": "9"}).operator.poll_seconds == 9
    assert load_config(path, {"BULKHEAD_SETTINGS__MARGIN_BPS": "7"}).settings.margin_bps == 7
    added = load_config(path, {"BULKHEAD_NETWORK__PROVIDERS__SPARE": "http://spare"}).operator.providers
    assert [provider.name for provider in added] == ["local", "spare"]
    (line,) = problems(path, {"BULKHEAD_KEEPER__POLL": "9"})
    assert line.startswith("keeper.poll (from BULKHEAD_KEEPER__POLL): unknown key")


def test_one_node_is_enough_only_for_who_says_so(tmp_path: Path) -> None:
    alone = write(tmp_path, allow_single_provider=False)
    assert problems(alone) == (
        (
            "network.providers: one node is named, and nobody would check what it says; "
            "name a second one, or write allow_single_provider = true in [network]"
        ),
    )
    assert load_config(alone, {"BULKHEAD_NETWORK__ALLOW_SINGLE_PROVIDER": "true"}).operator.allow_single_provider
    two = load_config(alone, {"BULKHEAD_NETWORK__PROVIDERS__SPARE": "http://spare"}).operator
    assert (len(two.providers), two.allow_single_provider, two.emergency_quorum, two.max_reply_mib) == (2, False, 1, 16)
    (line,) = problems(alone, {"BULKHEAD_NETWORK__ALLOW_SINGLE_PROVIDER": "perhaps"})
    assert "'perhaps' is neither true nor false; write true or false" in line
    (line,) = problems(write(tmp_path), {"BULKHEAD_NETWORK__EMERGENCY_QUORUM": "3"})
    assert "network.emergency_quorum" in line
    assert "3 is above 2" in line


def test_other_variables_with_our_prefix_are_left_alone(tmp_path: Path) -> None:
    assert load_config(write(tmp_path), {"BULKHEAD_ANVIL": "/bin/anvil"}).operator.network == "test"


@pytest.mark.parametrize("mode", [0o644, 0o640, 0o660, 0o604])
def test_a_key_file_that_others_can_read_is_refused(tmp_path: Path, mode: int) -> None:
    key = tmp_path / "key"
    key.write_text("11" * 32)
    key.chmod(mode)
    (line,) = problems(write(tmp_path, key=KeySource(key, None)))
    assert line == (f"keeper.key_file: {key} has mode {mode:04o}, so others can read the secret; run: chmod 600 {key}")


def test_wrong_types_unknown_words_and_an_open_key_file_come_in_one_report(tmp_path: Path) -> None:
    key = tmp_path / "key"
    key.write_text("11" * 32)
    key.chmod(0o644)
    path = write(tmp_path, key=KeySource(key, None))
    path = replaced(replaced(path, "buffer_bps = 250", "buffer_bps = 2.5"), 'venue = "uniswap_v2"', 'venue = "curve"')
    keys = [line.split(":")[0] for line in problems(path)]
    assert sorted(keys) == ["keeper.key_file", "markets[0].model.buffer_bps", "markets[0].pools[1].venue"]


def test_a_private_key_file_is_accepted(tmp_path: Path) -> None:
    key = tmp_path / "key"
    key.touch(0o600)
    key.chmod(0o400)
    assert load_config(write(tmp_path, key=KeySource(key, None)), {}).operator.key == KeySource(key, None)


def test_a_missing_key_file_is_one_line(tmp_path: Path) -> None:
    (line,) = problems(write(tmp_path, key=KeySource(tmp_path / "none", None)))
    assert line == f"keeper.key_file: {tmp_path / 'none'} cannot be opened; write the path of an existing file"


def test_secrets_are_never_printable(tmp_path: Path) -> None:
    environment = {"BULKHEAD_KEEPER__PRIVATE_KEY": "ab" * 32, "BULKHEAD_KEEPER__PASSWORD": "hunter2"}
    config = load_config(write(tmp_path), environment)
    assert config.operator.key is not None
    assert config.operator.key.private_key is not None
    assert config.operator.key.private_key.reveal() == "ab" * 32
    for shown in (repr(config), str(config), f"{config.operator.key}"):
        assert TOKEN not in shown
        assert "ab" * 32 not in shown
        assert "hunter2" not in shown


def test_the_toml_never_takes_a_secret(tmp_path: Path) -> None:
    path = replaced(write(tmp_path), "[keeper]\n", f'[keeper]\nprivate_key = "{"ab" * 32}"\n')
    assert [line.split(":")[0] for line in problems(path)] == ["keeper.private_key"]


def test_a_missing_file_says_how_to_make_one(tmp_path: Path) -> None:
    with pytest.raises(ConfigError) as caught:
        load_config(tmp_path / "none.toml", {})
    assert "keeper init" in str(caught.value)


def test_broken_toml_is_one_line(tmp_path: Path) -> None:
    path = tmp_path / "keeper.toml"
    path.write_text("[network\nname = 1")
    (line,) = problems(path)
    assert "not TOML" in line
    assert "\n" not in line


def test_the_real_environment_is_used_by_default(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(os.environ, "BULKHEAD_NETWORK__NAME", "renamed")
    config: Config = load_config(write(tmp_path))
    assert config.operator.network == "renamed"


def test_an_operator_without_providers_is_refused(tmp_path: Path) -> None:
    path = write(tmp_path)
    text = path.read_text().replace(f'local = "https://node.example/{TOKEN}"\n', "")
    path.write_text(text)
    (line,) = problems(path)
    assert line.startswith("network.providers: no node is named")


def test_addresses_are_lower_case_inside(tmp_path: Path) -> None:
    path = replaced(write(tmp_path), CONTRACT, "0x" + CONTRACT[2:].upper())
    assert load_config(path, {}).operator.contract == Address(CONTRACT)


def test_a_balancer_pool_needs_its_vault_and_its_own_id(tmp_path: Path) -> None:
    pool = pair_settings(venue="balancer_stable", pool_id=bytes(31) + b"\x01")
    settings = make_settings(markets=(market_settings(pools=(pool_settings(), pool)),))
    assert problems(write(tmp_path, settings)) == (
        "markets[0].pools[1].companion: is the zero address; write the address of the Vault",
        "markets[0].pools[1].pool_id: does not begin with the pool's address; write its getPoolId()",
        "markets[0].pools[1].fee_pips: is not 0, but the pool's own fee is read; write 0",
    )
    right = pair_settings(
        venue="balancer_stable",
        pool_id=bytes.fromhex(pool.address[2:]) + bytes(12),
        companion=Address("0x" + "ba" * 20),
        fee_pips=0,
    )
    settings = make_settings(markets=(market_settings(pools=(pool_settings(), right)),))
    assert load_config(write(tmp_path, settings), {}).settings == settings


@pytest.mark.parametrize(
    "url", ["postgresql+psycopg://keeper@host/db", "postgresql+psycopg:///db?host=/run/postgresql"]
)
def test_a_server_may_keep_the_database(tmp_path: Path, url: str) -> None:
    config = load_config(write(tmp_path), {"BULKHEAD_STORE__URL": url})
    assert config.operator.store_url == url


@pytest.mark.parametrize("place", ["keeper:hunter22@host/db", "host/db?password=hunter22"])
def test_a_password_in_the_database_s_url_is_refused_and_not_repeated(tmp_path: Path, place: str) -> None:
    (line,) = problems(write(tmp_path), {"BULKHEAD_STORE__URL": f"postgresql+psycopg://{place}"})
    assert line.startswith("store.url (from BULKHEAD_STORE__URL): the URL holds a password; leave it out")
    assert "hunter22" not in line


def test_another_database_is_refused_by_its_scheme_alone(tmp_path: Path) -> None:
    (line,) = problems(write(tmp_path), {"BULKHEAD_STORE__URL": "mysql://keeper:hunter22@host/db"})
    assert line.startswith("store.url (from BULKHEAD_STORE__URL): 'mysql' is not a database this version knows")
    assert "hunter22" not in line
