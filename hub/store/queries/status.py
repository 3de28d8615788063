"""The balance of I2 and the counts of ``hub status``: every delivery and record is somewhere, or it is unaccounted.

``received`` = Σ expected + deliveries above the checkpoint; ``unaccounted`` = |Σ expected − rows found| plus
deliveries at or below the checkpoint without any row (design §6). Where deliveries come from Kafka they are landed
by the transaction that concludes them: none in the table waits, and ``outside`` says how many are on their way.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from sqlalchemy import Connection, func, select

from hub.store.tables import checkpoint, delivery, effect, loop, outcome, quarantine

CONSUMER = "engine"
OF_A_TOPIC = ".delivery."
"""In a consumer's name: it reads a topic of deliveries, its position is that topic's offset."""
PLAIN = ("applied", "unchanged", "stale")


def counts(db: Connection, outside: int = 0) -> dict[str, Any]:
    """``deliveries``, ``records``, ``loops`` and ``effects`` of ``hub status``."""
    return {
        "deliveries": _number(db.execute(select(func.count()).select_from(delivery)).scalar()),
        "records": records(db, outside),
        "loops": _by(db, loop.c.state),
        "effects": _by(db, effect.c.state),
    }


def records(db: Connection, outside: int = 0) -> dict[str, Any]:
    """The balance of the whole workspace. ``outside``: deliveries in Kafka above the checkpoints, and in spools."""
    at, expected = engine_checkpoint(db)
    rows = _outcomes(db)
    balance = _balance(rows)
    found = sum(number for _, _, number in rows)
    waiting = db.execute(select(func.count()).where(delivery.c.position > at)).scalar()
    balance["in_flight"] = _number(waiting) + outside
    balance["received"] = expected + balance["in_flight"]
    balance["unaccounted"] = abs(expected - found) + _silent(db, at)
    return balance


def checkpoints(db: Connection) -> dict[tuple[str, int], int]:
    """(consumer, partition) -> where it stands."""
    rows = db.execute(select(checkpoint.c.consumer, checkpoint.c.partition, checkpoint.c.position))
    return {(consumer, partition): position for consumer, partition, position in rows}


def engine_checkpoint(db: Connection) -> tuple[int, int]:
    """The position up to which every delivery in the table is concluded, and how many outcomes that promised."""
    expected = _number(db.execute(select(func.sum(checkpoint.c.expected))).scalar())
    of_engine = select(func.max(checkpoint.c.position)).where(checkpoint.c.consumer == CONSUMER)
    of_topics = select(checkpoint.c.position).where(checkpoint.c.consumer.like(f"%{OF_A_TOPIC}%")).limit(1)
    if db.execute(of_topics).first() is not None:
        return _number(db.execute(select(func.max(delivery.c.position))).scalar()), expected
    return _number(db.execute(of_engine).scalar()), expected


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


def _silent(db: Connection, at: int) -> int:
    """Deliveries the engine has passed without saying what became of them."""
    told = select(outcome.c.position).where(outcome.c.position == delivery.c.position).exists()
    statement = select(func.count()).select_from(delivery).where(delivery.c.position <= at, ~told)
    return _number(db.execute(statement).scalar())


def _by(db: Connection, column: Any) -> dict[str, int]:
    return {row[0]: row[1] for row in db.execute(select(column, func.count()).group_by(column).order_by(column))}


def _number(value: Any) -> int:
    return int(value or 0)
