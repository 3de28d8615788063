"""A loop of the table into callables over its scope (design §4.1.3): conditions, lists, payloads, expectations."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from datetime import UTC, datetime
from typing import Any
from zoneinfo import ZoneInfo

from hub.mapping.apply import ABSENT, id_text, walk
from hub.mapping.calendar import Calendar, CalendarDef
from hub.mapping.check.scope import Kinds, element, loop_scope, path_type, step_scope, until_scope, when_scope
from hub.mapping.compile_rows import Findings, RowsContext
from hub.mapping.compile_until import compile_until
from hub.mapping.compiled import (
    CompiledLoop,
    CompiledRelated,
    CompiledRequire,
    CompiledStep,
    ExpressionError,
    LinkOf,
    Scope,
)
from hub.mapping.convert import ConvertContext
from hub.mapping.convert.make import zone_of
from hub.mapping.expression import TypeScope, names, parse
from hub.mapping.expression.evaluate import evaluator
from hub.mapping.payload import PayloadRow, payload_rows
from hub.mapping.table import (
    ApproveDef,
    DueDef,
    Expression,
    IntegrationDef,
    LoopDef,
    Path,
    RelatedDef,
    Row,
    StepDef,
)
from hub.model.action import ActionSpec
from hub.model.clock import Micros, micros
from hub.model.people import People
from hub.model.values import Money, canonical, instant_of

Condition = Callable[[Scope], bool]


def compile_loop(
    loop: LoopDef,
    definition: IntegrationDef,
    kinds: Kinds,
    actions: Mapping[tuple[str, str], ActionSpec],
    activated_at: Micros,
    people: People,
    findings: Findings,
) -> CompiledLoop:
    """The loop ready to run. Raises ``ExpressionSyntaxError``; type findings are added to ``findings``."""
    base = loop_scope(loop, kinds)
    of_steps = {
        step.name: actions[step.connection, step.action]
        for step in loop.steps
        if (step.connection, step.action) in actions
    }
    maker = _Maker(loop, definition, kinds, of_steps, findings)
    return CompiledLoop(
        definition=loop,
        integration=definition.name,
        logic=definition.logic,
        starts_at=activated_at if loop.starts_at is None else loop.starts_at,
        when=maker.condition(loop.when, when_scope(loop, kinds)),
        starts_of=_moment(loop.starts_of),
        occurrence_of=_text(loop.starts_of),
        related=tuple(maker.related(related) for related in loop.related),
        require=tuple(CompiledRequire(one, maker.condition(one.check, base)) for one in loop.require),
        steps=tuple(maker.step(step, step_scope(loop, step, base, of_steps), people) for step in loop.steps),
        calendar=Calendar(loop.calendar or CalendarDef("", definition.zone, loop.place)),
        due_of=_due_moment(loop.due, definition.zone),
        rearm=None if loop.rearm is None else maker.condition(loop.rearm, when_scope(loop, kinds)),
    )


class _Maker:
    """Compiles the expressions of one loop."""

    def __init__(
        self,
        loop: LoopDef,
        definition: IntegrationDef,
        kinds: Kinds,
        actions: Mapping[str, ActionSpec],
        findings: Findings,
    ) -> None:
        self.loop, self.definition, self.kinds, self.findings = loop, definition, kinds, findings
        self.actions = actions
        self.zone = zone_of(definition.zone)

    def condition(self, expression: Expression, scope: TypeScope) -> Condition:
        return evaluator(expression, scope, self.zone, condition=True)[0]

    def related(self, related: RelatedDef) -> CompiledRelated:
        if related.where is None:
            return CompiledRelated(related, lambda scope: True)
        alone = TypeScope({related.entity: self.kinds.of(related.entity)})
        return CompiledRelated(related, self.condition(related.where, alone))

    def step(self, step: StepDef, scope: TypeScope, people: People) -> CompiledStep:
        inner = scope
        if step.each is not None:
            inner = scope.plus(**{step.each[0]: element(path_type(step.each[1], scope)[0])})
        convert = ConvertContext(step.connection, people, self.definition.zone)
        context = RowsContext(convert, self.findings, f"{self.definition.name}/{self.loop.name}/{step.name}")
        rows = payload_rows(step.payload, inner, context)
        until = None
        if step.until is not None:
            wide = until_scope(self.loop, step, inner, self.actions, self.kinds)
            until = compile_until(step.until, lambda one: self.condition(one, wide))
        return CompiledStep(
            definition=step,
            uses=_uses(step),
            applies=(lambda scope: True) if step.applies is None else self.condition(step.applies, scope),
            items=None if step.each is None else _items(step.each, step.key),
            payload=_payload(rows),
            expect=self.expect(step, inner),
            amount=None if step.approve is None else self.amount(step.approve, inner),
            levels=tuple((one, self.amount(one, inner)) for one in (step.approve.levels if step.approve else ())),
            until=until,
        )

    def expect(self, step: StepDef, scope: TypeScope) -> Callable[[Scope], dict[str, Any]]:
        fields = {name: evaluator(one, scope, self.zone)[0] for name, one in step.expect.items()}

        def expected(names: Scope) -> dict[str, Any]:
            return {field: canonical(evaluate(names)) for field, evaluate in fields.items()}

        return expected

    def amount(self, policy: ApproveDef, scope: TypeScope) -> Callable[[Scope], Money] | None:
        source = policy.of
        if source is None:
            return None
        evaluate, _ = evaluator(source, scope, self.zone)

        def amount(names: Scope) -> Money:
            found = evaluate(names)
            if not isinstance(found, Money):
                raise ExpressionError("type-error", f"no amount of money, in {source.text} ({source.place})")
            return found

        return amount


# --- starts


def _moment(path: Path | None) -> Callable[[Scope], Micros | None]:
    if path is None:
        return lambda scope: None

    def moment(scope: Scope) -> Micros | None:
        value = walk(path, scope)
        if value is ABSENT or not value:
            return None
        try:
            found = instant_of(value)
        except (TypeError, ValueError):
            raise ExpressionError("type-error", f"no moment at {path.text} ({path.place})") from None
        return None if found is None else micros(found)

    return moment


def _due_moment(due: DueDef | None, zone: str) -> Callable[[Scope], Micros | None]:
    """The moment a deadline is about; a date counts from its first moment in the zone."""
    if due is None:
        return lambda scope: None
    path, own = due.of, ZoneInfo(zone)

    def moment(scope: Scope) -> Micros | None:
        value = walk(path, scope)
        if value is ABSENT or not value:
            return None
        try:
            found = datetime.fromisoformat(str(value))
        except ValueError:
            raise ExpressionError("type-error", f"no moment at {path.text} ({path.place})") from None
        aware = found.replace(tzinfo=own) if found.tzinfo is None else found
        return micros(aware.astimezone(UTC))

    return moment


def _text(path: Path | None) -> Callable[[Scope], str | None]:
    if path is None:
        return lambda scope: None

    def text(scope: Scope) -> str | None:
        value = walk(path, scope)
        return None if value is ABSENT or value is None or value == "" else str(canonical(value))

    return text


# --- items and payload


def _items(each: tuple[str, Path], key: Path | None) -> Callable[[Scope], Sequence[tuple[str, Mapping[str, Any]]]]:
    """One obligation per element, keyed by the entity (or ``key:``), never by its place in the list."""
    name, path = each

    def items(scope: Scope) -> Sequence[tuple[str, Mapping[str, Any]]]:
        values = walk(path, scope)
        if values is ABSENT or values is None:
            return ()
        if not isinstance(values, list):
            raise ExpressionError("type-error", f"each needs a list, at {path.text} ({path.place})")
        return [(_item_key(one, name, key, scope, path), {name: one}) for one in values]

    return items


def _item_key(one: Any, name: str, key: Path | None, scope: Scope, path: Path) -> str:
    if key is not None:
        found = id_text(walk(key, {**scope, name: one}))
    else:
        found = id_text(one.get("key")) if isinstance(one, dict) else None
    if found is None:
        where = key or path
        raise ExpressionError("missing-key", f"an element has no key, at {where.text} ({where.place})")
    return found


def _payload(rows: Sequence[PayloadRow]) -> Callable[[Scope, LinkOf], dict[str, Any]]:
    def payload(scope: Scope, link: LinkOf) -> dict[str, Any]:
        return {row.field: value for row in rows if (value := row.value(scope, link)) is not None}

    return payload


def _uses(step: StepDef) -> frozenset[str]:
    """Every scope name the step reads anywhere, its own ``each`` variables left out."""
    own = {step.each[0]} if step.each else set()
    found: set[str] = set()
    policies = (step.approve, *step.approve.levels) if step.approve else ()
    expressions = [step.applies, *(policy.of for policy in policies), *step.expect.values()]
    for expression in expressions:
        found |= names(parse(expression)) if expression is not None else frozenset()
    if step.until is not None:
        found |= {str(right.steps[0]) for _, right in step.until.matches}
        own.add(step.until.entity)
        found |= names(parse(step.until.when)) if step.until.when is not None else frozenset()
    if step.each is not None:
        found.add(str(step.each[1].steps[0]))
    return frozenset((found | _row_names(step.payload)) - own)


def _row_names(rows: Sequence[Row]) -> set[str]:
    found: set[str] = set()
    for row in rows:
        found |= {str(path.steps[0]) for path in row.sources}
        found |= names(parse(row.value)) if row.value is not None else frozenset()
        inner = _row_names(row.rows)
        if row.each is not None:
            inner.discard(row.each[0])
            found.add(str(row.each[1].steps[0]))
        found |= inner
    return found
