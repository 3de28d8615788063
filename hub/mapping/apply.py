"""A table's rows applied step by step: the meaning that generated code must match, and what explains a refusal.

``CompiledTable.apply`` runs generated code first; where that gives up (a bad value, a rare shape) it comes here.
Row order: source -> default -> values -> as -> required. Absent says nothing, null empties.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

from hub.mapping.compiled import ExpressionError
from hub.mapping.convert import Convert, Unconvertible
from hub.mapping.convert.names import text_of_id
from hub.mapping.expression.typing import Typing
from hub.mapping.rates import Rated
from hub.mapping.table import Path, Row, TableDef
from hub.model.record import Json, Lookup, Mapped, Record, Refused, Rejected, Via, path_text
from hub.model.values import decimal_text


class Absent:
    """The one value that says nothing: the path leads nowhere in this record."""

    __slots__ = ()

    def __repr__(self) -> str:
        return "absent"


ABSENT = Absent()
Scope = Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class RowPlan:
    """A row ready to run. ``mapped`` is ``values`` with converted outputs; ``constant`` the converted const or
    otherwise-const. ``currency_of`` converts with a currency read from the record."""

    row: Row
    name: str
    convert: Convert
    mapped: Mapping[str, Json] | None = None
    constant: Json = None
    evaluate: Callable[[Scope], Any] | None = None
    typing: Typing | None = None
    currency_of: Callable[[Any, Any], Json] | None = None
    nested: tuple[RowPlan, ...] = ()
    entity: str = ""
    """Target kind of a ref field."""
    schema: Mapping[str, Any] | None = None
    seek: Callable[[Any], Json] | None = None
    """A lookup: from the value to look for to a ``Lookup``, or what is empty."""
    rated: Callable[[Any, Any, Any], Json] | None = None
    """Money by a table of rates: (value, currency, date) to ``Rated``, or money that needed no rate."""

    @property
    def holds(self) -> bool:
        """Whether a lookup or a table of rates stands in its nested rows."""
        return any(one.seek is not None or one.rated is not None or one.holds for one in self.nested)


@dataclass(frozen=True, slots=True)
class TablePlan:
    definition: TableDef
    rows: tuple[RowPlan, ...]


@dataclass(frozen=True, slots=True)
class Origin:
    """Where a value came from: the row, the path that was filled (empty for value, const, default), its place."""

    row: Row
    path: str
    how: str


# --- paths


def walk(path: Path, scope: Scope) -> Any:
    """The value at a path; ``ABSENT`` where it leads nowhere. Through null everything is null."""
    return walk_steps(scope, path.steps)


def walk_steps(at: Any, steps: Sequence[str | int | None]) -> Any:
    """The value below ``at``: names, indexes, None for every element."""
    for number, step in enumerate(steps):
        if at is None:
            return None
        if step is None:
            return _each(at, steps[number + 1 :])
        if isinstance(step, int):
            at = at[step] if at.__class__ is list and step < len(at) else ABSENT
        else:
            at = at.get(step, ABSENT) if isinstance(at, Mapping) else ABSENT
        if at is ABSENT:
            return ABSENT
    return at


def _each(at: Any, rest: Sequence[str | int | None]) -> Any:
    if at.__class__ is not list:
        return ABSENT
    found = (walk_steps(element, rest) for element in at)
    return [value for value in found if value is not ABSENT]


def first_filled(paths: Sequence[Path], scope: Scope) -> tuple[Any, str]:
    """The first path's value that is filled, with the path; else the first that is there at all; else absent."""
    there: tuple[Any, str] = (ABSENT, "")
    for path in paths:
        value = walk(path, scope)
        if value is ABSENT:
            continue
        if value is not None and value != "":
            return value, path.text
        if there[0] is ABSENT:
            there = (value, path.text)
    return there


def id_text(value: Any) -> str | None:
    """The text of a key or label; None where there is none."""
    return (text_of_id(value) if value is not None and value is not ABSENT else None) or None


# --- rows


