"""PostgreSQL's driver with the surface of ``hub.store.sql.Database``: binary parameters, whole columns as arrays.

What goes wrong comes out as the hub's own errors, so that nobody above knows psycopg. Columns are encoded here: the
driver's own lists cost five times as much, and they are the volume.
"""

from __future__ import annotations

import re
import select
from collections.abc import Callable, Mapping, Sequence
from functools import cache
from operator import itemgetter
from struct import Struct, pack
from typing import Any, cast

import psycopg
from psycopg import errors
from psycopg.abc import Buffer
from psycopg.adapt import AdaptersMap, Dumper
from psycopg.pq import Format, TransactionStatus
from psycopg.types.bool import BoolBinaryDumper
from psycopg.types.numeric import Int8BinaryDumper
from psycopg.types.string import BytesBinaryDumper, StrBinaryDumper

from hub.errors import FatalError, HubError
from hub.store.failures import LostRace, StoreBusy
from hub.store.sql import Many, Rows, Sql

PARAMETER = re.compile(r"\?(\d*)")
HEAD = Struct(">iiIii")
EMPTY = Struct(">iiI")
BYTES = Struct(">i")
NULL = b"\xff\xff\xff\xff"
SIZES_KEPT = 1 << 16


class Sizes(dict[int, bytes]):
    """A size in four bytes; common ones are remembered."""

    def __missing__(self, size: int) -> bytes:
        made = BYTES.pack(size)
        if size < SIZES_KEPT:
            self[size] = made
        return made


SIZES = Sizes()
PREPARED_MAX = 500


class Deadlock(LostRace):
    """The server ended one of two that waited for each other: nothing of it was kept, it may run again as it is."""


class Column(bytes):
    """An array in PostgreSQL's binary form."""


class Bigints(Column): ...


class Texts(Column): ...


class Byteas(Column): ...


class Booleans(Column): ...


def bigints(values: Sequence[int | None]) -> Bigints:
    if None in values:
        return Bigints(_array(20, [None if one is None else pack(">q", one) for one in values]))
    flat: list[Any] = [8] * (2 * len(values))
    flat[1::2] = values
    return Bigints(_headed(20, 0, len(values)) + pack(f">{'iq' * len(values)}", *flat))


def texts(values: Sequence[str | None]) -> Texts:
    if None in values:
        return Texts(_array(25, [None if one is None else one.encode() for one in values]))
    return Texts(_array(25, list(map(str.encode, values))))  # type: ignore[arg-type]


def byteas(values: Sequence[bytes | None]) -> Byteas:
    return Byteas(_array(17, values))


def booleans(values: Sequence[object]) -> Booleans:
    cells = [b"\0\0\0\1\1" if one else b"\0\0\0\1\0" for one in values]
    return Booleans(_headed(16, 0, len(cells)) + b"".join(cells))


ENCODE: Mapping[str, Callable[[Sequence[Any]], Column]] = {
    "bigint": bigints,
    "text": texts,
    "bytea": byteas,
    "boolean": booleans,
}


def _headed(element: int, nulls: int, count: int) -> bytes:
    return HEAD.pack(1, nulls, element, count, 1) if count else EMPTY.pack(0, 0, element)


def _array(element: int, values: Sequence[bytes | None]) -> bytes:
    """Sizes and values in turn, put together without a loop of ours: this is where a batch's time goes."""
    if None in values:
        size = BYTES.pack
        cells = [NULL if v is None else size(len(v)) + v for v in values]
        return _headed(element, 1, len(values)) + b"".join(cells)
    turns = [b""] * (2 * len(values))
    turns[::2] = map(SIZES.__getitem__, map(len, values))  # type: ignore[arg-type]
    turns[1::2] = values  # type: ignore[assignment]
    return _headed(element, 0, len(values)) + b"".join(turns)


def _dumper(array: int) -> type[Dumper]:
    class AsItIs(Dumper):
        format = Format.BINARY
        oid = array

        def dump(self, obj: Any) -> Buffer:
            return cast(bytes, obj)

    return AsItIs


