"""An embedded hub's database moved to PostgreSQL: every row as it is, in one transaction, or nothing.

Positions, versions and ids stay, so what was decided goes on where it stood and nothing is sent again. The file is
only read. Leases are not copied: nobody holds one in a new place.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from contextlib import closing
from pathlib import Path
from typing import Any

from sqlalchemy import Table

from hub.errors import ConfigError, FatalError
from hub.model.clock import Clock
from hub.store import hot_sqlite
from hub.store.chaincheck import check
from hub.store.open import open_postgres, open_store
from hub.store.port import Transaction
from hub.store.sql import Database, Many, Sql
from hub.store.statements import rows_of, select, types_of
from hub.store.tables import lease, metadata

AT_ONCE = 2_000
BYTES_AT_ONCE = 16 << 20
TABLES = tuple(table for table in metadata.sorted_tables if table is not lease)
Told = Callable[[str, int], None]
"""A table, and how many of its rows are over."""


def copy(
    source: Path, url: str, password: str, clock: Clock, told: Told = lambda table, rows: None
) -> dict[str, int]:
    """Everything in ``source`` into the empty database behind ``url``; gives the rows of each table.

    Raises ``ConfigError`` where rows are there already, ``FatalError`` where the copy is not what was copied.
    """
    if not source.exists():
        raise ConfigError("there is nothing to copy", where=str(source), fix="name the SQLite file of the hub")
    open_store(f"sqlite:///{source.absolute()}", clock).close()  # at this release's schema, as the other one will be
    with open_postgres(url, clock, password) as target, closing(hot_sqlite.connect_reader(source)) as reading:
        reading.execute("BEGIN")
        where = target.address.shown
        rows = target.write_now(lambda transaction: _all(transaction, reading, where, told))
        with target.reader() as db:
            broken = next(check(db), None)
        if broken is not None:
            raise FatalError(f"the copy's sealed log is not what was sealed: {broken}", where=where)
        return rows


def _all(transaction: Transaction, reading: Database, where: str, told: Told) -> dict[str, int]:
    db = transaction.db
    db.execute(f"LOCK TABLE {', '.join(table.name for table in TABLES)} IN EXCLUSIVE MODE")
    for table in TABLES:
        if db.execute(f"SELECT 1 FROM {table.name} LIMIT 1").fetchone() is not None:
            raise ConfigError(
                f"the database is not empty: there are rows in {table.name}",
                where=where,
                why="a copy beside other rows would be neither the one nor the other",
                fix="create a new database for the copy",
            )
    return {str(table.name): _table(db, reading, table, told) for table in TABLES}


def _table(db: Database, reading: Database, table: Table, told: Told) -> int:
    names = [column.name for column in table.columns]
    columns = ", ".join(f'"{name}"' for name in names)
    text = f"INSERT INTO {table.name} ({columns}) SELECT {columns} FROM {rows_of(table, names)}"
    insert = Sql("", many=Many(text, types_of(table, names)))
    done = 0
    for rows in _batches(reading.execute(select(table))):
        db.executemany(insert, rows)
        done += len(rows)
        told(table.name, done)
    found = int(db.execute(f"SELECT count(*) FROM {table.name}").fetchone()[0])
    if found != done:
        raise FatalError(f"{table.name}: {done} rows were read and {found} are there")
    _number_on(db, table)
    return done


def _batches(found: Any) -> Iterator[Sequence[tuple[Any, ...]]]:
    """So many rows, or so many bytes, that they fit into memory."""
    rows: list[tuple[Any, ...]] = []
    size = 0
    for row in found:
        rows.append(row)
        size += sum(len(value) for value in row if isinstance(value, bytes))
        if len(rows) == AT_ONCE or size > BYTES_AT_ONCE:
            yield rows
            rows, size = [], 0
    if rows:
        yield rows


def _number_on(db: Database, table: Table) -> None:
    """What PostgreSQL numbers by itself goes on after the highest number."""
    column = table.autoincrement_column
    if column is not None:
        sequence = f"pg_get_serial_sequence('{table.name}', '{column.name}')"
        db.execute(
            f"SELECT setval({sequence}, greatest(max({column.name}), 1), max(1) IS NOT NULL) FROM {table.name}"
        )
