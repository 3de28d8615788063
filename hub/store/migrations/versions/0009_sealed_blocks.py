"""Sealed blocks of the log, and audit rows that cover one another"""

import sqlalchemy as sa
from alembic import op

from hub.model.chain import NOTHING, chained

revision = "0009"
down_revision = "0008"
BIG = sa.BigInteger().with_variant(sa.Integer(), "sqlite")
NAMES = ("id", "at", "who", "action", "object", "why", "result")


def upgrade() -> None:
    op.create_table(
        "block",
        sa.Column("number", BIG, autoincrement=False, nullable=False),
        sa.Column("log", sa.Text(), nullable=False),
        sa.Column("first", BIG, nullable=False),
        sa.Column("last", BIG, nullable=False),
        sa.Column("count", BIG, nullable=False),
        sa.Column("root", sa.LargeBinary(), nullable=False),
        sa.Column("previous", sa.LargeBinary(), nullable=False),
        sa.Column("sealed_at", BIG, nullable=False),
        sa.Column("hash", sa.LargeBinary(), nullable=False),
        sa.Column("marks", sa.LargeBinary(), nullable=False),
        sa.PrimaryKeyConstraint("number", name=op.f("pk_block")),
    )
    with op.batch_alter_table("block", schema=None) as batch_op:
        batch_op.create_index(batch_op.f("ix_block_log_last"), ["log", "last"], unique=False)
    op.add_column("audit", sa.Column("chain", sa.LargeBinary(), nullable=False, server_default=""))
    _chain_audits()


def _chain_audits() -> None:
    """Rows from before cover one another from now on."""
    connection, previous = op.get_bind(), NOTHING
    rows = connection.execute(sa.text(f"SELECT {', '.join(NAMES)} FROM audit ORDER BY id")).all()
    for row in rows:
        previous = chained(previous, dict(zip(NAMES, row, strict=True)))
        connection.execute(
            sa.text("UPDATE audit SET chain = :chain WHERE id = :id"), {"chain": previous, "id": row[0]}
        )
