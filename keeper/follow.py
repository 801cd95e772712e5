"""Follows every market's fold through the windows of the chain: what is missing, from which core, since which base.

The store is a cache: with an empty one the same state is found from the chain alone (design.md 2.2).
"""

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, replace
from functools import partial

from keeper.abstain import Failures
from keeper.errors import KeeperError, Refused
from keeper.fold import fold_sample
from keeper.heads import HeadTrail
from keeper.past import Past
from keeper.published import History, Node
from keeper.records.core import decode_core
from keeper.records.ports import ChainReader
from keeper.records.settings import Settings
from keeper.records.snapshot import MarketSnapshot
from keeper.records.units import Address, BlockRef
from keeper.risk.keys import settings_hash
from keeper.risk.windows import last_ended, sample_block, trailing_windows, window_end, window_of
from keeper.sampling import Sampler
from keeper.store.samples import SampleStore, StoredSample

SETTLED_DEPTH = 2
"""A window counts once its end is this many blocks deep (design.md 5.1)."""

ANY_SEQUENCE = 2**32
"""Above every sequence."""

Emit = Callable[..., None]
"""(event, **fields): one line of the log."""


@dataclass(frozen=True, slots=True)
class Track:
    """Where one market's fold stands."""

    core: bytes
    """Packed core after the last folded window."""
    window: int
    """Last window that was looked at."""
    listed: int
    """Block of the listing that it belongs to: earlier samples show another one."""


