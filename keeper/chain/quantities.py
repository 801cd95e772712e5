"""What a node may answer: hex quantities, bytes, headers, logs, receipts; anything else is no answer (F19).

Encodings: https://ethereum.org/developers/docs/apis/json-rpc/#conventions. Leading zeros are forbidden there, but nodes
send them; signs, underscores, blanks and odd digits, which Python's ``int`` and ``fromhex`` would take, are not taken.
"""

import re
from collections.abc import Callable, Sequence
from typing import Any

from keeper.records.log import Log
from keeper.records.units import Address, BlockRef

_QUANTITY = re.compile(r"0x[0-9a-fA-F]{1,78}", re.ASCII)
_HASH_BYTES, _ADDRESS_BYTES = 32, 20
_SHOWN = 40
"""Letters of a wrong answer that are repeated."""


class Malformed(ValueError):
    """The value is not what the method answers."""


def quantity(value: Any, bits: int = 64) -> int:
    """Unsigned integer of so many bits; block numbers, times, nonces and gas have 64, amounts of wei 256."""
    if not isinstance(value, str) or not _QUANTITY.fullmatch(value):
        raise Malformed(f"{_shown(value)} is not a quantity")
    number = int(value, 16)
    if number >> bits:
        raise Malformed(f"{_shown(value)} has more than {bits} bits")
    return number


def data(value: Any, size: int | None = None) -> bytes:
    """Bytes of any length, or of the given one."""
    if not isinstance(value, str) or not value.startswith("0x"):
        raise Malformed(f"{_shown(value)} is not bytes in hex")
    try:
        found = bytes.fromhex(value[2:])
    except ValueError:
        raise Malformed(f"{_shown(value)} is not bytes in hex") from None
    # fromhex passes over blanks.
    if 2 * len(found) != len(value) - 2 or (size is not None and len(found) != size):
        raise Malformed(f"{_shown(value)} is not {size if size is not None else 'whole'} bytes")
    return found


def hash32(value: Any) -> bytes:
    """32 bytes."""
    return data(value, _HASH_BYTES)


def block_ref(header: Any) -> BlockRef:
    """Number, hash, time and parent of a header."""
    fields = _object(header)
    return BlockRef(
        quantity(fields.get("number")),
        hash32(fields.get("hash")),
        quantity(fields.get("timestamp")),
        hash32(fields.get("parentHash")),
    )


def log(row: Any) -> Log:
    """One event."""
    fields = _object(row)
    topics = fields.get("topics")
    if not isinstance(topics, list):
        raise Malformed("a log has no topics")
    return Log(
        address=Address("0x" + data(fields.get("address"), _ADDRESS_BYTES).hex()),
        topics=tuple(map(hash32, topics)),
        data=data(fields.get("data")),
        block_number=quantity(fields.get("blockNumber")),
        block_hash=hash32(fields.get("blockHash")),
        tx_hash=hash32(fields.get("transactionHash")),
        log_index=quantity(fields.get("logIndex")),
    )


def check_answer(method: str, params: Sequence[Any], value: Any) -> None:
    """Whether a result can be an answer to this question.

    Raises
    ------
    Malformed
        It cannot: wrong kind, out of range, or the answer to another question.
    """
    check = _CHECKS.get(method)
    if check:
        check(params, value)


def _object(value: Any) -> dict[str, Any]:
    if not isinstance(value, dict):
        raise Malformed(f"{_shown(value)} is not an object")
    return value


def _check_header(params: Sequence[Any], value: Any) -> None:
    if value is None:
        return
    fields, asked = _object(value), params[0] if params else None
    if asked == "pending":
        # A block that is not made yet has no hash.
        quantity(fields.get("timestamp"))
        return
    found = block_ref(fields)
    if fields.get("baseFeePerGas") is not None:
        quantity(fields["baseFeePerGas"], 256)
    if not isinstance(asked, str) or not asked.startswith("0x"):
        return
    by_hash = len(asked) == 2 + 2 * _HASH_BYTES
    if asked.lower() != "0x" + found.hash.hex() if by_hash else int(asked, 16) != found.number:
        raise Malformed(f"block {found.number} is not the one that was asked for")


def _check_logs(params: Sequence[Any], value: Any) -> None:
    if not isinstance(value, list):
        raise Malformed(f"{_shown(value)} is not a list of logs")
    query = params[0] if params and isinstance(params[0], dict) else {}
    wanted = query.get("address")
    first, last = (_height(query.get(name)) for name in ("fromBlock", "toBlock"))
    for row in map(log, value):
        if isinstance(wanted, str) and row.address != wanted.lower():
            raise Malformed(f"a log of {row.address} was not asked for")
        if (first is not None and row.block_number < first) or (last is not None and row.block_number > last):
            raise Malformed(f"a log of block {row.block_number} was not asked for")


def _height(value: Any) -> int | None:
    return int(value, 16) if isinstance(value, str) and value.startswith("0x") else None


def _check_receipt(params: Sequence[Any], value: Any) -> None:
    if value is None:
        return
    fields = _object(value)
    if fields.get("blockNumber") is None:
        return
    for name in ("blockNumber", "gasUsed", "status"):
        quantity(fields.get(name))
    if fields.get("effectiveGasPrice") is not None:
        quantity(fields["effectiveGasPrice"], 256)
    hash32(fields.get("blockHash"))
    _same_hash(params, fields.get("transactionHash"))


def _check_transaction(params: Sequence[Any], value: Any) -> None:
    if value is not None:
        _same_hash(params, _object(value).get("hash"))


def _same_hash(params: Sequence[Any], found: Any) -> None:
    if "0x" + hash32(found).hex() != str(params[0]).lower():
        raise Malformed(f"{_shown(found)} is not the transaction that was asked for")


def _check_syncing(_params: Sequence[Any], value: Any) -> None:
    if value is not False and not isinstance(value, dict):
        raise Malformed(f"{_shown(value)} does not say whether the node is in sync")


def _check_fee_history(_params: Sequence[Any], value: Any) -> None:
    fields = _object(value)
    rewards = fields.get("reward") or []
    if not isinstance(rewards, list):
        raise Malformed("a fee history has no rewards")
    rows = [fields.get("baseFeePerGas"), *rewards]
    for row in rows:
        if not isinstance(row, list):
            raise Malformed("a fee history has no fees")
        for fee in row:
            quantity(fee, 256)


def _of(decode: Callable[..., object], *extra: int) -> Callable[[Sequence[Any], Any], object]:
    return lambda _params, value: decode(value, *extra)


def _shown(value: Any) -> str:
    text = ascii(value)
    return text if len(text) <= _SHOWN else text[:_SHOWN] + "..."


_CHECKS: dict[str, Callable[[Sequence[Any], Any], object]] = {
    "eth_chainId": _of(quantity, 256),
    "eth_blockNumber": _of(quantity),
    "eth_getTransactionCount": _of(quantity),
    "eth_estimateGas": _of(quantity),
    "eth_gasPrice": _of(quantity, 256),
    "eth_maxPriorityFeePerGas": _of(quantity, 256),
    "eth_getBalance": _of(quantity, 256),
    "eth_call": _of(data),
    "eth_getCode": _of(data),
    "eth_getStorageAt": _of(data),
    "eth_sendRawTransaction": _of(hash32),
    "eth_syncing": _check_syncing,
    "eth_feeHistory": _check_fee_history,
    "eth_getBlockByNumber": _check_header,
    "eth_getBlockByHash": _check_header,
    "eth_getLogs": _check_logs,
    "eth_getTransactionReceipt": _check_receipt,
    "eth_getTransactionByHash": _check_transaction,
}
