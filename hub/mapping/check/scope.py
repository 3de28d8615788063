"""The names an expression or path may use, by where it stands (design §4.1.3), with their types."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from hub.mapping.expression.kinds import DYN, INSTANT, INT, TEXT, Type, TypeScope, entity_type, list_of, object_of
from hub.mapping.expression.kinds import type_of as schema_type
from hub.mapping.table import LoopDef, Path, Row, StepDef, TableDef
from hub.model.action import ActionSpec
from hub.model.schema import Schemas

CLOSING = object_of({"at": INSTANT, "number": INT})
PERIOD = object_of({"at": INSTANT, "number": INT, "period": TEXT})
"""``closing`` of a loop that a schedule starts."""
DOCUMENTS = list_of(object_of(dict.fromkeys(("step", "title", "number", "id", "url"), TEXT)))
Currencies = Mapping[str, Mapping[str, str]]
"""Entity kind -> field -> the one currency all its tables fix."""


def currencies_of(tables: Sequence[TableDef]) -> Currencies:
    """Which money fields always hold one currency."""
    seen: dict[str, dict[str, set[str]]] = {}
    for table in tables:
        for row in table.rows:
            given = row.convert.argument if row.convert and row.convert.name == "money" else ""
            seen.setdefault(table.entity, {}).setdefault(row.field, set()).add(given)
    return {kind: {f: min(given) for f, given in rows.items() if len(given) == 1} for kind, rows in seen.items()}


class Kinds:
    """Entity types of a workspace, made once."""

    def __init__(self, schemas: Schemas, currencies: Currencies) -> None:
        self.schemas, self.currencies = schemas, currencies
        self._made: dict[str, Type] = {}

    def of(self, kind: str) -> Type:
        """The entity's type; dynamic where there is no schema (reported elsewhere)."""
        if kind not in self._made:
            schema = self.schemas.get(kind)
            self._made[kind] = DYN if schema is None else entity_type(schema, self.currencies.get(kind))
        return self._made[kind]


def when_scope(loop: LoopDef, kinds: Kinds) -> TypeScope:
    """``when``: the entity now and before."""
    entity = kinds.of(loop.entity)
    return TypeScope({loop.entity: entity, "was": entity, "now": INSTANT})


def loop_scope(loop: LoopDef, kinds: Kinds) -> TypeScope:
    """``require``: what there is once the lists are taken."""
    related = {related.name: list_of(kinds.of(related.entity)) for related in loop.related}
    return when_scope(loop, kinds).plus(**related, closing=CLOSING if loop.schedule is None else PERIOD)


def step_scope(loop: LoopDef, step: StepDef, base: TypeScope, actions: Mapping[str, ActionSpec]) -> TypeScope:
    """A step's expressions, its ``each`` name apart. ``actions``: what each step of the loop calls, by step."""
    steps = {other.name: _step_type(other, actions.get(other.name)) for other in loop.steps if other is not step}
    return base.plus(steps=object_of(steps), documents=DOCUMENTS)


def until_scope(
    loop: LoopDef, step: StepDef, scope: TypeScope, actions: Mapping[str, ActionSpec], kinds: Kinds
) -> TypeScope:
    """A step's ``until``: its scope with its own document, one under ``each`` too, and the entity that may come."""
    steps = {other.name: _step_type(other, actions.get(other.name)) for other in loop.steps}
    steps[step.name] = _document_type(actions.get(step.name))
    arriving = {} if step.until is None else {step.until.entity: kinds.of(step.until.entity)}
    return scope.plus(steps=object_of(steps), **arriving)


def _step_type(step: StepDef, action: ActionSpec | None) -> Type:
    one = _document_type(action)
    return list_of(one) if step.each else one


def _document_type(action: ActionSpec | None) -> Type:
    read = DYN if action is None else schema_type(action.document)
    return object_of({"state": TEXT, "id": TEXT, "number": TEXT, "url": TEXT, "read": read})


def path_type(path: Path, scope: TypeScope) -> tuple[Type, int, Type]:
    """The type a path leads to, how many of its steps are good, and the type where it stopped."""
    start = scope.get(str(path.steps[0])) if path.steps else None
    if start is None:
        return DYN, 0, DYN
    return _walk(path.steps[1:], start, 1)


def _walk(steps: Sequence[str | int | None], at: Type, done: int) -> tuple[Type, int, Type]:
    for number, step in enumerate(steps, done):
        if step is None:
            inner, good, stopped = _walk(steps[number - done + 1 :], at.of or DYN, number + 1)
            return (list_of(inner), good, stopped) if at.name in ("list", "dyn") else (DYN, number, at)
        found = _below(at, step)
        if found is None:
            return DYN, number, at
        at = found
    return at, done + len(steps), at


def _below(at: Type, step: str | int) -> Type | None:
    if at.name == "dyn":
        return DYN
    if isinstance(step, int):
        return (at.of or DYN) if at.name == "list" else None
    if at.name not in ("entity", "object"):
        return None
    return DYN if at.fields is None else at.fields.get(step)


def element(found: Type) -> Type:
    """What ``each`` binds."""
    return found.of or DYN if found.name == "list" else DYN


def row_scope(row: Row, scope: TypeScope) -> TypeScope:
    """The scope of a row's nested rows."""
    if row.each is None:
        return scope
    return scope.plus(**{row.each[0]: element(path_type(row.each[1], scope)[0])})
