"""A contract's past as events tell it, read anew or carried on, and counted: the contract numbers its reports."""

from collections.abc import Callable

from keeper.holes import HoleInLogs
from keeper.published import History, Node, extend_history, read_history
from keeper.records.snapshot import MarketSnapshot
from keeper.records.units import Address


class Past:
    """What one contract published, up to the newest block that was asked for.

    Parameters
    ----------
    start_block
        Where the contract's events begin.
    emit
        Log.
    doubt
        Told when events turn out to be missing, so that another node is asked the next time.
    """

    history: History

    def __init__(
        self,
        node: Node,
        contract: Address,
        *,
        chain_id: int,
        start_block: int,
        emit: Callable[..., None],
        doubt: Callable[[str], None],
    ) -> None:
        self._node = node
        self._contract = contract
        self._chain_id = chain_id
        self._start_block = start_block
        self._emit = emit
        self._doubt = doubt
        self._whole = False
        """Whether :attr:`history` may be carried on."""

    def read(self, to_block: int, *, anew: bool) -> None:
        """Everything up to a block; ``anew`` when what is known may be of another branch.

        Raises
        ------
        HoleInLogs
            Some events are missing.
        """
        try:
            if anew or not self._whole:
                self.history = read_history(self._node, self._contract, self._chain_id, self._start_block, to_block)
            else:
                self.history = extend_history(self.history, self._node, to_block)
        except HoleInLogs as error:
            raise self._incomplete(error) from None
        self._whole = True

    def base(self, snapshot: MarketSnapshot) -> bytes:
        """Packed core of the newest routine report that the snapshot's own words know.

        Raises
        ------
        HoleInLogs
            The words count more reports than the events hold.
        """
        sequence = snapshot.words.live.sequence if snapshot.words else 0
        known = self.history.last_sequence(snapshot.market)
        if known < sequence:
            what = f"the contract counts {sequence} reports of market 0x{snapshot.market.hex()[:8]}, the events {known}"
            raise self._incomplete(HoleInLogs(what, "another node is asked next"))
        return self.history.base_core(snapshot.market, sequence, snapshot.block.number)

    def _incomplete(self, error: HoleInLogs) -> HoleInLogs:
        self._whole = False
        self._emit("hole_in_logs", error=error.message)
        self._doubt(error.message)
        return error
