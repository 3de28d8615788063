"""The mapping table as data: what a YAML file says, frozen, every part with its place. No behaviour.

Built by ``read`` (nodes with positions) and ``build``; checked by ``check/``; compiled by ``compile``.
Design §4 and §4.1 are the grammar; ``docs/mapping-table.md`` shows an example per construct.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from decimal import Decimal
from typing import Literal

from hub.mapping.budget import Budget
from hub.mapping.calendar import AT_ONCE, CalendarDef, Span
from hub.model.clock import Micros
from hub.model.diagnostic import Place
from hub.model.record import Json
from hub.model.values import Money

Texts = Mapping[str, str]
"""Text by language: {"zh": …, "en": …}; at least one of them."""


@dataclass(frozen=True, slots=True)
class Path:
    """``fields.lines[*].item["两个 词"][0]``: names (str), indexes (int) and ``"*"`` wrapped as ``EACH``."""

    steps: tuple[str | int | None, ...]
    """None stands for ``[*]``."""
    text: str
    place: Place


@dataclass(frozen=True, slots=True)
class Expression:
    """CEL source text and where it stands; ``raw`` is how the file writes it, where that is not the text itself
    (escapes, doubled quotes, several lines)."""

    text: str
    place: Place
    raw: str = ""


@dataclass(frozen=True, slots=True)
class Otherwise:
    """What a value outside ``values`` becomes."""

    kind: Literal["quarantine", "keep", "null", "const"] = "quarantine"
    const: Json = None


@dataclass(frozen=True, slots=True)
class Convert:
    """``as: money CNY`` -> name ``money``, argument ``CNY``; ``as: ref project``; ``as: trim`` has none."""

    name: str
    argument: str
    place: Place


@dataclass(frozen=True, slots=True)
class Governance:
    """Effective columns of a row after inheritance from table and integration."""

    owner: str
    every: str
    privacy: str = ""
    review: tuple[str, ...] = ()
    means: Texts = dataclasses.field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class LookupDef:
    """``lookup: {entity: supplier, by: tax_id, from: fields.tax, take: key}``: another entity's value.

    ``by`` and ``take`` name ``key``, ``label`` or a field of the entity; ``take`` is ``key`` where it is left out.
    """

    entity: str
    by: str
    sources: tuple[Path, ...]
    take: str
    place: Place
    places: Mapping[str, Place] = dataclasses.field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class RatesDef:
    """A table of rates as its file says it: (day, {currency: worth in ``base``}), by day."""

    name: str
    base: str
    days: tuple[tuple[str, Mapping[str, Decimal]], ...]
    valid_days: int | None = None


@dataclass(frozen=True, slots=True)
class SyncDef:
    """``sync: {to: pm.issue, path: fields.summary, conflict: ask}``: the field is kept equal in the table's
    own source and there. ``source`` is the table's own source, ``target`` the system named here."""

    connection: str
    stream: str
    path: Path
    conflict: Literal["source", "target", "newest", "ask"]
    place: Place
    places: Mapping[str, Place] = dataclasses.field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Row:
    """One field mapping. Exactly one of ``sources``, ``value``, ``const`` (``has_const``), ``lookup``, or nested
    ``rows``.

    With ``each`` the nested rows make a list, one object per element; without it they make one object.
    Order of work (§4.1, 7): source -> default -> values -> as -> required -> schema.
    """

    field: str
    place: Place
    governance: Governance
    sources: tuple[Path, ...] = ()
    value: Expression | None = None
    const: Json = None
    has_const: bool = False
    default: Json = None
    has_default: bool = False
    values: Mapping[str, Json] | None = None
    values_places: Mapping[str, Place] = dataclasses.field(default_factory=dict)
    otherwise: Otherwise = Otherwise()
    convert: Convert | None = None
    currency: Path | None = None
    zone: str = ""
    required: bool = False
    each: tuple[str, Path] | None = None
    rows: tuple[Row, ...] = ()
    lookup: LookupDef | None = None
    rates: RatesDef | None = None
    """Money of another currency is converted by the rate of the day at ``dated``."""
    dated: Path | None = None
    sync: SyncDef | None = None
    prefer: tuple[str, ...] = ()
    """Connections this field takes its value from, the one that wins first; empty: whoever spoke last."""
    places: Mapping[str, Place] = dataclasses.field(default_factory=dict)
    """Where the values of rarer keys (``prefer`` …) stand, by YAML key."""


def flat(rows: Sequence[Row]) -> Iterator[Row]:
    """Rows with all nested ones."""
    for row in rows:
        yield row
        if row.rows:
            yield from flat(row.rows)


@dataclass(frozen=True, slots=True)
class TableDef:
    """Rows that turn records of one stream into entities of one kind.

    ``stream`` is ``connection.stream`` resolved through ``systems`` (``jira.issue``); ``name`` is
    ``<integration>/<entity>/<alias>.<stream>``, used in outcomes, quarantine and event ids.
    """

    name: str
    entity: str
    version: int
    connection: str
    stream: str
    alias: str
    place: Place
    governance: Governance
    only: Expression | None
    key: Path
    key_mode: Literal["own", "shared", "link"]
    label: Path | None
    rows: tuple[Row, ...]
    zone: str
    places: Mapping[str, Place] = dataclasses.field(default_factory=dict)
    """Where the values of ``source``, ``key``, ``label``, ``owner`` … stand, by YAML key."""
    match: tuple[tuple[str, Path], ...] = ()
    """``key: {link: id, match: {field: path}}``: the field of the entity and the record's own value for it."""