def canonical_text(value: Any) -> str:
    """A source value as ``values`` compares it: ``true``, ``1``, ``1.5``, or the text itself."""
    if value.__class__ is str:
        return value
    if value is True or value is False:
        return "true" if value else "false"
    if isinstance(value, list | Mapping):
        raise Unconvertible("unknown-value", value, "a text, a number, true or false")
    return decimal_text(value)


def source(plan: RowPlan, scope: Scope) -> tuple[Any, str, str]:
    """(value, path, how) before anything is done to it. Raises ``ExpressionError``."""
    row = plan.row
    if row.sources:
        value, path = first_filled(row.sources, scope)
        return value, path, "from"
    if plan.evaluate is not None:
        return plan.evaluate(scope), "", "value"
    if row.lookup is not None:
        return *first_filled(row.lookup.sources, scope), "lookup"
    return (row.const, "", "const") if row.has_const else (ABSENT, "", "from")


def value_of(plan: RowPlan, scope: Scope, *, snapshot: bool) -> tuple[Json, Origin]:
    """The row's canonical value (or ``ABSENT``). Raises ``Unconvertible``, ``ExpressionError``."""
    row = plan.row
    if plan.nested:
        return _checked(plan, _nested(plan, scope, snapshot), snapshot), Origin(row, _each_text(row), "fields")
    value, path, how = source(plan, scope)
    if row.has_default and (value is None or value == "" or (value is ABSENT and snapshot)):
        value, path, how = row.default, "", "default"
    found = _converted(plan, value, scope) if plan.seek is None else plan.seek(value)
    return _checked(plan, found, snapshot), Origin(row, path, how)


def _each_text(row: Row) -> str:
    return row.each[1].text if row.each else ""


def _checked(plan: RowPlan, value: Any, snapshot: bool) -> Any:
    missing = value is None or value == "" or (value is ABSENT and snapshot)
    if plan.row.required and missing:
        raise Unconvertible("missing-field", None if value is ABSENT else value, "a value: the row is required")
    return value


def _converted(plan: RowPlan, value: Any, scope: Scope) -> Any:
    if value is ABSENT or value is None:
        return value
    if plan.mapped is not None:
        done, value = _looked_up(plan, value)
        if done:
            return value
    if plan.rated is not None:
        currency = None if plan.row.currency is None else _said(plan.row.currency, scope)
        return plan.rated(value, currency, None if plan.row.dated is None else _said(plan.row.dated, scope))
    if plan.currency_of is not None and plan.row.currency is not None:
        return plan.currency_of(value, walk(plan.row.currency, scope))
    return plan.convert(value)


def _said(path: Path, scope: Scope) -> Any:
    """The value at a path; absent and null alike say nothing."""
    value = walk(path, scope)
    return None if value is ABSENT else value


def _looked_up(plan: RowPlan, value: Any) -> tuple[bool, Any]:
    """(whether that is the end, the value): through ``values``, else by ``otherwise``."""
    mapped = plan.mapped or {}
    text = canonical_text(value)
    if text in mapped:
        return True, mapped[text]
    match plan.row.otherwise.kind:
        case "keep":
            return False, value
        case "null":
            return True, None
        case "const":
            return True, plan.constant
        case _:
            known = ", ".join(sorted(mapped)[:20])
            raise Unconvertible("unknown-value", value, f"one of: {known}")


def _nested(plan: RowPlan, scope: Scope, snapshot: bool) -> Any:
    row = plan.row
    if row.each is None:
        found = {part.row.field: _part(part, scope, snapshot) for part in plan.nested}
        return ABSENT if all(value is ABSENT for value in found.values()) else _whole(found)
    name, path = row.each
    values = walk(path, scope)
    if values is ABSENT or values is None:
        return values
    if values.__class__ is not list:
        raise Unconvertible("wrong-type", values, "a list")
    return [
        _whole({part.row.field: _part(part, {**scope, name: one}, True) for part in plan.nested}) for one in values
    ]


def _whole(found: dict[str, Any]) -> dict[str, Any]:
    """An object inside a field is replaced as a whole: what is absent in it is null."""
    return {name: None if value is ABSENT else value for name, value in found.items()}


