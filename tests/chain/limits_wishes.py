"""What the random run asks of the contract: reports, limits, values of a market; and what a report did."""

import random
from dataclasses import replace

from limits_world import LAW, LIMITS, MARKETS, World

from keeper.maths import ceiling
from keeper.protocols.bulkhead_events import ReportApplied
from keeper.records.decision import Targets
from keeper.records.live import ContractWords
from keeper.records.report import Report
from keeper.risk.applied import Applied


def random_targets(rng: random.Random, words: ContractWords) -> Targets:
    """Mostly near what holds, tighter or looser in some values; sometimes anything."""
    live, debt = words.live, ceiling.decode(words.live.ceiling) or 10**12
    haircut, liquidation, bonus = live.haircut_bps, live.liquidation_target_bps, live.bonus_bps
    premium, wish = live.premium_bps, live.ceiling
    mood = rng.choice(("same", "tight", "loose", "loose", "near", "wild"))
    if mood in {"tight", "near"}:
        haircut += rng.choice((0, rng.randint(0, 900)))
        premium += rng.choice((0, 0, rng.randint(0, 300)))
        wish = rng.choice((0, 0, wish, ceiling.encode_down(debt * rng.randint(80, 100) // 100)))
    if mood in {"loose", "near"}:
        haircut -= rng.choice((0, rng.randint(0, 400)))
        premium -= rng.choice((0, rng.randint(0, 200)))
        wish = rng.choice((wish, wish and ceiling.encode_down(debt * rng.randint(100, 140) // 100)))
    if mood == "wild":
        haircut, premium, wish = rng.randint(0, 65_535), rng.choice((0, rng.randint(0, 65_535))), rng.getrandbits(20)
    liquidation += rng.choice((0, 0, 40, -20, rng.randint(-200, 200), rng.randint(0, 9_000)))
    bonus += rng.choice((0, 0, 10, rng.randint(-50, 150)))
    crunch, decay = rng.choice((0, 0, rng.randint(0, 65_535))), rng.choice((7, 40, rng.randint(0, 2**14 - 1)))
    values = (haircut, liquidation, bonus, premium)
    regime = rng.choice((1, 1, 2, 3)) if rng.random() < 0.03 else 0
    return Targets(*(min(max(0, value), 65_535) for value in values), wish, crunch, regime, decay)


def random_report(rng: random.Random, market: bytes, words: ContractWords, *, routine: bool) -> Report:
    targets = random_targets(rng, words)
    spoiled = {"ceiling": 1 << 20, "regime": rng.randint(4, 255), "decay": 1 << 14}
    if rng.random() < 0.06:
        name = rng.choice(tuple(spoiled))
        targets = replace(targets, **{name: spoiled[name]})
    sequence = words.live.sequence if rng.random() < 0.85 else rng.randint(0, 2**32 - 1)
    core = rng.randbytes(rng.randint(1, 192)) if routine or rng.random() < 0.1 else b""
    return Report(market, targets, sequence, rng.getrandbits(256), rng.randbytes(193) if rng.random() < 0.02 else core)


def govern_at_random(world: World, rng: random.Random) -> None:
    """New limits, or new values of a market; the words are read anew before each call."""
    if rng.random() < 0.5:
        market, profile = rng.choice(list(zip(MARKETS, (0, 0, 1, 1), strict=True)))
        liquidation = rng.choice((500, 1_000, 2_000)) if profile else 2_000
        debt = ceiling.encode_down(rng.randint(1, 10**15))
        most = 10**8 // (10**4 - liquidation) - 10**4
        values = (rng.randint(3_000, 4_000), liquidation, min(most, rng.choice((500, 1_500))))
        values += (rng.choice((0, 0, rng.randint(0, 900))), rng.choice((0, debt)))
        world.administer("setMarket(bytes32,uint8,(uint16,uint16,uint16,uint16,uint24))", market, profile, values)
        return
    floor, cap = rng.choice(((500, 9_000), (500, 9_000), (2_500, 4_000), (500, 10_000)))
    limits = replace(
        LIMITS,
        floor_bps=floor,
        cap_bps=cap,
        step_up_bps=rng.choice((300, 700)),
        bucket_bps=rng.choice((0, 100, 300)),
        refill_bps_per_day=rng.choice((0, 400, 8_000)),
        fresh_seconds=rng.choice((400, 5_000, 5_000)),
        grace_seconds=rng.choice((200, 3_000)),
        decay_floor=rng.choice((26, 500)),
    )
    low, high = (ceiling.encode_down(value) for value in (10**11, 10**13))
    law = replace(
        LAW,
        premium_cap_bps=rng.choice((100, 2_000)),
        ceiling_floor=rng.choice((0, low)),
        ceiling_cap=rng.choice((0, high)),
        ceiling_stretch=rng.choice((0, 100, 1_000)),
        day_budget_bps=rng.choice((100, 300)),
        liquidation_cap_bps=rng.choice((2_050, 6_000)),
        trip_budget_seconds=rng.choice((2_248, 6_000)),
    )
    world.set_limits(rng.choice((0, 1)), limits, law)


def outcomes(words: ContractWords, after: Applied, event: ReportApplied | None) -> set[str]:
    """What a report did."""
    if after.refusal:
        return {after.refusal}
    found = {"pending" if after.aux.pending_time else "hold"}
    if after.live.haircut_bps > words.live.haircut_bps:
        found = {"stage" if after.aux.staged_bps else "tighten"}
    found |= {"premium"} if after.live.premium_bps > words.live.premium_bps else set()
    found |= {"ceiling"} if after.live.ceiling != words.live.ceiling else set()
    found |= {"regime"} if after.live.regime > words.live.regime else set()
    found |= {"proposed"} if after.words.liquidation != words.liquidation else set()
    return found | ({"quiet"} if event and event.aux != after.aux else set())
