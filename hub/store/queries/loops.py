"""Loop instances, effects, approvals, timers and readings as the dataclasses they were stored from."""

from __future__ import annotations

from collections.abc import Sequence

from sqlalchemy import Connection, func, select

from hub.model.changes import WATCHING, Approval, Reading, Timer
from hub.model.clock import Micros
from hub.model.effect import Effect
from hub.model.instance import Instance
from hub.store.documents import load_approval, load_effect, load_instance, load_timer
from hub.store.queries.json_text import json_text
from hub.store.tables import approval, effect, loop, reading, timer


def instances(
    db: Connection, *, integration: str | None = None, states: Sequence[str] = (), subject: str | None = None
) -> list[Instance]:
    """Loop instances, oldest first."""
    statement = select(loop.c.document).order_by(loop.c.started_at, loop.c.id)
    if integration is not None:
        statement = statement.where(loop.c.integration == integration)
    if states:
        statement = statement.where(loop.c.state.in_(states))
    if subject is not None:
        statement = statement.where(loop.c.subject == subject)
    return [load_instance(document) for document in db.execute(statement).scalars()]


def versions_running(db: Connection) -> list[tuple[str, str]]:
    """(integration, logic hash) of every version under which a closing is still open."""
    over = ("done", "history", "cancelled")
    logic = json_text(loop.c.document, "logic")
    statement = select(loop.c.integration, logic).where(loop.c.state.not_in(over)).distinct()
    return sorted((str(name), str(one)) for name, one in db.execute(statement))


def instance(db: Connection, identity: str) -> Instance | None:
    document = db.execute(select(loop.c.document).where(loop.c.id == identity)).scalar()
    return None if document is None else load_instance(document)


def effects(
    db: Connection,
    *,
    integration: str | None = None,
    states: Sequence[str] = (),
    loop_id: str | None = None,
    subject: str | None = None,
) -> list[Effect]:
    """Effects in the order they were planned."""
    statement = select(effect.c.document).order_by(effect.c.planned_at, effect.c.loop, effect.c.step, effect.c.key)
    if integration is not None:
        statement = statement.where(effect.c.integration == integration)
    if states:
        statement = statement.where(effect.c.state.in_(states))
    if loop_id is not None:
        statement = statement.where(effect.c.loop == loop_id)
    if subject is not None:
        statement = statement.where(effect.c.subject == subject)
    return [load_effect(document) for document in db.execute(statement).scalars()]


def effect_of(db: Connection, key: str) -> Effect | None:
    document = db.execute(select(effect.c.document).where(effect.c.key == key)).scalar()
    return None if document is None else load_effect(document)


def approvals(db: Connection, *, loop_id: str | None = None, state: str | None = None) -> list[Approval]:
    """Asks in the order they were made."""
    statement = select(approval.c.document).order_by(approval.c.asked_at, approval.c.id)
    if loop_id is not None:
        statement = statement.where(approval.c.loop == loop_id)
    if state is not None:
        statement = statement.where(approval.c.state == state)
    return [load_approval(document) for document in db.execute(statement).scalars()]


def timers(db: Connection, *, loop_id: str | None = None) -> list[Timer]:
    statement = select(timer).order_by(timer.c.due, timer.c.id)
    if loop_id is not None:
        statement = statement.where(timer.c.loop == loop_id)
    return [load_timer(tuple(row)) for row in db.execute(statement)]


def readings(db: Connection) -> list[Reading]:
    """Objects the hub still wants to read."""
    return [Reading(*row) for row in db.execute(select(reading).order_by(reading.c.due, reading.c.object))]


def next_work(db: Connection) -> Micros | None:
    """When the hub can next do something by itself; timers that only watch the time do not count."""
    working = select(func.min(timer.c.due)).where(timer.c.kind.not_in(sorted(WATCHING)))
    queries = (select(func.min(effect.c.wake)), working, select(func.min(reading.c.due)))
    return min((due for query in queries if (due := db.execute(query).scalar()) is not None), default=None)