class Follower:
    """State of the fold for all markets of one contract.

    Parameters
    ----------
    reader, node
        The chain, by block and by event.
    store
        Where samples are kept.
    start_block
        Where the contract's events begin.
    emit
        Log.
    doubt, read_alone
        As of :class:`Past`; lowest block that was read without a quorum and may now be read with one.
    """

    def __init__(
        self,
        reader: ChainReader,
        node: Node,
        store: SampleStore,
        *,
        contract: Address,
        chain_id: int,
        start_block: int,
        emit: Emit,
        doubt: Callable[[str], None] = lambda _reason: None,
        read_alone: Callable[[], int | None] = lambda: None,
    ) -> None:
        self.reader = reader
        self.store = store
        self.contract = contract
        self.chain_id = chain_id
        self._past = Past(node, contract, chain_id=chain_id, start_block=start_block, emit=emit, doubt=doubt)
        self._emit = emit
        self._read_alone = read_alone
        self._heads = HeadTrail(reader)
        self._failures = Failures()
        self._tracks: dict[bytes, Track] = {}
        self._samplers: dict[bytes, Sampler] = {}

    @property
    def history(self) -> History:
        """What the contract published up to the newest block that is known."""
        return self._past.history

    @property
    def settings(self) -> Settings:
        """Settings in force at the newest block that is known."""
        return self.history.settings_at(self.history.up_to)

    def name(self, market: bytes) -> str:
        """The market's configured name; the head of its key when the settings in force do not know it."""
        known = self.sampler(self.history.up_to).markets.get(market)
        return known.name if known else market.hex()[:8]

    def refresh(self, head: BlockRef) -> None:
        """Learn what was published up to ``head``; roll back what is no longer canonical."""
        depth = self._heads.reorg_depth(head)
        self._past.read(head.number, anew=bool(depth) or not self._heads)
        self._roll_back(head, depth)
        self._heads.add(head, depth)
        for market in self.sampler(head.number).markets:
            if market not in self._tracks and market in self.history.listings:
                self._tracks[market] = self._start(market, head.number)

    def missing(self, head: BlockRef) -> Iterator[tuple[int, Mapping[bytes, bytes]]]:
        """(window, market -> core before it) of every window that is settled and not yet folded, oldest first.

        The tracks move with :meth:`fold`; a market that adopts another base starts again after it.
        """
        newest = self.newest_window(head)
        while behind := [track.window for track in self._tracks.values() if track.window < newest]:
            window = min(behind) + 1
            yield window, {market: row.core for market, row in self._tracks.items() if row.window == window - 1}

    def newest_window(self, head: BlockRef) -> int:
        """Last window whose end is deep enough under ``head``."""
        return last_ended(max(0, head.number - SETTLED_DEPTH), self.history.cadence)

    def observe(self, window: int, cores: Mapping[bytes, bytes]) -> dict[bytes, MarketSnapshot]:
        """Snapshots of these markets in one call; markets outside the settings of that time are left out."""
        return self.sampler(window * self.history.cadence).observe(window, cores)

    def fold(
        self, window: int, cores: Mapping[bytes, bytes], snapshots: Mapping[bytes, MarketSnapshot]
    ) -> list[StoredSample]:
        """Fold one window of these markets; their tracks move on."""
        rows, moved = [], {}
        for market, core in cores.items():
            snapshot, listed = snapshots.get(market), self._tracks[market].listed
            if snapshot is None or not _shows(snapshot, listed):
                # There is no state to fold, and the verifier skips it too.
                moved[market] = Track(core, window, listed)
                continue
            base = self._past.base(snapshot)
            if self._adopts(market, base) or self._starts_again(snapshot, base, core):
                continue
            moved[market] = Track(core, window, listed)
            row = self._fold_or_gap(window, core, snapshot, base)
            if row is not None:
                rows.append(row)
                moved[market] = Track(row.core_after, window, listed)
        # All or none: a node that fails between two markets must not cost the first one its sample.
        self._tracks |= moved
        return rows

    def since_base(self, row: StoredSample) -> list[StoredSample]:
        """Every sample from the row's base to the row, oldest first; those that are not kept are folded again.

        Raises
        ------
        Refused
            Folding from the base does not lead to the row's core: this keeper abstains.
        """
        core, rows, number = row.core_before, [], row.snapshot.block.number
        base, listed = decode_core(core), self.history.listed_at(row.market, number)
        first = base.window + 1 if base else self.history.first_window(row.market, number)
        self._failures.require_none(row, first, self.settings.heartbeat_seconds, self.name(row.market))
        kept = {
            known.window: known
            for known in self.store.between(row.market, first, row.window)
            if _shows(known.snapshot, listed)
        }
        for window in range(first, row.window + 1):
            known = kept.get(window) or self._fold_again(window, row, core, listed)
            if known is not None:
                core = known.core_after
                rows.append(known)
        if core != row.core_after:
            raise Refused(f"window {row.window} of {self.name(row.market)} does not follow from its base", "abstained")
        return rows

    def sampler(self, block: int) -> Sampler:
        """Sampler under the settings in force at a block."""
        settings = self.history.settings_at(block)
        key = settings_hash(settings)
        if key not in self._samplers:
            self._samplers[key] = self._new_sampler(key, settings)
        return self._samplers[key]

    def warm_up(self, window: int, progress: Callable[[int, int], None]) -> None:
        """Read the trailing depths before a window, as far as they are not known."""
        sampler = self.sampler(window * self.history.cadence)
        unknown = [past for past in trailing_windows(window, sampler.settings) if not sampler.knows(past)]
        for done, past in enumerate(unknown, start=1):
            sampler.depths(past)
            progress(done, len(unknown))

    def _new_sampler(self, key: bytes, settings: Settings) -> Sampler:
        sampler = Sampler(self.reader, self.contract, settings, partial(self.store.keep_depths, key))
        for window, block_hash, depths in self.store.depths(key):
            if depths.keys() == sampler.markets.keys():
                sampler.remember(window, block_hash, depths)
        return sampler

    def _roll_back(self, head: BlockRef, depth: int) -> None:
        """Forget, all at once, what rests on a block that is no longer canonical or no longer its window's sample."""
        # What one node said while the others were silent moves nothing that needs a quorum.
        cut, newest = self._read_alone(), self.store.newest_block()
        while newest is not None and not self._is_sample(*newest, head):
            cut = newest[0]
            newest = self.store.newest_block(below=cut)
        if cut is not None:
            self.store.roll_back(cut)
        if depth or cut is not None:
            self._emit("reorg", depth=depth, rolled_back_to=cut)
            self.start_again()

    def start_again(self) -> None:
        """Forget what came from the store: its rows have changed under us."""
        self._tracks.clear()
        self._samplers.clear()

    def _is_sample(self, number: int, block_hash: bytes, head: BlockRef) -> bool:
        """Whether a window still rests on this block; which one it is hangs on the hash of the window's end."""
        cadence = self.history.cadence
        end = window_end(window_of(number, cadence), cadence)
        if end > head.number or self.reader.block(number).hash != block_hash:
            return False
        return sample_block(end, self.reader.block(end).hash, cadence) == number

    def _start(self, market: bytes, head: int) -> Track:
        """From the store, else from the newest report on chain, else from the listing."""
        kept = self.store.latest(market)
        if kept is not None:
            listed = self.history.listed_at(market, kept.snapshot.block.number)
            return Track(kept.core_after, kept.window, listed)
        core, listed = self.history.base_core(market, ANY_SEQUENCE, head), self.history.listed_at(market, head)
        base = decode_core(core)
        return Track(core, base.window if base else self.history.first_window(market, head) - 1, listed)

    def _starts_again(self, snapshot: MarketSnapshot, base: bytes, core: bytes) -> bool:
        """Whether the market was listed, or taken into the settings, again since the core was folded."""
        market, number = snapshot.market, snapshot.block.number
        held, first = decode_core(core), self.history.first_window(market, number)
        if base or held is None or held.window >= first:
            return False
        self._emit("market_starts_again", market=self.name(market), window=first)
        self._tracks[market] = Track(b"", first - 1, self.history.listed_at(market, number))
        return True

    def _adopts(self, market: bytes, core: bytes) -> bool:
        """Whether the quorum's state replaces ours: its core at the base's window is not the one we had."""
        base = decode_core(core)
        if base is None:
            return False
        own = self.store.between(market, base.window, base.window)
        gap = not own and self._failures.has(market, base.window)
        if not gap and (not own or own[0].core_after == core):
            return False
        self._failures.remove(market, base.window)
        self._emit("state_adopted", market=self.name(market), window=base.window)
        self.store.forget_samples(market, base.window)
        self._tracks[market] = replace(self._tracks[market], core=core, window=base.window)
        return True

    def _fold(self, window: int, core: bytes, snapshot: MarketSnapshot, base: bytes) -> StoredSample:
        sampler = self.sampler(window * self.history.cadence)
        market = sampler.markets[snapshot.market]
        trailing = sampler.trailing(window, snapshot.market)
        folded = fold_sample(core, snapshot, window, trailing, market, sampler.settings)
        sequence = snapshot.words.live.sequence if snapshot.words else 0
        return StoredSample(snapshot.market, window, sequence, base, snapshot, folded)

    def _fold_or_gap(self, window: int, core: bytes, snapshot: MarketSnapshot, base: bytes) -> StoredSample | None:
        """Fold, or None when the fold itself fails: here alone, or for every keeper alike (see ``abstain``)."""
        try:
            row = self._fold(window, core, snapshot, base)
        except KeeperError:
            raise
        except Exception as error:  # noqa: BLE001 - one market's fault must not blind the others
            self._failures.add(snapshot.market, window, snapshot.block.timestamp)
            self._emit("market_failed", market=self.name(snapshot.market), window=window, error=repr(error))
            return None
        self._failures.remove(snapshot.market, window)
        return row

    def _fold_again(self, window: int, wanted: StoredSample, core: bytes, listed: int) -> StoredSample | None:
        snapshot = self.observe(window, {wanted.market: core}).get(wanted.market)
        if snapshot is None or not _shows(snapshot, listed):
            return None
        # Its own base: the first samples after a base's window may have been taken before that report landed.
        row = self._fold_or_gap(window, core, snapshot, self._past.base(snapshot))
        if row is not None:
            self.store.record([row])
        return row


def _shows(snapshot: MarketSnapshot, listed: int) -> bool:
    """Whether the sample shows the market under the listing of that block."""
    return snapshot.words is not None and snapshot.block.number >= listed
