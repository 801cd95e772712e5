"""What a correct document looks like, derived from the records, so that a setting is declared once.

Units come from the names (``_bps``, ``_wad``, ``_seconds``), and so do the messages for a wrong unit.
"""

from collections.abc import Mapping
from dataclasses import Field, dataclass, fields
from difflib import get_close_matches
from functools import cache
from typing import Annotated, Any, get_args, get_origin, get_type_hints

from pydantic import BaseModel, BeforeValidator, ConfigDict, StrictBool, ValidationError, create_model

from keeper.config_rules import consistency, known
from keeper.config_tables import DEFAULTS, FRACTIONS, KEEPER_NUMBERS, MAX_SECONDS, MOST_SHOWN, RANGES
from keeper.config_values import (
    check_account,
    check_address,
    check_bytes32,
    check_listen,
    check_providers,
    check_relay,
    check_signer_url,
    check_store_url,
    mistake,
    switch,
)
from keeper.records.settings import FeedSettings, MarketSettings, ModelSettings, PoolSettings, RouteSettings, Settings
from keeper.records.units import BPS, WAD, Address


@dataclass(frozen=True, slots=True)
class Problem:
    """One mistake."""

    key: str
    """Dotted path as it stands in the TOML."""
    what: str
    remedy: str


def check_document(document: Mapping[str, Any]) -> list[Problem]:
    """Every mistake of shape, unit and consistency in the document."""
    try:
        _schema().model_validate(document)
    except ValidationError as error:
        return [_problem(item) for item in error.errors(include_url=False)]
    return [*_too_few(document["network"]), *(Problem(*row) for row in consistency(build_settings(document)))]


def _too_few(network: Mapping[str, Any]) -> list[Problem]:
    """One node alone is believed only by an operator who says so."""
    if len(network["providers"]) > 1 or switch(network.get("allow_single_provider", False)):
        return []
    what = "one node is named, and nobody would check what it says"
    return [Problem("network.providers", what, "name a second one, or write allow_single_provider = true in [network]")]


def build_settings(document: Mapping[str, Any]) -> Settings:
    """The settings record of a document that :func:`check_document` accepted."""
    checked = _schema().model_validate(document)
    scalars = {field.name: getattr(checked.settings, _attribute(field.name)) for field in _scalar_fields()}
    markets = tuple(_record(MarketSettings, market) for market in checked.markets)
    return Settings(**scalars, chain_id=checked.network.chain_id, markets=markets)


def _scalar_fields() -> list[Field[Any]]:
    return [field for field in fields(Settings) if field.name not in {"markets", "chain_id"}]


def _attribute(name: str) -> str:
    """Name of the attribute on pydantic's model, whose own names must not be shadowed."""
    return "schema_" if name == "schema" else name


def _record(kind: type, model: Any) -> Any:
    values = {}
    for name, hint in get_type_hints(kind).items():
        value = getattr(model, name)
        if get_origin(hint) is tuple:
            kind_of_item = get_args(hint)[0]
            value = tuple(item if kind_of_item in _PLAIN else _record(kind_of_item, item) for item in value)
        elif isinstance(value, BaseModel):
            value = _record(hint, value)
        values[name] = value
    return kind(**values)


@cache
def _schema() -> Any:
    network = {
        "name": (_text("name"), "network"),
        "chain_id": (_number("chain_id"), ...),
        "contract": (_ADDRESS, ...),
        "providers": (Annotated[dict[str, str], BeforeValidator(check_providers)], ...),
        "allow_single_provider": (Annotated[bool, BeforeValidator(switch)], False),
        "private_relay": (Annotated[str, BeforeValidator(check_relay)], ""),
        **{name: (_number(name), None) for name in ("emergency_quorum", "max_reply_mib")},
    }
    keeper: dict[str, Any] = {name: (_number(name), None) for name in KEEPER_NUMBERS}
    keeper |= {name: (_text(name), None) for name in ("key_file", "password_file", "data_dir")}
    keeper |= {
        "foundry_account": (Annotated[str, BeforeValidator(check_account)], None),
        "signer_url": (Annotated[str, BeforeValidator(check_signer_url)], None),
        "signer_address": (_ADDRESS, None),
    }
    scalars = {_attribute(field.name): _field(field.name, int) for field in _scalar_fields()}
    settings, keeper_model = _model("Settings", scalars), _model("Keeper", keeper)
    store = _model("Store", {"url": (Annotated[str, BeforeValidator(check_store_url)], "")})
    monitor = _model(
        "Monitor",
        {"listen": (Annotated[str, BeforeValidator(check_listen)], None), "notify_file": (_text("notify_file"), None)},
    )
    tables = {
        "network": (_model("Network", network), ...),
        "keeper": (keeper_model, keeper_model()),
        "store": (store, store()),
        "monitor": (monitor, monitor()),
        "settings": (settings, settings()),
        "markets": (list[_of(MarketSettings)], ...),  # type: ignore[misc]
    }
    return _model("Document", tables)


def _model(name: str, members: dict[str, Any]) -> Any:
    # protected_namespaces: "model" is a word of ours; pydantic would warn about it.
    config = ConfigDict(
        extra="forbid", strict=True, protected_namespaces=(), alias_generator=lambda name: name.removesuffix("_")
    )
    return create_model(name, __config__=config, **members)


