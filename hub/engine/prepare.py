"""Prepare a batch outside the transaction: decode, map, check schemas, name the heads it touches. Pure.

A connector's ``decode`` comes in as an argument. What raises here is a bug in a connector or a mapping: the record
carries the exception to ``conclude``, which sets it aside; the batch goes on.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

from hub.engine.lookups import touched as touched_by_lookups
from hub.mapping.catalog import Catalog
from hub.mapping.compiled import CompiledTable
from hub.mapping.table import flat
from hub.model.changes import Touched
from hub.model.delivery import Delivery
from hub.model.entity import LABEL
from hub.model.record import Decoded, Json, Lookup, Mapped, Record, Refused, Rejected, Via
from hub.model.schema import Schema
from hub.model.upcast import Upcast

Decode = Callable[[Delivery], Decoded]
_NOTHING: Mapping[str, Json] = {}


@dataclass(frozen=True, slots=True)
class Plan:
    """What folding needs to know of a table, worked out once per catalog."""

    table: CompiledTable
    name: str
    integration: str
    logic: str
    schema: Schema | None
    schema_name: str
    empty: Mapping[str, Json]
    whole: int
    """How many fields a record has that fills the schema by itself; -1 where none can."""
    speaks: frozenset[str]
    required: tuple[str, ...]
    indexed: tuple[str, ...]
    """Fields of the kind that are kept in ``ref``."""
    owner: str
    prefer: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    """Fields of the kind that prefer a source."""
    own_schema: Schema | None = None
    """Of the version the table feeds; ``schema`` is the newest."""
    steps: tuple[Upcast, ...] = ()
    """From the version the table feeds to the newest; empty for nearly all."""
    moved: Mapping[tuple[str, str], str] = field(default_factory=dict)
    """(kind, field as the file names it) -> what it is called now, of what records are found by or look up."""
    shared: bool = False
    """Keyed by a natural key: every source object that feeds the entity is linked to it."""


@dataclass(slots=True)
class Item:
    """One record seen through one table. ``bug`` is what raised; ``maybe`` a delete no ``only`` could judge."""

    delivery: Delivery
    index: int
    record: Record
    plan: Plan
    seen: Mapped | Refused
    bug: str = ""
    maybe: bool = False
    left: bool = False
    """The hub read the object, and the table's ``only`` does not mean it (any more)."""

    @property
    def source(self) -> str:
        return f"{self.delivery.connection}/{self.record.source}"


@dataclass(slots=True)
class Work:
    """One delivery: its items, and outcomes that need no table (``alone``: record, verdict, reason, why)."""

    delivery: Delivery
    items: list[Item] = field(default_factory=list)
    alone: list[tuple[int, str, Rejected]] = field(default_factory=list)
    records: Sequence[Record] = ()


@dataclass(slots=True)
class Prepared:
    works: list[Work]
    touched: Touched
    missed: list[Callable[[Any], None]] = field(default_factory=list)
    """What the last pass of ``conclude`` could not decide without more state; it looks again first."""


class _Heads:
    """Collects what the batch will read or write, as plain sets."""

    __slots__ = (
        *("entities", "instances", "labels", "looked", "matched", "objects", "quarantined", "subjects"),
        "twoways",
    )

    def __init__(self) -> None:
        self.entities: set[tuple[str, str]] = set()
        self.labels: set[tuple[str, str]] = set()
        self.subjects: set[tuple[str, str]] = set()
        self.quarantined: set[tuple[str, str]] = set()
        self.instances: set[str] = set()
        self.twoways: set[tuple[str, str]] = set()
        self.looked: list[Lookup] = []
        self.objects: set[tuple[str, str, str]] = set()
        self.matched: set[tuple[str, str, str]] = set()

    def touched(self) -> Touched:
        looked = touched_by_lookups(self.looked) if self.looked else Touched()
        return looked | Touched(
            entities=frozenset(self.entities),
            labels=frozenset(self.labels),
            subjects=frozenset(self.subjects),
            quarantined=frozenset(self.quarantined),
            loops=frozenset(self.instances),
            twoways=frozenset(self.twoways),
            objects=frozenset(self.objects),
            referring=frozenset(self.matched),
        )


def prepare(batch: Sequence[Delivery], catalog: Catalog, decode: Decode) -> Prepared:
    """Decode and map a batch."""
    heads = _Heads()
    works = [_delivery(delivery, catalog, decode, heads) for delivery in batch]
    return Prepared(works, heads.touched())


def _delivery(delivery: Delivery, catalog: Catalog, decode: Decode, heads: _Heads) -> Work:
    work = Work(delivery)
    if delivery.cause:
        heads.instances.add(delivery.cause)
    if delivery.conflict:
        words = f"delivery id {delivery.source_id} came before with another body; the first one counts"
        work.alone.append((0, "quarantined", Rejected("id_conflict", words)))
        return work
    try:
        decoded = decode(delivery)
    except Exception as bug:  # noqa: BLE001 - a connector's bug: this delivery is set aside, its lane goes on
        work.alone.append((0, "quarantined", Rejected("exception", _words(bug))))
        return work
    if decoded.rejected is not None:
        work.alone.append((0, "quarantined", decoded.rejected))
    elif not decoded.records:
        work.alone.append((0, "skipped", Rejected(decoded.skipped or "empty", "")))
    if delivery.origin == "read":
        work.records = tuple(map(_emptied, decoded.records))
    for index, record in enumerate(decoded.records):
        _record(work, index, record, _plans(catalog, delivery.connection, record.stream), catalog, heads)
    return work


