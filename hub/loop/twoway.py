"""Two-way fields: what a system says of them becomes the hub's value or a conflict, and updates for the others.

A record is heard before it is folded (``hear``): what is no news of its source changes nothing, an echo of our own
write comes home, a change on both sides is decided by the field's policy. Afterwards ``settle`` compares the hub's
value with what each linked object holds and plans one update per object. Pure: the World in, changes in it out.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import dataclass, field

from hub.loop.world import World
from hub.mapping.back import Unwritable
from hub.mapping.endpoints import Endpoint, TwoWayField
from hub.model.action import payload_problem
from hub.model.changes import Reading
from hub.model.clock import Micros
from hub.model.effect import Effect, EffectState, effect_key
from hub.model.entity import NEVER, Entity
from hub.model.event import event_id
from hub.model.frozen import replace
from hub.model.record import Json, Mapped, Op
from hub.model.twoway import Conflict, Side, TwoWay, agree, alike, hear, is_empty

_S = EffectState
STEP = "sync"
FLYING = frozenset({_S.SENDING, _S.SENT, _S.UNKNOWN})
"""States in which an update may still reach its object: the next one waits for it."""
FAILED = frozenset({_S.REJECTED, _S.MISMATCH, _S.HUMAN})


@dataclass(frozen=True, slots=True)
class Said:
    """A record as it may be folded, and the fields something was decided about."""

    mapped: Mapped | None
    decided: frozenset[str] = frozenset()
    late: Mapping[str, Json] = field(default_factory=dict)
    """Values the hub is to hold although this record is too old to bring them."""


NOTHING = Said(None)


def hear_record(world: World, before: Entity | None, mapped: Mapped, source: str, at: Micros, op: Op) -> Said:
    """What a record's two-way fields mean. The record comes back with the values the hub is to hold."""
    fields = world.catalog.twoways.get(mapped.kind, {})
    known = world.twoway(mapped.kind, mapped.key)
    if op == "delete":
        if source in known.sides:
            forget(world, known, source, "the object was deleted")
        return Said(mapped)
    if not known.sides and _alone(before, fields, source):
        return Said(mapped)
    known = _seeded(known, before, fields)
    values, decided, late, after = dict(mapped.fields), set(), {}, known
    for name in sorted(fields.keys() & values.keys()):
        hub = None if before is None else before.state.get(name)
        after, values[name], moved = _field(world, after, fields[name], source, at, values[name], hub)
        decided |= {name} if moved else set()
        if at < known.side(source).word(name).at and values[name] != hub:
            late[name] = values.pop(name)
    if after != known:
        world.put_twoway(after)
    return Said(replace(mapped, fields=values), frozenset(decided), late)


def forget(world: World, known: TwoWay, source: str, reason: str) -> None:
    """What an object said counts no more, and what was planned for it is not sent."""
    side = known.side(source)
    effect = world.effect(side.effect) if side.effect else None
    if effect is not None and effect.state is _S.PLANNED:
        world.put_effect(effect, replace(effect, state=_S.CANCELLED, reason=reason, settled_at=world.now))
    world.put_twoway(replace(known, sides={name: one for name, one in known.sides.items() if name != source}))


def _alone(before: Entity | None, fields: Mapping[str, TwoWayField], source: str) -> bool:
    """Whether nobody else has spoken of these fields: then what is true is what this source says, and no more needs
    to be kept."""
    return before is None or not any(_speakers(before, one) - {source} for one in fields.values())


def _speakers(entity: Entity, field: TwoWayField) -> set[str]:
    """The objects whose records have said the field."""
    return {
        source
        for source, marks in entity.marks.items()
        if (end := field.ends.get(_connection(source))) is not None and end.fed and marks.of(field.name).at > NEVER.at
    }


def _seeded(known: TwoWay, before: Entity | None, fields: Mapping[str, TwoWayField]) -> TwoWay:
    """A second system comes in: what the only one so far said is what the hub holds."""
    if before is None:
        return known
    for name, one in fields.items():
        speakers = _speakers(before, one)
        if len(speakers) != 1:
            continue
        (source,) = speakers
        side, value = known.side(source), before.state.get(name)
        if not side.word(name).spoke:
            at = before.marks[source].of(name).at
            word = replace(side.word(name), value=value, at=at, spoke=True, holds=value)
            known = known.with_side(source, side.with_word(name, agree(word, value)))
    return known


