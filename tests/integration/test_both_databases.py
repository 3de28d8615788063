"""The same deliveries leave the same rows on SQLite and on PostgreSQL, byte for byte, whatever the order of locks."""

from __future__ import annotations

import asyncio
from pathlib import Path
from typing import Any

import pytest

from hub.engine.advance import Engine
from hub.log.sql import SqlLog
from hub.store.open import open_any
from tests.integration.test_same_bytes import STORIES, T0, WRITTEN, Told, _settled
from tests.stores import StandingClock


def rows(told: Told, url: str, limit: int) -> list[list[tuple[Any, ...]]]:
    """Every row the engine wrote, by the statements of ``WRITTEN``, without the numbers of streams."""
    catalog, read, bodies = told
    store = open_any(url, StandingClock(T0 + 10**12))
    try:
        log = SqlLog(store)
        asyncio.run(_settled(Engine(store, log, lambda: catalog, {"jira": read}, store.clock), log, bodies, limit))
        with store.reader() as db:
            return [_plain(db.execute(statement), statement) for statement in WRITTEN]
    finally:
        store.close()


def _plain(found: Any, statement: str) -> list[tuple[Any, ...]]:
    """Truth as a number, as SQLite has it."""
    names = [column[0] for column in found.description]
    numbered = names.index("stream") if "s.name" in statement else -1
    return [
        tuple(int(value) if isinstance(value, bool) else value for n, value in enumerate(row) if n != numbered)
        for row in found
    ]


@pytest.mark.parametrize("story", STORIES)
def test_both_databases_hold_the_same_rows(story: str, tmp_path: Path, database: str) -> None:
    told = STORIES[story]()
    ours = rows(told, f"sqlite:///{tmp_path / 'hub.db'}", 100)
    theirs = rows(told, database, 100)
    assert len(ours[0]) > 2
    for statement, one, other in zip(WRITTEN, ours, theirs, strict=True):
        assert one == other, statement
