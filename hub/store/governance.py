"""Versions of a mapping that people proposed and approved, and the activations that follow: rows, events, audit.

Each act is one transaction: its row, its event in the stream ``mapping/<integration>``, its audit row.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import orjson

from hub.model.changes import Audit, Changes
from hub.model.clock import Micros
from hub.model.event import Event, event_id
from hub.store import tables
from hub.store.activations import Activation
from hub.store.port import Store, Transaction
from hub.store.statements import insert
from hub.store.transaction import execute

SCHEMA = "mapping/v1"
VERSION = "SELECT coalesce(max(e.version), 0) FROM event e JOIN stream s ON s.id = e.stream WHERE s.name = ?"


@dataclass(frozen=True, slots=True)
class Act:
    """What somebody did about a version. ``choice``: proposed, approved, activated."""

    integration: str
    table: str
    logic: str
    choice: str
    who: str
    why: str
    at: Micros
    source: str = ""
    roles: tuple[str, ...] = ("",)
    """The roles an approval is given in."""
    about: Mapping[str, Any] | None = None
    """More for the event: the version before, what the impact said."""


def record(store: Store, act: Act) -> None:
    """Write one act."""
    store.write_now(lambda transaction: _write(transaction, act))


def _write(transaction: Transaction, act: Act) -> None:
    transaction.activates()
    transaction.hold(_stream(act))
    if act.choice == "activated":
        a = Activation(act.integration, act.logic, act.table, act.source, act.at, act.who)
        row = (a.integration, a.logic, a.table, a.source, a.at, a.by)
        execute(transaction, insert(tables.mapping), row)
    else:
        for role in act.roles:
            decision = (act.integration, act.table, act.logic, act.choice, role, act.who, act.at, act.why, act.source)
            execute(transaction, insert(tables.mapping_decision), decision)
    name = f"{act.integration}@{act.table[:12]}"
    audit = Audit(act.at, act.who, f"mapping {act.choice}", name, act.why, act.choice)
    transaction.write(Changes(events=[_event(act, _version(transaction, act) + 1)], audits=[audit]), act.at)


def _version(transaction: Transaction, act: Act) -> int:
    return int(transaction.db.execute(VERSION, (_stream(act),)).fetchone()[0])


def _stream(act: Act) -> str:
    return f"mapping/{act.integration}"


def _event(act: Act, version: int) -> Event:
    said = {"integration": act.integration, "table": act.table, "logic": act.logic, "who": act.who, "why": act.why}
    roles = [role for role in act.roles if role]
    data = orjson.dumps({"set": said, "about": {"roles": roles, **(act.about or {})}}, option=orjson.OPT_SORT_KEYS)
    cause = _stream(act)
    made = event_id(cause, version, act.choice, 0)
    kind = f"mapping.{act.choice}"
    return Event(made, cause, version, kind, act.at, act.at, data, SCHEMA, cause, cause, act.logic)
