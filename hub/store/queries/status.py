"""The balance of I2 and the counts of ``hub status``: every delivery and record is somewhere, or it is unaccounted.

``received`` = Σ expected + deliveries above the checkpoint; ``unaccounted`` = |Σ expected − rows found| plus
deliveries at or below the checkpoint without any row (design §6).
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from sqlalchemy import Connection, func, select

from hub.store.tables import checkpoint, delivery, effect, loop, outcome, quarantine

CONSUMER = "engine"
PLAIN = ("applied", "unchanged", "stale")


def counts(db: Connection, consumer: str = CONSUMER) -> dict[str, Any]:
    """``deliveries``, ``records``, ``loops`` and ``effects`` of ``hub status``."""
    return {
        "deliveries": _number(db.execute(select(func.count()).select_from(delivery)).scalar()),
        "records": records(db, consumer),
        "loops": _by(db, loop.c.state),
        "effects": _by(db, effect.c.state),
    }


def records(db: Connection, consumer: str = CONSUMER) -> dict[str, Any]:
    """The balance of the whole workspace."""
    at, expected = _checkpoint(db, consumer)
    rows = _outcomes(db)
    balance = _balance(rows)
    found = sum(number for _, _, number in rows)
    waiting = db.execute(select(func.count()).where(delivery.c.position > at)).scalar()
    balance["in_flight"] = _number(waiting)
    balance["received"] = expected + balance["in_flight"]
    balance["unaccounted"] = abs(expected - found) + _silent(db, at)
    return balance


def in_flight(db: Connection, consumer: str = CONSUMER) -> list[dict[str, Any]]:
    """Deliveries not yet concluded, by connection: how many, and when the oldest came."""
    at, _ = _checkpoint(db, consumer)
    statement = (
        select(
            delivery.c.connection,
            func.count().label("deliveries"),
            func.min(delivery.c.received_at).label("oldest"),
        )
        .where(delivery.c.position > at)
        .group_by(delivery.c.connection)
        .order_by(delivery.c.connection)
    )
    return [dict(row) for row in db.execute(statement).mappings()]


def newest_deliveries(db: Connection) -> dict[tuple[str, str], int]:
    """(connection, origin) -> when the last delivery of it came."""
    statement = select(delivery.c.connection, delivery.c.origin, func.max(delivery.c.received_at)).group_by(
        delivery.c.connection, delivery.c.origin
    )
    return {(connection, origin): at for connection, origin, at in db.execute(statement)}


def open_quarantine(db: Connection) -> dict[str, int]:
    """Open quarantine rows by reason."""
    statement = (
        select(quarantine.c.reason, func.count())
        .where(quarantine.c.closed_at.is_(None))
        .group_by(quarantine.c.reason)
    )
    return {reason: number for reason, number in db.execute(statement.order_by(quarantine.c.reason))}


Counted = tuple[str, str, int]


def _outcomes(db: Connection) -> list[Counted]:
    columns = (outcome.c.verdict, outcome.c.reason)
    statement = select(*columns, func.count()).group_by(*columns)
    return [(verdict, reason, number) for verdict, reason, number in db.execute(statement)]


def _balance(rows: Iterable[Counted]) -> dict[str, Any]:
    balance: dict[str, Any] = {**dict.fromkeys(PLAIN, 0), "skipped": {}, "held": 0, "quarantined": {}}
    for verdict, reason, number in sorted(rows):
        if verdict in ("skipped", "quarantined"):
            balance[verdict][reason] = number
        else:
            balance[verdict] += number
    return balance


def _checkpoint(db: Connection, consumer: str) -> tuple[int, int]:
    statement = select(func.max(checkpoint.c.position), func.sum(checkpoint.c.expected)).where(
        checkpoint.c.consumer == consumer
    )
    at, expected = db.execute(statement).one()
    return _number(at), _number(expected)


def _silent(db: Connection, at: int) -> int:
    """Deliveries the engine has passed without saying what became of them."""
    told = select(outcome.c.position).where(outcome.c.position == delivery.c.position).exists()
    statement = select(func.count()).select_from(delivery).where(delivery.c.position <= at, ~told)
    return _number(db.execute(statement).scalar())


def _by(db: Connection, column: Any) -> dict[str, int]:
    return {row[0]: row[1] for row in db.execute(select(column, func.count()).group_by(column).order_by(column))}


def _number(value: Any) -> int:
    return int(value or 0)
