"""A stage for engine tests: an in-memory store, a clock moved by hand, and rd-close's shape built from lambdas.

``Stage.say`` delivers records as a source would, ``Stage.fact`` brings a fact, ``Stage.erp`` lets every planned
effect succeed. The store keeps only what it is given, checks stream versions, and refuses what was not loaded.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from decimal import Decimal
from pathlib import Path
from typing import Any

import orjson

from hub.engine.conclude import conclude
from hub.engine.facts import Answer, conclude_drop, conclude_fact, touched_by
from hub.engine.prepare import prepare
from hub.engine.release import Released, conclude_release, prepare_again
from hub.engine.transaction import decide_in
from hub.mapping.calendar import Span
from hub.mapping.catalog import Catalog, ConnectionFacts
from hub.mapping.compiled import (
    CompiledIntegration,
    CompiledLoop,
    CompiledRelated,
    CompiledRequire,
    CompiledStep,
    CompiledTable,
    ExpressionError,
    Unlinked,
)
from hub.mapping.table import (
    ApproveDef,
    Expression,
    Governance,
    IntegrationDef,
    LoopDef,
    RelatedDef,
    RequireDef,
    Row,
    Slo,
    StepDef,
    TableDef,
)
from hub.mapping.table import (
    Path as FieldPath,
)
from hub.model.action import ActionSpec, Call, TargetClass
from hub.model.changes import PAGE, Changes, Quarantine, Touched, View
from hub.model.clock import SECOND, Micros, micros
from hub.model.delivery import Delivery, delivery_ref
from hub.model.diagnostic import Place
from hub.model.effect import Effect, EffectState
from hub.model.entity import Entity
from hub.model.event import Event
from hub.model.fact import EffectMoved, Fact, PersonAccepted, PersonDecided, TimerDue
from hub.model.instance import Instance
from hub.model.people import People, Person
from hub.model.record import Decoded, Mapped, Record, Refused, Rejected
from hub.model.schema import load_schemas
from hub.model.values import Money, instant_of
from hub.store.view import LoadedView

T0: Micros = 1_767_225_600 * SECOND  # 2026-01-01T00:00:00Z
HERE = Place("rd-close.yaml", 1, 1)
MINE = Governance("pmo", "change")
ROOT = Path(__file__).parent.parent


# --- memory


@dataclass
class Memory:
    """What the tables of the store would hold."""

    entities: dict[tuple[str, str], Entity] = field(default_factory=dict)
    refs: dict[tuple[str, str], Mapping[str, str]] = field(default_factory=dict)
    labels: dict[tuple[str, str], str] = field(default_factory=dict)
    links: dict[tuple[str, str, str], str] = field(default_factory=dict)
    loops: dict[str, Instance] = field(default_factory=dict)
    effects: dict[str, Effect] = field(default_factory=dict)
    approvals: dict[str, Any] = field(default_factory=dict)
    timers: dict[str, Any] = field(default_factory=dict)
    readings: dict[tuple[str, str], Any] = field(default_factory=dict)
    quarantines: dict[str, Quarantine] = field(default_factory=dict)
    outcomes: dict[tuple[int, int, str], Any] = field(default_factory=dict)
    events: list[Event] = field(default_factory=list)
    audits: list[Any] = field(default_factory=list)
    measures: Counter[tuple[str, str]] = field(default_factory=Counter)
    waits: dict[str, frozenset[tuple[str, str]]] = field(default_factory=dict)
    taken: set[tuple[str, str, str]] = field(default_factory=set)
    expected: int = 0
    passes: int = 0

    def load(self, touched: Touched) -> View:
        self.passes += 1
        view = getattr(self, "view", None) or LoadedView()
        self.view = view
        view.entities.update((place, self.entities.get(place)) for place in touched.entities)
        view.labels.update((place, self.labels.get(place)) for place in touched.labels)
        view.links.update((place, self.links.get(place)) for place in touched.links)
        for place in touched.objects:
            at, kind, name = place
            found = [key for (where, of, key), to in self.links.items() if (where, of, to) == (at, kind, name)]
            view.objects[place] = sorted(found)
        view.references.update((place, self._referring(*place)) for place in touched.referring)
        view.loops.update((name, self.loops.get(name)) for name in touched.loops)
        view.effects.update((name, self.effects.get(name)) for name in touched.effects)
        for kind, subject in touched.subjects:
            found = [one for one in self.loops.values() if (one.subject_kind, one.subject) == (kind, subject)]
            view.subjects[kind, subject] = sorted(found, key=lambda one: one.number)
        for place in touched.quarantined:
            view.quarantines[place] = [row for row in self.quarantines.values() if _about(row, place)]
        for place in touched.waiting:
            view.waits[place] = [self.loops[name] for name, wanted in sorted(self.waits.items()) if place in wanted]
        for place in touched.takers:
            view.taken[place] = [self.loops[name] for *found, name in sorted(self.taken) if tuple(found) == place]
        view.nobody_waits = not any(self.waits.values())
        for kind, after in touched.pages:
            keys = sorted(key for of, key in self.entities if of == kind and key > after)[:PAGE]
            view.pages[kind, after] = [self.entities[kind, key] for key in keys]
            view.entities.update(((kind, key), self.entities[kind, key]) for key in keys)
        for name in touched.approvals:
            view.asked[name] = [one for one in self.approvals.values() if one.loop == name]
        return view

    def _referring(self, kind: str, name: str, target: str) -> list[Entity]:
        return [
            self.entities[place]
            for place, refs in sorted(self.refs.items())
            if place[0] == kind and refs.get(name) == target
        ]

    def write(self, changes: Changes, now: Micros) -> Sequence[Event]:
        self.view = None
        known = {event.id for event in self.events}
        for event in changes.events:
            last = max((one.version for one in self.events if one.stream == event.stream), default=0)
            assert event.version == last + 1, f"{event.stream}: {event.version} after {last}"
            assert event.id not in known, f"event id twice: {event.type}"
            known.add(event.id)
            self.events.append(replace(event, position=len(self.events) + 1))
        self.entities.update(changes.entities)
        self.refs.update(changes.refs)
        self.labels.update(((kind, label), key) for kind, label, key in changes.labels)
        self.links.update(((connection, kind, key), to) for connection, kind, key, to in changes.links)
        self.loops.update(changes.loops)
        self.effects.update(changes.effects)
        self.approvals.update(changes.approvals)
        self.quarantines.update(changes.quarantines)
        self.waits.update(changes.waits)
        self.taken |= changes.taken
        self.audits += changes.audits
        self.measures.update(changes.measures)
        for part, new in ((self.timers, changes.timers), (self.readings, changes.readings)):
            for name, value in new.items():
                part.pop(name, None) if value is None else part.update({name: value})
        for gone in changes.withdrawn:
            del self.outcomes[gone]
        for one in changes.outcomes:
            known = self.outcomes.get((one.position, one.record, one.table))
            assert known is None or known.verdict in ("quarantined", "held"), "an outcome is said once"
            self.outcomes[one.position, one.record, one.table] = one
        self.expected += changes.expected
        return ()


def _about(row: Quarantine, place: tuple[str, str]) -> bool:
    return row.closed_at is None and ((row.kind, row.key) == place or place in row.refs.values())


# --- tables and loops by hand


def path(text: str) -> FieldPath:
    return FieldPath(tuple(text.split(".")), text, HERE)


def table(
    kind: str, stream: str, fields: Sequence[str], required: Sequence[str] = (), refs: Mapping[str, str] | None = None
) -> CompiledTable:
    """A table that takes ``data[field]`` as it is; the value ``bad`` is refused, ``boom`` raises."""
    rows = tuple(Row(name, HERE, MINE, sources=(path(name),), required=name in required) for name in fields)
    definition = TableDef(
        f"rd-close/{kind}/pm.{stream}",
        kind,
        1,
        "jira",
        stream,
        "pm",
        HERE,
        MINE,
        None,
        path("id"),
        "own",
        path("key"),
        rows,
        "UTC",
    )

    def apply(record: Record) -> Mapped | Refused:
        data, key = record.data, f"jira:{record.source}"
        label = data.get("key")
        if record.op == "delete":
            return Mapped(kind, key, label, {}, {})
        found = {name: data[name] for name in fields if name in data}
        here = {name: to for name, to in (refs or {}).items() if name in found}
        if "boom" in found.values():
            raise KeyError("boom")
        for name, value in found.items():
            if value == "bad":
                named = {ref: (to, found[ref]) for ref, to in here.items() if found[ref] is not None}
                return Refused(
                    kind,
                    key,
                    label,
                    named,
                    Rejected("unknown-value", f"{name}: bad", f"{kind}.{name}", owner="finance"),
                )
        return Mapped(kind, key, label, found, here)

    return CompiledTable(
        definition, "rd-close", "logic-1", lambda record: record.data.get("kind", kind) == kind, apply, ""
    )


def money(amount: str) -> dict[str, str]:
    return {"amount": amount, "currency": "CNY"}


def _total(scope: Mapping[str, Any]) -> Money:
    parts = (Money(Decimal(one["price"]["amount"]), "CNY") * Decimal(one["quantity"]) for one in scope["items"])
    return sum(parts, Money(Decimal(0), "CNY"))


def _linked(scope: Mapping[str, Any], link: Callable[[str, str], str | None]) -> str:
    found = link("project", scope["project"]["key"])
    if found is None:
        raise Unlinked("project", scope["project"]["key"])
    return found


def step(name: str, action: str, payload: Any, **more: Any) -> CompiledStep:
    approve = more.get("approve")
    definition = StepDef(
        name,
        {},
        HERE,
        more.get("connection", "erp"),
        action,
        None,
        None,
        None,
        (),
        tuple(more.get("after", ())),
        approve,
        {},
        more.get("undo", ""),
        more.get("within"),
        tuple(more.get("escalate", ())),
    )
    return CompiledStep(
        definition,
        frozenset(more.get("uses", ())),
        more.get("applies", lambda scope: True),
        more.get("items"),
        payload,
        more.get("expect", lambda scope: {}),
        more.get("amount"),
    )


STEPS = (
    step(
        "purchase",
        "purchase_requisition.create",
        lambda scope, link: {
            "title": scope["project"]["name"],
            "lines": [{"product": one["product"], "quantity": one["quantity"]} for one in scope["items"]],
        },
        uses=("items", "project"),
        applies=lambda scope: len(scope["items"]) > 0,
        expect=lambda scope: {"total": _total(scope).json()},
        amount=_total,
        approve=ApproveDef("finance", Expression("", HERE), Money(Decimal(50000), "CNY"), HERE),
        within=Span(wall=4 * 3600 * SECOND),
    ),
    step(
        "reimburse",
        "reimbursement.create",
        lambda scope, link: {"employee": scope["expense"]["employee"], "amount": scope["expense"]["amount"]},
        uses=("expenses",),
        items=lambda scope: [(one["key"], {"expense": one}) for one in scope["expenses"]],
        expect=lambda scope: {"amount": scope["expense"]["amount"]},
    ),
    step(
        "asset",
        "asset.create",
        lambda scope, link: {"name": scope["project"]["name"], "value": scope["project"]["actual_cost"]},
        uses=("project",),
        applies=lambda scope: scope["project"]["deliverable"] == "equipment",
        expect=lambda scope: {"value": scope["project"]["actual_cost"]},
        approve=ApproveDef("finance", None, None, HERE),
    ),
    step(
        "tell",
        "issue.comment",
        lambda scope, link: {
            "issue": _linked(scope, link),
            "body": "ERP: " + ", ".join(f"{one['title']} {one['number']}" for one in scope["documents"]),
        },
        after=("purchase", "reimburse", "asset"),
        uses=("project", "documents"),
        connection="jira",
    ),
)


def _filled(scope: Mapping[str, Any]) -> bool:
    return bool(scope["project"]["cost_center"])


def _when(scope: Mapping[str, Any]) -> bool:
    project = scope["project"]
    if "status" not in project:
        raise ExpressionError("absent", "project.status")
    return bool(project["status"] == "closed" and project["outcome"] == "delivered")


def _closed_at(scope: Mapping[str, Any]) -> Micros | None:
    found = instant_of(scope["project"]["closed_at"])
    return None if found is None else micros(found)


def related(name: str, entity: str, status: str) -> CompiledRelated:
    return CompiledRelated(
        RelatedDef(name, entity, "project", None, HERE), lambda scope: scope[entity]["status"] == status
    )


def rd_close(
    *, logic: str = "logic-1", settle: Micros = 0, once: Any = "life", steps: Sequence[CompiledStep] = STEPS
) -> CompiledIntegration:
    loop = LoopDef(
        "close-out",
        {},
        "project",
        HERE,
        "ops@example.com",
        Expression("", HERE),
        T0,
        path("project.closed_at"),
        once,
        settle,
        (),
        (),
        (),
    )
    require = CompiledRequire(RequireDef(Expression("", HERE), {"en": "cost centre missing"}, "pmo", HERE), _filled)
    compiled = CompiledLoop(
        loop,
        "rd-close",
        logic,
        T0,
        _when,
        _closed_at,
        lambda scope: scope["project"]["closed_at"],
        (related("items", "purchase_item", "open"), related("expenses", "expense", "approved")),
        (require,),
        tuple(steps),
    )
    tables = (
        table(
            "project",
            "project",
            ("name", "status", "outcome", "closed_at", "actual_cost", "cost_center", "deliverable"),
            ("name",),
        ),
        table(
            "purchase_item",
            "item",
            ("project", "status", "product", "quantity", "price"),
            ("product",),
            {"project": "project"},
        ),
        table(
            "expense",
            "expense",
            ("project", "status", "text", "amount", "employee"),
            ("amount",),
            {"project": "project"},
        ),
    )
    definition = IntegrationDef(
        "rd-close",
        {},
        HERE,
        "ops@example.com",
        (),
        "change",
        "UTC",
        Slo(),
        {"pm": "jira", "erp": "erp"},
        tuple(one.definition for one in tables),
        (loop,),
        logic,
        logic,
        "",
    )
    return CompiledIntegration(definition, tables, (compiled,))


def action(name: str, weight: Any = "money", calls: Sequence[Call] | None = None, **more: Any) -> ActionSpec:
    payload = {"type": "object", "required": more.pop("required", []), "properties": more.pop("properties", {})}
    verb = (Call(name.rpartition(".")[2]),)
    return ActionSpec(
        name,
        {"en": name.partition(".")[0]},
        weight,
        TargetClass.A,
        payload,
        {"properties": {}},
        tuple(calls or verb),
        "reference",
        **more,
    )


ACTIONS = {
    "purchase_requisition.create": action("purchase_requisition.create"),
    "reimbursement.create": action(
        "reimbursement.create", required=["employee"], properties={"employee": {"type": "string", "minLength": 1}}
    ),
    "asset.create": action("asset.create", "asset"),
}
PEOPLE = People(
    [
        Person("E1", "Li Wei", "li@example.com", frozenset({"finance"})),
        Person("E2", "Wang Fang", "wang@example.com", frozenset({"pmo"})),
        Person("E3", "Ops", "ops@example.com", frozenset()),
    ]
)


def catalog_of(
    integration: CompiledIntegration | None = None,
    *,
    refetch: bool = False,
    actions: Mapping[str, ActionSpec] | None = None,
    **more: Any,
) -> Catalog:
    one = integration or rd_close()
    comment = {"issue.comment": action("issue.comment", "note", readable=False)}
    connections = {
        "jira": ConnectionFacts("jira", "jira", comment, refetch),
        "erp": ConnectionFacts("erp", "erp", {**ACTIONS, **(actions or {})}, False),
    }
    return Catalog({"rd-close": one}, connections, load_schemas(ROOT / "schemas"), PEOPLE, **more)


# --- the stage


def rec(stream: str, source: str, at: float, data: Mapping[str, Any], op: str = "snapshot") -> dict[str, Any]:
    return {"stream": stream, "source": source, "at": T0 + int(at * SECOND), "data": dict(data), "op": op}


def project(source: str = "1", at: float = 10, **fields: Any) -> dict[str, Any]:
    """A project's snapshot: active, with all it needs to close."""
    base = {
        "key": f"OPS-{source}",
        "name": f"P{source}",
        "status": "active",
        "outcome": None,
        "closed_at": None,
        "actual_cost": money("100.00"),
        "cost_center": "CC1",
        "deliverable": "software",
    }
    return rec("project", source, at, {**base, **fields})


