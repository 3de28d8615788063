"""Runs the cases of a mapping: records through its tables, closings through its loops. Pure; no engine, no store.

``run_cases`` says for each case what differs from what it wants, and which rows and value-map entries no case
has used: a table is tested when its cases go through all of it.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from decimal import Decimal
from typing import Any

import orjson

from hub.mapping.case_difference import At, Difference
from hub.mapping.case_file import Case, CaseFile, Given
from hub.mapping.case_loop import loop_problems
from hub.mapping.compiled import CompiledIntegration, CompiledTable
from hub.mapping.lookups import fill, is_meant
from hub.mapping.table import Row
from hub.model.action import ActionSpec
from hub.model.entity import Entity
from hub.model.record import Decoded, Json, Lookup, Mapped, Record, Refused
from hub.model.schema import Schemas
from hub.model.values import canonical, decimal_text

Decode = Callable[[str, Mapping[str, str], bytes], Decoded]
"""(connection, headers, body) -> records: a connector's ``decode``."""
ReadFile = Callable[[str], bytes]
"""A file of the cases' folder."""
ActionOf = Callable[[str, str], ActionSpec | None]
"""(connection, action) -> its spec."""


@dataclass(frozen=True, slots=True)
class CaseResult:
    """``problems`` is empty when the case holds."""

    case: Case
    problems: tuple[str, ...]


@dataclass(slots=True)
class Coverage:
    """Rows and value-map entries: all there are, and those some case went through."""

    rows: set[str] = field(default_factory=set)
    rows_used: set[str] = field(default_factory=set)
    entries: set[str] = field(default_factory=set)
    entries_used: set[str] = field(default_factory=set)

    @property
    def unused(self) -> tuple[str, ...]:
        return tuple(sorted((self.rows - self.rows_used) | (self.entries - self.entries_used)))


@dataclass(frozen=True, slots=True)
class CasesReport:
    file: CaseFile
    results: tuple[CaseResult, ...]
    coverage: Coverage

    @property
    def failed(self) -> tuple[CaseResult, ...]:
        return tuple(result for result in self.results if result.problems)


def run_cases(
    file: CaseFile,
    compiled: CompiledIntegration,
    *,
    schemas: Schemas,
    decode: Decode,
    read_file: ReadFile,
    action_of: ActionOf,
) -> CasesReport:
    """Every case of a file against the compiled integration."""
    coverage = _all(compiled)
    results = []
    for case in file.cases:
        if case.loop:
            problems = loop_problems(case, compiled, file.now, action_of, _empty_of(schemas))
        else:
            known = _Known((*file.entities, *case.entities), schemas)
            problems = _record_problems(case, compiled, decode, read_file, known, coverage)
        results.append(CaseResult(case, tuple(problems)))
    return CasesReport(file, tuple(results), coverage)


class _Known:
    """The entities a case declares, as lookups find them; one of the case stands before the file's own."""

    def __init__(self, entities: Sequence[Entity], schemas: Schemas) -> None:
        self.entities = {(one.kind, one.key): one for one in entities}
        self.schemas = schemas

    def find(self, one: Lookup) -> list[Entity]:
        return [entity for entity in self.entities.values() if is_meant(one, entity)]

    def filled(self, table: CompiledTable, seen: Mapped | Refused) -> Mapped | Refused:
        if isinstance(seen, Refused) or not seen.lookups:
            return seen
        definition = table.definition
        return fill(seen, self.find, self.schemas.get(definition.entity, definition.version or None))[0]


def _empty_of(schemas: Schemas) -> Callable[[str], Mapping[str, Json]]:
    def empty(kind: str) -> Mapping[str, Json]:
        schema = schemas.get(kind)
        return {} if schema is None else schema.empty

    return empty


def _all(compiled: CompiledIntegration) -> Coverage:
    coverage = Coverage()
    for table in compiled.tables:
        for row in table.definition.rows:
            name = f"{table.definition.entity}.{row.field}"
            coverage.rows.add(name)
            coverage.entries.update(f"{name}: {entry}" for entry in row.values or ())
    return coverage


def _record_problems(
    case: Case,
    compiled: CompiledIntegration,
    decode: Decode,
    read_file: ReadFile,
    known: _Known,
    coverage: Coverage,
) -> list[str]:
    if case.given is None:
        return ["the case has neither record, delivery nor loop"]
    records = _records(case.given, compiled, decode, read_file)
    if isinstance(records, str):
        return _differences(case, [], records)
    seen: list[tuple[str, Mapped | Refused]] = []
    for record in records:
        for table in _tables(compiled, record):
            if table.accepts(record):
                result = known.filled(table, table.apply(record))
                seen.append((table.definition.entity, result))
                _cover(coverage, table, record, result)
    return _differences(case, seen, "")


def _records(
    given: Given, compiled: CompiledIntegration, decode: Decode, read_file: ReadFile
) -> Sequence[Record] | str:
    """The records that go in, or why the delivery has none."""
    alias, _, stream = given.source.partition(".")
    connection = compiled.definition.systems.get(alias, alias)
    if not given.is_delivery:
        name = str(given.data.get("id", "")) if isinstance(given.data, dict) else ""
        return [Record(stream, name, given.at, given.data, given.op)]  # type: ignore[arg-type]  # Op, checked by apply
    body = read_file(given.file) if given.file else orjson.dumps(_raw(given.data))
    decoded = decode(connection, given.headers, body)
    if decoded.rejected is not None:
        return decoded.rejected.reason
    return decoded.records or f"skipped: {decoded.skipped}"


