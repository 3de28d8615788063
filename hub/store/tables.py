"""The hub's tables (design §6) as SQLAlchemy Core metadata: what is kept, under which keys, found by which index.

Types are chosen so that SQLite and PostgreSQL agree: 64-bit integers for time and positions, text, bytes. Heads
with rich content (loop, effect, approval) are indexed columns for what queries ask plus one JSON document that
round-trips the dataclass exactly. It knows nothing of how rows are written (``transaction``) or read (``queries``).
"""

from __future__ import annotations

from sqlalchemy import (
    BigInteger,
    Boolean,
    Column,
    Index,
    Integer,
    LargeBinary,
    MetaData,
    PrimaryKeyConstraint,
    Table,
    Text,
    UniqueConstraint,
    text,
)
from sqlalchemy.dialects import postgresql

metadata = MetaData(
    naming_convention={
        "ix": "ix_%(table_name)s_%(column_0_N_name)s",
        "uq": "uq_%(table_name)s_%(column_0_N_name)s",
        "pk": "pk_%(table_name)s",
    }
)
TEXT = Text().with_variant(postgresql.TEXT(collation="C"), "postgresql")
"""Text in the order of its bytes, whatever the locale of a PostgreSQL database."""
BIG = BigInteger().with_variant(Integer, "sqlite")
"""A 64-bit integer; SQLite only makes a column the row id when it is spelt INTEGER."""


def _text(name: str, *, null: bool = False) -> Column[str]:
    return Column(name, TEXT, nullable=null)


def _big(name: str, *, null: bool = False) -> Column[int]:
    return Column(name, BIG, nullable=null)


def _bytes(name: str) -> Column[bytes]:
    return Column(name, LargeBinary, nullable=False)


def _row_id(name: str) -> Column[int]:
    return Column(name, BIG, primary_key=True, autoincrement=True)


delivery = Table(
    "delivery",
    metadata,
    _row_id("position"),
    _text("connection"),
    _bytes("ref"),
    _bytes("fingerprint"),
    Column("nth", BIG, nullable=False),  # n-th delivery of this fingerprint: equal bodies, or bodies under one id
    _text("source_id", null=True),
    _big("received_at"),
    _text("origin"),
    Column("conflict", Boolean, nullable=False),
    _text("cause"),
    _bytes("headers"),
    _bytes("body"),  # last: SQLite reads the columns before it without its overflow pages
    UniqueConstraint("fingerprint", "nth"),
    UniqueConstraint("ref"),
)

outcome = Table(
    "outcome",
    metadata,
    _big("position"),
    _big("record"),
    _text("table_name"),
    _text("verdict"),
    _text("reason"),
    PrimaryKeyConstraint("position", "record", "table_name"),
    sqlite_with_rowid=False,
)

stream = Table("stream", metadata, _row_id("id"), _text("name"), UniqueConstraint("name"))
"""Stream names as integers, so that ``event`` has an integer unique pair."""

event = Table(
    "event",
    metadata,
    _row_id("position"),
    _big("stream"),
    _big("version"),
    _bytes("id"),
    _text("type"),
    _big("time"),
    _big("recorded"),
    _text("schema"),
    _text("correlation"),
    _text("causation"),
    _text("logic"),
    _text("delivery"),
    _big("record"),
    _bytes("data"),
    UniqueConstraint("stream", "version"),
)

entity = Table(
    "entity",
    metadata,
    Column("stream", BIG, primary_key=True, autoincrement=False),
    _text("kind"),
    _text("key"),
    _text("label", null=True),
    _big("version"),
    Column("deleted", Boolean, nullable=False),
    _bytes("state"),
    _bytes("marks"),
)

shape = Table(
    "shape",
    metadata,
    Column("kind", TEXT, primary_key=True),
    _big("version"),
)
"""Of which version of their schema the stored entities of a kind are; without a row: 1."""

label = Table(
    "label",
    metadata,
    _row_id("id"),
    _text("kind"),
    _text("label"),
    _text("key"),
    UniqueConstraint("kind", "label", "key"),
    Index(None, "key"),
)