def closed(source: str = "1", at: float = 20, **fields: Any) -> dict[str, Any]:
    return project(
        source, at, **{"status": "closed", "outcome": "delivered", "closed_at": "2026-01-02T00:00:00.000Z", **fields}
    )


def item(source: str, at: float = 5, **fields: Any) -> dict[str, Any]:
    base = {
        "key": f"BUY-{source}",
        "project": "jira:1",
        "status": "open",
        "product": "P1",
        "quantity": "2",
        "price": money("10.00"),
    }
    return rec("item", source, at, {**base, **fields})


def expense(source: str, at: float = 5, **fields: Any) -> dict[str, Any]:
    base = {
        "key": f"EXP-{source}",
        "project": "jira:1",
        "status": "approved",
        "text": "taxi",
        "amount": money("30.00"),
        "employee": "E9",
    }
    return rec("expense", source, at, {**base, **fields})


def decode(delivery: Delivery) -> Decoded:
    said = orjson.loads(delivery.body)
    if isinstance(said, str):
        return Decoded(skipped=said) if said != "broken" else Decoded(rejected=Rejected("bad-json", "broken"))
    return Decoded(tuple(Record(one["stream"], one["source"], one["at"], one["data"], one["op"]) for one in said))


class Kept(list[Delivery]):
    """The log of a stage: every delivery it made, found by position."""

    def get(self, position: int) -> Delivery | None:
        return next((one for one in self if one.position == position), None)


