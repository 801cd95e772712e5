"""Reads sampled blocks: which block stands for a window, all markets of it in one call, trailing depths kept.

Shared by the cycle and by ``replay``, so that a keeper and its verifier read the same way.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from typing import cast

from keeper.fold import market_reading, read_plan, sample_depth
from keeper.records.estimates import SampleDepth
from keeper.records.ports import ChainReader
from keeper.records.settings import MarketSettings, Settings
from keeper.records.snapshot import MarketSnapshot
from keeper.records.units import Address, BlockRef
from keeper.risk.keys import market_key
from keeper.risk.windows import sample_block, trailing_windows

NO_CORE = b""


class Sampler:
    """The chain as the fold sees it: windows, not blocks.

    Parameters
    ----------
    reader
        Reads at one block hash.
    contract
        Our contract.
    on_depths
        Called with every window of trailing depths that had to be read; the store keeps them.
    """

    def __init__(
        self,
        reader: ChainReader,
        contract: Address,
        settings: Settings,
        on_depths: Callable[[BlockRef, Mapping[bytes, SampleDepth]], None] | None = None,
    ) -> None:
        self.reader = reader
        self.contract = contract
        self.settings = settings
        self.markets: dict[bytes, MarketSettings] = {
            market_key(settings.chain_id, market): market for market in settings.markets
        }
        self._on_depths = on_depths
        self._depths: dict[int, tuple[bytes, dict[bytes, SampleDepth]]] = {}

    def sample(self, window: int) -> BlockRef:
        """The block that stands for a window (design.md 5.1)."""
        end = self.reader.block(window * self.settings.cadence_blocks)
        number = sample_block(end.number, end.hash, self.settings.cadence_blocks)
        return end if number == end.number else self.reader.block(number)

    def observe(self, window: int, cores: Mapping[bytes, bytes]) -> dict[bytes, MarketSnapshot]:
        """Snapshots of the markets in ``cores`` (key -> packed core before this window), in one call."""
        return self._read(self.sample(window), window, cores)

    def trailing(self, window: int, market: bytes) -> Sequence[SampleDepth]:
        """Depths of the trailing windows before ``window`` that exist, oldest first."""
        rows = (self.depths(past).get(market) for past in trailing_windows(window, self.settings))
        return [row for row in rows if row is not None]

    def depths(self, window: int) -> dict[bytes, SampleDepth]:
        """Depth of every market at one window's sample; read at most once."""
        if window not in self._depths:
            block = self.sample(window)
            self._read(block, window, dict.fromkeys(self.markets, NO_CORE), ring=False)
            if self._on_depths:
                self._on_depths(block, self._depths[window][1])
        return self._depths[window][1]

    def knows(self, window: int) -> bool:
        """Whether a window's depths need no reading."""
        return window in self._depths

    def remember(self, window: int, block_hash: bytes, depths: Mapping[bytes, SampleDepth]) -> None:
        """Take depths that were read earlier (from the store), for a block known to be canonical."""
        self._depths[window] = (block_hash, dict(depths))

    def forget_from(self, window: int) -> None:
        """Drop what a reorg may have changed."""
        self._depths = {past: row for past, row in self._depths.items() if past < window}

    def _read(
        self, block: BlockRef, window: int, cores: Mapping[bytes, bytes], *, ring: bool = True
    ) -> dict[bytes, MarketSnapshot]:
        keys = [key for key in self.markets if key in cores]
        readings = []
        for key in keys:
            market = self.markets[key]
            plan = read_plan(cores[key], market, self.settings)
            if not ring:
                plan = replace(plan, ring_seconds=(), whole=False)
            readings.append(market_reading(market, self.settings, plan, self.contract, block))
        values = cast("list[MarketSnapshot]", self.reader.run(readings, block))
        snapshots = dict(zip(keys, values, strict=True))
        if len(keys) == len(self.markets):
            depths = {
                key: sample_depth(snapshot, window, self.markets[key], self.settings)
                for key, snapshot in snapshots.items()
            }
            self._depths[window] = (block.hash, depths)
        return snapshots
