"""The hot statements of PostgreSQL: the same eight as ``hot_sqlite``, whole batches as arrays.

A statement over ``unnest`` costs the server one plan and the client one round trip, whatever the number of its rows.
"""

from __future__ import annotations

from hub.store.sql import Many

FIND_DELIVERIES = (
    "SELECT v.fingerprint, d.nth, d.position, d.ref FROM unnest(?::bytea[]) v(fingerprint)"
    " CROSS JOIN LATERAL (SELECT nth, position, ref FROM delivery WHERE fingerprint = v.fingerprint"
    " ORDER BY nth DESC LIMIT 1) d"
)
"""The newest delivery of each fingerprint."""
INSERT_DELIVERY = Many(
    "INSERT INTO delivery (position, connection, ref, fingerprint, nth, source_id, received_at, origin, conflict,"
    " cause, headers, body) SELECT * FROM unnest(?::bigint[], ?::text[], ?::bytea[], ?::bytea[], ?::bigint[],"
    " ?::text[], ?::bigint[], ?::text[], ?::boolean[], ?::text[], ?::bytea[], ?::bytea[])",
    (
        *("bigint", "text", "bytea", "bytea", "bigint", "text", "bigint", "text", "boolean"),
        *("text", "bytea", "bytea"),
    ),
)
UPSERT_OUTCOME = Many(
    "INSERT INTO outcome (position, record, table_name, verdict, reason)"
    " SELECT * FROM unnest(?::bigint[], ?::bigint[], ?::text[], ?::text[], ?::text[])"
    " ON CONFLICT (position, record, table_name) DO UPDATE SET verdict = excluded.verdict, reason = excluded.reason",
    ("bigint", "bigint", "text", "text", "text"),
    (0, 1, 2),
)
HEADS = (
    "SELECT s.name, s.id, coalesce((SELECT max(version) FROM event e WHERE e.stream = s.id), 0)"
    " FROM json_array_elements_text(?::json) j(value) JOIN stream s ON s.name = j.value"
)
INSERT_STREAM = "INSERT INTO stream (name) SELECT * FROM unnest(?::text[]) RETURNING name, id"
"""The numbers come from a sequence: two who make streams at once do not wait for each other."""
INSERT_EVENT = Many(
    "INSERT INTO event (position, stream, version, id, type, time, recorded, schema, correlation, causation, logic,"
    " delivery, record, data) SELECT * FROM unnest(?::bigint[], ?::bigint[], ?::bigint[], ?::bytea[], ?::text[],"
    " ?::bigint[], ?::bigint[], ?::text[], ?::text[], ?::text[], ?::text[], ?::text[], ?::bigint[], ?::bytea[])",
    (
        *("bigint", "bigint", "bigint", "bytea", "text", "bigint", "bigint", "text", "text", "text", "text"),
        *("text", "bigint", "bytea"),
    ),
)
LOAD_ENTITIES = (
    "SELECT e.kind, e.key, e.label, e.version, e.deleted, e.state, e.marks"
    " FROM json_array_elements_text(?::json) j(value) JOIN stream s ON s.name = j.value"
    " JOIN entity e ON e.stream = s.id"
)
UPSERT_ENTITY = Many(
    "INSERT INTO entity (stream, kind, key, label, version, deleted, state, marks)"
    " SELECT * FROM unnest(?::bigint[], ?::text[], ?::text[], ?::text[], ?::bigint[], ?::boolean[], ?::bytea[],"
    " ?::bytea[])"
    " ON CONFLICT (stream) DO UPDATE SET label = excluded.label, version = excluded.version,"
    " deleted = excluded.deleted, state = excluded.state, marks = excluded.marks",
    ("bigint", "text", "text", "text", "bigint", "boolean", "bytea", "bytea"),
    (0,),
)
