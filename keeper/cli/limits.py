"""``keeper limits``: what governance allows the contract to do, and so what a stolen key or a dead keeper can do."""

from typing import TYPE_CHECKING, Any, cast

from keeper.cli.common import Chain, Context, Json, configuration, now_settings, open_chain

if TYPE_CHECKING:
    from keeper.records.live import ContractWords

PERIODS = {"day": 86_400, "fortnight": 1_209_600}


def limits(context: Context, as_json: Json = False) -> int:
    """Show what the contract allows, what is used up, what waits, and what a stolen quorum or silence could do."""
    from keeper.cli.output import emit_json

    config = configuration(context)
    with open_chain(config) as chain:
        rows = _limits(chain)
        keepers = _keepers(chain)
    if as_json:
        emit_json({"contract": config.operator.contract, **keepers, "markets": rows})
        return 0
    _show_keepers(keepers)
    for row in rows:
        _show(row, keepers)
    return 0


def _keepers(chain: Chain) -> dict[str, Any]:
    from keeper.chain.views import view

    (signers,) = view(chain.rpc, chain.contract, "signers()", ("address[]",))
    (threshold,) = view(chain.rpc, chain.contract, "threshold()", ("uint8",))
    successor, since = view(chain.rpc, chain.contract, "successor()", ("address", "uint256"))
    return {
        "signers": len(signers),
        "threshold": threshold,
        "silent": len(signers) - threshold + 1,
        "successor": successor if since else None,
        "endedTime": since or None,
    }


def _limits(chain: Chain) -> list[dict[str, Any]]:
    from keeper.protocols import PROTOCOLS
    from keeper.risk.keys import market_key

    settings = now_settings(chain.history())
    head = chain.reader.block("latest")
    markets = [(market_key(settings.chain_id, row), row) for row in settings.markets]
    readings = [PROTOCOLS[row.protocol].read(chain.contract, key) for key, row in markets]
    answers = cast("list[tuple[ContractWords | None, object]]", chain.reader.run(readings, head))
    rows: list[dict[str, Any]] = []
    for (key, market), (words, _) in zip(markets, answers, strict=True):
        row: dict[str, Any] = {"market": market.name, "key": key, "listed": words is not None}
        if words is not None:
            row |= _state(words, head.timestamp) | _bounds(words, head.timestamp) | _worst(words)
        rows.append(row)
    return rows


def _state(words: "ContractWords", now: int) -> dict[str, Any]:
    from keeper.risk import limits as twin
    from keeper.risk.effective import describe
    from keeper.risk.regime import NAMES

    shown, pending = describe(words, now), words.aux.pending_time != 0
    return {
        "haircutBps": shown.stored_haircut_bps,
        "effectiveBps": shown.haircut_bps,
        "liquidationBps": shown.liquidation_haircut_bps,
        "liquidationTargetBps": shown.liquidation_target_bps,
        "premiumBps": shown.premium_bps,
        "regime": NAMES[shown.regime],
        "regimeExpiry": shown.regime_expiry or None,
        "ageSeconds": shown.age_seconds,
        "stale": shown.stale,
        "heldUntil": words.guard.held_until if words.guard.held_until > now else None,
        "stagedBps": shown.staged_bps,
        "pendingBps": shown.pending_bps if pending else None,
        "pendingMatureTime": twin.mature_time(words.aux, words.limits) if pending else None,
        "pendingExpiryTime": twin.expiry_time(words.aux, words.limits) if pending else None,
        "looseningNowBps": twin.available_bps(words.aux, words.limits, now),
    }


def _bounds(words: "ContractWords", now: int) -> dict[str, Any]:
    from keeper.risk.budgets import budget_bps
    from keeper.risk.liquidation import available_bps

    bounds, law = words.limits, words.law
    return {
        "floorBps": bounds.floor_bps,
        "capBps": bounds.cap_bps,
        "stepUpBps": bounds.step_up_bps,
        "stageSeconds": bounds.stage_seconds,
        "looseningPerDayBps": budget_bps(bounds, PERIODS["day"]),
        "disputeSeconds": bounds.dispute_seconds,
        "pendingExpirySeconds": bounds.pending_expiry_seconds,
        "freshSeconds": bounds.fresh_seconds,
        "graceSeconds": bounds.grace_seconds,
        "decayFloor": bounds.decay_floor,
        "guardedAddBps": bounds.guarded_add_bps,
        "stressedAddBps": bounds.stressed_add_bps,
        "regimeSeconds": bounds.regime_seconds,
        "premiumCapBps": law.premium_cap_bps,
        "ceilingStretch": law.ceiling_stretch,
        "sigmaFloorBps": law.sigma_floor_bps,
        "kFloorPercent": law.k_floor,
        "liquidation": {
            "mode": "bounded" if bounds.bounded else "advisory",
            "floorBps": law.liquidation_floor_bps,
            "capBps": law.liquidation_cap_bps,
            "bonusCapBps": law.bonus_cap_bps,
            "dayBudgetBps": law.day_budget_bps,
            "fortnightBudgetBps": law.fortnight_budget_bps,
            "rampSeconds": law.ramp_seconds,
            "moveNowBps": available_bps(words.liquidation, law, now) if bounds.bounded else 0,
        },
        "trips": {
            "seconds": law.trip_seconds,
            "budgetSeconds": law.trip_budget_seconds,
            "cooldownSeconds": law.trip_cooldown_seconds,
        },
    }


