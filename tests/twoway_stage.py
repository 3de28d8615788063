"""Two systems with the same project in each, the hub between them, and an executor that goes one move at a time.

A ``System`` holds objects as a PM tool or an ERP does: people edit them, the hub's updates reach them, and every
change is told in a delivery that arrives when the test lets it. Version times are the system's own.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

import orjson

from hub.connector.updates import update_action
from hub.engine.conclude import conclude
from hub.engine.facts import Answer, conclude_fact
from hub.engine.prepare import Prepared, prepare
from hub.history.memory import Memory
from hub.mapping.build import build
from hub.mapping.catalog import Catalog, ConnectionFacts
from hub.mapping.compile import CompileContext, compile_integration
from hub.mapping.endpoints import Updates
from hub.model.changes import Audit, Outcome
from hub.model.clock import SECOND, Micros, iso
from hub.model.delivery import Delivery
from hub.model.effect import Effect, EffectState
from hub.model.event import Event
from hub.model.fact import EffectMoved, Fact
from hub.model.people import People, Person
from hub.model.record import Decoded, Record
from hub.model.schema import Schema, Schemas
from hub.model.twoway import TwoWay

_S = EffectState
T0: Micros = 1_767_225_600 * SECOND
TEXT = {"type": ["string", "null"]}
MONEY = {"type": ["object", "null"], "x-type": "money"}
FIELDS = {
    "name": TEXT,
    "status": {**TEXT, "enum": ["planned", "active", "closed", None]},
    "budget": MONEY,
    "note": TEXT,
}
SCHEMAS = Schemas({("project", 1): Schema("project", 1, {"type": "object", "properties": FIELDS})})
PEOPLE = People(
    [
        Person("E1", "Li Wei", "li@example.com", frozenset({"pmo"})),
        Person("E2", "Wang Fang", "wang@example.com", frozenset({"finance"})),
    ]
)
FILE = """\
integration: t
owner: pmo
every: change
systems: {{pm: jira, erp: erp}}
tables:
- entity: project
  source: pm.issue
  key: {{shared: code}}
  owner: pmo
  fields:
  - {{field: name, from: fields.summary, sync: {{to: erp.project, path: name, conflict: {policy}}}}}
  - {{field: status, from: state, values: {{todo: planned, doing: active, done: closed}}, otherwise: quarantine,
      sync: {{to: erp.project, path: status, conflict: {policy}}}}}
  - {{field: budget, from: cost, as: money CNY, sync: {{to: erp.project, path: budget, conflict: {policy}}}}}
  - {{field: note, from: note}}
- entity: project
  source: erp.project
  key: {{shared: code}}
  owner: pmo
  fields:
  - {{field: name, from: name}}
  - {{field: status, from: status}}
  - {{field: budget, from: budget}}