def _field(
    world: World, known: TwoWay, field: TwoWayField, source: str, at: Micros, value: Json, hub: Json
) -> tuple[TwoWay, Json, bool]:
    """(what is known now, what the hub is to hold, whether a conflict was decided)."""
    side = known.side(source)
    word, heard = hear(side.word(field.name), value, at, hub)
    after = known.with_side(source, side.with_word(field.name, word))
    if field.name in known.conflicts:
        return (*_while_open(world, after, field, hub), False)
    if heard == "changed":
        return after.with_side(source, side.with_word(field.name, agree(word, word.value))), word.value, False
    if heard == "conflict":
        return _both_changed(world, after, field, source, hub)
    return after, value if is_empty(hub) and is_empty(value) else hub, False


def _while_open(world: World, known: TwoWay, field: TwoWayField, hub: Json) -> tuple[TwoWay, Json]:
    """A person decides; unless the systems come to say the same by themselves."""
    if known.conflicts[field.name].why:
        return known, hub
    words = {source: side.word(field.name) for source, side in known.sides.items() if side.word(field.name).spoke}
    said = [word.value for word in words.values()]
    if not said or any(not alike(one, said[0]) for one in said):
        return known, hub
    for source in words:
        known = _agreed(known, source, field.name, said[0])
    known = known.without_conflict(field.name)
    world.told_twoway(known, "agreed", field.integration, field=field.name)
    return world.twoway(known.kind, known.key), said[0]


def _agreed(known: TwoWay, source: str, name: str, value: Json) -> TwoWay:
    side = known.side(source)
    return known.with_side(source, side.with_word(name, agree(side.word(name), value)))


def _both_changed(
    world: World, known: TwoWay, field: TwoWayField, source: str, hub: Json
) -> tuple[TwoWay, Json, bool]:
    """Two systems moved the field since they agreed: the policy decides, or a person."""
    word = known.side(source).word(field.name)
    other = _holder(known, field.name, source, hub)
    pair = field.pair(_connection(source), _connection(other) if other else "")
    about = {"field": field.name, "policy": pair.policy, "between": [source, other]}
    world.measures[field.integration, "sync_conflicts"] += 1
    if pair.policy == "ask":
        conflict = Conflict(world.now, field.integration, field.owner, field.private)
        known = replace(known, conflicts={**known.conflicts, field.name: conflict})
        world.told_twoway(known, "conflict", field.integration, **about)
        return world.twoway(known.kind, known.key), hub, False
    wins = _wins(known, field, source, other, pair.policy, {"source": pair.source, "target": pair.target})
    value = word.value if wins else hub
    if wins:
        known = _agreed(known, source, field.name, value)
    world.told_twoway(known, "decided", field.integration, winner=source if wins else other, **about)
    return world.twoway(known.kind, known.key), value, True


def _holder(known: TwoWay, name: str, source: str, hub: Json) -> str:
    """The other system's object whose newest word is what the hub holds; empty when nobody's is."""
    words = {one: side.word(name) for one, side in known.sides.items() if one != source}
    said = [(word.at, one) for one, word in words.items() if word.spoke and alike(word.value, hub)]
    return max(said)[1] if said else ""


def _wins(known: TwoWay, field: TwoWayField, source: str, other: str, policy: str, named: Mapping[str, str]) -> bool:
    """Whether what ``source`` says becomes the hub's value. Equal version times: the table's own source wins."""
    here, there = _connection(source), _connection(other)
    if policy == "newest":
        mine, theirs = known.side(source).word(field.name).at, known.side(other).word(field.name).at
        if mine != theirs:
            return mine > theirs
        policy = "source"
    return here == named[policy] or (there != named[policy] and here >= there)


def _connection(source: str) -> str:
    return source.partition("/")[0]


# --- updates


def settle(
    world: World, entity: Entity, moved: Collection[str], decided: Collection[str] = (), looked: str = ""
) -> None:
    """Plan what the linked objects lack. ``moved``: fields the hub changed just now; ``decided``: fields about which
    somebody decided just now, whatever failed before; ``looked``: the object that was read just now."""
    fields = world.catalog.twoways.get(entity.kind)
    if not fields or not (fields.keys() & set(moved) or world.twoway(entity.kind, entity.key).sides):
        return
    connections = {connection: end for field in fields.values() for connection, end in field.ends.items()}
    for connection in sorted(connections):
        target = world.link(connection, entity.kind, entity.key)
        if target is not None:
            fresh = looked == f"{connection}/{target}"
            _settle_side(world, entity, fields, connection, target, moved, decided, fresh=fresh)


