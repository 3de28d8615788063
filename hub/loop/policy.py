"""Who may decide: the owner of the loop, the owner of the integration, the roles a step's approval names. Pure.

Letting go of money or an asset (``waive``) is for the step's approvers alone, where it names any. Somebody named who
is not in people.yaml lets nobody in: the answer says who may, and that they have to be written down.
"""

from __future__ import annotations

from collections.abc import Iterable

from hub.loop.steps import action_of, compiled_step
from hub.loop.world import World
from hub.mapping.catalog import Catalog
from hub.mapping.compiled import CompiledLoop, CompiledStep
from hub.model.changes import Quarantine
from hub.model.clock import Micros, iso
from hub.model.fact import PersonDecided
from hub.model.people import People, Person

_HEAVY = frozenset({"money", "asset"})


def refusal(world: World, loop: CompiledLoop, fact: PersonDecided, person: Person) -> str:
    """Why this person may not decide that, naming who may; empty when they may."""
    what = "/".join(part for part in (fact.step, fact.item) if part) or loop.definition.name
    return refused(world, loop, person, f"{fact.choice} {what}", deciders(world, loop, fact))


def deciders(world: World, loop: CompiledLoop, fact: PersonDecided) -> tuple[str, ...]:
    """The roles and people who may, as the table names them."""
    compiled = compiled_step(loop, fact.step) if fact.step else None
    approvers = () if compiled is None else _approvers(compiled)
    if fact.choice == "waive" and approvers and compiled is not None and _weighs(world, compiled):
        return approvers
    return (*owners(world, loop), *approvers)


def owners(world: World, loop: CompiledLoop) -> tuple[str, ...]:
    """Who answers for a loop: its own owner, and its integration's."""
    active = world.catalog.integrations.get(loop.integration)
    named = (loop.definition.owner, active.definition.owner if active is not None else "")
    return tuple(dict.fromkeys(one for one in named if one))


def _approvers(compiled: CompiledStep) -> tuple[str, ...]:
    policy = compiled.definition.approve
    return () if policy is None else tuple(dict.fromkeys(one.role for one in (policy, *policy.levels)))


def _weighs(world: World, compiled: CompiledStep) -> bool:
    action = action_of(world, compiled)
    return action is None or action.weight in _HEAVY


def refused(world: World, loop: CompiledLoop, person: Person, what: str, parties: Iterable[str]) -> str:
    day = loop.calendar.day_of(world.now).isoformat()
    return words(world.catalog.people, person, what, tuple(parties), day)


def words(people: People, person: Person, what: str, parties: tuple[str, ...], day: str) -> str:
    """Empty when the person is one of the parties, or stands in for one that day."""
    if any(_is(people, one, person, day) for one in parties):
        return ""
    unknown = [one for one in parties if not people.with_role(one) and people.find(one) is None]
    hint = f"; nobody in people.yaml is {', '.join(unknown)}" if unknown else ""
    return f"{person.name} may not {what}; who may: {', '.join(parties) or 'nobody'}{hint}"


def _is(people: People, party: str, person: Person, day: str) -> bool:
    if people.with_role(party):
        return person in people.holding(party, day)
    named = people.find(party)
    if named is None or named.code == person.code:
        return named is not None
    return any(one.code == person.code and one.stands_in("", day) for one in named.deputies)


def of_record(catalog: Catalog, row: Quarantine, person: Person, choice: str, now: Micros) -> str:
    """Why this person may not decide about a record set aside: its row's owner may, and who reads that connection."""
    found = [
        one.definition.owner
        for _, one in sorted(catalog.integrations.items())
        if any(table.definition.connection == row.connection for table in one.tables)
    ]
    parties = tuple(dict.fromkeys(one for one in (row.owner, *found) if one))
    return words(catalog.people, person, f"{choice} this record", parties, iso(now)[:10]) if parties else ""