@cache
def adapters() -> AdaptersMap:
    """Everything in binary form, a whole number always as eight bytes: one plan a statement."""
    made = AdaptersMap(psycopg.adapters)
    for kind, array in ((Bigints, 1016), (Texts, 1009), (Byteas, 1001), (Booleans, 1000)):
        made.register_dumper(kind, _dumper(array))
    made.register_dumper(int, Int8BinaryDumper)
    made.register_dumper(str, StrBinaryDumper)
    made.register_dumper(bytes, BytesBinaryDumper)
    made.register_dumper(bool, BoolBinaryDumper)
    return made


@cache
def numbered(statement: str) -> str:
    """``?`` as PostgreSQL counts them: ``$1``, ``$2`` …; ``?3`` is ``$3``."""
    count = 0

    def next_one(found: re.Match[str]) -> str:
        nonlocal count
        count += 1
        return f"${found[1] or count}"

    return PARAMETER.sub(next_one, statement)


class PostgresDatabase:
    """One connection, in the hands of one thread at a time; transactions are ours to begin and end."""

    def __init__(self, connection: psycopg.Connection[Any], where: str) -> None:
        self._connection, self.where = connection, where

    def execute(self, statement: str, values: Sequence[Any] = (), /) -> Rows:
        text = statement.postgres if isinstance(statement, Sql) else statement
        try:
            cursor = self._connection.cursor(binary=True)
            cursor.execute(numbered(text), values or None)
        except psycopg.Error as error:
            raise explained(error, self.where) from error
        return cursor

    def executemany(self, statement: str, rows: Sequence[Sequence[Any]], /) -> Rows:
        """One statement over arrays. Raises ``TypeError`` for a statement that has no such form."""
        many = statement.many if isinstance(statement, Sql) else None
        if many is None:
            raise TypeError(f"no form for many rows: {statement}")
        return self.execute(many.text, columns(many, rows))

    def commit(self) -> bool:
        """End the transaction; False where the server rolled it back, because something in it had failed."""
        try:
            cursor = self._connection.cursor()
            cursor.execute("COMMIT")
        except psycopg.Error as error:
            raise explained(error, self.where) from error
        return cursor.statusmessage == "COMMIT"

    @property
    def idle(self) -> bool:
        """Whether it is connected and outside any transaction."""
        return self._connection.pgconn.transaction_status == TransactionStatus.IDLE

    @property
    def forsaken(self) -> bool:
        """Whether the server has said something nobody asked for: while nothing runs, that is its farewell."""
        waiting = select.poll()
        waiting.register(self._connection.pgconn.socket, select.POLLIN)
        return bool(waiting.poll(0))

    def close(self) -> None:
        self._connection.close()


def columns(many: Many, rows: Sequence[Sequence[Any]]) -> list[Column]:
    """Rows as one array a column; of rows alike in ``keys`` the last."""
    if many.keys:
        key = itemgetter(*many.keys)
        by_key = {key(row): row for row in rows}
        rows = rows if len(by_key) == len(rows) else list(by_key.values())
    turned = zip(*rows, strict=True) if rows else ((),) * len(many.types)
    return [ENCODE[kind](values) for kind, values in zip(many.types, turned, strict=True)]


def explained(error: psycopg.Error, where: str) -> BaseException:
    """The hub's own error for what PostgreSQL says; a bug as it is."""
    match error:
        case errors.UniqueViolation():
            return LostRace(str(error))
        case errors.DeadlockDetected() | errors.SerializationFailure() | errors.LockNotAvailable():
            return Deadlock(str(error))
        case errors.DataCorrupted() | errors.IndexCorrupted():
            return _damaged(error, where)
        case (
            psycopg.OperationalError()
            | psycopg.InterfaceError()
            | errors.IdleInTransactionSessionTimeout()
            | errors.ReadOnlySqlTransaction()
            | errors.InFailedSqlTransaction()
        ):
            return StoreBusy(f"PostgreSQL does not do it now: {_words(error)}", where=where)
    return error


def _damaged(error: psycopg.Error, where: str) -> HubError:
    return FatalError(
        f"the database is damaged: {_words(error)}", where=where, fix="stop the hub and restore the last backup"
    )


def _words(error: psycopg.Error) -> str:
    return " ".join(str(error).split()) or type(error).__name__
