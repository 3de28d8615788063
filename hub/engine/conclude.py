"""Conclude a prepared batch against locked state: fold, set aside, resolve names, decide loops. Pure.

Records are concluded one after the other, each seeing what those before it changed, so that the borders of batches
change nothing. A look at state that is not loaded is collected, and the whole batch runs again with it.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import replace
from functools import partial
from itertools import takewhile
from typing import Any

import orjson

from hub.engine.answers import answered, unanswered
from hub.engine.aside import LANE, alone, first_partial, poison, refused, set_aside, supersede
from hub.engine.linking import belongs, link
from hub.engine.lookups import looked_up
from hub.engine.prepare import Item, Prepared, said_refs
from hub.loop import decide, twoway
from hub.loop.holding import hold
from hub.loop.names import names_of, resolve
from hub.loop.world import World
from hub.mapping.catalog import Catalog
from hub.mapping.lookups import Looked
from hub.model.changes import Changes, NotLoaded, Outcome, Quarantine, Touched, View, union
from hub.model.clock import Micros
from hub.model.entity import Entity, Folded, fold
from hub.model.prefer import fold_preferring
from hub.model.record import Mapped, Refused, Rejected, Via

_SORTED = orjson.OPT_SORT_KEYS
Piece = Callable[[World], None]
"""What one record changes, or one answer."""


def conclude(prepared: Prepared, view: View, now: Micros, catalog: Catalog) -> Changes:
    """What a batch changes. Raises ``NotLoaded`` once, naming everything this pass missed."""
    try:
        return _run(prepared, view, now, catalog, careful=False)
    except NotLoaded:
        raise
    except Exception:  # noqa: BLE001 - a bug in one record: find it by running them one by one, set it aside
        return _run(prepared, view, now, catalog, careful=True)


def _run(prepared: Prepared, view: View, now: Micros, catalog: Catalog, *, careful: bool) -> Changes:
    _look_again(prepared.missed, view, now, catalog)
    pass_ = Pass(World(view, catalog, now), careful)
    for work in prepared.works:
        for index, verdict, rejected in work.alone:
            alone(pass_.world, work, index, verdict, rejected)
        for item in work.items:
            pass_.run(partial(record, item=item), partial(poison, item=item))
        if work.delivery.origin == "read":
            pass_.run(partial(answered, work=work), partial(unanswered, work=work))
    prepared.missed = pass_.missed
    if pass_.missing:
        raise NotLoaded(union(pass_.missing))
    changes = pass_.world.changes
    changes.expected = len(changes.outcomes)
    return changes


def _look_again(pieces: Sequence[Piece], view: View, now: Micros, catalog: Catalog) -> None:
    """The few records that missed state look again by themselves, on worlds nobody keeps, until they miss nothing:
    a closing asks four or five times, and each time would cost the whole batch."""
    missing: list[Touched] = []
    for piece in pieces:
        try:
            piece(World(view, catalog, now))
        except NotLoaded as one:
            missing.append(one.touched)
        except Exception:  # noqa: BLE001, S112 - the batch itself meets it in a moment, and sets it aside
            continue
    if missing:
        raise NotLoaded(union(missing))


class Pass:
    """One run over a batch. Careful: a savepoint before each piece, so that a bug costs one record."""

    def __init__(self, world: World, careful: bool) -> None:
        self.world, self.careful = world, careful
        self.missing: list[Touched] = []
        self.missed: list[Piece] = []

    def run(self, piece: Piece, aside: Callable[[World, str], None]) -> None:
        saved = self.world.copy() if self.careful else None
        try:
            piece(self.world)
        except NotLoaded as missing:
            self.missing.append(missing.touched)
            self.missed.append(piece)
        except Exception as bug:
            if self.missing:
                return  # this pass saw half the state and is thrown away
            if saved is None:
                raise
            self.world = saved
            aside(saved, f"{type(bug).__name__}: {bug}")


# --- one record through one table


def record(world: World, item: Item) -> None:
    """Conclude one record: its outcome, the entity, its event, what follows for names and loops."""
    seen, delivery, plan = item.seen, item.delivery, item.plan
    kind = seen.kind
    key = own = seen.key or f"{delivery.connection}:{item.record.source}"
    world.because(delivery.ref, item.index, plan.name, item.record.at, delivery.ref)
    open_rows = world.quarantined(kind, own)
    if seen.via is not None:
        key, seen = _placed(world, item, own, seen.via)
        open_rows = open_rows if key == own else _together(open_rows, world.quarantined(kind, key))
    if open_rows and _held(open_rows, item):
        set_aside(world, item, key, "held", Rejected("behind", "an earlier record of this object is a bug to fix"))
        return
    before = world.entity(kind, key)
    if item.left and (before is None or before.deleted or item.source not in before.marks):
        return
    if item.maybe and before is None:
        _nobodys(world, item)
        return
    read: Looked | None = None
    if isinstance(seen, Mapped) and seen.lookups:
        seen, read = looked_up(world, seen, plan.schema)
    if isinstance(seen, Refused):
        refused(world, item, key, seen, before)
        return
    mapped = _with_keys(world, seen) if seen.refs else seen
    if before is None and item.record.op == "partial" and first_partial(world, item, mapped):
        return
    heard = twoway.NOTHING
    if kind in world.catalog.twoways:
        heard = twoway.hear_record(world, before, mapped, item.source, item.record.at, item.record.op)
        mapped = heard.mapped or mapped
    told = (before, mapped, item.source, item.record.at, item.record.op, plan.empty, plan.speaks)
    folded = fold_preferring(*told, plan.prefer) if plan.prefer else fold(*told)
    world.changes.outcomes.append(Outcome(delivery.position, item.index, plan.name, folded.verdict))
    world.measures[plan.integration, folded.verdict] += 1
    if folded.verdict != "stale":
        _kept(world, item, before, folded, open_rows, read)
        if seen.via is not None and key != own and (before is None or item.source not in before.marks):
            link(world, item, folded.entity, own, seen.via)
            _adopt(world, folded.entity, own)
    if kind in world.catalog.twoways:
        entity = hold(world, folded.entity, heard.late, plan.integration) if heard.late else folded.entity
        twoway.settle(world, entity, folded.changed.keys(), heard.decided)


def _placed(world: World, item: Item, own: str, via: Via) -> tuple[str, Mapped | Refused]:
    """The key of the entity a record belongs to, and the record on it; refused where several could be meant."""
    seen = item.seen
    key, rejected = belongs(world, item, own, via)
    if rejected is None:
        return key, replace(seen, key=key)
    refs = seen.refs if isinstance(seen, Refused) else said_refs(seen)
    return own, Refused(seen.kind, own, seen.label, refs, rejected, via)


def _together(first: Sequence[Quarantine], second: Sequence[Quarantine]) -> list[Quarantine]:
    return list({row.id: row for row in (*first, *second)}.values())


def _nobodys(world: World, item: Item) -> None:
    """A deletion of what no table of its stream knows: one outcome, however many tables were asked."""
    said = Outcome(item.delivery.position, item.index, "", "skipped", "no-table")
    outcomes = world.changes.outcomes
    same = takewhile(lambda one: (one.position, one.record) == (said.position, said.record), reversed(outcomes))
    if said not in same:
        outcomes.append(said)


def _held(rows: Sequence[Quarantine], item: Item) -> bool:
    """Whether a bug earlier in this object's lane stops it. A record is not behind itself, nor behind later ones."""
    own = (item.delivery.position, item.index)
    return any(
        row.reason in LANE
        and row.source == item.source
        and row.table == item.plan.name
        and (row.position, row.record) < own
        for row in rows
    )


