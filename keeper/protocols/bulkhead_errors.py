"""The custom errors of ``CollateralParameters`` and what it is built from, each as one readable line."""

from eth_abi.abi import decode
from eth_abi.exceptions import DecodingError

from keeper.maths.keccak import keccak

_MARKET = ("bytes32", "market")

ERRORS: dict[str, tuple[tuple[str, str], ...]] = {
    "BatchExpired": (("uint64", "valid_until"), ("uint256", "block_time")),
    "BatchFromFuture": (("uint64", "observed_time"), ("uint256", "block_time")),
    "BatchTooOld": (("uint256", "observed_block"), ("uint256", "block_number"), ("uint256", "max_age_blocks")),
    "ObservedTimeTooOld": (("uint64", "observed_time"), ("uint256", "block_time"), ("uint256", "max_age_seconds")),
    "BatchTooShallow": (("uint256", "settled_block"), ("uint256", "block_number")),
    "WrongBlockHash": (("uint256", "block_number"), ("bytes32", "got"), ("bytes32", "expected")),
    "WrongSettings": (("bytes32", "got"), ("bytes32", "expected")),
    "WrongReportsHash": (("bytes32", "got"), ("bytes32", "expected")),
    "ZeroCommitmentsRoot": (),
    "TooFewSignatures": (("uint256", "valid"), ("uint256", "threshold")),
    "MalformedReports": (("uint256", "offset"), ("uint256", "length")),
    "BatchIndexExhausted": (("uint64", "observed_block"),),
    "UnknownMarket": (_MARKET,),
    "NothingStaged": (_MARKET,),
    "StageNotDue": (_MARKET, ("uint256", "due_time"), ("uint256", "block_time")),
    "NothingPending": (_MARKET,),
    "PendingNotMature": (_MARKET, ("uint256", "mature_time"), ("uint256", "block_time")),
    "PendingExpired": (_MARKET, ("uint256", "expiry_time"), ("uint256", "block_time")),
    "ReportNotFresh": (_MARKET, ("uint256", "observed_time"), ("uint256", "fresh_seconds")),
    "RegimeNotNormal": (_MARKET, ("uint256", "regime")),
    "LooseningExhausted": (_MARKET, ("uint256", "live_bps"), ("uint256", "goal_bps"), ("uint256", "available_bps")),
    "LooseningHeld": (_MARKET, ("uint256", "held_until"), ("uint256", "block_time")),
    "MoveExhausted": (_MARKET, ("uint256", "live_bps"), ("uint256", "goal_bps"), ("uint256", "available_bps")),
    "GroupBroken": (_MARKET, ("uint256", "liquidation_haircut_bps"), ("uint256", "bonus_bps")),
    "TripCoolingDown": (_MARKET, ("uint256", "ready_time"), ("uint256", "block_time")),
    "TripBudgetSpent": (_MARKET, ("uint256", "needed_seconds"), ("uint256", "available_seconds")),
    "BadRaise": (_MARKET, ("uint8", "regime"), ("uint32", "duration"), ("uint32", "max_duration")),
    "BadHold": (_MARKET, ("uint32", "duration"), ("uint32", "max_duration")),
    "HistoryTruncated": (_MARKET, ("uint256", "update_id"), ("uint256", "oldest"), ("uint256", "newest")),
    "BadCadence": (("uint32", "cadence"),),
    "BadSettings": (("uint64", "from_block"), ("uint256", "block_number")),
    "BadSigners": (("uint256", "count"), ("uint256", "threshold")),
    "SignersNotAscending": (("address", "previous"), ("address", "signer")),
    "BadLimits": (("uint8", "profile"),),
    "UnknownLimits": (("uint8", "profile"),),
    "AlreadyListed": (_MARKET,),
    "BadValues": (("uint256", "haircut_bps"), ("uint256", "liquidation_haircut_bps"), ("uint256", "bonus_bps")),
    "BadSuccessor": (("address", "successor"),),
    "Ended": (("address", "successor"), ("uint256", "since")),
    "FieldOverflow": (("uint256", "value"), ("uint256", "width")),
    "AccessManagedUnauthorized": (("address", "caller"),),
}
"""Custom errors with their arguments; a test holds them to the compiled ABI."""


def error_signature(name: str) -> str:
    """Canonical signature, for example ``NothingStaged(bytes32)``."""
    return f"{name}({','.join(kind for kind, _ in ERRORS[name])})"


_BY_SELECTOR = {keccak(error_signature(name).encode())[:4]: name for name in ERRORS}


def describe_revert(data: bytes) -> str:
    """One line for an operator: ``StageNotDue(market=0x.., due_time=.., block_time=..)``; raw hex when unknown."""
    name = _BY_SELECTOR.get(data[:4])
    if name is None:
        return f"revert data 0x{data.hex()}" if data else "reverted without a reason"
    try:
        values = decode([kind for kind, _ in ERRORS[name]], data[4:])
    except DecodingError:
        return f"{name} with malformed arguments 0x{data[4:].hex()}"
    shown = ((label, value) for (_, label), value in zip(ERRORS[name], values, strict=True))
    return f"{name}({', '.join(f'{label}={_shown(value)}' for label, value in shown)})"


def _shown(value: object) -> str:
    return f"0x{value.hex()}" if isinstance(value, bytes) else str(value)
