"""A record: one source object in a delivery, found by a connector's ``decode``; and what became of it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from typing import Any, Literal

from hub.model.clock import Micros
from hub.model.diagnostic import Place
from hub.model.frozen import value

Op = Literal["snapshot", "partial", "delete"]
Json = Any
"""Parsed JSON: str, int, Decimal, bool, None, list, dict. Never float."""


@value(frozen=True, slots=True)
class Record:
    """One source object.

    ``source`` is the object's stable id in its system, ``at`` the record's own version time (staleness is
    judged by it), ``data`` the parsed object under its top-level names as the stream documents them.
    ``version`` is any text that changes whenever the object does (the poll ledger compares it).
    """

    stream: str
    source: str
    at: Micros
    data: Mapping[str, Json]
    op: Op = "snapshot"
    version: str = ""


@dataclass(frozen=True, slots=True)
class Rejected:
    """A value that can never pass: an expected negative outcome, never raised.

    ``reason`` is a stable slug (``unknown-value``, ``missing-field``, ``unknown-person``, ``bad-money`` …),
    ``row`` the mapping row (``table.field``), ``message`` says what was got and what is allowed.
    """

    reason: str
    message: str
    row: str = ""
    place: Place | None = None
    owner: str = ""


@value(frozen=True, slots=True)
class Decoded:
    """What a delivery holds: records, or why there are none (``skipped`` known and unused; ``rejected``)."""

    records: tuple[Record, ...] = ()
    skipped: str = ""
    rejected: Rejected | None = None


@dataclass(frozen=True, slots=True)
class Lookup:
    """A field whose value is another entity's: found when the record is concluded, under locks (design §7).

    ``by`` is ``key``, ``label`` or a field of the entity; ``take`` likewise. ``otherwise`` says what the field
    becomes when there is no such entity (``const`` beside it); ``ref`` is the kind a ref field names.
    """

    field: str
    entity: str
    by: str
    value: str
    take: str
    otherwise: Literal["quarantine", "keep", "null", "const"]
    const: Json
    required: bool
    ref: str
    private: bool
    row: str
    place: Place
    owner: str
    at: tuple[str | int, ...] = ()
    """Where it stands inside ``fields``, for one in nested rows; empty for a field of the entity itself."""

    @property
    def name(self) -> str:
        """``supplier``, or ``lines[0].supplier`` inside nested rows: what the event calls it."""
        return path_text(self.at) if self.at else self.field

    def placed(self, at: tuple[str | int, ...]) -> Lookup:
        """The same lookup inside nested rows."""
        return replace(self, at=at)


def path_text(at: tuple[str | int, ...]) -> str:
    """``("lines", 0, "price")`` as ``lines[0].price``."""
    return "".join(f"[{step}]" if isinstance(step, int) else f".{step}" for step in at).removeprefix(".")


@dataclass(frozen=True, slots=True)
class Via:
    """What finds the entity of a ``key: {link: …}`` record: the object's id in its connection, else ``match``:
    (field, value) of the entity; the value is empty where the record has none."""

    id: str
    match: tuple[tuple[str, str], ...] = ()


@value(frozen=True, slots=True)
class Mapped:
    """A record seen through one table, as ``apply`` leaves it.

    ``fields`` holds canonical JSON values for the rows whose source was present (absent says nothing, so its
    field is not here; null is). ``label`` is what people type, None when the path was absent. ``refs`` are
    the ref fields among ``fields``: field -> target kind; their value is a key or an unresolved label.
    ``lookups`` are the fields that ``conclude`` still has to fill from other entities.
    """

    kind: str
    key: str
    label: str | None
    fields: Mapping[str, Json]
    refs: Mapping[str, str] = field(default_factory=dict)
    lookups: tuple[Lookup, ...] = ()
    rates: Mapping[str, Json] | None = None
    """Money fields that were converted: from what, by which rate of which day and table; None where none was."""
    via: Via | None = None
    """Which entity it belongs to is found when it is concluded; until then ``key`` is that of its own."""


@dataclass(frozen=True, slots=True)
class Refused:
    """A record a table's ``only`` accepted and a row rejected: it still names its key and the refs it could map."""

    kind: str
    key: str | None
    label: str | None
    refs: Mapping[str, tuple[str, str]]
    """field -> (target kind, value)"""
    rejected: Rejected
    via: Via | None = None