def _worst(words: "ContractWords") -> dict[str, Any]:
    from keeper.risk.budgets import silent_haircut_bps, stolen_quorum

    stolen = {}
    for name, seconds in PERIODS.items():
        most = stolen_quorum(words, seconds)
        stolen[name] = {
            "haircutBps": most.haircut_bps,
            "premiumBps": most.premium_bps,
            "ceilingGrowthBps": most.ceiling_growth_bps,
            "liquidationBps": most.liquidation_bps,
        }
    silence = {name: silent_haircut_bps(words, seconds) for name, seconds in PERIODS.items()}
    return {"stolenQuorum": stolen, "silence": {"effectiveBps": silence, "liquidationBps": 0}}


def _show_keepers(keepers: dict[str, Any]) -> None:
    print(f"{keepers['threshold']} of {keepers['signers']} keepers sign a batch")
    if keepers["successor"]:
        print(f"ended at time {keepers['endedTime']}, replaced by {keepers['successor']}: nothing moves any more")


def _show(row: dict[str, Any], keepers: dict[str, Any]) -> None:
    from keeper.cli.output import percent

    print(f"\n{row['market']}")
    if not row["listed"]:
        print("  not listed")
        return
    stale = ", stale: it widens" if row["stale"] else ""
    print(f"  effective haircut {percent(row['effectiveBps'])}: stored {percent(row['haircutBps'])}, {row['regime']},")
    print(f"  last report {row['ageSeconds']} s old{stale}")
    if row["stagedBps"]:
        print(f"  staged: {percent(row['stagedBps'])}")
    if row["pendingBps"] is not None:
        print(f"  pending: {percent(row['pendingBps'])}, from time {row['pendingMatureTime']} on")
    if row["heldUntil"]:
        print(f"  the guardian lets nothing loosen before time {row['heldUntil']}")
    for line in (*_rules(row), *_law(row), *_threats(row, keepers)):
        print(f"  {line}")


def _rules(row: dict[str, Any]) -> tuple[str, ...]:
    from keeper.cli.output import percent

    trips = row["trips"]
    tripped = f"{trips['seconds']} s, {trips['budgetSeconds']} s in any 7 days" if trips["seconds"] else "not at all"
    return (
        (
            f"haircut between {percent(row['floorBps'])} and {percent(row['capBps'])}; premium up to "
            f"{percent(row['premiumCapBps'])}"
        ),
        f"tightens by at most {percent(row['stepUpBps'])} at once, then every {row['stageSeconds']} s",
        (
            f"loosens by at most {percent(row['looseningPerDayBps'])} in any 24 h, "
            f"{percent(row['looseningNowBps'])} of it now, each after {row['disputeSeconds']} s of dispute"
        ),
        f"widens from an age of {row['graceSeconds']} s on, at least as k times sigma = {row['decayFloor']}/256 a year",
        (
            f"regimes add {percent(row['guardedAddBps'])} (GUARDED), {percent(row['stressedAddBps'])} (STRESSED), all "
            f"(HALTED); a report's lasts {row['regimeSeconds']} s"
        ),
        f"anybody with a proof may raise GUARDED for {tripped}",
    )


def _law(row: dict[str, Any]) -> tuple[str, ...]:
    from keeper.cli.output import percent

    law, held = row["liquidation"], percent(row["liquidationBps"])
    if law["mode"] == "advisory":
        return (f"liquidation haircut {held}: no report moves it",)
    to = percent(row["liquidationTargetBps"])
    day, fortnight = percent(law["dayBudgetBps"]), percent(law["fortnightBudgetBps"])
    return (
        (
            f"liquidation haircut {held} on its way to {to}, between {percent(law['floorBps'])} and "
            f"{percent(law['capBps'])}"
        ),
        (
            f"moves by at most {day} in any 24 h and {fortnight} in any 14 days, over {law['rampSeconds']} s, after "
            f"{row['disputeSeconds']} s of dispute"
        ),
    )


def _threats(row: dict[str, Any], keepers: dict[str, Any]) -> list[str]:
    from keeper.cli.output import percent

    lines = []
    for name, period in (("day", "24 h"), ("fortnight", "14 days")):
        most = row["stolenQuorum"][name]
        liquidation = percent(most["liquidationBps"]) if row["liquidation"]["mode"] == "bounded" else "nothing"
        lines.append(
            f"a stolen quorum ({keepers['threshold']} keys) in any {period}: haircut -{percent(most['haircutBps'])}, "
            f"premium -{percent(most['premiumBps'])}, ceiling +{percent(most['ceilingGrowthBps'])}, "
            f"liquidation haircut: {liquidation}"
        )
    silence = row["silence"]["effectiveBps"]
    lines.append(
        f"{keepers['silent']} silent keepers: effective haircut {percent(silence['day'])} after 24 h, "
        f"{percent(silence['fortnight'])} after 14 days, no more; liquidation haircut: nothing"
    )
    return lines
