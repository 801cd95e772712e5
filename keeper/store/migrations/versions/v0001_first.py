"""First schema: intents, samples, depths, reports, evidence."""

import sqlalchemy as sa
from alembic import op

revision = "0001"
down_revision = None
branch_labels = None
depends_on = None

UINT256_DIGITS = 78
UINT256 = sa.String(UINT256_DIGITS).with_variant(sa.Numeric(UINT256_DIGITS, 0), "postgresql")


def upgrade() -> None:
    op.create_table(
        "intents",
        sa.Column("id", sa.Integer, primary_key=True, autoincrement=True),
        sa.Column("key", sa.LargeBinary(32), nullable=False, unique=True),
        sa.Column("purpose", sa.String(16), nullable=False),
        sa.Column("recipient", sa.String(42), nullable=False),
        sa.Column("calldata", sa.LargeBinary, nullable=False),
        sa.Column("observed_block", sa.BigInteger, nullable=False),
        sa.Column("valid_until", sa.BigInteger, nullable=False),
        sa.Column("markets", sa.Text, nullable=False),
        sa.Column("state", sa.String(16), nullable=False),
        sa.Column("nonce", sa.BigInteger),
        sa.Column("tx_hash", sa.LargeBinary(32)),
        sa.Column("raw", sa.LargeBinary),
        sa.Column("block_number", sa.BigInteger),
        sa.Column("gas_used", sa.BigInteger),
        sa.Column("error", sa.Text, nullable=False, server_default=""),
    )
    op.create_index("intents_by_state", "intents", ["state"])
    op.create_table(
        "samples",
        sa.Column("market", sa.LargeBinary(32), primary_key=True),
        sa.Column("window", sa.BigInteger, primary_key=True),
        sa.Column("block_number", sa.BigInteger, nullable=False),
        sa.Column("block_hash", sa.LargeBinary(32), nullable=False),
        sa.Column("block_time", sa.BigInteger, nullable=False),
        sa.Column("base_sequence", sa.BigInteger, nullable=False),
        sa.Column("core_before", sa.LargeBinary, nullable=False),
        sa.Column("core_after", sa.LargeBinary, nullable=False),
        sa.Column("due", sa.String(16), nullable=False),
        sa.Column("haircut_bps", sa.Integer),
        sa.Column("snapshot", sa.LargeBinary, nullable=False),
        sa.Column("folded", sa.LargeBinary, nullable=False),
    )
    op.create_table(
        "depths",
        sa.Column("settings_hash", sa.LargeBinary(32), primary_key=True),
        sa.Column("market", sa.LargeBinary(32), primary_key=True),
        sa.Column("window", sa.BigInteger, primary_key=True),
        sa.Column("block_number", sa.BigInteger, nullable=False),
        sa.Column("block_hash", sa.LargeBinary(32), nullable=False),
        sa.Column("bound", UINT256),
        sa.Column("at_100_bps", UINT256),
        sa.Column("at_200_bps", UINT256),
        sa.Column("at_500_bps", UINT256),
    )
    op.create_table(
        "reports",
        sa.Column("market", sa.LargeBinary(32), primary_key=True),
        sa.Column("observed_block", sa.BigInteger, primary_key=True),
        sa.Column("intent_key", sa.LargeBinary(32), nullable=False),
        sa.Column("packed", sa.LargeBinary, nullable=False),
        sa.Column("evidence_digest", sa.LargeBinary(32), nullable=False),
    )
    op.create_table(
        "evidence",
        sa.Column("digest", sa.LargeBinary(32), primary_key=True),
        sa.Column("observed_block", sa.BigInteger, nullable=False),
        sa.Column("document", sa.LargeBinary, nullable=False),
    )


def downgrade() -> None:
    for name in ("evidence", "reports", "depths", "samples", "intents"):
        op.drop_table(name)
