"""One statement in the words of both databases.

A ``Sql`` is its SQLite text, so SQLite's driver takes it as it is. ``postgres`` is what PostgreSQL is asked instead;
without it the same text serves, a ``?`` being a parameter in both. ``many`` is what ``executemany`` says there.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any, Protocol


@dataclass(frozen=True, slots=True)
class Many:
    """A statement over arrays, one a column: all rows in one go.

    ``types`` are the arrays' element types in the order of a row, ``keys`` the places of what makes a row unique: of
    two rows alike in them the later one counts, as it would one by one.
    """

    text: str
    types: tuple[str, ...]
    keys: tuple[int, ...] = ()


class Sql(str):
    """SQLite's text, and what PostgreSQL is asked instead."""

    __slots__ = ("many", "postgres")
    postgres: str
    many: Many | None

    def __new__(cls, sqlite: str, postgres: str = "", many: Many | None = None) -> Sql:
        made = super().__new__(cls, sqlite)
        made.postgres = postgres or sqlite
        made.many = many
        return made


class Rows(Protocol):
    """What a statement gave."""

    @property
    def rowcount(self) -> int: ...
    def fetchone(self) -> Any: ...
    def fetchall(self) -> list[Any]: ...
    def __iter__(self) -> Iterator[Any]: ...
    def close(self) -> None: ...


class Database(Protocol):
    """A driver's connection. SQLite's own is one as it is; PostgreSQL's is ``hub.store.driver_postgres``."""

    def execute(self, statement: str, values: Sequence[Any] = ..., /) -> Rows: ...
    def executemany(self, statement: str, rows: Sequence[Sequence[Any]], /) -> Rows:
        """The statement for each of these rows; nothing is read from what comes back but its ``rowcount``."""
        ...
