"""What a database error means for the caller: try again later, or stop at once. The only place that knows codes."""

from __future__ import annotations

import sqlite3

from sqlalchemy.exc import IntegrityError

from hub.errors import FatalError, HubError, RetryableError

_BROKEN = frozenset({sqlite3.SQLITE_CORRUPT, sqlite3.SQLITE_NOTADB, sqlite3.SQLITE_FORMAT})
_BUSY = frozenset({sqlite3.SQLITE_BUSY, sqlite3.SQLITE_LOCKED})
_LATER = _BUSY | {
    sqlite3.SQLITE_FULL,
    sqlite3.SQLITE_IOERR,
    sqlite3.SQLITE_READONLY,
    sqlite3.SQLITE_CANTOPEN,
    sqlite3.SQLITE_NOMEM,
    sqlite3.SQLITE_INTERRUPT,
    sqlite3.SQLITE_PERM,
}


def explained(error: BaseException, where: str) -> BaseException:
    """A database error as the hub's own; any other exception (a bug, a conflict) as it is."""
    if not isinstance(error, sqlite3.Error):
        return error
    primary = getattr(error, "sqlite_errorcode", 0) & 0xFF
    if primary in _BROKEN:
        return _chained(
            FatalError(
                f"the database is damaged: {error}", where=where, fix="stop the hub and restore the last backup"
            ),
            error,
        )
    if primary in _LATER:
        return _chained(StoreBusy(f"the database cannot be written now: {error}", where=where), error)
    return error


def _chained(ours: HubError, cause: BaseException) -> HubError:
    ours.__cause__ = cause
    return ours


class VersionConflict(Exception):
    """A stream's next version is taken or not consecutive: decided on an old head. Roll back, reload, run again."""


class LostRace(Exception):
    """PostgreSQL refused what somebody else had written first. Roll back, reload, run again."""


class StoreBusy(RetryableError):
    """Locked by another process, disk full, read-only, or an input/output error: nothing was kept."""

    slug = "store-busy"


class DiskReserve(RetryableError):
    """The disk is nearly full; what is left is kept for the outcomes of effects already sent."""

    slug = "disk-reserve"


LOST_RACE = (VersionConflict, LostRace, IntegrityError, sqlite3.IntegrityError)
"""Somebody else was faster: roll back, reload, run again. A moved checkpoint needs another batch."""
OPERATIONAL = (sqlite3.OperationalError,)
"""The database's trouble, not the record's, where it is no ``StoreBusy`` already."""
UNREADABLE = (sqlite3.DatabaseError, FatalError)
"""What reading damaged rows raises."""