@dataclass(frozen=True, slots=True)
class RelatedDef:
    name: str
    entity: str
    by: str
    where: Expression | None
    place: Place
    places: Mapping[str, Place] = dataclasses.field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class RequireDef:
    check: Expression
    otherwise: Texts
    owner: str
    place: Place


@dataclass(frozen=True, slots=True)
class ApproveDef:
    """Who must agree. ``levels`` are further ones that must agree too where their own ``over`` is exceeded."""

    role: str
    of: Expression | None
    over: Money | None
    place: Place
    remind: Span | None = None
    expires: Span | None = None
    on_expiry: Literal["ask", "escalate", "fail"] = "ask"
    by: str = "mail"
    """The connection that carries reminders."""
    levels: tuple[ApproveDef, ...] = ()


@dataclass(frozen=True, slots=True)
class EscalateDef:
    """Who is told that something is late: a role, a person or an address; ``by`` is the connection."""

    to: str
    by: str
    place: Place
    after: Span = AT_ONCE
    """How long after the due time; nothing: at once."""
    to_place: Place | None = None
    """Where ``to`` stands; ``place`` is that of ``by``."""


@dataclass(frozen=True, slots=True)
class ScheduleDef:
    """``schedule:`` of a loop: once per period and entity. ``shift`` moves a day nobody works on."""

    every: Literal["day", "working day", "week", "month", "quarter", "year"]
    place: Place
    time: str = "09:00"
    month: int = 1
    """Of a quarter or year."""
    day: int = 1
    """Of the month; -1 is the last."""
    working_day: int = 0
    """Of the month; 0: ``day`` counts."""
    weekday: int = 1
    """ISO: Monday is 1."""
    shift: Literal[-1, 0, 1] = 0


@dataclass(frozen=True, slots=True)
class DueDef:
    """``due:`` of a loop: it fires when a moment of the entity comes, ``lead`` before or ``lag`` after it."""

    of: Path
    place: Place
    lead: Span = AT_ONCE
    lag: Span = AT_ONCE


@dataclass(frozen=True, slots=True)
class UntilDef:
    """``until:`` of a step: done once an ``entity`` arrives that agrees in every pair of ``matches`` (its own field,
    a path of the step) and for which ``when`` holds."""

    entity: str
    matches: tuple[tuple[Path, Path], ...]
    when: Expression | None
    place: Place
    places: Mapping[str, Place] = dataclasses.field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class StepDef:
    """One obligation. ``connection``/``action`` are ``do`` resolved (``erp`` / ``purchase_requisition.create``)."""

    name: str
    title: Texts
    place: Place
    connection: str
    action: str
    applies: Expression | None
    each: tuple[str, Path] | None
    key: Path | None
    payload: tuple[Row, ...]
    after: tuple[str, ...]
    approve: ApproveDef | None
    expect: Mapping[str, Expression]
    undo: str
    within: Span | None
    escalate: tuple[EscalateDef, ...]
    places: Mapping[str, Place] = dataclasses.field(default_factory=dict)
    """By YAML key; names in ``after`` as ``after/<name>``, fields of ``expect`` as ``expect/<field>``."""
    on_fail: Literal["ask", "undo"] = "ask"
    until: UntilDef | None = None


@dataclass(frozen=True, slots=True)
class LoopDef:
    """A closed loop. ``starts_at`` is None where the file leaves it to the first activation."""

    name: str
    title: Texts
    entity: str
    place: Place
    owner: str
    when: Expression
    starts_at: Micros | None
    starts_of: Path | None
    once: Literal["life", "closing", "crossing", "period"]
    settle: Micros
    related: tuple[RelatedDef, ...]
    require: tuple[RequireDef, ...]
    steps: tuple[StepDef, ...]
    renamed_from: str = ""
    """The name it had at first, which stays in its effect keys."""
    places: Mapping[str, Place] = dataclasses.field(default_factory=dict)
    within: Span | None = None
    escalate: tuple[EscalateDef, ...] = ()
    calendar: CalendarDef | None = None
    """None: weekends alone, in the integration's zone."""
    schedule: ScheduleDef | None = None
    due: DueDef | None = None
    rearm: Expression | None = None
    """``once: crossing``: what must hold in between before another crossing counts; without it, not ``when``."""

    @property
    def first_name(self) -> str:
        """What its effect keys call it, whatever it is called since."""
        return self.renamed_from or self.name


@dataclass(frozen=True, slots=True)
class Slo:
    """``slo:`` of an integration: ``fresh`` and ``done_within`` in microseconds, shares as fractions of 1."""

    fresh: Micros | None = None
    consistent: float | None = None
    done_within: Micros | None = None
    done_share: float | None = None


@dataclass(frozen=True, slots=True)
class IntegrationDef:
    """One mapping file. ``logic`` hashes what can change an output, ``table`` all of it (design §4.2); hex."""

    name: str
    title: Texts
    place: Place
    owner: str
    review: tuple[str, ...]
    every: str
    zone: str
    slo: Slo
    systems: Mapping[str, str]
    tables: tuple[TableDef, ...]
    loops: tuple[LoopDef, ...]
    logic: str
    table: str
    source: str
    """The YAML text itself, kept per hash so that work already decided keeps its version (I10)."""
    systems_places: Mapping[str, Place] = dataclasses.field(default_factory=dict)
    budget: Budget | None = None
    """How much a new version may change before one person more must approve it."""
    schemas: tuple[str, ...] = ()
    """``project/v2``: the kinds it was written for in another version than the first."""