def _kept(
    world: World,
    item: Item,
    before: Entity | None,
    folded: Folded,
    open_rows: Sequence[Quarantine],
    read: Looked | None = None,
) -> None:
    after = folded.entity
    world.changes.entities[after.kind, after.key] = after
    if item.plan.shared and (before is None or item.source not in before.marks):
        world.put_link(item.delivery.connection, after.kind, after.key, item.record.source)
        if before is not None:  # a first sight is told below, with its names
            decide.linked(world, after.kind, names_of(after))
    if folded.verdict == "applied":
        event = _tell(world, item, before, folded, read)
        _index(world, item, before, folded)
        decide.changed(world, item.plan.integration, before, after, item.record.at, event)
    if open_rows and item.record.op != "partial":
        supersede(world, item, open_rows)


def _tell(world: World, item: Item, before: Entity | None, folded: Folded, read: Looked | None = None) -> str:
    """The entity's event: ``created | changed | deleted``, the changed fields as canonical bytes; with lookups,
    what was read for each of them."""
    after = folded.entity
    if after.deleted:
        verb = "changed" if before is not None and before.deleted else "deleted"
    else:
        verb = "created" if before is None or before.deleted else "changed"
    said: dict[str, Any] = {"key": after.key, "label": after.label, "set": folded.changed}
    if after.deleted:
        said["deleted"] = True
    if read:
        said["read"] = read
    if isinstance(item.seen, Mapped) and item.seen.rates:
        said["rates"] = item.seen.rates
    plan = item.plan
    data = orjson.dumps(said, option=_SORTED)
    stream = f"{after.kind}/{after.key}"
    event = world.emit(stream, after.version, f"{after.kind}.{verb}", data, plan.schema_name, plan.logic)
    world.parent = event
    return event


