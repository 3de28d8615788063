"""Pollers' resume tokens. Written by ``hub.intake.pollers`` after the deliveries before them are committed."""

from __future__ import annotations

from hub.model.clock import Micros
from hub.store import tables
from hub.store.port import Store
from hub.store.statements import select, upsert
from hub.store.transaction import execute


class SqlCursors:
    """Implements ``hub.intake.pollers.Cursors``."""

    def __init__(self, store: Store) -> None:
        self._store = store

    async def get(self, connection: str, stream: str) -> str:
        with self._store.reader() as db:
            row = db.execute(select(tables.cursor, "connection", "stream"), (connection, stream)).fetchone()
        return "" if row is None else str(row[2])

    async def put(self, connection: str, stream: str, cursor: str, at: Micros) -> None:
        row = (connection, stream, cursor, at)
        await self._store.write(lambda transaction: execute(transaction, upsert(tables.cursor), row))