def _emptied(record: Record) -> Record:
    """The record without its parsed object: once mapped nobody reads it, and a batch of them fills every cache."""
    return Record(record.stream, record.source, record.at, _NOTHING, record.op, record.version)


def _record(work: Work, index: int, record: Record, plans: tuple[Plan, ...], catalog: Catalog, heads: _Heads) -> None:
    items = work.items
    before = len(items)
    kept = _emptied(record)
    for plan in plans:
        try:
            if not plan.table.accepts(record):
                continue
            seen = plan.table.apply(record)
        except Exception as bug:  # noqa: BLE001 - a mapping's bug: this record is set aside, others go on
            items.append(_broken(work, index, record, plan, bug))
            heads.quarantined.add((items[-1].seen.kind, items[-1].seen.key or ""))
            continue
        item = Item(work.delivery, index, kept, plan, seen)
        items.append(item)
        _check(item)
        if plan.steps:
            _modern(item)
        if plan.moved:
            _found_by_now(item)
        _touch(item, catalog, heads)
    if len(items) == before:
        if record.op == "delete":
            _unsure(work, index, record, plans, catalog, heads)
        if len(items) == before:
            work.alone.append((index, "skipped", Rejected("no-table", "")))
    if work.delivery.origin == "read" and record.op == "snapshot":
        accepted = {id(item.plan) for item in items[before:]}
        others = [plan for plan in plans if id(plan) not in accepted]
        _left(work, index, replace(record, op="delete"), others, catalog, heads)


def _left(work: Work, index: int, record: Record, plans: Sequence[Plan], catalog: Catalog, heads: _Heads) -> None:
    """Read before money moves: an expense that became something else by now must not be paid as an expense."""
    for plan in plans:
        seen = plan.table.apply(record)
        if isinstance(seen, Mapped):
            item = Item(work.delivery, index, record, plan, seen, left=True)
            work.items.append(item)
            _touch(item, catalog, heads)


def _unsure(work: Work, index: int, record: Record, plans: tuple[Plan, ...], catalog: Catalog, heads: _Heads) -> None:
    """A deletion often says no more than an id: it counts for every table of the stream that knows the object."""
    for plan in plans:
        seen = plan.table.apply(record)
        if isinstance(seen, Mapped):
            item = Item(work.delivery, index, _emptied(record), plan, seen, maybe=True)
            work.items.append(item)
            _touch(item, catalog, heads)


def _broken(work: Work, index: int, record: Record, plan: Plan, bug: Exception) -> Item:
    key = f"{work.delivery.connection}:{record.source}"
    refused = Refused(plan.table.definition.entity, key, None, {}, Rejected("exception", _words(bug)))
    return Item(work.delivery, index, _emptied(record), plan, refused, bug=_words(bug))


def _words(bug: Exception) -> str:
    return f"{type(bug).__name__}: {bug}"


def _check(item: Item) -> None:
    """The schema's word on what was mapped: each field stands for itself, so the folded state is valid too."""
    seen, schema = item.seen, item.plan.own_schema
    if schema is None or isinstance(seen, Refused) or item.record.op == "delete":
        return
    empty = schema.empty if item.plan.steps else item.plan.empty
    state = seen.fields if len(seen.fields) == item.plan.whole else {**empty, **seen.fields}
    if schema.is_valid(state):
        return
    if any(one.at for one in seen.lookups):
        return  # null stands where nested rows look something up; the schema is asked when it was found
    problem = schema.problem(state)
    row = f"{item.plan.name}.{problem.partition(':')[0].partition('.')[0]}"
    rejected = Rejected("schema", f"{schema.name} {problem}", row, owner=item.plan.owner)
    item.seen = Refused(seen.kind, seen.key, seen.label, said_refs(seen), rejected, seen.via)


def _modern(item: Item) -> None:
    """A table that feeds an older version of its schema: what it says, as the newest version has it."""
    for step in item.plan.steps:
        seen = item.seen
        if isinstance(seen, Refused):
            item.seen = replace(seen, refs=_renamed(seen.refs, step))
            continue
        lookups = tuple(replace(one, field=name) for one in seen.lookups for name in step.names(one.field))
        item.seen = replace(seen, fields=step.said(seen.fields), refs=_renamed(seen.refs, step), lookups=lookups)


def _found_by_now(item: Item) -> None:
    """What the record is found by, and what it looks up, under the names those fields have now."""
    moved, seen = item.plan.moved, item.seen
    if seen.via is not None:
        match = tuple((moved.get((seen.kind, name), name), value) for name, value in seen.via.match)
        seen = replace(seen, via=replace(seen.via, match=match))
    if isinstance(seen, Mapped) and seen.lookups:
        seen = replace(seen, lookups=tuple(_looked_up_now(one, moved) for one in seen.lookups))
    item.seen = seen