def _index(world: World, item: Item, before: Entity | None, folded: Folded) -> None:
    """Refs, labels and links that follow from the entity's new state."""
    after, changed = folded.entity, folded.changed
    names = item.plan.indexed
    if names and (before is None or any(name in changed for name in names)):
        world.changes.refs[after.kind, after.key] = _refs(after, names)
    connection = item.delivery.connection
    if before is None and after.key.startswith(connection + ":"):
        world.put_link(connection, after.kind, after.key, after.key[len(connection) + 1 :])
    if "label" in changed:
        world.put_label(after.kind, str(after.label), after.key)
    if before is None or "label" in changed:
        if after.kind in world.catalog.ref_fields:
            _adopt(world, after)
        decide.linked(world, after.kind, names_of(after))


def _refs(entity: Entity, names: Sequence[str]) -> dict[str, str]:
    return {name: value for name in names if isinstance(value := entity.state.get(name), str)}


def _with_keys(world: World, mapped: Mapped) -> Mapped:
    """Ref values that name a known entity become its key; unknown ones stay until it appears."""
    found = dict(mapped.fields)
    for name, kind in mapped.refs.items():
        value = found.get(name)
        if isinstance(value, str):
            found[name] = resolve(world, kind, value) or value
    return Mapped(mapped.kind, mapped.key, mapped.label, found, mapped.refs, via=mapped.via)


def _adopt(world: World, target: Entity, *more: str) -> None:
    """An entity got a name others already used for it: their ref fields now hold its key."""
    key, *names = (*names_of(target), *more)
    pairs = world.catalog.ref_fields.get(target.kind, ())
    world.together([partial(world.referring, *pair, name) for pair in pairs for name in (key, *names)])
    for kind, field in pairs:
        waiting = world.referring(kind, field, key)
        for name in names:
            for entity in world.referring(kind, field, name):
                waiting.append(_renamed(world, entity, field, key))
        if kind in world.catalog.relating:
            for entity in waiting:
                decide.related_changed(world, None, entity)


def _renamed(world: World, entity: Entity, field: str, key: str) -> Entity:
    """One referring entity with its ref resolved: a change of ours, told as its own event."""
    after = replace(entity, version=entity.version + 1, state={**entity.state, field: key})
    schema = world.catalog.schemas.get(entity.kind)
    world.changes.entities[entity.kind, entity.key] = after
    world.changes.refs[entity.kind, entity.key] = _refs(after, world.catalog.indexed(entity.kind))
    data = orjson.dumps({"key": after.key, "label": after.label, "set": {field: key}}, option=_SORTED)
    name = schema.name if schema else entity.kind
    logic = world.changes.events[-1].logic if world.changes.events else ""
    world.emit(after.stream, after.version, f"{after.kind}.changed", data, name, logic)
    if after.kind in world.catalog.awaited:
        decide.arrived(world, after)
    return after
