"""The tables, the same on SQLite and PostgreSQL."""

from typing import Any

from sqlalchemy import (
    BigInteger,
    Boolean,
    Column,
    DateTime,
    Dialect,
    Index,
    Integer,
    LargeBinary,
    MetaData,
    Numeric,
    String,
    Table,
    Text,
    false,
)
from sqlalchemy.types import TypeDecorator

UINT256_DIGITS = 78
"""Decimal digits of 2**256 - 1."""


class Uint256(TypeDecorator[int]):
    """An amount of up to 256 bits: NUMERIC(78,0), or on SQLite fixed-width text, so that it sorts as a number."""

    impl = String(UINT256_DIGITS)
    cache_ok = True

    def load_dialect_impl(self, dialect: Dialect) -> Any:
        """The column's own type."""
        numeric = dialect.name == "postgresql"
        return dialect.type_descriptor(Numeric(UINT256_DIGITS, 0) if numeric else String(UINT256_DIGITS))

    def process_bind_param(self, value: int | None, dialect: Dialect) -> Any:
        """What the driver is given."""
        return value if dialect.name == "postgresql" else pad_uint256(value)

    def process_result_value(self, value: Any, dialect: Dialect) -> int | None:  # noqa: ARG002 - SQLAlchemy's signature
        """An integer, whatever the driver gave."""
        return None if value is None else int(value)


def pad_uint256(value: int | None) -> str | None:
    """Fixed-width decimal text of an amount, or None."""
    return None if value is None else str(value).zfill(UINT256_DIGITS)


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
    Column("fee_wei", Uint256),
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
    Column("max_fee_wei", Uint256, nullable=False),
    Column("tip_wei", Uint256, nullable=False),
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
    Column("bound", Uint256),
    Column("at_100_bps", Uint256),
    Column("at_200_bps", Uint256),
    Column("at_500_bps", Uint256),
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
    Column("observed_hash", LargeBinary(32), nullable=False, server_default=""),
)

evidence = Table(
    "evidence",
    metadata,
    Column("digest", LargeBinary(32), primary_key=True),
    Column("observed_block", BigInteger, nullable=False),
    Column("document", LargeBinary, nullable=False),
    Column("observed_hash", LargeBinary(32), nullable=False, server_default=""),
)

leases = Table(
    "leases",
    metadata,
    Column("name", String(16), primary_key=True),
    Column("owner", String(128), nullable=False),
    Column("epoch", BigInteger, nullable=False),
    Column("expires_at", DateTime(timezone=True), nullable=False),
)

finalized = Table(
    "finalized",
    metadata,
    Column("block_number", BigInteger, primary_key=True, autoincrement=False),
    Column("block_hash", LargeBinary(32), nullable=False),
)

halts = Table(
    "halts",
    metadata,
    Column("id", Integer, primary_key=True, autoincrement=True),
    Column("reason", Text, nullable=False),
    Column("cleared", Boolean, nullable=False, server_default=false()),
)

ROLLED_BACK = {
    samples: ("block_number", "block_hash"),
    depths: ("block_number", "block_hash"),
    reports: ("observed_block", "observed_hash"),
    evidence: ("observed_block", "observed_hash"),
}
"""Every table whose rows a reorg can void: the columns that say on which block they rest (reliability.md B3)."""

KEPT = {
    attempts: "what was signed stays signed, whatever becomes of the block",
    intents: "the sender derives their state again from the chain",
    finalized: "what finality was claimed for: a changed hash is the violation itself",
}
"""Every other table with a block column, and why a reorg leaves it alone."""
