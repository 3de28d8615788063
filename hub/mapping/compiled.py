"""What ``compile`` makes of a mapping file: plain callables the engine and the loops run. No YAML here.

A *scope* is ``{name: canonical JSON}``: an entity appears as ``{**state, "key": …, "label": …}``, a related
list as a list of those, ``closing`` as ``{"at": instant text, "number": int}``, ``steps`` and ``documents``
as design §4.1.5 says, ``now`` as instant text. Compiled code converts by schema type as it reads, so
scopes never hold Money or datetimes; ``amount`` and ``starts_of`` return typed values where they say so.

Callables raise ``ExpressionError`` (an absent name, mixed currencies, a step limit): the caller turns it into
a rejection or a question to a person, never into a silent null.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from hub.mapping.calendar import Calendar, CalendarDef
from hub.mapping.table import ApproveDef, IntegrationDef, LoopDef, RelatedDef, RequireDef, StepDef, TableDef, UntilDef
from hub.model.clock import Micros
from hub.model.diagnostic import Place
from hub.model.record import Json, Mapped, Record, Refused
from hub.model.values import Money

Scope = Mapping[str, Json]
WEEKENDS = Calendar(CalendarDef("", "UTC", Place("", 0, 0)))
"""Monday to Friday in UTC: where a loop names no calendar."""
LinkOf = Callable[[str, str], str | None]
"""(entity kind, key or unresolved label) -> the object's id in the step's connection, None where unlinked."""


class ExpressionError(ValueError):
    """An expression could not give a value: ``reason`` is a slug, the text names the expression and the value."""

    def __init__(self, reason: str, message: str) -> None:
        super().__init__(message)
        self.reason = reason


class Unlinked(Exception):
    """A payload names an entity that has no object in the step's connection yet: the step waits."""

    def __init__(self, kind: str, key: str) -> None:
        super().__init__(f"{kind} {key} has no link yet")
        self.kind, self.key = kind, key


@dataclass(frozen=True, slots=True)
class CompiledTable:
    """``accepts`` is ``only`` (True when absent; an absent name in it counts as not accepted).

    ``apply`` never raises for bad data: it returns ``Mapped`` or ``Refused``. For ``op == "delete"`` records
    only key and label are read. ``source`` is the generated Python, for ``hub mapping show`` and for tests.
    """

    definition: TableDef
    integration: str
    logic: str
    accepts: Callable[[Record], bool]
    apply: Callable[[Record], Mapped | Refused]
    source: str
    plan: object = None
    """The rows ready to run one by one (``hub.mapping.apply.TablePlan``): what ``lineage`` re-executes."""


@dataclass(frozen=True, slots=True)
class CompiledRelated:
    definition: RelatedDef
    where: Callable[[Scope], bool]
    """Scope: the candidate alone, under its kind."""
    written_by: str = ""
    """What ``by`` was called when the file was written, where its schema has moved on."""


@dataclass(frozen=True, slots=True)
class CompiledRequire:
    definition: RequireDef
    check: Callable[[Scope], bool]


@dataclass(frozen=True, slots=True)
class CompiledUntil:
    """``matches``: (field of the entity, the value it must hold, None while the scope has none). Scopes are the
    step's with its own ``steps.<name>``; ``when`` sees the entity under its kind too."""

    definition: UntilDef
    matches: tuple[tuple[str, Callable[[Scope], str | None]], ...]
    when: Callable[[Scope], bool]
    now: Mapping[str, str] = field(default_factory=dict)
    """What a field of ``matches`` is called since its schema moved on."""

    def field_now(self, name: str) -> str:
        return self.now.get(name, name)


@dataclass(frozen=True, slots=True)
class CompiledStep:
    """``uses``: every scope name the step reads anywhere (related lists, ``steps``, ``documents`` …).

    ``items`` yields (item key, {each name: element}) per obligation; None without ``each`` (one obligation,
    item key ""). ``payload`` gives canonical JSON, schema-checked by the caller; raises ``Unlinked``.
    ``expect`` gives canonical JSON per document field. ``amount`` is ``approve.of``.
    """

    definition: StepDef
    uses: frozenset[str]
    applies: Callable[[Scope], bool]
    items: Callable[[Scope], Sequence[tuple[str, Mapping[str, Json]]]] | None
    payload: Callable[[Scope, LinkOf], dict[str, Any]]
    expect: Callable[[Scope], dict[str, Any]]
    amount: Callable[[Scope], Money] | None
    levels: tuple[tuple[ApproveDef, Callable[[Scope], Money] | None], ...] = ()
    """Further levels of ``approve``, each with its own amount."""
    until: CompiledUntil | None = None


@dataclass(frozen=True, slots=True)
class CompiledLoop:
    """One loop ready to run. ``starts_of`` gives the closing's own time, None where absent or empty."""

    definition: LoopDef
    integration: str
    logic: str
    starts_at: Micros
    when: Callable[[Scope], bool]
    starts_of: Callable[[Scope], Micros | None]
    occurrence_of: Callable[[Scope], str | None]
    """Canonical text of ``starts.of`` (``once: closing``), None where absent or empty."""
    related: tuple[CompiledRelated, ...]
    require: tuple[CompiledRequire, ...]
    steps: tuple[CompiledStep, ...]
    calendar: Calendar = WEEKENDS
    due_of: Callable[[Scope], Micros | None] = lambda scope: None
    """``due.of``: the moment the loop is about; a day begins at its first moment in the loop's zone."""
    rearm: Callable[[Scope], bool] | None = None


@dataclass(frozen=True, slots=True)
class CompiledIntegration:
    definition: IntegrationDef
    tables: tuple[CompiledTable, ...]
    loops: tuple[CompiledLoop, ...]
