"""What a node means when it refuses a transaction: one table for all dialects, the first match counts.

Unknown is never fatal: it is tried again later (reliability.md B1). Patterns match what the clients say; texts were
taken as facts from their sources and from public threads.
"""

import re
from enum import StrEnum


class SendError(StrEnum):
    """What to do hangs on this, not on the text."""

    ALREADY_KNOWN = "already_known"
    NONCE_TOO_LOW = "nonce_too_low"
    NONCE_TOO_HIGH = "nonce_too_high"
    REPLACEMENT_UNDERPRICED = "replacement_underpriced"
    TERMINALLY_UNDERPRICED = "terminally_underpriced"
    INSUFFICIENT_FUNDS = "insufficient_funds"
    FEE_EXCEEDS_CAP = "fee_exceeds_cap"
    EXECUTION_REVERTED = "execution_reverted"
    RATE_LIMITED = "rate_limited"
    SERVICE_UNAVAILABLE = "service_unavailable"
    UNKNOWN = "unknown"


_TABLE: tuple[tuple[SendError, str], ...] = (
    (SendError.ALREADY_KNOWN, r"already (known|imported|in mempool)|known transaction|AlreadyKnown"),
    (SendError.REPLACEMENT_UNDERPRICED, r"replacement transaction underpriced|ReplacementNotAllowed"),
    (SendError.NONCE_TOO_LOW, r"nonce.{0,20}too low|nonce is too low|OldNonce|invalid nonce"),
    (SendError.NONCE_TOO_HIGH, r"nonce.{0,20}too (high|distant|far)"),
    (SendError.INSUFFICIENT_FUNDS, r"insufficient (funds|balance)|InsufficientFunds"),
    (SendError.FEE_EXCEEDS_CAP, r"exceeds the configured cap"),
    (SendError.TERMINALLY_UNDERPRICED, r"underpriced|fee too low|less than block base fee|FeeTooLow"),
    (SendError.EXECUTION_REVERTED, r"revert"),
    (SendError.RATE_LIMITED, r"rate limit|too many requests|\b429\b"),
    (SendError.SERVICE_UNAVAILABLE, r"not reachable|did not answer|unavailable|\b50[0234]\b"),
)
_PATTERNS = tuple((kind, re.compile(pattern, re.IGNORECASE)) for kind, pattern in _TABLE)


def classify(text: str) -> SendError:
    """Class of a node's refusal of ``eth_sendRawTransaction``."""
    return next((kind for kind, pattern in _PATTERNS if pattern.search(text)), SendError.UNKNOWN)
