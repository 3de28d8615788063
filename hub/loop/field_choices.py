"""People's decisions about entities: whose value of a two-way field holds, and which object of a system an entity is.

Each answers with the problem in words (nothing was changed then), or empty when it is done; each leaves an audit row
and an event that names who and why. Pure.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator

from hub.loop import decide
from hub.loop.holding import hold
from hub.loop.names import names_of
from hub.loop.policy import words
from hub.loop.twoway import forget, settle
from hub.loop.world import World
from hub.mapping.compiled import CompiledLoop
from hub.mapping.endpoints import TwoWayField
from hub.model.changes import Reading
from hub.model.clock import iso
from hub.model.entity import Entity
from hub.model.fact import FieldResolved, LinkDecided
from hub.model.people import Person
from hub.model.record import Json
from hub.model.twoway import TwoWay, agree

HUB = "hub"
"""``--take hub``: what the hub holds is right, the systems shall take it."""


def resolve(world: World, fact: FieldResolved) -> str:
    """One field, decided: the hub takes the value, the other systems get it."""
    entity = world.entity(fact.kind, fact.key)
    field = world.catalog.twoways.get(fact.kind, {}).get(fact.field)
    person, problem = _who(world, fact.who, fact.why)
    if person is None or entity is None or field is None:
        return problem or _nothing_there(world, fact, entity)
    if problem := _refused(world, person, f"decide {fact.field}", (field.owner, _owner(world, field.integration))):
        return problem
    known = world.twoway(fact.kind, fact.key)
    if fact.field not in known.conflicts and not _failed(known, fact.field):
        return f"nothing about {fact.field} of {fact.kind} {fact.key} waits for a decision"
    side = _taken(world, known, fact)
    if side is None and fact.take != HUB:
        said = sorted({source.partition("/")[0] for source in known.sides})
        return f"{fact.take} has said nothing of {fact.field}; take one of: {', '.join((*said, HUB))}"
    value = entity.state.get(fact.field) if side is None else known.side(side).word(fact.field).value
    _decided(world, fact, person, entity, field, known.without_conflict(fact.field), side, value)
    return ""


def _nothing_there(world: World, fact: FieldResolved, entity: Entity | None) -> str:
    if entity is None:
        return f"there is no {fact.kind} {fact.key}"
    names = ", ".join(sorted(world.catalog.twoways.get(fact.kind, {}))) or "none"
    return f"{fact.field} of {fact.kind} is not written to other systems; these fields are: {names}"


def _who(world: World, words: str, why: str) -> tuple[Person | None, str]:
    person = world.catalog.people.find(words)
    if person is None:
        return None, f"nobody in people.yaml is called {words}"
    return (person, "") if why.strip() else (None, "say why: --why TEXT")


def _refused(world: World, person: Person, what: str, parties: Iterable[str]) -> str:
    """Why this person may not, naming who may; empty when they may."""
    named = tuple(dict.fromkeys(one for one in parties if one))
    return words(world.catalog.people, person, what, named, iso(world.now)[:10])


def _owner(world: World, integration: str) -> str:
    active = world.catalog.integrations.get(integration)
    return "" if active is None else active.definition.owner


def _failed(known: TwoWay, name: str) -> bool:
    """Whether the field could not be written somewhere."""
    return any(name in side.failed for side in known.sides.values())


def _taken(world: World, known: TwoWay, fact: FieldResolved) -> str | None:
    """The object whose word is taken: the linked one of that connection, which has said something."""
    target = world.link(fact.take, fact.kind, fact.key) if fact.take in world.catalog.connections else None
    source = f"{fact.take}/{target}"
    return source if target is not None and known.side(source).word(fact.field).spoke else None


def _decided(
    world: World,
    fact: FieldResolved,
    person: Person,
    entity: Entity,
    field: TwoWayField,
    known: TwoWay,
    source: str | None,
    value: Json,
) -> None:
    if source is not None:
        side = known.side(source)
        known = known.with_side(source, side.with_word(field.name, agree(side.word(field.name), value)))
    about = {"field": field.name, "take": fact.take, "who": person.code, "why": fact.why}
    world.told_twoway(known, "resolved", field.integration, **about)
    world.audit(person.code, "entity resolve", f"{fact.kind}/{fact.key}/{fact.field}", fact.why, f"took {fact.take}")
    world.measures[field.integration, "sync_resolved"] += 1
    after = hold(world, entity, {field.name: value}, field.integration)
    settle(world, after, {field.name}, {field.name})


# --- links


def link(world: World, fact: LinkDecided) -> str:
    """An entity is that object of a connection from now on; with an empty object, none."""
    entity = world.entity(fact.kind, fact.key)
    person, problem = _who(world, fact.who, fact.why)
    if person is None:
        return problem
    if entity is None or entity.deleted:
        return f"there is no {fact.kind} {fact.key}"
    if problem := _refused(world, person, f"say what {fact.key} is", _answering(world, fact.kind)):
        return problem
    if fact.connection not in world.catalog.connections:
        return f"hub.yaml has no connection {fact.connection}"
    before = world.link(fact.connection, fact.kind, fact.key)
    if before == (fact.object or None):
        return f"{fact.kind} {fact.key} {'is that object already' if before else 'has no link there'}"
    if fact.object and (taken := _taken_by(world, fact)):
        return f"{fact.connection} {fact.object} is {fact.kind} {taken} already; unlink it there first"
    _relinked(world, fact, person, entity, before)
    return ""


def _answering(world: World, kind: str) -> Iterator[str]:
    """Who answers for what is said of entities of that kind, or done with them."""
    for _, one in sorted(world.catalog.integrations.items()):
        tables = [table.definition.governance.owner for table in one.tables if table.definition.entity == kind]
        loops = [loop.definition.owner for loop in one.loops if kind in _kinds(loop)]
        if tables or loops:
            yield from (one.definition.owner, *tables, *loops)


def _kinds(loop: CompiledLoop) -> set[str]:
    return {loop.definition.entity, *(related.definition.entity for related in loop.related)}


def _taken_by(world: World, fact: LinkDecided) -> str:
    """The other living entity that is this object; the one of its own gives way by itself."""
    own = f"{fact.connection}:{fact.object}"
    keys = [key for key in world.linked(fact.connection, fact.kind, fact.object) if key not in (own, fact.key)]
    living = [key for key in keys if (one := world.entity(fact.kind, key)) is not None and not one.deleted]
    return living[0] if living else ""


def _relinked(world: World, fact: LinkDecided, person: Person, entity: Entity, before: str | None) -> None:
    known = world.twoway(fact.kind, fact.key)
    if before is not None:
        forget(world, known, f"{fact.connection}/{before}", "the link was taken away")
        world.take_link(fact.connection, fact.kind, fact.key)
    verb = "linked" if fact.object else "unlinked"
    about = {"connection": fact.connection, "object": fact.object or before, "who": person.code, "why": fact.why}
    integration = _integration(world, fact.kind)
    world.told_twoway(world.twoway(fact.kind, fact.key), verb, integration, **about)
    what = f"{fact.kind}/{fact.key} {fact.connection} {fact.object or before}"
    world.audit(person.code, "entity link" if fact.object else "entity unlink", what, fact.why, verb)
    if fact.object:
        world.put_link(fact.connection, fact.kind, fact.key, fact.object)
        _look(world, fact)
        decide.linked(world, fact.kind, names_of(entity))
        settle(world, entity, ())


def _integration(world: World, kind: str) -> str:
    """The integration that writes the kind's fields back; without one, the link belongs to nobody."""
    return next((field.integration for _, field in sorted(world.catalog.twoways.get(kind, {}).items())), "")


def _look(world: World, fact: LinkDecided) -> None:
    """Hear what the object says before anything is written to it."""
    for connection, stream in sorted(world.catalog.feeding(fact.kind)):
        if connection == fact.connection:
            world.ask_reading(Reading(connection, stream, fact.object, "", world.now, world.now))
