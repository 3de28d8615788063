"""Who waits for a link, and which closing took an entity: indexes beside the loops' documents"""

import json

import sqlalchemy as sa
from alembic import op

revision = "0002"
down_revision = "0001"


def upgrade() -> None:
    op.create_table(
        "wait",
        sa.Column("kind", sa.Text(), nullable=False),
        sa.Column("name", sa.Text(), nullable=False),
        sa.Column("loop", sa.Text(), nullable=False),
        sa.PrimaryKeyConstraint("kind", "name", "loop", name=op.f("pk_wait")),
        sqlite_with_rowid=False,
    )
    with op.batch_alter_table("wait", schema=None) as batch_op:
        batch_op.create_index(batch_op.f("ix_wait_loop"), ["loop"], unique=False)

    op.create_table(
        "taken",
        sa.Column("kind", sa.Text(), nullable=False),
        sa.Column("key", sa.Text(), nullable=False),
        sa.Column("loop", sa.Text(), nullable=False),
        sa.PrimaryKeyConstraint("kind", "key", "loop", name=op.f("pk_taken")),
        sqlite_with_rowid=False,
    )
    _tell_what_was_taken()


def _tell_what_was_taken() -> None:
    """Closings that took their lists under the first schema hold on to what they took."""
    connection = op.get_bind()
    rows = set()
    for name, document in connection.execute(sa.text("SELECT id, document FROM loop")):
        taken = json.loads(document)["taken"] or {}
        for listed, kind in taken.get("@kinds", {}).items():
            rows |= {(kind, one["key"], name) for one in taken.get(listed, ())}
        late = taken.get("@late", {})
        rows |= {(said["kind"], key, name) for key, said in late.items() if said["choice"] == "approved"}
    for kind, key, name in sorted(rows):
        insert = sa.text("INSERT INTO taken (kind, key, loop) VALUES (:kind, :key, :loop)")
        connection.execute(insert, {"kind": kind, "key": key, "loop": name})