"""
UPDATES = {
    "jira": {"issue": Updates("issue.update", ("fields.summary", "state", "cost"))},
    "erp": {"project": Updates("project.update", ("name", "status", "budget"), {"budget": "money"})},
}
STREAMS = {"jira": "issue", "erp": "project"}


def catalog(policy: str = "newest", text: str = FILE, *, reads: bool = False) -> Catalog:
    built = build(text.format(policy=policy), "t.yaml", SCHEMAS.newest)
    assert built.findings == ()
    assert built.definition is not None
    compiled = compile_integration(built.definition, CompileContext(SCHEMAS, PEOPLE))
    facts = {
        name: ConnectionFacts(
            name, name, {f"{stream}.update": update_action(f"{stream}.update", {"en": "update"})}, reads
        )
        for name, stream in STREAMS.items()
    }
    facts = {name: replace(one, updates=UPDATES[name]) for name, one in facts.items()}
    return Catalog({"t": compiled}, facts, SCHEMAS, PEOPLE)


def put(record: dict[str, Any], path: str, value: Any) -> None:
    *above, name = path.split(".")
    for step in above:
        record = record.setdefault(step, {})
    record[name] = value


def get(record: Mapping[str, Any], path: str) -> Any:
    for step in path.split("."):
        record = record[step]
    return record


@dataclass
class System:
    """One system: its objects, what it has told and nobody took yet, and how often it was written to."""

    name: str
    objects: dict[str, dict[str, Any]] = field(default_factory=dict)
    told: list[dict[str, Any]] = field(default_factory=list)
    calls: int = 0
    at: Micros = T0
    tells_version: bool = True
    mangles: bool = False

    def edit(self, object_id: str, at: Micros, **fields: Any) -> None:
        """Somebody, or the hub, changes an object."""
        found = self.objects.setdefault(object_id, {"code": "P-1"})
        for path, value in fields.items():
            put(found, path.replace("__", "."), value)
        found["at"] = at
        self.told.append({"stream": STREAMS[self.name], "source": object_id, "at": at, "data": orjson.dumps(found)})

    def update(self, payload: Mapping[str, Any], at: Micros) -> None:
        self.calls += 1
        found = self.objects[payload["object"]]
        for path, value in payload["fields"].items():
            put(found, path, f"{value}"[:4] if self.mangles and isinstance(value, str) else value)
        found["at"] = at
        told = {"stream": STREAMS[self.name], "source": payload["object"], "at": at, "data": orjson.dumps(found)}
        self.told.append(told)

    def read(self, payload: Mapping[str, Any]) -> dict[str, Any]:
        found = self.objects[payload["object"]]
        document = {"object": payload["object"], "fields": {path: get(found, path) for path in payload["fields"]}}
        return {**document, "updated_at": iso(found["at"])} if self.tells_version else document


class TwoWays:
    """The hub without its rims, between two systems."""

    def __init__(self, policy: str = "newest", text: str = FILE, *, reads: bool = False) -> None:
        self.catalog = catalog(policy, text, reads=reads)
        self.memory = Memory()
        self.jira, self.erp = System("jira"), System("erp")
        self.systems = {"jira": self.jira, "erp": self.erp}
        self.clock = T0
        self.standing = False
        """Whether concluding takes no time: for comparing bytes."""
        self.position = 0
        self.events: list[Event] = []
        self.audits: list[Audit] = []
        self.outcomes: list[Outcome] = []
        self.journal: list[tuple[Any, Micros]] = []
        """What was concluded, in its order: a prepared batch or a fact, and when."""

    def tick(self) -> Micros:
        self.clock += SECOND
        return self.clock

    def edit(self, system: str, **fields: Any) -> None:
        self.systems[system].edit({"jira": "10", "erp": "7"}[system], self.tick(), **fields)

    # --- deliveries

    def hear(self, system: str, place: int = 0, op: str = "snapshot") -> None:
        """The hub gets one thing the system told; ``place`` picks it out of order."""
        self.batch([(system, self.systems[system].told.pop(place), op)])

    def hear_all(self) -> None:
        while any(one.told for one in self.systems.values()):
            for name, system in self.systems.items():
                while system.told:
                    self.hear(name)

    def batch(self, said: Sequence[tuple[str, Mapping[str, Any], str]]) -> None:
        records: dict[int, Record] = {}
        batch = []
        for name, one, op in said:
            self.position += 1
            data = orjson.loads(one["data"])
            records[self.position] = Record(one["stream"], one["source"], one["at"], data, op)  # type: ignore[arg-type]
            about = {"origin": "read", "cause": one["cause"]} if "cause" in one else {}
            made = Delivery(name, f"ref-{self.position}", b"{}", {}, self.clock, position=self.position, **about)
            batch.append(made)
        prepared = prepare(batch, self.catalog, lambda one: Decoded((records[one.position],)))
        now = self.clock if self.standing else self.tick()
        self.journal.append((prepared, now))
        self._take(conclude(prepared, self.memory, now, self.catalog))

    def _take(self, changes: Any) -> None:
        self.memory.take(changes)
        self.events += changes.events
        self.audits += changes.audits
        self.outcomes += changes.outcomes
        streams: dict[str, int] = {}
        for event in self.events:
            assert event.version == streams.get(event.stream, 0) + 1, event
            streams[event.stream] = event.version
        assert len({event.id for event in self.events}) == len(self.events)

    # --- the executor

    def fact(self, fact: Fact) -> Answer:
        now = self.tick()
        changes, answer = conclude_fact(fact, self.memory, now, self.catalog)
        if answer:
            self.journal.append((fact, now))
            self._take(changes)
        return answer

    def again(self) -> TwoWays:
        """Everything that was concluded, concluded once more from nothing: no system is asked or told."""
        other = TwoWays()
        other.catalog = self.catalog
        for what, now in self.journal:
            if isinstance(what, Prepared):
                other._take(conclude(what, other.memory, now, other.catalog))
            else:
                other._take(conclude_fact(what, other.memory, now, other.catalog)[0])
        return other

    def move(self, key: str, to: EffectState, **fields: Any) -> Effect:
        effect = self.memory.effects[key]
        assert self.fact(EffectMoved(key, effect.version, to, **fields))
        return self.memory.effects[key]

    def step(self, key: str, *, lost: bool = False) -> Effect:
        """The next move of one effect: claim, send, read back."""
        effect = self.memory.effects[key]
        system = self.systems[effect.connection]
        if effect.state is _S.PLANNED:
            return self.move(key, _S.SENDING, attempts=effect.attempts + 1)
        if effect.state is _S.SENDING:
            system.update(effect.payload, self.tick())
            return self.move(key, _S.UNKNOWN if lost else _S.SENT, remote_id=effect.item)
        read = system.read(effect.payload)
        same = read["fields"] == effect.payload["fields"]
        if effect.state is _S.UNKNOWN:
            return self.move(key, _S.SENT if same else _S.PLANNED, remote_id=effect.item)
        return self.move(key, _S.CONFIRMED if same else _S.MISMATCH, read_back=read)

    def open(self) -> list[Effect]:
        states = (_S.PLANNED, _S.SENDING, _S.SENT, _S.UNKNOWN)
        return [one for _, one in sorted(self.memory.effects.items()) if one.state in states]

    def run(self) -> None:
        """Everything there is to do, until nothing is left."""
        for _ in range(200):
            self.serve_readings()
            if not self.open() and not any(one.told for one in self.systems.values()):
                return
            for effect in self.open():
                self.step(effect.key)
            self.hear_all()
        raise AssertionError("it does not come to rest")

    def serve_readings(self) -> None:
        for place, reading in list(self.memory.readings.items()):
            system = self.systems[reading.connection]
            found = system.objects[reading.object]
            told = {
                "stream": reading.stream,
                "source": reading.object,
                "at": found["at"],
                "data": orjson.dumps(found),
            }
            system.told.append({**told, "cause": reading.cause})
            del self.memory.readings[place]

    # --- looking

    @property
    def known(self) -> TwoWay:
        return self.memory.twoways["project", "P-1"]

    @property
    def state(self) -> Mapping[str, Any]:
        return self.memory.entities["project", "P-1"].state

    def both(self, name: str = "name") -> tuple[Any, Any, Any]:
        """(jira, hub, erp) of a field."""
        paths = {"name": ("fields.summary", "name"), "status": ("state", "status"), "budget": ("cost", "budget")}[
            name
        ]
        return (
            get(self.jira.objects["10"], paths[0]),
            self.state[name],
            get(self.erp.objects["7"], paths[1]),
        )

    def types(self) -> list[str]:
        return [event.type for event in self.events]

    @property
    def calls(self) -> int:
        return self.jira.calls + self.erp.calls


def linked(policy: str = "newest", text: str = FILE, *, reads: bool = False) -> TwoWays:
    """Both systems have the project, with the same values, and the hub has heard them. ``reads``: objects are read
    before they are written."""
    stage = TwoWays(policy, text, reads=reads)
    cost = {"amount": "100.00", "currency": "CNY"}
    stage.edit("jira", fields__summary="One", state="todo", cost="100.00", note="")
    stage.edit("erp", name="One", status="planned", budget=cost)
    stage.run()
    assert stage.calls == 0
    return stage