link = Table(
    "link",
    metadata,
    _text("connection"),
    _text("kind"),
    _text("key"),
    _text("object"),
    PrimaryKeyConstraint("connection", "kind", "key"),
    Index(None, "connection", "kind", "object"),
    Index(None, "kind", "key"),
    sqlite_with_rowid=False,
)

ref = Table(
    "ref",
    metadata,
    _big("stream"),
    _text("field"),
    _text("kind"),  # of the entity that holds the field
    _text("value"),
    PrimaryKeyConstraint("stream", "field"),
    Index(None, "kind", "field", "value"),
    sqlite_with_rowid=False,
)

wait = Table(
    "wait",
    metadata,
    _text("kind"),
    _text("name"),
    _text("loop"),
    PrimaryKeyConstraint("kind", "name", "loop"),
    Index(None, "loop"),
    sqlite_with_rowid=False,
)
"""Who waits for an entity's link: by the key or label a payload named it by."""

taken = Table(
    "taken",
    metadata,
    _text("kind"),
    _text("key"),
    _text("loop"),
    PrimaryKeyConstraint("kind", "key", "loop"),
    sqlite_with_rowid=False,
)
"""Which closings took an entity into their lists, whatever its ref field says later (never pay twice)."""

twoway = Table(
    "twoway",
    metadata,
    _text("kind"),
    _text("key"),
    Column("open", Boolean, nullable=False),  # a person has to decide about one of its fields
    _bytes("document"),
    PrimaryKeyConstraint("kind", "key"),
    Index(None, "open"),
    sqlite_with_rowid=False,
)
"""What each system last said of an entity's two-way fields, and which of them are in conflict."""

loop = Table(
    "loop",
    metadata,
    Column("id", TEXT, primary_key=True),
    _text("integration"),
    _text("loop"),
    _text("subject_kind"),
    _text("subject"),
    _text("state"),
    _text("phase"),
    _big("closed_at"),
    _big("started_at"),
    _big("finished_at", null=True),
    _bytes("document"),
    Index(None, "subject_kind", "subject"),
    Index(None, "state"),
)

timer = Table(
    "timer",
    metadata,
    Column("id", TEXT, primary_key=True),
    _text("kind"),
    _text("loop"),
    _text("step"),
    _big("due"),
    Index(None, "due"),
    Index(None, "loop"),
)

approval = Table(
    "approval",
    metadata,
    Column("id", TEXT, primary_key=True),
    _text("loop"),
    _text("role"),
    _text("state"),
    _big("asked_at"),
    _bytes("document"),
    Index(None, "loop"),
)

effect = Table(
    "effect",
    metadata,
    Column("key", TEXT, primary_key=True),
    _text("reference"),
    _text("integration"),
    _text("loop"),
    _text("step"),
    _text("item"),
    _text("subject"),
    _text("connection"),
    _text("action"),
    _text("state"),
    _big("wake", null=True),  # when the executor may next touch it; null: never again by itself
    _big("planned_at"),
    _big("settled_at", null=True),
    _text("remote_id"),
    _bytes("document"),
    Index(None, "wake"),
    Index("ix_effect_wake_closing", "wake", sqlite_where=text("loop <> ''"), postgresql_where=text("loop <> ''")),
    Index(None, "loop"),
    Index(None, "subject"),
    Index(None, "integration", "state"),
)

reading = Table(
    "reading",
    metadata,
    _text("connection"),
    _text("stream"),
    _text("object"),
    _text("cause"),
    _big("since"),
    _big("due"),
    _big("attempts"),
    _text("reason"),
    PrimaryKeyConstraint("connection", "stream", "object", "cause"),
    Index(None, "due"),
)

checkpoint = Table(
    "checkpoint",
    metadata,
    _text("consumer"),
    _big("partition"),
    _big("position"),
    _big("expected"),  # running sum of outcome rows promised for the deliveries at or below the position
    PrimaryKeyConstraint("consumer", "partition"),
)

cursor = Table(
    "cursor",
    metadata,
    _text("connection"),
    _text("stream"),
    _text("cursor"),
    _big("at"),
    PrimaryKeyConstraint("connection", "stream"),
    sqlite_with_rowid=False,
)
"""A poller's resume token; written only after the deliveries before it are committed."""

