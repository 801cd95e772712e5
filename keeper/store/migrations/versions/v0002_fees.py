"""What pools had earned, beside the depth of a sample. Both tables are caches: their rows are read again."""

import sqlalchemy as sa
from alembic import op

revision = "0002"
down_revision = "0001"
branch_labels = None
depends_on = None


def upgrade() -> None:
    # Rows of before know neither fees nor the records that a fold makes today.
    for name in ("depths", "samples"):
        op.execute(sa.text(f"DELETE FROM {name}"))  # noqa: S608 - two names of ours
    op.add_column("depths", sa.Column("fees", sa.LargeBinary, nullable=False, server_default=""))


def downgrade() -> None:
    op.drop_column("depths", "fees")
