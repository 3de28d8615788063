"""What rules look at: the files as read, the workspace around them, and everything found on the way once.

Expressions are parsed and typed, paths followed and rows flattened here a single time; a rule takes its share.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from typing import Protocol

from hub.mapping.build import Built
from hub.mapping.check.scope import (
    Kinds,
    currencies_of,
    element,
    loop_scope,
    path_type,
    row_scope,
    step_scope,
    until_scope,
    when_scope,
)
from hub.mapping.expression import habits
from hub.mapping.expression.check import infer
from hub.mapping.expression.kinds import DYN, Type, TypeScope, record_scope
from hub.mapping.expression.parse import parse
from hub.mapping.expression.tree import ExpressionSyntaxError, Root
from hub.mapping.form import near
from hub.mapping.table import Expression, IntegrationDef, LoopDef, Path, Row, StepDef, TableDef, flat
from hub.model.action import ActionSpec
from hub.model.clock import Micros
from hub.model.diagnostic import Diagnostic, Level, Place
from hub.model.people import People
from hub.model.schema import Schema, Schemas

CONDITION = frozenset({"bool"})
AMOUNT = frozenset({"money"})


class Documented(Protocol):
    """A path that a connector documents."""

    @property
    def path(self) -> str: ...


class Stream(Protocol):
    """What a check needs of a stream: the record's top-level names, and the paths it documents."""

    @property
    def name(self) -> str: ...
    @property
    def names(self) -> tuple[str, ...]: ...
    @property
    def fields(self) -> Sequence[Documented]: ...
    @property
    def update_action(self) -> str: ...


class System(Protocol):
    """What a check needs of a connector; ``hub.connector.spec.ConnectorSpec`` is one."""

    @property
    def name(self) -> str: ...
    @property
    def streams(self) -> Sequence[Stream]: ...
    @property
    def actions(self) -> Sequence[ActionSpec]: ...


@dataclass(frozen=True, slots=True)
class CheckContext:
    """The workspace: schemas, what each connection of ``hub.yaml`` can do, and the people."""

    schemas: Schemas
    specs: Mapping[str, System] = field(default_factory=dict)
    people: People = field(default_factory=People)
    polls: Mapping[str, Micros] = field(default_factory=dict)
    """Connection -> time between two polls, where ``hub.yaml`` sets one."""
    uncovered: Mapping[str, frozenset[str]] = field(default_factory=dict)
    """Integration -> rows and value-map entries none of its cases uses (``Coverage.unused``)."""
    thorough: bool = False
    """Also what is probably meant (level info): schema values no row gives."""


@dataclass(frozen=True, slots=True)
class Loop:
    """A loop with its integration."""

    integration: IntegrationDef
    definition: LoopDef


def finding(place: Place, rule: str, message: str, why: str, fix: str, level: Level = "error") -> Diagnostic:
    return Diagnostic(place, rule, level, message, why, fix)


