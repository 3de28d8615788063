"""A delivery as a Kafka record: the value is the raw body, the key its object, the rest travels in record headers.

Nothing of the body is touched, so what a consumer reads is what the source sent. ``decode`` never raises: a record
somebody else wrote into the topic is a delivery as well (of origin ``ingest``), and what is wrong with it becomes
its outcome, not a stopped partition.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, NamedTuple, Protocol, cast, get_args

import orjson

from hub.log.port import Arrival
from hub.model.clock import SECOND, Micros
from hub.model.delivery import Origin

ORIGINS = frozenset(get_args(Origin))
Headers = Sequence[tuple[str, bytes]]


class Wire(NamedTuple):
    """One record to be. Equal keys keep their order: they share a partition."""

    key: bytes
    value: bytes
    headers: Headers


class Record(Protocol):
    """What a consumer hands over (aiokafka's ``ConsumerRecord``). ``timestamp`` in milliseconds."""

    value: bytes | None
    headers: Headers
    timestamp: int


def encode(arrival: Arrival, route: str) -> Wire:
    """``route``: the object's key. Where it cannot be seen, all such deliveries share one partition, in order."""
    headers = [
        ("origin", arrival.origin.encode()),
        ("received-at", b"%d" % arrival.received_at),
        ("headers", orjson.dumps(dict(arrival.headers), option=orjson.OPT_SORT_KEYS)),
    ]
    if arrival.source_id is not None:
        headers.append(("source-id", arrival.source_id.encode()))
    if arrival.cause:
        headers.append(("cause", arrival.cause.encode()))
    return Wire(route.encode(), arrival.body, headers)


def decode(connection: str, record: Record) -> Arrival:
    """The arrival that was encoded; of somebody else's record what can be told."""
    told = dict(record.headers)
    origin = _text(told.get("origin"))
    source_id = told.get("source-id")
    return Arrival(
        connection,
        record.value or b"",
        _headers(told.get("headers")),
        _micros(told.get("received-at"), record.timestamp),
        cast(Origin, origin) if origin in ORIGINS else "ingest",
        None if source_id is None else _text(source_id),
        _text(told.get("cause")),
    )


def _text(value: bytes | None) -> str:
    return (value or b"").decode("utf-8", "replace")


def _micros(value: bytes | None, timestamp: int) -> Micros:
    text = value or b""
    return int(text) if text.isdigit() and len(text) < 18 else timestamp * (SECOND // 1_000)


def _headers(value: bytes | None) -> dict[str, str]:
    try:
        found: Any = orjson.loads(value or b"{}")
    except ValueError:
        return {}
    return {str(name): str(one) for name, one in found.items()} if isinstance(found, dict) else {}
