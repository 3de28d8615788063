"""What each system last said of two-way fields"""

import sqlalchemy as sa
from alembic import op

revision = "0005"
down_revision = "0004"


def upgrade() -> None:
    op.create_table(
        "twoway",
        sa.Column("kind", sa.Text(), nullable=False),
        sa.Column("key", sa.Text(), nullable=False),
        sa.Column("open", sa.Boolean(), nullable=False),
        sa.Column("document", sa.LargeBinary(), nullable=False),
        sa.PrimaryKeyConstraint("kind", "key", name=op.f("pk_twoway")),
        sqlite_with_rowid=False,
    )
    with op.batch_alter_table("twoway", schema=None) as batch_op:
        batch_op.create_index(batch_op.f("ix_twoway_open"), ["open"], unique=False)