quarantine = Table(
    "quarantine",
    metadata,
    Column("id", TEXT, primary_key=True),
    _text("connection"),
    _text("delivery"),
    _big("position"),
    _big("record"),
    _text("table_name"),
    _text("kind"),
    _text("key"),
    _big("at"),
    _text("reason"),
    _text("row"),
    _text("owner"),
    _text("message"),
    _big("since"),
    _bytes("refs"),
    _text("source"),
    _big("closed_at", null=True),
    _text("closed_by"),
    Index(None, "kind", "key"),
    Index(None, "closed_at"),
)

quarantine_ref = Table(
    "quarantine_ref",
    metadata,
    _text("kind"),
    _text("value"),
    _text("id"),
    PrimaryKeyConstraint("kind", "value", "id"),
    Index(None, "id"),
    sqlite_with_rowid=False,
)
"""Open quarantine rows by the entities they name; rows go when the quarantine closes."""

measure = Table(
    "measure",
    metadata,
    _text("integration"),
    _text("name"),
    _big("hour"),  # start of the hour, micros
    _big("value"),
    PrimaryKeyConstraint("integration", "name", "hour"),
    sqlite_with_rowid=False,
)

audit = Table(
    "audit",
    metadata,
    _row_id("id"),
    _big("at"),
    _text("who"),
    _text("action"),
    _text("object"),
    _text("why"),
    _text("result"),
    Column("chain", LargeBinary, nullable=False, server_default=""),  # covers this row and the one before it
    Index(None, "object"),
)

block = Table(
    "block",
    metadata,
    Column("number", BIG, primary_key=True, autoincrement=False),
    _text("log"),  # event | delivery | audit | genesis
    _big("first"),
    _big("last"),
    _big("count"),
    _bytes("root"),
    _bytes("previous"),
    _big("sealed_at"),
    _bytes("hash"),
    _bytes("marks"),  # the beginning of each leaf's hash, to name a row that differs; of the genesis: the salts' key
    Index(None, "log", "last"),
)
"""Sealed runs of the logs, each chained to the one before it. Append-only."""

halt = Table(
    "halt",
    metadata,
    _text("integration"),
    _text("kind"),  # person | invariant
    _text("why"),
    _big("since"),
    _text("who"),
    PrimaryKeyConstraint("integration"),
    sqlite_with_rowid=False,
)
"""Integrations that send nothing now."""

finding = Table(
    "finding",
    metadata,
    _text("integration"),
    _text("id"),
    _text("kind"),
    _text("owner"),
    _big("since"),
    _big("seen"),
    _big("closed_at", null=True),
    _text("closed_by"),
    _text("why"),
    _bytes("document"),
    PrimaryKeyConstraint("integration", "id"),
    sqlite_with_rowid=False,
)
"""What reconciliation found different in a target; closed when it is gone again, or when a person accepts it."""

mapping = Table(
    "mapping",
    metadata,
    _row_id("id"),
    _text("integration"),
    _text("logic"),
    _text("table_hash"),
    _text("source"),
    _big("activated_at"),
    _text("activated_by"),
    Index(None, "integration", "logic"),
)

mapping_decision = Table(
    "mapping_decision",
    metadata,
    _row_id("id"),
    _text("integration"),
    _text("table_hash"),
    _text("logic"),
    _text("choice"),  # proposed | approved
    _text("role"),
    _text("who"),
    _big("at"),
    _text("why"),
    _text("source"),  # the text, with a proposal
    Index(None, "integration", "table_hash"),
)
"""Who proposed and who approved which version of a mapping, append-only."""

lease = Table(
    "lease",
    metadata,
    Column("name", TEXT, primary_key=True),
    _text("holder"),
    _big("token"),  # grows each time the lease changes hands
    _big("until"),  # by the database's clock
)
"""What one process at a time does in a cluster."""

told = Table(
    "told",
    metadata,
    Column("id", TEXT, primary_key=True),
    _big("since"),
    _text("reason"),
    _big("closed_at"),  # 0 while it is open
    sqlite_with_rowid=False,
)
"""What was last published of a set-aside record; where it differs from the record there is something to tell."""