def _of(kind: type) -> Any:
    return _model(kind.__name__, {name: _field(name, hint) for name, hint in get_type_hints(kind).items()})


def _field(name: str, hint: Any) -> tuple[Any, Any]:
    default = DEFAULTS.get(name, ...)
    if get_origin(hint) is tuple:
        item = get_args(hint)[0]
        plain = {int: _number(name), Address: _ADDRESS}
        return list[plain[item] if item in plain else _of(item)], default  # type: ignore[misc]
    if hint in (FeedSettings, ModelSettings, PoolSettings):
        return _of(hint), default
    if hint is int:
        return _number(name), default
    simple = {bool: StrictBool, bytes: _BYTES32, Address: _ADDRESS}
    return simple.get(hint, _text(name)), default


def _text(name: str) -> Any:
    def check(value: object) -> str:
        if not isinstance(value, str) or not value.strip():
            raise mistake(f"{value!r} is not a text", f'write {name} = "..."')
        if known(name) and value not in known(name):
            raise mistake(f"{value!r} is not known", f"choose from: {', '.join(sorted(known(name)))}")
        if not value.isprintable():
            # What a terminal would obey must never reach one.
            raise mistake(f"{value[:MOST_SHOWN]!a} holds control characters", "write plain text")
        if name == "name" and len(value) > MOST_SHOWN:
            raise mistake(f"{value[:MOST_SHOWN]!r}... has {len(value)} letters", f"give {MOST_SHOWN} at most")
        return value

    return Annotated[str, BeforeValidator(check)]


def _number(name: str) -> Any:
    return Annotated[int, BeforeValidator(lambda value: _check_unit(name, _whole(name, value)))]


def _whole(name: str, value: object) -> int:
    if isinstance(value, float):
        raise mistake(f"{value} is not a whole number", _unit_remedy(name, value))
    if isinstance(value, str) and value.replace("_", "").isascii() and value.replace("_", "").isdigit():
        return int(value)
    if isinstance(value, int) and not isinstance(value, bool):
        return value
    raise mistake(f"{value!r} is not a whole number", _unit_remedy(name, None))


def _check_unit(name: str, value: int) -> int:
    low, high = RANGES.get(name, (0, 2**256 - 1))
    if name.endswith("_bps"):
        high = BPS
    elif name.endswith("_seconds"):
        high = min(high, MAX_SECONDS)
    elif name in FRACTIONS:
        high = WAD - 1
    elif name == "model_mult_wad":
        low = WAD
    if name.endswith("_wad") and 0 < value < 10**9:
        raise mistake(f"{value} would be next to nothing in WAD", _unit_remedy(name, None))
    if not low <= value <= high:
        side = f"above {high}" if value > high else f"below {low}"
        raise mistake(f"{value} is {side}", _unit_remedy(name, None))
    return value


def _unit_remedy(name: str, value: float | None) -> str:
    if name.endswith("_bps"):
        return "give basis points from 0 to 10000: 250 is 2.5 %"
    if name.endswith("_wad"):
        example = 0.3 if value is None else value
        # Through the shortest decimal text, so that 0.6 does not become 599999999999999978.
        return f"give a WAD, 18 decimals: {example} is {_wad_text(example)}"
    if name.endswith("_seconds"):
        return "give whole seconds: half an hour is 1800"
    low, high = RANGES.get(name, (0, None))
    if name.endswith("_gwei"):
        return f"give gwei, not wei: 80 is 80 gwei, from {low} to {high}"
    return f"give a whole number from {low}" + (f" to {high}" if high is not None else "")


def _wad_text(value: float) -> str:
    from decimal import Decimal

    return str(int(Decimal(str(value)) * WAD))


_PLAIN = (int, Address)
"""What a list may hold besides tables."""
_ADDRESS = Annotated[str, BeforeValidator(check_address)]
_BYTES32 = Annotated[bytes, BeforeValidator(check_bytes32)]


def _problem(item: Any) -> Problem:
    key = _path(item["loc"])
    if item["type"] == "bulkhead":
        return Problem(key, item["ctx"]["what"], item["ctx"]["remedy"])
    if item["type"] == "missing":
        return Problem(key, "is missing", f"add {item['loc'][-1]}")
    if item["type"] == "extra_forbidden":
        close = get_close_matches(str(item["loc"][-1]), _known_names(), 1)
        return Problem(key, "unknown key", f"did you mean {close[0]}?" if close else "remove it")
    return Problem(key, item["msg"].lower(), "give the kind of value that the key asks for")


def _path(location: tuple[int | str, ...]) -> str:
    parts = (f"[{part}]" if isinstance(part, int) else f".{part}" for part in location)
    return "".join(parts).removeprefix(".")


def _known_names() -> list[str]:
    names = {"network", "providers", "name", "contract", "chain_id", "keeper", "store", "url", *RANGES}
    names |= {"allow_single_provider", "private_relay", "foundry_account", "signer_url", "signer_address"}
    names |= {"key_file", "password_file", "data_dir", "markets", "pools", "feed", "monitor", "listen", "notify_file"}
    for kind in (Settings, MarketSettings, RouteSettings, FeedSettings, ModelSettings, PoolSettings):
        names |= {field.name for field in fields(kind)}
    return sorted(names)
