"""Haircut models, one file each: from estimates to parts that add up."""

from keeper.haircuts import liquidity_adjusted, sigma_band, smart_ltv
from keeper.records.ports import HaircutModel

MODELS: dict[str, HaircutModel] = {
    "liquidity_adjusted": liquidity_adjusted.waterfall,
    "sigma_band": sigma_band.waterfall,
    "smart_ltv": smart_ltv.waterfall,
}
