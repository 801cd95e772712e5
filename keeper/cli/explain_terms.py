"""What ``keeper explain`` says of the terms that a market's settings may switch on; nothing of those that are off."""

from collections.abc import Iterable, Iterator

from keeper.cli.output import amount, percent, wad_percent
from keeper.maths import ceiling
from keeper.records.decision import Decision
from keeper.records.estimates import Estimates
from keeper.records.settings import MarketSettings


def say(lines: Iterable[str]) -> None:
    """Print them, if there are any."""
    for line in lines:
        print(line)


def volatility_lines(estimates: Estimates) -> Iterator[str]:
    """What pools' fees and volatility feeds say, each with its reason, and what they raise."""
    if not estimates.implied:
        return
    yield f"  realised    {wad_percent(estimates.realised_wad)}"
    yield f"  implied     {wad_percent(estimates.implied_wad)} by the pools together; it may only raise"
    for row in estimates.implied:
        yield f"  {row.source}  {wad_percent(row.sigma_wad)}  ({row.reason})"


def haircut_lines(estimates: Estimates, decision: Decision, market: MarketSettings) -> Iterator[str]:
    """Scenario, basis, liquidation haircut by itself, premium and ceiling."""
    waterfall, targets, model = estimates.waterfall, decision.targets, market.model
    if waterfall is None or targets is None:
        return
    deviation = estimates.oracle_deviation_wad
    if model.jump_bps:
        yield f"  the larger of two scenarios: {estimates.scenario} (a jump is {percent(model.jump_bps)} at once)"
    if deviation > model.oracle_deviation_wad:
        own = wad_percent(model.oracle_deviation_wad)
        yield f"  the oracle counts as off by {wad_percent(deviation)}: pools trade below it; its threshold is {own}"
    if estimates.liquidation_bps not in {None, waterfall.haircut_bps}:
        yield f"  from realised volatility alone, for open loans: {percent(estimates.liquidation_bps)}"
    if model.premium_max_bps:
        yield f"  funding premium {percent(targets.premium_bps)}"
    if model.ceiling_share_bps and targets.ceiling:
        yield f"  debt ceiling {amount(ceiling.decode(targets.ceiling), market.debt_decimals)} of the debt asset"
