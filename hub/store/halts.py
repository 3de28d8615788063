"""Integrations that send nothing for now: a person paused them, or an invariant broke (I16). Reading goes on.

One row an integration while it is halted; each change is one transaction with its event in the stream
``integration/<name>`` and its audit row, so that who stopped what, when and why stays after the row is gone.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import orjson

from hub.model.changes import Audit, Changes
from hub.model.clock import Micros
from hub.model.event import Event, event_id
from hub.model.halt import WEIGHT, Halt
from hub.store import tables
from hub.store.port import Store, Transaction
from hub.store.statements import delete, select, upsert
from hub.store.transaction import execute

SCHEMA = "integration/v1"
VERSION = "SELECT coalesce(max(e.version), 0) FROM event e JOIN stream s ON s.id = e.stream WHERE s.name = ?"


def halts(store: Store) -> Mapping[str, Halt]:
    """Those in force, by integration."""
    with store.reader() as db:
        return {row[0]: Halt(*row) for row in db.execute(select(tables.halt)).fetchall()}


def halt(transaction: Transaction, new: Halt) -> bool:
    """Stop the sending of an integration. What a broken invariant or a restored backup stopped is not taken over by
    a person's pause: False then, and nothing written."""
    held = _kind(transaction, new.integration)
    if held is not None and WEIGHT[held] >= WEIGHT[new.kind]:
        return False
    execute(transaction, upsert(tables.halt), (new.integration, new.kind, new.why, new.since, new.who))
    _tell(transaction, new, "paused" if new.kind == "person" else "halted")
    return True


def lift(transaction: Transaction, integration: str, who: str, why: str, at: Micros) -> bool:
    """Let it send again; False where it was not halted."""
    held = _kind(transaction, integration)
    if held is None:
        return False
    execute(transaction, delete(tables.halt, "integration"), (integration,))
    _tell(transaction, Halt(integration, held, why, at, who), "resumed")
    return True


def _kind(transaction: Transaction, integration: str) -> Any:
    transaction.hold(f"integration/{integration}")
    row = _first(transaction, "SELECT kind FROM halt WHERE integration = ?", integration)
    return None if row is None else row[0]


def _first(transaction: Transaction, statement: str, value: str) -> Any:
    return transaction.db.execute(statement, (value,)).fetchone()


def _tell(transaction: Transaction, act: Halt, verb: str) -> None:
    stream = f"integration/{act.integration}"
    version = int(_first(transaction, VERSION, stream)[0]) + 1
    said = {"set": {"kind": act.kind, "who": act.who, "why": act.why}}
    data = orjson.dumps(said, option=orjson.OPT_SORT_KEYS)
    made = event_id(stream, version, verb, 0)
    kind = f"integration.{verb}"
    event = Event(made, stream, version, kind, act.since, act.since, data, SCHEMA, stream, stream, "")
    audit = Audit(act.since, act.who, f"integration {verb}", act.integration, act.why, verb)
    transaction.write(Changes(events=[event], audits=[audit]), act.since)
