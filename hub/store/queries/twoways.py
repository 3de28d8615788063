"""Two-way fields as they stand: what each system said, and what a person has to decide."""

from __future__ import annotations

from sqlalchemy import Connection, select

from hub.model.twoway import TwoWay
from hub.store.documents import load_twoway
from hub.store.tables import twoway


def twoway_of(db: Connection, kind: str, key: str) -> TwoWay:
    """Of one entity; empty where nothing is known."""
    statement = select(twoway.c.document).where(twoway.c.kind == kind, twoway.c.key == key)
    document = db.execute(statement).scalar()
    return TwoWay(kind, key) if document is None else load_twoway(document)


def undecided(db: Connection) -> list[TwoWay]:
    """Of every entity with a field that waits for a person."""
    statement = select(twoway.c.document).where(twoway.c.open.is_(True)).order_by(twoway.c.kind, twoway.c.key)
    return [load_twoway(document) for document in db.execute(statement).scalars()]