def _raw(value: Json) -> Json:
    """JSON to send: decimals as numbers, written as they are."""
    match value:
        case Decimal():
            return orjson.Fragment(decimal_text(value))
        case dict():
            return {name: _raw(part) for name, part in value.items()}
        case list():
            return [_raw(part) for part in value]
        case _:
            return value


def _tables(compiled: CompiledIntegration, record: Record) -> Iterator[CompiledTable]:
    for table in compiled.tables:
        definition = table.definition
        if record.stream in (definition.stream, definition.stream.removeprefix(f"{definition.connection}.")):
            yield table


def _differences(case: Case, seen: Sequence[tuple[str, Mapped | Refused]], nothing: str) -> list[str]:
    if case.skips:
        instead = _instead(seen, nothing)
        return [Difference(f"{kind} was mapped, the case says it is skipped", (), instead) for kind, _ in seen]
    if case.refuses is not None:
        return _refusal(case.refuses, seen, nothing)
    problems = []
    for number, wanted in enumerate(case.gives):
        kind = wanted.get("entity")
        found = next((result for name, result in seen if name == kind), None)
        problems += _entity(wanted, found, nothing, ("gives", number), _instead(seen, nothing))
    return problems


def _instead(seen: Sequence[tuple[str, Mapped | Refused]], nothing: str) -> Mapping[str, Json]:
    """What a case would have to want as a whole."""
    gives = [
        {"entity": kind, "key": result.key, "label": result.label, "fields": dict(result.fields)}
        for kind, result in seen
        if isinstance(result, Mapped)
    ]
    if gives:
        return {"gives": gives[0] if len(gives) == 1 else gives}
    refused = next((result.rejected for _, result in seen if isinstance(result, Refused)), None)
    if refused is not None:
        return {"refuses": {"reason": refused.reason, "row": field_of(refused.row)}}
    return {"refuses": {"reason": nothing}} if nothing else {"skips": True}


def _refusal(wanted: Mapping[str, Json], seen: Sequence[tuple[str, Mapped | Refused]], nothing: str) -> list[str]:
    refused = [result.rejected for _, result in seen if isinstance(result, Refused)]
    got = [{"reason": each.reason, "row": field_of(each.row)} for each in refused] or [{"reason": nothing or "none"}]
    if any(all(each.get(name) == value for name, value in wanted.items()) for each in got):
        return []
    return [Difference(f"refused with {got}, wanted {dict(wanted)}", (), _instead(seen, nothing))]


def _entity(
    wanted: Mapping[str, Json], found: Mapped | Refused | None, nothing: str, at: At, instead: Mapping[str, Json]
) -> list[str]:
    kind = wanted.get("entity")
    if found is None:
        return [Difference(f"no {kind} came out ({nothing or 'no table took the record'})", (), instead)]
    if isinstance(found, Refused):
        rejected = found.rejected
        words = f"{kind} was refused: {rejected.message} [{rejected.reason}] at {rejected.row}"
        return [Difference(words, (), instead)]
    problems: list[str] = [
        Difference(f"{name} is {getattr(found, name)!r}, wanted {wanted[name]!r}", (*at, name), getattr(found, name))
        for name in ("key", "label")
        if name in wanted and getattr(found, name) != wanted[name]
    ]
    return [*problems, *_fields(wanted.get("fields", {}), found.fields, (*at, "fields"))]


def _fields(wanted: Mapping[str, Json], found: Mapping[str, Json], at: At) -> Iterator[str]:
    """Named fields must be equal; a field wanted as ``absent`` must not be there."""
    for name, value in wanted.items():
        if value == "absent" and name not in found:
            continue
        got = found.get(name, "absent")
        if got != canonical(value):
            yield Difference(f"{name} is {_text(got)}, wanted {_text(value)}", (*at, name), got)


def _text(value: Any) -> str:
    return orjson.dumps(canonical(value)).decode()


def field_of(row: str) -> str:
    """The field of a row's full name (``rd-close/project/pm.issue.status``)."""
    return row.rpartition(".")[2]


def _cover(coverage: Coverage, table: CompiledTable, record: Record, result: Mapped | Refused) -> None:
    """Count what the record went through: fields that came out, the row that refused, entries that matched."""
    kind = table.definition.entity
    if isinstance(result, Refused):
        coverage.rows_used.add(f"{kind}.{field_of(result.rejected.row)}")
        return
    for row in table.definition.rows:
        if row.field in result.fields:
            coverage.rows_used.add(f"{kind}.{row.field}")
            entry = source_text(row, record.data)
            if row.values and entry in row.values:
                coverage.entries_used.add(f"{kind}.{row.field}: {entry}")


def source_text(row: Row, data: Mapping[str, Json]) -> str | None:
    """The source value a value map compares, as canonical text; None where there is none."""
    for path in row.sources:
        value: Json = data
        for step in path.steps:
            if isinstance(step, str) and isinstance(value, Mapping):
                value = value.get(step)
            elif isinstance(step, int) and isinstance(value, list) and step < len(value):
                value = value[step]
            else:
                value = None
        if value not in (None, ""):
            return ("true" if value else "false") if isinstance(value, bool) else str(canonical(value))
    return None