class Checked:
    """One run over some files."""

    def __init__(self, files: Sequence[Built], context: CheckContext) -> None:
        self.files, self.context = tuple(files), context
        self.definitions = tuple(file.definition for file in files if file.definition is not None)
        self.tables = tuple(table for definition in self.definitions for table in definition.tables)
        self.loops = tuple(Loop(each, loop) for each in self.definitions for loop in each.loops)
        self.kinds = Kinds(context.schemas, currencies_of(self.tables))
        self.types: dict[int, Type] = {}
        """Type of a row's source by the row's identity."""
        self.roots: dict[int, Root] = {}
        """Parsed expressions by the identity of their ``Expression``."""
        self.results: dict[int, Type] = {}
        """What an expression gives, by the identity of its ``Expression``."""
        self.matched: dict[int, Type] = {}
        """Type of the left side of a ``match`` by the path's identity."""
        self._found: dict[str, list[Diagnostic]] = defaultdict(list)

    @cached_property
    def found(self) -> Mapping[str, list[Diagnostic]]:
        """Findings of reading, of expressions and of paths, by rule."""
        for file in self.files:
            for each in file.findings:
                self._found[each.rule].append(each)
        for table in self.tables:
            self._table(table)
        for loop in self.loops:
            self._loop(loop.definition)
        return self._found

    def schema(self, table: TableDef) -> Schema | None:
        return self.context.schemas.get(table.entity, table.version or None)

    def stream(self, table: TableDef) -> Stream | None:
        """The table's stream as its connector describes it."""
        name = table.stream.removeprefix(f"{table.connection}.")
        spec = self.context.specs.get(table.connection)
        return None if spec is None else next((each for each in spec.streams if each.name == name), None)

    def action(self, step: StepDef) -> ActionSpec | None:
        return self.action_of(step.connection, step.action)

    def action_of(self, connection: str, name: str) -> ActionSpec | None:
        spec = self.context.specs.get(connection)
        return None if spec is None else next((each for each in spec.actions if each.name == name), None)

    def steps(self) -> Iterator[tuple[LoopDef, StepDef]]:
        for loop in self.loops:
            for step in loop.definition.steps:
                yield loop.definition, step

    def expressions(self, step: StepDef) -> Iterator[Expression]:
        """Every expression of a step."""
        if step.applies:
            yield step.applies
        yield from amounts(step)
        yield from step.expect.values()
        if step.until is not None and step.until.when is not None:
            yield step.until.when
        yield from (row.value for row in flat(step.payload) if row.value)

    # Expressions and paths, typed once

    def _table(self, table: TableDef) -> None:
        stream = self.stream(table)
        documented = (each.path for each in stream.fields) if stream else ()
        scope = record_scope(stream.names if stream else (), documented=documented)
        if table.only:
            self._expression(table.only, scope, CONDITION)
        for path in (table.key, table.label, *(path for _, path in table.match)):
            if path is not None and path.steps:
                self._path(path, scope)
        self._rows(table.rows, scope)

    def _rows(self, rows: Sequence[Row], scope: TypeScope) -> None:
        for row in rows:
            found = DYN
            for path in row.sources:
                found = self._path(path, scope)
            if row.lookup is not None:
                for path in row.lookup.sources:
                    self._path(path, scope)
            if row.value is not None:
                found = self._expression(row.value, scope)
            self.types[id(row)] = found
            if row.currency is not None:
                self._path(row.currency, scope)
            if row.each is not None:
                self._each(row.each, scope)
            if row.rows:
                self._rows(row.rows, row_scope(row, scope))

    def _each(self, each: tuple[str, Path], scope: TypeScope) -> Type:
        name, path = each
        if name in scope.names:
            why = "one name with two meanings misleads whoever reads the rows below"
            self._add(path.place, "shadowed-name", f'each: "{name}" is already a name here', why, "use another name")
        found = self._path(path, scope)
        if found.name not in ("list", "dyn"):
            self._add(path.place, "expression-type", f"each needs a list, {path.text} is {found}", "", "name a list")
        return element(found)

    def _loop(self, loop: LoopDef) -> None:
        first = when_scope(loop, self.kinds)
        self._expression(loop.when, first, CONDITION)
        if loop.starts_of is not None:
            why = "it says when the closing happened: what lies before starts.at is history"
            self._moment("starts.of", loop.starts_of, first, why)
        if loop.due is not None:
            self._moment("due.of", loop.due.of, first, "the loop fires when that moment comes")
        if loop.rearm is not None:
            self._expression(loop.rearm, first, CONDITION)
        for related in loop.related:
            if related.where:
                alone = TypeScope({related.entity: self.kinds.of(related.entity)})
                self._expression(related.where, alone, CONDITION)
        base = loop_scope(loop, self.kinds)
        for requirement in loop.require:
            self._expression(requirement.check, base, CONDITION)
        actions = {step.name: action for step in loop.steps if (action := self.action(step))}
        for step in loop.steps:
            self._step(step, step_scope(loop, step, base, actions))
            if step.until is not None:
                self._until(loop, step, until_scope(loop, step, self._each_scope(step, base), actions, self.kinds))

    def _moment(self, key: str, path: Path, scope: TypeScope, why: str) -> None:
        found = self._path(path, scope)
        if found.name not in ("instant", "date", "dyn"):
            message = f"{key} is {found}, not an instant"
            self._add(path.place, "expression-type", message, why, "name a field of type instant")

    def _step(self, step: StepDef, scope: TypeScope) -> None:
        if step.applies:
            self._expression(step.applies, scope, CONDITION)
        if step.each is not None:
            scope = scope.plus(**{step.each[0]: self._each(step.each, scope)})
        if step.key is not None:
            self._path(step.key, scope)
        for amount in amounts(step):
            self._expression(amount, scope, AMOUNT)
        for expression in step.expect.values():
            self._expression(expression, scope)
        self._rows(step.payload, scope)

    def _each_scope(self, step: StepDef, scope: TypeScope) -> TypeScope:
        return (
            scope if step.each is None else scope.plus(**{step.each[0]: element(path_type(step.each[1], scope)[0])})
        )

    def _until(self, loop: LoopDef, step: StepDef, scope: TypeScope) -> None:
        until = step.until
        if until is None:
            return
        alone = TypeScope({until.entity: self.kinds.of(until.entity)})
        for left, right in until.matches:
            if left.steps[0] == until.entity:  # what is no field of it is a finding of its own
                self.matched[id(left)] = self._path(left, alone)
            self._path(right, scope)
        if until.when is not None:
            self._expression(until.when, scope, CONDITION)

    def _expression(self, expression: Expression, scope: TypeScope, wants: Collection[str] = ()) -> Type:
        try:
            root = parse(expression)
        except ExpressionSyntaxError as error:
            self._syntax(expression, error)
            return DYN
        self.roots[id(expression)] = root
        typing = infer(root, scope)
        for each in typing.findings:
            self._found[each.rule].append(each)
        result = self.results[id(expression)] = typing.result
        if wants and result.name not in {*wants, "dyn"}:
            wanted = " or ".join(sorted(wants))
            message, why = f"this gives {result}, not {wanted}", f"the key it stands under takes {wanted}"
            self._add(
                expression.place, "expression-type", message, why, "write a comparison" if "bool" in wants else _GIVE
            )
        return result

    def _syntax(self, expression: Expression, error: ExpressionSyntaxError) -> None:
        place = getattr(error, "place", None) or expression.place
        why = error.why or "what cannot be read cannot be decided: the file would not load"
        self._add(place, "bad-expression", error.what, why, error.fix)

    def _path(self, path: Path, scope: TypeScope) -> Type:
        found, good, stopped = path_type(path, scope)
        if good < len(path.steps):
            self._unknown(path, good, stopped, scope)
        return found

    def _unknown(self, path: Path, good: int, stopped: Type, scope: TypeScope) -> None:
        word = path.steps[good]
        names = list(scope.names) if good == 0 else list(stopped.fields or ())
        where = "in scope here" if good == 0 else f"in {stopped}"
        allowed = ", ".join(sorted(names)) or "nothing"
        fix = near(str(word), names)
        if (
            good == 0 and len(path.steps) > 1 and path.steps[1] in scope.names
        ):  # $.fields.summary, issue.fields.summary
            fix = f"write {path.text.partition('.')[2]}"
        fix = fix or (habits.path(str(word), scope) if good == 0 else "")
        fix = fix or (f"write .{path.text}" if not names else f"use one of: {allowed}")
        self._add(path.place, "unknown-name", f'{path.text}: no "{word}" {where}', f"{where}: {allowed}", fix)

    def _add(self, place: Place, rule: str, message: str, why: str, fix: str) -> None:
        self._found[rule].append(finding(place, rule, message, why, fix))


_GIVE = "name a value of that type, or convert it: docs/mapping-table.md says what each function gives"


def amounts(step: StepDef) -> Iterator[Expression]:
    """The amounts people approve, of every level."""
    policies = (step.approve, *step.approve.levels) if step.approve else ()
    yield from (policy.of for policy in policies if policy.of)
