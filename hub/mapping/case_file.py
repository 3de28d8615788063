"""``*.cases.yaml``: what a mapping must do with a given record or closing, as data. Reading only; see ``cases``.

A record case says what goes in (``record`` or ``delivery``), which entities lookups find (``given``, or the file's
``entities``) and what comes out (``gives``, ``refuses`` or ``skips``). A loop case says what is known (``given``)
and which steps start, ask or are skipped, with payloads.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from hub.mapping.build_table import literal_of
from hub.mapping.form import Form, wrong_shape
from hub.mapping.literals import point_in_time
from hub.mapping.read import Mapping as MappingNode
from hub.mapping.read import Node, read
from hub.mapping.read import Sequence as ListNode
from hub.model.clock import Micros
from hub.model.diagnostic import Diagnostic, Place
from hub.model.entity import Entity
from hub.model.record import Json
from hub.model.values import canonical

_CASE_KEYS = (
    *("case", "record", "delivery", "gives", "refuses", "skips"),
    *("loop", "given", "fires", "missing", "steps", "undo"),
)
NOW = "2026-06-01T00:00:00.000Z"
_ENDS = ("until", "met")
STEP_STATES = ("started", "asked", "skipped")


@dataclass(frozen=True, slots=True)
class Given:
    """What goes in: a record of ``source`` (``alias.stream``), or a delivery of a system (``alias``)."""

    source: str
    data: Json
    op: str = "snapshot"
    at: Micros = 0
    headers: Mapping[str, str] = field(default_factory=dict)
    file: str = ""
    is_delivery: bool = False


@dataclass(frozen=True, slots=True)
class WantedStep:
    """``each``: item key -> {payload, expect, until, met}; a step without ``each`` has its own under ""."""

    state: str
    each: Mapping[str, Mapping[str, Json]] | None
    place: Place


@dataclass(frozen=True, slots=True)
class Case:
    name: str
    place: Place
    given: Given | None = None
    gives: tuple[Mapping[str, Json], ...] = ()
    refuses: Mapping[str, Json] | None = None
    skips: bool = False
    loop: str = ""
    known: Mapping[str, Json] = field(default_factory=dict)
    fires: bool | None = None
    missing: tuple[str, ...] | None = None
    steps: Mapping[str, WantedStep] = field(default_factory=dict)
    entities: tuple[Entity, ...] = ()
    """What lookups of a record case find, beside the entities of the whole file."""
    undo: tuple[str, ...] | None = None
    """The steps a cancel would take back, last first."""


@dataclass(frozen=True, slots=True)
class CaseFile:
    """``integration`` is the mapping the cases belong to; ``now`` what expressions see as the time; ``entities``
    what lookups of every case find."""

    file: str
    integration: str
    now: str
    cases: tuple[Case, ...]
    findings: tuple[Diagnostic, ...]
    entities: tuple[Entity, ...] = ()


def read_cases(source: bytes | str, file: str) -> CaseFile:
    """The cases of a file and everything wrong with how they are written."""
    root, findings = read(source, file)
    form = None if root is None else Form.of(findings, root, "a cases file", ("cases", "now", "entities", "items"))
    if form is None:
        return CaseFile(file, "", NOW, (), tuple(findings.found))
    name, now = form.text("cases", example="rd-close"), form.text("now", NOW)
    cases = tuple(_case(each) for each in form.forms("items", "a case", _CASE_KEYS))
    return CaseFile(file, name, now, cases, tuple(findings.found), _entities(form, "entities"))


def _case(form: Form) -> Case:
    name = form.text("case", example="an epic becomes a project")
    form.what = f"case {name}"
    gives = _mappings(form, "gives")
    missing = _json(form, "missing")
    known = "loop" in form or not isinstance(form.node.pairs.get("given", (None, None))[1], ListNode)
    return Case(
        name=name,
        place=form.place("case"),
        given=_given(form),
        gives=gives,
        refuses=_mapping(form, "refuses"),
        skips=form.flag("skips"),
        loop=form.text("loop"),
        known=(_mapping(form, "given") or {}) if known else {},
        fires=form.flag("fires") if "fires" in form else None,
        missing=None if missing is None else tuple(missing) if isinstance(missing, list) else (str(missing),),
        steps={step.text: _step(form, step.text) for step, _ in form.pairs("steps")},
        undo=tuple(one.text for one in form.words("undo")) if "undo" in form else None,
        entities=() if known else _entities(form, "given"),
    )


def _entities(form: Form, key: str) -> tuple[Entity, ...]:
    """Entities the hub is taken to know: ``{entity: supplier, key: "erp:7", fields: {tax_id: "9131"}}``."""
    return tuple(_entity(one) for one in form.forms(key, "an entity", ("entity", "key", "label", "fields")))


def _entity(form: Form) -> Entity:
    kind, key = form.text("entity", example="supplier"), form.text("key", example="erp:7")
    return Entity(kind, key, form.text("label") or None, 1, canonical(_mapping(form, "fields") or {}))


def _json(form: Form, key: str) -> Any:
    node = form.take(key)
    return None if node is None else literal_of(form.findings, node)


def _mapping(form: Form, key: str, node: Node | None = None) -> dict[str, Any] | None:
    """Keys and values, None where there are none (a finding where there is something else)."""
    node = form.take(key) if node is None else node
    if node is None:
        return None
    if not isinstance(node, MappingNode):
        wrong_shape(form.findings, node, f"{key}: keys and values", f"{key}: {{field: value}}")
        return None
    found: dict[str, Any] = literal_of(form.findings, node)
    return found


def _mappings(form: Form, key: str) -> tuple[dict[str, Any], ...]:
    """One mapping, or a list of them."""
    node = form.take(key)
    nodes = node.items if isinstance(node, ListNode) else [] if node is None else [node]
    return tuple(one for each in nodes if (one := _mapping(form, key, each)) is not None)


def _each(form: Form) -> dict[str, Any]:
    """``{item key: {payload, expect, …}}``."""
    node = form.take("each")
    if not isinstance(node, MappingNode):
        return _mapping(form, "each") or {}
    found = {name: _mapping(form, "each", value) for name, (_, value) in node.pairs.items()}
    return {name: value for name, value in found.items() if value is not None}


def _given(form: Form) -> Given | None:
    record = Form.of(form.findings, form.take("record"), "record", ("source", "op", "at", "data"))
    if record is not None:
        at = record.literal("at", _moment)
        source, op = record.text("source", example="pm.issue"), record.text("op", "snapshot")
        return Given(source, _mapping(record, "data") or {}, op, _moment(NOW) if at is None else at)
    delivery = Form.of(form.findings, form.take("delivery"), "delivery", ("source", "headers", "body", "file"))
    if delivery is None:
        return None
    headers = {name: str(value) for name, value in (_mapping(delivery, "headers") or {}).items()}
    source = delivery.text("source", example="pm")
    return Given(source, _json(delivery, "body"), headers=headers, file=delivery.text("file"), is_delivery=True)


def _moment(text: str) -> Micros:
    return point_in_time(text, "UTC")


def _step(form: Form, name: str) -> WantedStep:
    """``skipped`` as one word, or ``{state, payload, expect}``, or ``{state, each: {key: {payload}}}``."""
    node = next(value for key, value in form.pairs("steps") if key.text == name)
    place = form.findings.place(node)
    if not isinstance(node, MappingNode):
        return WantedStep(_state(form, form.text_of(node), place), None, place)
    inner = Form(form.findings, node, f"step {name}", (*("state", "payload", "expect", "each"), *_ENDS))
    state = _state(form, inner.text("state", "started"), place)
    if "each" in inner:
        return WantedStep(state, _each(inner), place)
    own: dict[str, Json] = {key: _mapping(inner, key) or {} for key in ("payload", "expect") if key in inner}
    own |= {key: _json(inner, key) for key in _ENDS if key in inner}
    return WantedStep(state, {"": own} if own else None, place)


def _state(form: Form, text: str, place: Place) -> str:
    if text not in STEP_STATES:
        why = f"a step of a case is one of: {', '.join(STEP_STATES)}"
        form.findings.report("bad-literal", place, f'state cannot be "{text}"', why, f"write one of: {STEP_STATES}")
    return text
