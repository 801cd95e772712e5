"""One intent, many attempts: what was signed moves into a table of its own, and the receipt is kept whole."""

import rlp
import sqlalchemy as sa
from alembic import op

revision = "0003"
down_revision = "0002"
branch_labels = None
depends_on = None

DIGITS = 78
UINT256 = sa.String(DIGITS).with_variant(sa.Numeric(DIGITS, 0), "postgresql")
ADDED = (
    ("tier", sa.String(16), False, "routine"),
    ("replaces", sa.LargeBinary, False, ""),
    ("block_hash", sa.LargeBinary(32), True, None),
    ("block_time", sa.BigInteger, True, None),
    ("fee_wei", UINT256, True, None),
    ("ok", sa.Boolean, True, None),
)


def upgrade() -> None:
    op.create_table(
        "attempts",
        sa.Column("intent_key", sa.LargeBinary(32), primary_key=True),
        sa.Column("number", sa.Integer, primary_key=True),
        sa.Column("cancels", sa.Boolean, nullable=False),
        sa.Column("max_fee_wei", UINT256, nullable=False),
        sa.Column("tip_wei", UINT256, nullable=False),
        sa.Column("gas", sa.BigInteger, nullable=False),
        sa.Column("raw", sa.LargeBinary),
        sa.Column("tx_hash", sa.LargeBinary(32), unique=True),
        sa.Column("signed_block", sa.BigInteger, nullable=False),
        sa.Column("sent_block", sa.BigInteger),
    )
    for name, kind, nullable, default in ADDED:
        op.add_column("intents", sa.Column(name, kind, nullable=nullable, server_default=default))
    op.create_index("intents_by_time", "intents", ["block_time"])
    _move_signed()
    # The sender looks the receipts of these up again, as after a restart.
    op.execute(sa.text("UPDATE intents SET state = 'sent', tx_hash = NULL, block_number = NULL WHERE state = 'mined'"))
    with op.batch_alter_table("intents") as batch:
        batch.drop_column("raw")


def downgrade() -> None:
    with op.batch_alter_table("intents") as batch:
        batch.add_column(sa.Column("raw", sa.LargeBinary))
        batch.drop_index("intents_by_time")
        for name, *_ in ADDED:
            batch.drop_column(name)
    op.drop_table("attempts")


def _move_signed() -> None:
    connection = op.get_bind()
    rows = connection.execute(sa.text("SELECT key, raw, tx_hash, state FROM intents WHERE raw IS NOT NULL")).all()
    for row in rows:
        # EIP-1559: 0x02 and the list chain id, nonce, tip, fee, gas, to, value, data, access list, signature.
        tip, fee, gas = (int.from_bytes(item, "big") for item in rlp.decode(row.raw[1:])[2:5])
        connection.execute(
            sa.text(
                "INSERT INTO attempts (intent_key, number, cancels, max_fee_wei, tip_wei, gas, raw, tx_hash,"
                " signed_block, sent_block) VALUES (:key, 1, :no, :fee, :tip, :gas, :raw, :tx_hash, 0, :sent)"
            ),
            {
                "key": row.key,
                "no": False,
                "fee": str(fee).zfill(DIGITS),
                "tip": str(tip).zfill(DIGITS),
                "gas": gas,
                "raw": row.raw,
                "tx_hash": row.tx_hash,
                "sent": None if row.state == "signed" else 0,
            },
        )
