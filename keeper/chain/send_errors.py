"""What a node means when it refuses a transaction: one table for all dialects (reliability.md B1, F26).

Unknown is never fatal: it is tried again later. A text of two dialects has one class, whichever node said it. The
patterns exclude one another, so that the order of the table decides nothing: a test reads it backwards over a corpus
of real texts (``tests/data/send_errors.json``, with their sources).
"""

import re
from collections.abc import Mapping, Sequence
from enum import StrEnum


class SendError(StrEnum):
    """What to do hangs on this, not on the text."""

    ALREADY_KNOWN = "already_known"
    """It waits in the mempool: as good as sent."""
    ALREADY_MINED = "already_mined"
    """Looked up, as with a low nonce."""
    NONCE_TOO_LOW = "nonce_too_low"
    """Something at our nonce was mined: looked up."""
    NONCE_TOO_HIGH = "nonce_too_high"
    """The node misses the one before: kept, and tried again."""
    REPLACEMENT_UNDERPRICED = "replacement_underpriced"
    """Something at our nonce waits: outbid."""
    TERMINALLY_UNDERPRICED = "terminally_underpriced"
    """Below what the node or the block wants: outbid once the market says so too."""
    L2_FEE_LOW = "l2_fee_low"
    """Likewise, in the words of a rollup."""
    L2_FEE_HIGH = "l2_fee_high"
    """A rollup's guard against paying too much: tried again."""
    L2_FULL = "l2_full"
    """The queue or the mempool is full, of a rollup or any other chain: tried again with back-off."""
    INSUFFICIENT_FUNDS = "insufficient_funds"
    """Tried again; the balance has alarms of its own."""
    FEE_EXCEEDS_CAP = "fee_exceeds_cap"
    """The node's own cap on what a transaction may cost, which its operator can raise."""
    EXECUTION_REVERTED = "execution_reverted"
    """The node simulated it: the sender does so too and decides."""
    STUCK = "stuck"
    """It can never be included: a no-op takes its nonce."""
    FATAL = "fatal"
    """These bytes are wrong for every node: likewise."""
    RATE_LIMITED = "rate_limited"
    SERVICE_UNAVAILABLE = "service_unavailable"
    UNKNOWN = "unknown"


HOPELESS = frozenset({SendError.FATAL, SendError.STUCK})
"""No repeat of the same bytes can succeed."""
TOO_CHEAP = frozenset({SendError.TERMINALLY_UNDERPRICED, SendError.L2_FEE_LOW})
OCCUPIED = frozenset({SendError.NONCE_TOO_LOW, SendError.ALREADY_MINED, SendError.REPLACEMENT_UNDERPRICED})
"""Something is at our nonce, perhaps our own."""

_END = r"(?=$| \(code)"
"""Where a node's own words end: the client appends the code."""

_TABLE: Mapping[SendError, str] = {
    SendError.ALREADY_KNOWN: (
        r"already[ _]?(known|imported|in mempool|in the system|exists in cache)|(?<!un)known transaction|"
        r"OwnNonceAlreadyUsed|existing tx with same hash"
    ),
    SendError.ALREADY_MINED: r"already (finali[sz]ed|mined|executed|included)",
    SendError.NONCE_TOO_LOW: (
        r"nonce( is)? too low|OldNonce|invalid (transaction )?nonce|Pool\(Stale\)|nonce has already been used"
    ),
    SendError.NONCE_TOO_HIGH: r"nonce( is)? too (high|distant|far)|NonceGap|NonceTooFarInFuture|delegation nonce gap",
    SendError.REPLACEMENT_UNDERPRICED: (
        r"replacement transaction underpriced|ReplacementNotAllowed|"
        r"another (transaction with|tx which has the) same nonce|"
        r"replace existing tx|replacement fee too low|future transaction tries to replace pending"
    ),
    SendError.TERMINALLY_UNDERPRICED: (
        r"(?<!replacement )transaction underpriced|^underpriced|FeeTooLow|below (configured minimum|current base fee)|"
        r"less than (block base fee|gas price minimum floor)|gas price (is )?too low({END}|\. It does not)|"
        r"with an unacceptable|tip(?:cap)? (?:too low|below)|priority fee per gas below"
    ),
    SendError.L2_FEE_LOW: r"\bfee too low: \d+, use at least|gas price too low: \d+ wei, use at least",
    SendError.L2_FEE_HIGH: r"\bfee too (high|large): \d+, use less than",
    SendError.L2_FULL: (
        r"queue full|pool (is )?full|pool overflow|too many transactions in the queue|L2 congestion|"
        r"txpool slots? (is )?full"
    ),
    SendError.INSUFFICIENT_FUNDS: (
        r"insufficient_?\s?(funds|balance|payer_balance)|not enough funds|upfront cost exceeds|"
        r"would cause overdraft|exceeds (account )?balance|balance too low"
    ),
    SendError.FEE_EXCEEDS_CAP: (
        r"exceeds the configured cap|fee cap exceeded|invalid gas fee cap|"
        r"max (priority )?fee per gas (higher than|exceeds) max (priority )?fee per gas"
    ),
    SendError.EXECUTION_REVERTED: r"\brevert",
    SendError.STUCK: r"counters to continue the execution|terminally stuck",
    SendError.FATAL: (
        r"gas limit reached|GasLimitExceeded|beyond limit|exceeds (block|current) gas limit|intrinsic gas|"
        r"gas is too low|invalid (sender|signature|rlp|message|chain)|negative value|oversized data|"
        r"data too large|uint64 overflow|Int256Overflow|cost overflow|"
        r"SenderIsContract|sender not an eoa|FailedToResolveSender|failed to recover sender|: Invalid{END}|"
        r"Invalid, transaction Hash|transaction invalid|banned in local queue|not permitted|too big, see chain|"
        r"wrong chain|forbidden sender|blacklist|type not supported|higher than 2\^64|not enough gas for transaction|"
        r"failed to pay the fee to the operator"
    ),
    SendError.RATE_LIMITED: r"rate.?limit|too many requests|HTTP 429|capacity exceeded|quota exceeded",
    SendError.SERVICE_UNAVAILABLE: (
        r"not reachable|unreachable|did not answer|unavailable|bad gateway|HTTP 5\d\d|time(d |-)?out|"
        r"connection (refused|reset)|sync is still in progress|is syncing|pool not enabled"
    ),
}
_PATTERNS = {kind: re.compile(pattern.replace("{END}", _END), re.IGNORECASE) for kind, pattern in _TABLE.items()}


def classify(text: str) -> SendError:
    """Class of a node's refusal of ``eth_sendRawTransaction``."""
    return next(iter(matching(text)), SendError.UNKNOWN)


def matching(text: str) -> list[SendError]:
    """Every class whose pattern fits: one at most, of the texts that we know."""
    return [kind for kind, pattern in _PATTERNS.items() if pattern.search(text)]


def explain(errors: Sequence[tuple[str, str]]) -> str:
    """Why nobody took it, in a line: (name of the node, what it said) -> what the operator reads."""
    if not errors:
        return "no node could be written to"
    for name, text in errors:
        if classify(text) is SendError.FEE_EXCEEDS_CAP:
            return f"{name} has a fee cap of its own: {text}; raise it there (geth: --rpc.txfeecap)"
    return errors[0][1]
