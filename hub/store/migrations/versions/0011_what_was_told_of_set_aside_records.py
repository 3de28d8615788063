"""What was last published of each set-aside record."""

import sqlalchemy as sa
from alembic import op

revision = "0011"
down_revision = "0010"
BIG = sa.BigInteger().with_variant(sa.Integer(), "sqlite")
TEXT = sa.Text().with_variant(sa.Text(collation="C"), "postgresql")


def upgrade() -> None:
    op.create_table(
        "told",
        sa.Column("id", TEXT, nullable=False),
        sa.Column("since", BIG, nullable=False),
        sa.Column("reason", TEXT, nullable=False),
        sa.Column("closed_at", BIG, nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_told")),
        sqlite_with_rowid=False,
    )