def _part(plan: RowPlan, scope: Scope, snapshot: bool) -> Any:
    return value_of(plan, scope, snapshot=snapshot)[0]


# --- records


def rejected(plan: RowPlan, error: Unconvertible | ExpressionError) -> Rejected:
    """The finding a person reads; values of private rows are not shown."""
    row = plan.row
    if isinstance(error, ExpressionError):
        return Rejected(error.reason, str(error), plan.name, row.place, row.governance.owner)
    message = error.message(private=bool(row.governance.privacy))
    return Rejected(error.reason, f"{row.field}: {message}", plan.name, row.place, row.governance.owner)


def via_of(table: TableDef, record: Record) -> Via | None:
    """What finds the entity of a record keyed by its link; None for other tables."""
    key = id_text(walk(table.key, record.data)) if table.key_mode == "link" else None
    if key is None:
        return None
    return Via(key, tuple((field, id_text(walk(path, record.data)) or "") for field, path in table.match))


def apply_rows(plan: TablePlan, record: Record) -> Mapped | Refused:
    """The record through every row, and which entity it belongs to."""
    seen = _applied(plan, record)
    via = via_of(plan.definition, record)
    return seen if via is None else replace(seen, via=via)


def _applied(plan: TablePlan, record: Record) -> Mapped | Refused:
    """The first row that rejects refuses the record; the rest is still read for refs."""
    table, scope = plan.definition, record.data
    label = None if table.label is None else id_text(walk(table.label, scope))
    key = id_text(walk(table.key, scope))
    if key is None:
        return Refused(table.entity, None, label, {}, _no_key(table))
    key = f"{table.connection}:{key}" if table.key_mode != "shared" else key
    if record.op == "delete":
        return Mapped(table.entity, key, label, {}, {})
    fields, refs, lookups, rates, problem = _all_rows(plan, record)
    if problem is not None:
        named = {name: (kind, fields[name]) for name, kind in refs.items() if fields[name] is not None}
        return Refused(table.entity, key, label, named, problem)
    return Mapped(table.entity, key, label, fields, refs, tuple(lookups), rates or None)


def _all_rows(
    plan: TablePlan, record: Record
) -> tuple[dict[str, Json], dict[str, str], list[Lookup], dict[str, Json], Rejected | None]:
    fields: dict[str, Json] = {}
    refs: dict[str, str] = {}
    lookups: list[Lookup] = []
    rates: dict[str, Json] = {}
    problem: Rejected | None = None
    for row in plan.rows:
        try:
            value, _ = value_of(row, record.data, snapshot=record.op != "partial")
        except (Unconvertible, ExpressionError) as error:
            problem = problem or rejected(row, error)
            continue
        if value is ABSENT:
            continue
        if value.__class__ is Lookup:
            lookups.append(value)
            continue
        if value.__class__ is Rated:
            rates[row.row.field] = value.about
            value = value.money
        elif row.holds:
            value = settled(value, (row.row.field,), lookups, rates)
        fields[row.row.field] = value
        if row.entity:
            refs[row.row.field] = row.entity
    return fields, refs, lookups, rates, problem


def settled(value: Any, at: tuple[str | int, ...], lookups: list[Lookup], rates: dict[str, Json]) -> Any:
    """A nested value with null where a lookup will be, and money in place of how it was converted."""
    match value:
        case Lookup():
            lookups.append(value.placed(at))
            return None
        case Rated():
            rates[path_text(at)] = value.about
            return value.money
        case dict():
            return {name: settled(part, (*at, name), lookups, rates) for name, part in value.items()}
        case list():
            return [settled(part, (*at, number), lookups, rates) for number, part in enumerate(value)]
        case _:
            return value


def _no_key(table: TableDef) -> Rejected:
    message = f"key: nothing at {table.key.text}; allowed: a text or a whole number that never changes"
    return Rejected("missing-key", message, f"{table.name}.key", table.key.place, table.governance.owner)
