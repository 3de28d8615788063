"""From a raw body to a log entry: the one path that pollers, drops, reads and ``hub ingest`` share with webhooks.

Headers are cut to those the connector wants kept; the source's own id is taken before anything is
stored. An answer to a read of ours has none: each is its own delivery, even when it says what the last one said.
"""

from __future__ import annotations

from hub.connector.base import Connector
from hub.log.port import Arrival
from hub.model.clock import Micros
from hub.model.delivery import Origin, Raw


def arrival(connector: Connector, raw: Raw, now: Micros, origin: Origin, cause: str = "") -> Arrival:
    """The raw body as it goes into the log."""
    headers = {name.lower(): value for name, value in raw.headers.items()}
    keep = connector.keep_headers()
    kept = {name: value for name, value in headers.items() if name in keep}
    source_id = None if origin == "read" else connector.identify(headers, raw.body)
    received_at = raw.received_at if raw.received_at is not None else now
    return Arrival(connector.connection.name, raw.body, kept, received_at, origin, source_id, cause)