def _looked_up_now(one: Lookup, moved: Mapping[tuple[str, str], str]) -> Lookup:
    by, take = (moved.get((one.entity, name), name) for name in (one.by, one.take))
    return replace(one, by=by, take=take)


def _renamed(refs: Mapping[str, Any], step: Upcast) -> dict[str, Any]:
    return {new: value for name, value in refs.items() for new in step.names(name)}


def said_refs(mapped: Mapped) -> dict[str, tuple[str, str]]:
    """The refs a mapped record names: field -> (kind, value)."""
    pairs = ((name, kind, mapped.fields.get(name)) for name, kind in mapped.refs.items())
    return {name: (kind, value) for name, kind, value in pairs if isinstance(value, str)}


def _touch(item: Item, catalog: Catalog, heads: _Heads) -> None:
    seen = item.seen
    kind, key = seen.kind, seen.key
    if key is None:
        key = f"{item.delivery.connection}:{item.record.source}"
    place = (kind, key)
    if seen.via is not None:
        _touch_via(item, seen.via, heads)
    heads.entities.add(place)
    heads.quarantined.add(place)
    if kind in catalog.twoways:
        heads.twoways.add(place)
    if kind in catalog.subjects:
        heads.subjects.add(place)
    if isinstance(seen, Refused):
        if seen.label:
            heads.labels.add((kind, seen.label))
        for kind, value in seen.refs.values():
            _touch_ref(kind, value, heads)
        return
    if seen.lookups:
        heads.looked += seen.lookups
    if seen.refs:
        for name, kind in seen.refs.items():
            _touch_ref(kind, seen.fields.get(name), heads)


def _touch_via(item: Item, via: Via, heads: _Heads) -> None:
    kind = item.seen.kind
    heads.objects.add((item.delivery.connection, kind, via.id))
    heads.matched.update((kind, field, value) for field, value in via.match if value)


def _touch_ref(kind: str, value: Json, heads: _Heads) -> None:
    if isinstance(value, str):
        heads.entities.add((kind, value))
        heads.labels.add((kind, value))
        heads.subjects.add((kind, value))
        bare = value.partition(":")[2]
        if bare:
            heads.labels.add((kind, bare))


def _plans(catalog: Catalog, connection: str, stream: str) -> tuple[Plan, ...]:
    known: tuple[Plan, ...] | None = catalog.plans.get((connection, stream))
    if known is None:
        tables = catalog.tables(connection, stream) or catalog.tables(connection, f"{connection}.{stream}")
        known = catalog.plans[connection, stream] = tuple(plan_of(catalog, table) for table in tables)
    return known


def _empty(schema: Schema | None, steps: Sequence[Upcast]) -> Mapping[str, Json]:
    """A state nobody has said anything of: all null, apart from what a step sets."""
    found = schema.empty if schema is not None else _NOTHING
    for step in steps:
        found = step.state(found)
    return found


def _now(names: set[str], steps: Sequence[Upcast]) -> set[str]:
    """What these fields are called in the newest version."""
    for step in steps:
        names = {new for name in names for new in step.names(name)}
    return names


def _moved(catalog: Catalog, table: CompiledTable) -> dict[tuple[str, str], str]:
    definition = table.definition
    lookups = [row.lookup for row in flat(definition.rows) if row.lookup is not None]
    named = {(one.entity, name) for one in lookups for name in (one.by, one.take)}
    named.update((definition.entity, name) for name, _ in definition.match)
    now = {(kind, name): catalog.field_now(table.integration, kind, name) for kind, name in named}
    return {place: name for place, name in now.items() if place[1] != name}


def plan_of(catalog: Catalog, table: CompiledTable) -> Plan:
    """What folding needs to know of one table."""
    definition = table.definition
    schema = catalog.schemas.get(definition.entity, definition.version)
    newest = catalog.schemas.get(definition.entity) if definition.version else schema
    steps = catalog.schemas.steps(definition.entity, definition.version) if definition.version else ()
    names = {row.field for row in definition.rows}
    now = _now(names, steps)
    return Plan(
        table=table,
        name=definition.name,
        integration=table.integration,
        logic=table.logic,
        schema=newest,
        schema_name=newest.name if newest else f"{definition.entity}/v{definition.version}",
        empty=_empty(schema, steps),
        whole=len(names) if schema and names == schema.fields.keys() else -1,
        own_schema=schema,
        speaks=frozenset(now | {LABEL} if definition.label else now),
        required=tuple(one for row in definition.rows if row.required for one in sorted(_now({row.field}, steps))),
        steps=steps,
        moved=_moved(catalog, table),
        indexed=catalog.indexed(definition.entity),
        owner=definition.governance.owner,
        prefer=catalog.prefers.get(definition.entity, _NOTHING),
        shared=definition.key_mode == "shared",
    )
