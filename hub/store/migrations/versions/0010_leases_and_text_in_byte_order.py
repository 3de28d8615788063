"""Leases; and on PostgreSQL text in the order of its bytes, as SQLite has it, whatever the database's locale"""

import sqlalchemy as sa
from alembic import op

revision = "0010"
down_revision = "0009"
BIG = sa.BigInteger().with_variant(sa.Integer(), "sqlite")


def upgrade() -> None:
    op.create_table(
        "lease",
        sa.Column("name", sa.Text(), nullable=False),
        sa.Column("holder", sa.Text(), nullable=False),
        sa.Column("token", BIG, nullable=False),
        sa.Column("until", BIG, nullable=False),
        sa.PrimaryKeyConstraint("name", name=op.f("pk_lease")),
    )
    if op.get_bind().dialect.name == "postgresql":
        _in_byte_order()
        _quickly_written()


def _in_byte_order() -> None:
    """Every text column of the hub's tables; there are no rows in them yet."""
    inspector = sa.inspect(op.get_bind())
    for table in sorted(set(inspector.get_table_names()) - {"alembic_version"}):
        texts = [column["name"] for column in inspector.get_columns(table) if isinstance(column["type"], sa.Text)]
        changes = ", ".join(f'ALTER COLUMN "{name}" TYPE text COLLATE "C"' for name in texts)
        if changes:
            op.execute(f"ALTER TABLE {table} {changes}")


def _quickly_written() -> None:
    """Entities are written over in place where their page has room; large bytes are packed by the faster method."""
    op.execute("ALTER TABLE entity SET (fillfactor = 75)")
    known = sa.text("SELECT 'lz4' = ANY(enumvals) FROM pg_settings WHERE name = 'default_toast_compression'")
    if op.get_bind().execute(known).scalar():
        for table, column in (("delivery", "body"), ("event", "data"), ("entity", "state")):
            op.execute(f"ALTER TABLE {table} ALTER COLUMN {column} SET COMPRESSION lz4")