class Stage:
    """The hub without its rims."""

    def __init__(self, catalog: Catalog | None = None) -> None:
        self.catalog = catalog or catalog_of()
        self.memory = Memory()
        self.now = T0 + 100_000 * SECOND
        self.position = 0
        self.decisions = 0
        self.log = Kept()

    # --- bringing things

    def say(self, *records: Any, **about: Any) -> list[Any]:
        """One delivery with these records; gives its outcomes."""
        return self.batch([records[0] if records and isinstance(records[0], str) else list(records)], **about)

    def batch(self, bodies: Sequence[Any], **about: Any) -> list[Any]:
        """Several deliveries settled as one batch."""
        return self.settle([self.delivery(body, **about) for body in bodies])

    def delivery(self, body: Any, **about: Any) -> Delivery:
        self.position += 1
        data = orjson.dumps(body)
        about.setdefault("origin", "webhook")
        ref = delivery_ref("jira", None, data, self.position)
        made = Delivery("jira", ref, data, {}, self.now, position=self.position, **about)
        self.log.append(made)
        return made

    def settle(self, deliveries: Sequence[Delivery]) -> list[Any]:
        prepared = prepare(deliveries, self.catalog, decode)
        changes = decide_in(
            self.memory, prepared.touched, lambda view: conclude(prepared, view, self.now, self.catalog)
        )
        self.memory.write(changes, self.now)
        return changes.outcomes

    def fact(self, fact: Fact) -> Answer:
        changes, answer = decide_in(
            self.memory, touched_by(fact), lambda view: conclude_fact(fact, view, self.now, self.catalog)
        )
        if answer:
            self.memory.write(changes, self.now)
        return answer

    def drop(self, row: Quarantine, who: str = "E3", why: str = "not ours") -> Answer:
        self.decisions += 1
        fact = PersonAccepted(f"decision-{self.decisions}", row.id, "drop", who, why)
        changes, answer = decide_in(
            self.memory, Touched(), lambda view: conclude_drop(fact, row, view, self.now, self.catalog)
        )
        self.memory.write(changes, self.now)
        return answer

    def release(self, row: Quarantine, who: str = "E3", why: str = "fixed", at_once: int = 200) -> Released:
        """Run a row again and what is held behind it, as ``hub quarantine release`` does."""
        self.decisions += 1
        fact = PersonAccepted(f"decision-{self.decisions}", row.id, "release", who, why)
        done = self._again(fact, [row, *self._behind(row)][:at_once])
        while done.ran and done.ran[-1].row.closed_at is not None and (rows := self._behind(row)[:at_once]):
            more = self._again(fact, rows)
            done = replace(done, ran=(*done.ran, *more.ran))
        return done

    def _again(self, fact: PersonAccepted, rows: Sequence[Quarantine]) -> Released:
        reruns, touched = prepare_again(self.log, self.catalog, decode, rows)
        changes, done = decide_in(
            self.memory, touched, lambda view: conclude_release(fact, reruns, view, self.now, self.catalog)
        )
        if not done.refused:
            self.memory.write(changes, self.now)
        return done

    def _behind(self, row: Quarantine) -> list[Quarantine]:
        lane = (row.kind, row.key, row.source, row.table)
        rows = [
            one
            for one in self.memory.quarantines.values()
            if one.reason == "behind" and one.closed_at is None and one.id != row.id
            if (one.kind, one.key, one.source, one.table) == lane
        ]
        return sorted(rows, key=lambda one: (one.position, one.record))

    def person(
        self,
        choice: Any,
        step: str = "",
        item: str = "",
        who: str = "",
        why: str = "because",
        loop: str = "",
        **more: Any,
    ) -> Answer:
        """A decision; by somebody of finance where it is an approval, by the loop's owner where it is not."""
        who = who or ("E1" if choice == "approve" else "E3")
        self.decisions += 1
        name = loop or self.loop().id
        return self.fact(PersonDecided(f"decision-{self.decisions}", name, choice, who, why, step, item, **more))

    def pass_time(self, seconds: float) -> None:
        """Let time pass and fire what has fallen due."""
        self.now += int(seconds * SECOND)
        for timer in sorted(self.memory.timers.values(), key=lambda one: one.due):
            if timer.due <= self.now:
                self.fact(TimerDue(timer.id, timer.kind, timer.loop, timer.step))

    def move(self, effect: Effect, to: EffectState, **more: Any) -> Answer:
        current = self.memory.effects[effect.key]
        return self.fact(EffectMoved(effect.key, current.version, to, **more))

    def erp(self, read: Callable[[Effect], Mapping[str, Any]] | None = None) -> list[Effect]:
        """Every planned effect is sent, read back as expected, confirmed; until nothing is planned."""
        done = []
        while planned := self.effects("PLANNED"):
            for effect in planned:
                done.append(effect)
                self.move(effect, EffectState.SENDING, attempts=1)
                number = f"N{len(self.memory.effects)}-{effect.step}"
                self.move(effect, EffectState.SENT, remote_id=number, number=number)
                if effect.connection != "jira":
                    back = read(effect) if read else effect.expect
                    self.move(effect, EffectState.CONFIRMED, read_back=dict(back))
        return done

    # --- looking

    def loop(self, number: int = 1, subject: str = "jira:1") -> Instance:
        return next(one for one in self.memory.loops.values() if one.number == number and one.subject == subject)

    def effects(self, state: str = "") -> list[Effect]:
        found = [one for one in self.memory.effects.values() if not state or one.state == state]
        return sorted(found, key=lambda one: (one.step, one.item))

    def entity(self, kind: str, key: str) -> Entity:
        return self.memory.entities[kind, key]

    def rows(self) -> list[Quarantine]:
        """What is set aside and open, in the order it came."""
        found = [row for row in self.memory.quarantines.values() if row.closed_at is None]
        return sorted(found, key=lambda row: (row.position, row.record))

    def balanced(self) -> bool:
        """I2: as many outcomes as were promised, and every delivery has one."""
        told = {position for position, _, _ in self.memory.outcomes}
        return self.memory.expected == len(self.memory.outcomes) and told == {one.position for one in self.log}

    def steps(self, number: int = 1) -> dict[str, str]:
        return {one.name: one.state.value for one in self.loop(number).steps}

    def waits(self, number: int = 1) -> list[tuple[str, str]]:
        return [(one.kind, one.who) for one in self.loop(number).waiting]

    def verdicts(self) -> list[str]:
        return [
            f"{one.verdict}({one.reason})" if one.reason else one.verdict
            for _, one in sorted(self.memory.outcomes.items())
        ]

    def types(self) -> list[str]:
        return [event.type for event in self.memory.events]
