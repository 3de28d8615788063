"""Effects of closings are found before those of nobody"""

import sqlalchemy as sa
from alembic import op

revision = "0008"
down_revision = "0007"


def upgrade() -> None:
    closings = sa.text("loop <> ''")
    op.create_index("ix_effect_wake_closing", "effect", ["wake"], sqlite_where=closings, postgresql_where=closings)
