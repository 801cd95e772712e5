"""Which rules made the haircut what it is, in plain sentences: one for what is asked, one for what holds instead.

The first rule that changed the model's own sum is the one that bound it: the model's cap and floor, the market's
bounds, the contract's limits.
"""

from dataclasses import dataclass

from keeper.records.decision import Decision
from keeper.records.estimates import Estimates, Waterfall
from keeper.records.live import ContractWords
from keeper.records.settings import ModelSettings
from keeper.risk.limits import clamp, least_bps
from keeper.risk.liquidation import settled
from keeper.risk.targets import NO_MOVE, PART

PARTS = {
    "oracle": "how far the feed may lag the price",
    "price_move": "the fall of the price until a liquidation begins",
    "time_to_liquidate": "the further fall while more than the stressed depth is sold",
    "model_uncertainty": "the doubt about the volatility itself",
    "liquidation_bonus": "the liquidators' bonus",
    "gas": "gas",
}
"""What the bars of the waterfall are, for people."""


@dataclass(frozen=True, slots=True)
class Binding:
    """The rule that bound a haircut."""

    rule: str
    """``unlisted``, ``missing``, ``unquotable``, ``cap``, ``floor``, ``liquidation``, ``market_cap``, ``contract_cap``,
    ``contract_floor``, ``jump`` or ``model`` (no bound) for what is asked; ``step`` or ``wait`` for what holds;
    ``loans`` for a wish for the liquidation haircut that was held."""
    sentence: str


def binding_rules(
    estimates: Estimates, decision: Decision, words: ContractWords | None, model: ModelSettings, time: int
) -> tuple[Binding, ...]:
    """Name the rules that bound a sample's haircut: the one of what is asked, then the ones of what holds.

    Parameters
    ----------
    estimates, decision
        Of the sample.
    words
        The contract's own words in the snapshot.
    model
        Settings of the market's model.
    time
        Of the sampled block, unix seconds.
    """
    if words is None:
        return (Binding("unlisted", "the contract does not list this market"),)
    if estimates.waterfall is None:
        reasons = "; ".join(estimates.missing)
        return (Binding("missing", f"there is no haircut to ask for, so the old one ages: {reasons}"),)
    words, waterfall = settled(words, time), estimates.waterfall
    asked = _of_model(waterfall) or _of_market(waterfall, words, model) or _largest(estimates, waterfall)
    held = _of_what_holds(decision, words, goal_bps(waterfall, words, model))
    loans = [Binding("loans", line) for line in decision.reasons if line.startswith((NO_MOVE, PART))]
    return (asked, *([held] if held else []), *loans)


def goal_bps(waterfall: Waterfall, words: ContractWords, model: ModelSettings) -> int:
    """What the model asks for inside the contract's limits, with the buffer on top."""
    wish = max(least_bps(words.live), min(model.haircut_max_bps, waterfall.haircut_bps + model.buffer_bps))
    return clamp(words.live, words.limits, wish)


def _of_model(waterfall: Waterfall) -> Binding | None:
    bound, reached = dict(waterfall.bars), waterfall.haircut_bps
    if waterfall.unquotable:
        reason = "nothing can be sold at a profit for liquidators"
        return Binding("unquotable", f"{reason}, so the highest target counts: {reached} bps")
    if "cap" in bound:
        return Binding("cap", f"the parts add up to {reached - bound['cap']} bps, more than the cap of {reached} bps")
    if "floor" in bound:
        return Binding(
            "floor", f"the parts add up to {reached - bound['floor']} bps, less than the floor of {reached} bps"
        )
    return None


def _of_market(waterfall: Waterfall, words: ContractWords, model: ModelSettings) -> Binding | None:
    whole, least, limits = waterfall.haircut_bps + model.buffer_bps, least_bps(words.live), words.limits
    if max(min(whole, model.haircut_max_bps, limits.cap_bps), limits.floor_bps) < least:
        sentence = f"the liquidation haircut of open loans is {least} bps, and no haircut of new ones lies below it"
        return Binding("liquidation", sentence)
    if whole > min(model.haircut_max_bps, limits.cap_bps):
        rule, cap = min(("market_cap", model.haircut_max_bps), ("contract_cap", limits.cap_bps), key=lambda row: row[1])
        whose = "settings'" if rule == "market_cap" else "contract's"
        return Binding(rule, f"with the buffer it would be {whole} bps, more than the {whose} cap of {cap} bps")
    if whole < limits.floor_bps:
        return Binding(
            "contract_floor", f"it would be {whole} bps, less than the contract's floor of {limits.floor_bps} bps"
        )
    return None


def _of_what_holds(decision: Decision, words: ContractWords, goal: int) -> Binding | None:
    holds = decision.predicted_haircut_bps
    if words.live.haircut_bps < holds < goal:
        step = words.limits.step_up_bps
        return Binding("step", f"a report moves at most {step} bps: {holds} bps now, the rest to {goal} bps is staged")
    if holds != goal:
        return Binding("wait", f"{goal} bps are asked for, {holds} bps hold: {decision.reasons[-1]}")
    return None


def _largest(estimates: Estimates, waterfall: Waterfall) -> Binding:
    if estimates.scenario == "jump":
        sentence = (
            f"no limit binds; a fall at once is worse than what the volatility suggests: {waterfall.haircut_bps} bps"
        )
        return Binding("jump", sentence)
    name, bps = max(waterfall.bars, key=lambda row: row[1])
    part = PARTS.get(name, name)
    return Binding("model", f"no limit binds; the largest part is {part}: {bps} of {waterfall.haircut_bps} bps")
