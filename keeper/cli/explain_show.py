"""What ``keeper explain`` prints for people: inputs, waterfall, the rule that bound it, what would move it."""

from typing import TYPE_CHECKING, Any

from keeper.cli.explain_terms import haircut_lines, say, volatility_lines
from keeper.cli.output import amount, percent, table, wad_percent

if TYPE_CHECKING:
    from keeper.records.estimates import Estimates
    from keeper.records.settings import MarketSettings
    from keeper.store.samples import StoredSample


def show(sample: "StoredSample", market: "MarketSettings", document: dict[str, Any]) -> None:
    """Print one decision; ``document`` as ``explain.explained`` makes it."""
    estimates, decision = sample.folded.estimates, sample.folded.decision
    print(f"{market.name}, window {sample.window}, sampled at block {sample.snapshot.block.number}")
    _show_inputs(estimates, market, document["positions"])
    if estimates.waterfall:
        print("\nhaircut, bar by bar")
        for name, bps in estimates.waterfall.bars:
            print(f"  {name:<24} {percent(bps):>9}")
        print(f"  {'liquidation haircut':<24} {percent(estimates.waterfall.haircut_bps):>9}")
        print(f"  {'buffer':<24} {percent(market.model.buffer_bps):>9}")
    if decision.targets:
        print(f"  {'target':<24} {percent(decision.targets.haircut_bps):>9}")
    say(haircut_lines(estimates, decision, market))
    print("\nwhat bound it")
    for rule in document["rules"]:
        print(f"- {rule['sentence']}")
    if estimates.waterfall:
        _show_sensitivities(document["sensitivities"], market)
    _show_words(document["words"])
    print(f"\ndue: {decision.due.value}")
    for reason in decision.reasons:
        print(f"- {reason}")


def _show_inputs(estimates: "Estimates", market: "MarketSettings", made: dict[str, Any] | None) -> None:
    unit, depth = market.collateral_decimals, estimates.depth
    print(f"\nvolatility  {wad_percent(estimates.sigma_wad)} a year")
    for source in estimates.sources:
        fast, slow = wad_percent(source.fast_wad), wad_percent(source.slow_wad)
        value = wad_percent(source.sigma_wad)
        apart = "" if source.adjacent_ticks is None else f", newest two windows {source.adjacent_ticks} ticks apart"
        print(f"  {source.pool}  {value}  (fast {fast}, slow {slow}; {source.reason}{apart})")
    say(volatility_lines(estimates))
    print(f"\ndepth       {amount(depth.bound, unit)} before liquidators lose")
    for name, size in (("1 %", depth.at_100_bps), ("2 %", depth.at_200_bps), ("5 %", depth.at_500_bps)):
        print(f"  within {name}  {amount(size, unit)}")
    lowest = amount(min(estimates.daily_minima, default=None), unit)
    print(f"  stressed    {amount(estimates.q_star, unit)}")
    print(f"  over {len(estimates.daily_minima)} daily minima, the lowest {lowest}")
    print(f"\nsize        {amount(estimates.size, unit)} must be sold in the reference shock")
    if made:
        taken, supplied = amount(made["liquidated"], unit), amount(made["supply"], unit)
        print(f"  {made['failing']} of {made['holders']} holders fail it and lose {taken}")
        print(f"  {amount(made['uncovered'], unit)} of {supplied} supplied is nobody's on the list and counts fully")


def _show_sensitivities(rows: list[dict[str, Any]], market: "MarketSettings") -> None:
    """Each input alone: what it would have to be."""
    print("\nwhat would move the liquidation haircut by 1 %, each alone")
    if not rows:
        print("- unknown: the settings have changed since this sample")
        return
    cells = [
        (row["input"], *(_shown(row["input"], row[key], market) for key in ("value", "plus100Bps", "minus100Bps")))
        for row in rows
    ]
    print(table(("input", "is", "+1.00 % at", "-1.00 % at"), cells))
    floor = market.model.sigma_floor_wad
    if any(row["input"] == "sigma_wad" and (row["minus100Bps"] or floor) < floor for row in rows):
        print(f"a volatility below the floor of {wad_percent(floor)} is not believed: only another floor loosens by it")


def _shown(name: str, value: int | None, market: "MarketSettings") -> str:
    if value is None:
        return "cannot"
    if name.endswith("_wad"):
        return wad_percent(value)
    if name.endswith("_bps"):
        return percent(value)
    return f"{value:,} s" if name.endswith("_seconds") else amount(value, market.collateral_decimals)


def _show_words(words: dict[str, Any] | None) -> None:
    if words is None:
        return
    print(f"\nlive {percent(words['liveBps'])}, staged {percent(words['stagedBps'] or None)}, ", end="")
    print(f"pending {percent(words['pendingBps'] if words['pendingTime'] else None)}")
    stale = ", stale: it widens" if words["stale"] else ""
    age = f"report {words['ageSeconds']} s old{stale}"
    print(f"effective {percent(words['effectiveBps'])}, {words['regime']}, {age}")
