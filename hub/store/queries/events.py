"""Events and deliveries as stored, in order of position; streamed, because there may be millions."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any
from uuid import UUID

import orjson
from sqlalchemy import Connection, RowMapping, Select, select

from hub.store.tables import delivery, event, stream

PAGE = 1_000
_PLAIN = (
    *("version", "type", "time", "recorded", "schema"),
    *("correlation", "causation", "logic", "delivery", "record"),
)
_EVENTS = select(event, stream.c.name.label("stream_name")).join_from(event, stream, event.c.stream == stream.c.id)


def events(
    db: Connection,
    *,
    stream_name: str | None = None,
    type_: str | None = None,
    after: int = 0,
    limit: int | None = None,
) -> Iterator[dict[str, Any]]:
    """Events above a position; ``type_`` may end in ``*``. Times are micros, ``data`` is parsed JSON."""
    statement = _EVENTS.where(event.c.position > after).order_by(event.c.position)
    if stream_name is not None:
        statement = statement.where(stream.c.name == stream_name)
    yield from _rows(db, _of_type(statement, type_).limit(limit))


def events_of_streams(db: Connection, names: list[str]) -> list[dict[str, Any]]:
    """All events of some streams, in the order they were decided."""
    return list(_rows(db, _EVENTS.where(stream.c.name.in_(names)).order_by(event.c.position)))


def newest_position(db: Connection) -> int:
    return int(db.execute(select(event.c.position).order_by(event.c.position.desc()).limit(1)).scalar() or 0)


def deliveries(db: Connection, refs: list[str]) -> list[dict[str, Any]]:
    """Deliveries by ref, without their bytes (``SqlLog.by_ref`` gives those)."""
    columns = [column for column in delivery.c if column.name not in ("body", "fingerprint", "nth")]
    statement = select(*columns).where(delivery.c.ref.in_([bytes.fromhex(ref) for ref in refs]))
    return [_delivery(row) for row in db.execute(statement.order_by(delivery.c.position)).mappings()]


def deliveries_at(db: Connection, positions: list[int]) -> list[dict[str, Any]]:
    """The same, by position."""
    columns = [column for column in delivery.c if column.name not in ("body", "fingerprint", "nth")]
    statement = select(*columns).where(delivery.c.position.in_(positions)).order_by(delivery.c.position)
    return [_delivery(row) for row in db.execute(statement).mappings()]


def _of_type(statement: Select[Any], type_: str | None) -> Select[Any]:
    if type_ is None:
        return statement
    if type_.endswith("*"):
        return statement.where(event.c.type.startswith(type_[:-1], autoescape=True))
    return statement.where(event.c.type == type_)


def _rows(db: Connection, statement: Select[Any]) -> Iterator[dict[str, Any]]:
    for row in db.execution_options(yield_per=PAGE).execute(statement).mappings():
        yield _event(row)


def _event(row: RowMapping) -> dict[str, Any]:
    return {
        "position": row["position"],
        "id": str(UUID(bytes=row["id"])),
        "stream": row["stream_name"],
        **{name: row[name] for name in _PLAIN},
        "data": orjson.loads(row["data"]),
    }


def _delivery(row: RowMapping) -> dict[str, Any]:
    plain = {str(name): value for name, value in row.items()}  # SQLAlchemy names are no JSON names to orjson
    return {**plain, "ref": row["ref"].hex(), "headers": orjson.loads(row["headers"])}
