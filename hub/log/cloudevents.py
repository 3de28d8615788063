"""Our events as CloudEvents 1.0 in Kafka's binary mode: attributes are record headers ``ce_…``, data is the value.

Pure. Ids are those of the events, so what is published twice can be told apart from what happened twice.
"""

from __future__ import annotations

from collections.abc import Mapping
from hashlib import sha256
from typing import NamedTuple

import orjson

from hub.log.topics import Topics
from hub.log.wire import Wire
from hub.model.changes import Quarantine
from hub.model.clock import iso
from hub.model.event import Event

SPECVERSION = "1.0"
SOURCE = "/hub"
TYPE = "hub."
"""Before our own event types: nobody else's are called so."""
OF_LOOPS = frozenset({"loop", "effect"})


class Message(NamedTuple):
    """Where it goes, and what."""

    topic: str
    wire: Wire


def of_event(topics: Topics, event: Event, loop: str) -> Message:
    """An entity's event goes to its kind's topic under the entity's key; loop and effect events share one topic,
    under the loop's id, so a closing's story is in order; an effect no loop wants has a key of its own."""
    kind, _, name = event.stream.partition("/")
    key = loop or name
    attributes = {
        **_common(event.id, event.type, name, event.time, event.schema, key),
        "sequence": str(event.version),
        "recorded": iso(event.recorded),
        "correlationid": event.correlation,
        "causationid": event.causation,
        "logic": event.logic,
        "delivery": event.delivery,
        "record": str(event.record) if event.delivery else "",
    }
    topic = topics.loop if kind in OF_LOOPS else topics.event(kind)
    return Message(topic, Wire(key.encode(), event.data, _headers(attributes)))


def of_quarantine(topics: Topics, row: Quarantine) -> Message:
    """A record set aside, or no longer, under its entity where that is known, else under its delivery."""
    key = f"{row.kind}/{row.key}" if row.key else row.delivery
    verb = "opened" if row.closed_at is None else "closed"
    data = orjson.dumps(_aside(row), option=orjson.OPT_SORT_KEYS)
    identity = sha256(f"{row.id}|{verb}|{row.reason}|{row.since}|{row.closed_at}".encode()).hexdigest()
    time = row.since if row.closed_at is None else row.closed_at
    attributes = _common(identity, f"quarantine.{verb}", row.id, time, "quarantine/v1", key)
    return Message(topics.quarantine, Wire(key.encode(), data, _headers({**attributes, "delivery": row.delivery})))


def schema_id(name: str) -> str:
    """``project/v1`` as the address its schema has in ``hub topics schemas``."""
    return f"urn:projops-hub:event:{name.replace('/', ':')}"


def _common(identity: str, kind: str, subject: str, time: int, schema: str, key: str) -> dict[str, str]:
    return {
        "specversion": SPECVERSION,
        "id": identity,
        "source": SOURCE,
        "type": TYPE + kind,
        "subject": subject,
        "time": iso(time),
        "dataschema": schema_id(schema) if schema else "",
        "partitionkey": key,
    }


def _headers(attributes: Mapping[str, str]) -> list[tuple[str, bytes]]:
    """What is empty is left out: an attribute that is there says something."""
    found = [(f"ce_{name}", value.encode()) for name, value in attributes.items() if value]
    return [*found, ("content-type", b"application/json")]


def _aside(row: Quarantine) -> dict[str, object]:
    return {
        "id": row.id,
        "connection": row.connection,
        "delivery": row.delivery,
        "record": row.record,
        "table": row.table,
        "kind": row.kind,
        "key": row.key,
        "reason": row.reason,
        "row": row.row,
        "owner": row.owner,
        "message": row.message,
        "since": iso(row.since),
        "closed_at": None if row.closed_at is None else iso(row.closed_at),
        "closed_by": row.closed_by,
    }
