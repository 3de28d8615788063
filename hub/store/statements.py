"""The store's other statements: SQLAlchemy Core compiled once to SQL text and run on the driver's connection.

Compiled, a statement costs 3 µs instead of 80 µs through SQLAlchemy's execution, and stays as portable as Core.
"""

from __future__ import annotations

from collections.abc import Sequence
from functools import cache
from typing import Any

from sqlalchemy import Boolean, LargeBinary, Table, Text
from sqlalchemy.dialects import sqlite
from sqlalchemy.types import TypeEngine

from hub.store.sql import Many, Sql

ADD = " ON CONFLICT (integration, name, hour) DO UPDATE SET value = measure.value + excluded.value"
ADD_MEASURE = Sql(
    f"INSERT INTO measure (integration, name, hour, value) VALUES (?,?,?,?){ADD}",
    many=Many(
        "INSERT INTO measure (integration, name, hour, value) SELECT i, n, h, sum(v)"
        f" FROM unnest(?::text[], ?::text[], ?::bigint[], ?::bigint[]) u(i, n, h, v) GROUP BY 1, 2, 3{ADD}",
        ("text", "text", "bigint", "bigint"),
    ),
)
"""Counters add up."""


@cache
def upsert(table: Table) -> Sql:
    """Insert a row given in column order, or replace everything but its key."""
    statement = sqlite.insert(table).values({column.name: None for column in table.columns})
    keys = [column.name for column in table.primary_key]
    changed = {c.name: statement.excluded[c.name] for c in table.columns if c.name not in keys}
    places = tuple(place for place, column in enumerate(table.columns) if column.name in keys)
    if changed:
        statement = statement.on_conflict_do_update(index_elements=keys, set_=changed)
    else:
        statement = statement.on_conflict_do_nothing()
    return _inserting(table, [column.name for column in table.columns], statement, places)


@cache
def insert(table: Table) -> Sql:
    """Insert a row given in column order without its row id; a row that is there already is left alone."""
    names = [c.name for c in table.columns if c is not table.autoincrement_column]
    statement = sqlite.insert(table).values(dict.fromkeys(names)).on_conflict_do_nothing()
    return _inserting(table, names, statement)


@cache
def delete(table: Table, *names: str) -> Sql:
    """Delete the rows whose columns ``names`` equal the parameters, in that order."""
    conditions = " AND ".join(f'"{name}" = ?' for name in names)
    these = " AND ".join(f't."{name}" = v."{name}"' for name in names)
    many = f"DELETE FROM {table.name} t USING {rows_of(table, names)} WHERE {these}"
    return Sql(f"DELETE FROM {table.name} WHERE {conditions}", many=Many(many, types_of(table, names)))


@cache
def select(table: Table, *names: str, order: str = "") -> Sql:
    """All columns of the rows whose columns ``names`` equal the parameters."""
    columns = ", ".join(f'"{column.name}"' for column in table.columns)
    conditions = " AND ".join(f'"{name}" = ?' for name in names) or "true"
    return Sql(f"SELECT {columns} FROM {table.name} WHERE {conditions}" + (f" ORDER BY {order}" if order else ""))


def types_of(table: Table, names: Sequence[str]) -> tuple[str, ...]:
    """PostgreSQL's types of these columns."""
    return tuple(_type(table.c[name].type) for name in names)


def rows_of(table: Table, names: Sequence[str]) -> str:
    """Arrays as the rows ``v`` of these columns, in PostgreSQL's words."""
    arrays = ", ".join(f"?::{one}[]" for one in types_of(table, names))
    columns = ", ".join(f'"{name}"' for name in names)
    return f"unnest({arrays}) v({columns})"


def _type(kind: TypeEngine[Any]) -> str:
    match kind:
        case Text():
            return "text"
        case LargeBinary():
            return "bytea"
        case Boolean():
            return "boolean"
    return "bigint"


def _inserting(table: Table, names: Sequence[str], statement: sqlite.Insert, keys: tuple[int, ...] = ()) -> Sql:
    """The statement for one row, and for arrays of rows: their ends are alike."""
    text = _text(statement)
    columns = ", ".join(f'"{name}"' for name in names)
    end = text[text.index(" ON CONFLICT") :]
    many = f"INSERT INTO {table.name} ({columns}) SELECT {columns} FROM {rows_of(table, names)}{end}"
    return Sql(text, many=Many(many, types_of(table, names), keys))


def _text(statement: sqlite.Insert) -> str:
    return str(statement.compile(dialect=sqlite.dialect(paramstyle="qmark")))
