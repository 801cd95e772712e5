"""Haircut models, one file each: from estimates to parts that add up."""

from keeper.haircuts import liquidity_adjusted
from keeper.records.ports import HaircutModel

MODELS: dict[str, HaircutModel] = {
    "liquidity_adjusted": liquidity_adjusted.waterfall,
}