def _settle_side(
    world: World,
    entity: Entity,
    fields: Mapping[str, TwoWayField],
    connection: str,
    target: str,
    moved: Collection[str],
    decided: Collection[str],
    *,
    fresh: bool,
) -> None:
    source = f"{connection}/{target}"
    side = world.twoway(entity.kind, entity.key).side(source)
    effect = world.effect(side.effect) if side.effect else None
    if effect is not None and effect.state in FLYING:
        return
    wanted = _wanted(world, entity, fields, connection, side, moved)
    refused = {name for name, one in side.failed.items() if name in wanted and alike(one.value, wanted[name])}
    refused -= set(decided)
    wanted = {name: value for name, value in wanted.items() if name not in refused}
    _let_go(world, entity, source, refused)
    if effect is not None and effect.state is _S.PLANNED:
        if wanted.keys() == side.sending.keys() and all(alike(wanted[n], side.sending[n]) for n in wanted):
            return
        supersede(world, effect, "newer values" if wanted else "nothing is left to change")
    if wanted and not fresh and _reads_first(world, connection, wanted, fields):
        _read(world, entity, fields[min(wanted)].ends[connection], target)
    else:
        _plan(world, entity, fields, connection, target, wanted)


def _reads_first(world: World, connection: str, wanted: Collection[str], fields: Mapping[str, TwoWayField]) -> bool:
    """Whether the object can be asked, and a table hears what it answers."""
    facts = world.catalog.connections.get(connection)
    return facts is not None and facts.refetch and any(fields[name].ends[connection].fed for name in wanted)


def _read(world: World, entity: Entity, end: Endpoint, target: str) -> None:
    """Somebody may have changed it a moment ago: it is read, and written when it still lacks something then."""
    source = f"{end.connection}/{target}"
    known = world.twoway(entity.kind, entity.key)
    side = known.side(source)
    world.put_twoway(known.with_side(source, replace(Side(side.words, failed=side.failed), reading=True)))
    if not side.reading:
        cause = f"{STEP}/{entity.kind}/{entity.key}"
        world.ask_reading(Reading(end.connection, end.stream, target, cause, world.now, world.now))


def was_read(world: World, cause: str, source: str) -> None:
    """The object was read and heard: now it is written, where it still differs."""
    _, kind, key = cause.split("/", 2)
    entity, known = world.entity(kind, key), world.twoway(kind, key)
    side = known.side(source)
    if entity is not None and side.reading:
        world.put_twoway(known.with_side(source, replace(side, reading=False)))
        settle(world, entity, (), (), source)


def not_read(world: World, cause: str, source: str, reason: str) -> None:
    """The object cannot be read: gone (``reason`` empty), or refused, which a person hears of."""
    _, kind, key = cause.split("/", 2)
    entity, known = world.entity(kind, key), world.twoway(kind, key)
    if entity is None or source not in known.sides:
        return
    side, connection = known.side(source), _connection(source)
    if not reason:
        forget(world, known, source, "the object is gone")
        return
    world.put_twoway(known.with_side(source, replace(side, reading=False)))
    for name, one in sorted(world.catalog.twoways.get(kind, {}).items()):
        if connection in one.ends and not alike(side.word(name).holds, entity.state.get(name)):
            ask(world, entity, one, f"{connection} cannot be read: {reason}")


def is_reading(cause: str) -> bool:
    """Whether a read was made for two-way fields."""
    return cause.startswith(f"{STEP}/")


def _let_go(world: World, entity: Entity, source: str, refused: Collection[str]) -> None:
    """Failed updates none of whose fields matters any more give way."""
    known = world.twoway(entity.kind, entity.key)
    side = known.side(source)
    if side.failed.keys() == set(refused):
        return
    kept = {name: one for name, one in side.failed.items() if name in refused}
    world.put_twoway(known.with_side(source, replace(side, failed=kept)))
    over = {one.effect for one in side.failed.values()} - {one.effect for one in kept.values()}
    for key in sorted(over):
        effect = world.effect(key)
        if effect is not None and effect.state in FAILED:
            supersede(world, effect, "decided otherwise since")


