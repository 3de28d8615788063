"""A loop of an older version sees entities as their schema was when it was written (I10). Pure.

Entities are stored in the newest version of their schema. A closing that began before the upgrade goes on under its
own expressions: each scope is brought back before they read it. What was frozen before the upgrade is as it was.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import replace
from typing import Any

from hub.mapping.compiled import CompiledLoop, CompiledRelated, CompiledRequire, CompiledStep, CompiledUntil, Scope
from hub.mapping.table import IntegrationDef, flat
from hub.model.schema import Schemas

Back = Callable[[Any], Any]
Names = Mapping[str, str]
"""Scope name -> the entity kind it holds, one or a list."""
Versions = Mapping[str, int]
"""Kind -> the version of its schema a file was written for."""


def kinds_of(definition: IntegrationDef) -> frozenset[str]:
    """Every entity kind a file reads or fills."""
    rows = [row for table in definition.tables for row in flat(table.rows)]
    related = [one for loop in definition.loops for one in loop.related]
    until = [step.until.entity for loop in definition.loops for step in loop.steps if step.until is not None]
    return frozenset(
        {
            *(table.entity for table in definition.tables),
            *(row.lookup.entity for row in rows if row.lookup is not None),
            *(loop.entity for loop in definition.loops),
            *(one.entity for one in related),
            *until,
        }
    )


def written_for(definition: IntegrationDef) -> dict[str, int]:
    """The schema version of each kind the file was written for: 1 where it says no other."""
    said = dict(name.split("/v") for name in definition.schemas)
    return {kind: int(said.get(kind, 1)) for kind in kinds_of(definition)}


def as_written(loop: CompiledLoop, definition: IntegrationDef, schemas: Schemas) -> CompiledLoop:
    """The loop over entities as they were; the loop itself where nothing has changed since."""
    versions = written_for(definition)
    backs = {
        kind: _back(kind, version, schemas) for kind, version in versions.items() if schemas.steps(kind, version)
    }
    names = _names(loop)
    if not backs.keys() & set(names.values()):
        return loop
    then = _Then(backs, names)
    return replace(
        loop,
        when=then(loop.when),
        starts_of=then(loop.starts_of),
        occurrence_of=then(loop.occurrence_of),
        due_of=then(loop.due_of),
        rearm=None if loop.rearm is None else then(loop.rearm),
        related=tuple(_related(one, then, versions, schemas) for one in loop.related),
        require=tuple(CompiledRequire(one.definition, then(one.check)) for one in loop.require),
        steps=tuple(_step(one, then, versions, schemas) for one in loop.steps),
    )


def _related(related: CompiledRelated, then: _Then, versions: Versions, schemas: Schemas) -> CompiledRelated:
    """Its list is found by what the ref field is called now."""
    definition = related.definition
    by = schemas.name_now(definition.entity, versions.get(definition.entity, 1), definition.by)
    was = definition.by if by != definition.by else ""
    return CompiledRelated(replace(definition, by=by), then(related.where), was)


def _step(step: CompiledStep, outer: _Then, versions: Versions, schemas: Schemas) -> CompiledStep:
    each = step.definition.each
    kind = outer.names.get(str(each[1].steps[0])) if each is not None else None
    then = outer.plus(each[0], kind) if each is not None and kind else outer
    until = step.until
    return replace(
        step,
        applies=then(step.applies),
        items=None if step.items is None else then(step.items),
        payload=then(step.payload),
        expect=then(step.expect),
        amount=None if step.amount is None else then(step.amount),
        levels=tuple((one, None if amount is None else then(amount)) for one, amount in step.levels),
        until=None if until is None else _until(until, then, versions, schemas),
    )


def _until(until: CompiledUntil, then: _Then, versions: Versions, schemas: Schemas) -> CompiledUntil:
    """What waits already is kept under the names as written; entities hold what those are called now."""
    kind = until.definition.entity
    matches = tuple((field, then(value)) for field, value in until.matches)
    now = {field: schemas.name_now(kind, versions.get(kind, 1), field) for field, _ in matches}
    return replace(until, matches=matches, when=then(until.when), now=now)


def _names(loop: CompiledLoop) -> dict[str, str]:
    definition = loop.definition
    related = {one.definition.name: one.definition.entity for one in loop.related}
    alone = {one.definition.entity: one.definition.entity for one in loop.related}
    until = (step.definition.until for step in loop.steps)
    arrived = {one.entity: one.entity for one in until if one is not None}
    return {**alone, **arrived, **related, definition.entity: definition.entity, "was": definition.entity}


class _Then:
    """Makes a callable of a scope read that scope as it was."""

    def __init__(self, backs: Mapping[str, Back], names: Names) -> None:
        self.backs, self.names = backs, names

    def plus(self, name: str, kind: str) -> _Then:
        return _Then(self.backs, {**self.names, name: kind})

    def __call__(self, function: Callable[..., Any]) -> Callable[..., Any]:
        def read(scope: Scope, *more: Any) -> Any:
            return function(self.scope(scope), *more)

        return read

    def scope(self, scope: Scope) -> dict[str, Any]:
        return {name: self._value(self.names.get(name, ""), value) for name, value in scope.items()}

    def _value(self, kind: str, value: Any) -> Any:
        back = self.backs.get(kind)
        if back is None:
            return value
        return [back(one) for one in value] if isinstance(value, list) else back(value)


def _back(kind: str, version: int, schemas: Schemas) -> Back:
    steps = tuple(reversed(schemas.steps(kind, version)))
    old = schemas.get(kind, version)
    known = frozenset(old.fields) if old is not None else frozenset()

    def back(value: Any) -> Any:
        if not isinstance(value, Mapping) or known <= value.keys():
            return value
        for step in steps:
            value = step.back(value)
        return value

    return back
