"""The tables. Amounts of up to 256 bits are fixed-width decimal text, so that they sort as numbers."""

from sqlalchemy import BigInteger, Boolean, Column, Index, Integer, LargeBinary, MetaData, String, Table, Text

UINT256_DIGITS = 78
"""Decimal digits of 2**256 - 1."""

metadata = MetaData()

intents = Table(
    "intents",
    metadata,
    Column("id", Integer, primary_key=True, autoincrement=True),
    Column("key", LargeBinary(32), nullable=False, unique=True),
    Column("purpose", String(16), nullable=False),
    Column("recipient", String(42), nullable=False),
    Column("calldata", LargeBinary, nullable=False),
    Column("observed_block", BigInteger, nullable=False),
    Column("valid_until", BigInteger, nullable=False),
    Column("markets", Text, nullable=False),
    Column("state", String(16), nullable=False),
    Column("tier", String(16), nullable=False, server_default="routine"),
    Column("replaces", LargeBinary, nullable=False, server_default=""),
    Column("nonce", BigInteger),
    Column("tx_hash", LargeBinary(32)),
    Column("block_number", BigInteger),
    Column("block_hash", LargeBinary(32)),
    Column("block_time", BigInteger),
    Column("gas_used", BigInteger),
    Column("fee_wei", String(UINT256_DIGITS)),
    Column("ok", Boolean),
    Column("error", Text, nullable=False, server_default=""),
    Index("intents_by_state", "state"),
    Index("intents_by_time", "block_time"),
)
"""``tx_hash`` and the columns after it are of the receipt that closed the nonce."""

attempts = Table(
    "attempts",
    metadata,
    Column("intent_key", LargeBinary(32), primary_key=True),
    Column("number", Integer, primary_key=True),
    Column("cancels", Boolean, nullable=False),
    Column("max_fee_wei", String(UINT256_DIGITS), nullable=False),
    Column("tip_wei", String(UINT256_DIGITS), nullable=False),
    Column("gas", BigInteger, nullable=False),
    Column("raw", LargeBinary),
    Column("tx_hash", LargeBinary(32), unique=True),
    Column("signed_block", BigInteger, nullable=False),
    Column("sent_block", BigInteger),
)

samples = Table(
    "samples",
    metadata,
    Column("market", LargeBinary(32), primary_key=True),
    Column("window", BigInteger, primary_key=True),
    Column("block_number", BigInteger, nullable=False),
    Column("block_hash", LargeBinary(32), nullable=False),
    Column("block_time", BigInteger, nullable=False),
    Column("base_sequence", BigInteger, nullable=False),
    Column("core_before", LargeBinary, nullable=False),
    Column("core_after", LargeBinary, nullable=False),
    Column("due", String(16), nullable=False),
    Column("haircut_bps", Integer),
    Column("snapshot", LargeBinary, nullable=False),
    Column("folded", LargeBinary, nullable=False),
)

depths = Table(
    "depths",
    metadata,
    Column("settings_hash", LargeBinary(32), primary_key=True),
    Column("market", LargeBinary(32), primary_key=True),
    Column("window", BigInteger, primary_key=True),
    Column("block_number", BigInteger, nullable=False),
    Column("block_hash", LargeBinary(32), nullable=False),
    Column("bound", String(UINT256_DIGITS)),
    Column("at_100_bps", String(UINT256_DIGITS)),
    Column("at_200_bps", String(UINT256_DIGITS)),
    Column("at_500_bps", String(UINT256_DIGITS)),
    Column("fees", LargeBinary, nullable=False, server_default=""),
)

reports = Table(
    "reports",
    metadata,
    Column("market", LargeBinary(32), primary_key=True),
    Column("observed_block", BigInteger, primary_key=True),
    Column("intent_key", LargeBinary(32), nullable=False),
    Column("packed", LargeBinary, nullable=False),
    Column("evidence_digest", LargeBinary(32), nullable=False),
)

evidence = Table(
    "evidence",
    metadata,
    Column("digest", LargeBinary(32), primary_key=True),
    Column("observed_block", BigInteger, nullable=False),
    Column("document", LargeBinary, nullable=False),
)

ROLLED_BACK = {samples: "block_number", depths: "block_number", reports: "observed_block", evidence: "observed_block"}
"""Every table whose rows a reorg can void, and the column that says from which block (reliability.md B3).

Intents and their attempts are not here: their state is derived again from the chain by the sender.
"""


def pad_uint256(value: int | None) -> str | None:
    """Fixed-width decimal text of an amount, or None."""
    return None if value is None else str(value).zfill(UINT256_DIGITS)


def read_uint256(text: str | None) -> int | None:
    """Inverse of :func:`pad_uint256`."""
    return None if text is None else int(text)