def _wanted(
    world: World,
    entity: Entity,
    fields: Mapping[str, TwoWayField],
    connection: str,
    side: Side,
    moved: Collection[str],
) -> dict[str, Json]:
    """The fields in which this object differs from the hub. One that a table feeds is first heard, then written."""
    conflicts = world.twoway(entity.kind, entity.key).conflicts
    found: dict[str, Json] = {}
    for name, one in fields.items():
        end = one.ends.get(connection)
        if end is None or end.write is None or name in conflicts or entity.deleted:
            continue
        word, value = side.word(name), entity.state.get(name)
        known = word.spoke if end.fed else bool(word.ours or word.agreed or name in moved or name in side.sending)
        if known and not alike(word.holds, value):
            found[name] = value
    return found


def supersede(world: World, effect: Effect, reason: str) -> None:
    """Newest wins before sending; what has failed gives way too."""
    to = _S.SUPERSEDED
    world.put_effect(effect, replace(effect, state=to, reason=reason, settled_at=world.now))


def _plan(
    world: World,
    entity: Entity,
    fields: Mapping[str, TwoWayField],
    connection: str,
    target: str,
    wanted: Mapping[str, Json],
) -> None:
    source = f"{connection}/{target}"
    written, ends = _written(world, entity, fields, connection, wanted)
    known = world.twoway(entity.kind, entity.key)
    side = known.side(source)
    if not written:
        if side.effect:
            world.put_twoway(known.with_side(source, Side(side.words, failed=side.failed)))
        return
    field = fields[next(iter(written))]
    end = ends[next(iter(written))]
    effect = _effect(world, entity, field.integration, end, target, {ends[n].path: v for n, v in written.items()})
    sending = {name: wanted[name] for name in written}
    was = {name: side.word(name).value for name in written}
    world.put_twoway(known.with_side(source, replace(side, effect=effect.key, sending=sending, was=was)))


def _written(
    world: World,
    entity: Entity,
    fields: Mapping[str, TwoWayField],
    connection: str,
    wanted: Mapping[str, Json],
) -> tuple[dict[str, Json], dict[str, Endpoint]]:
    """The values in the record's own shape; a value that cannot be said there asks a person."""
    written: dict[str, Json] = {}
    ends: dict[str, Endpoint] = {}
    for name in sorted(wanted):
        end = fields[name].ends[connection]
        if end.write is None:
            continue
        try:
            written[name] = end.write(wanted[name])
            ends[name] = end
        except Unwritable as problem:
            ask(world, entity, fields[name], f"{connection} cannot hold it: {problem}")
    return written, ends


def ask(world: World, entity: Entity, field: TwoWayField, why: str) -> None:
    known = world.twoway(entity.kind, entity.key)
    words = why.partition(":")[0] if field.private else why
    conflict = Conflict(world.now, field.integration, field.owner, field.private, words)
    known = replace(known, conflicts={**known.conflicts, field.name: conflict})
    world.told_twoway(known, "unwritable", field.integration, field=field.name, why=words)


def _effect(
    world: World, entity: Entity, integration: str, end: Endpoint, target: str, values: Mapping[str, Json]
) -> Effect:
    """One update. Its key comes from what caused it: the record, outcome or decision, never a clock or a count."""
    cause = event_id(world.cause, world.record, world.table, world.ordinal)
    place = f"{end.connection}.{end.stream}"
    key = effect_key(integration, STEP, f"{entity.kind}/{entity.key}", cause, place, target)
    action = world.catalog.action(end.connection, end.action)
    payload = {"object": target, "fields": dict(values)}
    effect = Effect(
        key=key,
        reference=key,
        integration=integration,
        loop="",
        step=f"{STEP}/{entity.kind}",
        item=target,
        subject=entity.key,
        connection=end.connection,
        action=end.action,
        call=action.calls[-1].name,
        target=action.target.value,
        state=_S.PLANNED,
        payload=payload,
        expect={"fields": dict(values)},
        logic=world.catalog.logic(integration),
        planned_at=world.now,
        due=world.now,
    )
    problem = payload_problem(action, payload)
    if problem:
        raise ValueError(f"{end.action}: {problem}")
    world.measures[integration, "sync_planned"] += 1
    return world.put_effect(None, effect)


__all__ = [
    "FAILED",
    "FLYING",
    "NOTHING",
    "STEP",
    "Said",
    "ask",
    "forget",
    "hear_record",
    "is_reading",
    "not_read",
    "settle",
    "supersede",
    "was_read",
]
