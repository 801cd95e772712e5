"""A lease for several hosts, finalized blocks and halts; reports and evidence know the hash of their block."""

import sqlalchemy as sa
from alembic import op

revision = "0004"
down_revision = "0003"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_table(
        "leases",
        sa.Column("name", sa.String(16), primary_key=True),
        sa.Column("owner", sa.String(128), nullable=False),
        sa.Column("epoch", sa.BigInteger, nullable=False),
        sa.Column("expires_at", sa.DateTime(timezone=True), nullable=False),
    )
    op.create_table(
        "finalized",
        sa.Column("block_number", sa.BigInteger, primary_key=True, autoincrement=False),
        sa.Column("block_hash", sa.LargeBinary(32), nullable=False),
    )
    op.create_table(
        "halts",
        sa.Column("id", sa.Integer, primary_key=True, autoincrement=True),
        sa.Column("reason", sa.Text, nullable=False),
        sa.Column("cleared", sa.Boolean, nullable=False, server_default=sa.false()),
    )
    for name in ("reports", "evidence"):
        op.add_column(name, sa.Column("observed_hash", sa.LargeBinary(32), nullable=False, server_default=""))


def downgrade() -> None:
    for name in ("reports", "evidence"):
        op.drop_column(name, "observed_hash")
    for name in ("halts", "finalized", "leases"):
        op.drop_table(name)
