"""Types of expressions: what the checker compares and what tells the emitter how to read canonical JSON.

A ``Type`` never says "nullable": every canonical field may be null, so null is a run-time matter. ``dyn`` is a
value nobody described (a source record).
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any

from hub.model.schema import Schema, x_type


@dataclass(frozen=True, slots=True)
class Type:
    """``name`` is one of the constants below; ``of`` a list's element; ``fields`` an object's; ``currency`` of
    money where it is known; ``entity`` the kind of an entity or of a ref's target."""

    name: str
    of: Type | None = None
    fields: Mapping[str, Type] | None = None
    currency: str = ""
    entity: str = ""

    def __str__(self) -> str:
        match self.name:
            case "list":
                return f"list of {self.of}" if self.of and self.of.name != "dyn" else "list"
            case "money":
                return f"money {self.currency}".strip()
            case "entity":
                return self.entity
            case "dyn":
                return "a value of unknown type"
            case _:
                return self.name


DYN, NULL = Type("dyn"), Type("null")
TEXT, BOOL = Type("text"), Type("bool")
INT, DECIMAL = Type("int"), Type("decimal")
MONEY, SHARE = Type("money"), Type("unrounded money")
INSTANT, DATE, DURATION = Type("instant"), Type("date"), Type("duration")
OBJECT = Type("object")
NUMBERS = frozenset({"int", "decimal"})
_BY_X_TYPE = {
    "string": TEXT,
    "boolean": BOOL,
    "integer": INT,
    "number": DECIMAL,
    "decimal": DECIMAL,
    "money": MONEY,
    "instant": INSTANT,
    "date": DATE,
    "person": TEXT,
}


def list_of(element: Type) -> Type:
    return Type("list", of=element)


def money(currency: str) -> Type:
    return Type("money", currency=currency)


def object_of(fields: Mapping[str, Type]) -> Type:
    return Type("object", fields=fields)


def type_of(schema: Mapping[str, Any], currency: str = "") -> Type:
    """The type of a JSON Schema property (ours: with ``x-type``)."""
    kind = x_type(schema)
    match kind:
        case "ref":
            return Type("ref", entity=str(schema.get("x-entity", "")))
        case "money":
            return money(str(schema.get("x-currency", "")) or currency)
        case "array":
            items = schema.get("items")
            return list_of(type_of(items, currency) if isinstance(items, Mapping) else DYN)
        case "object":
            properties = schema.get("properties")
            return object_of({n: type_of(p, currency) for n, p in properties.items()}) if properties else DYN
        case _:
            return _BY_X_TYPE.get(kind, DYN)


def entity_type(schema: Schema, currencies: Mapping[str, str] | None = None) -> Type:
    """An entity as expressions see it: every field of its schema, with ``key`` and ``label``.

    ``currencies``: field -> the currency the tables fix for it, where they all agree.
    """
    fixed = currencies or {}
    fields = {name: type_of(part, fixed.get(name, "")) for name, part in schema.fields.items()}
    return Type("entity", fields={**fields, "key": TEXT, "label": TEXT}, entity=schema.kind)


@dataclass(frozen=True, slots=True)
class TypeScope:
    """What an expression may name. ``open`` scopes take any name (a stream that documents none)."""

    names: Mapping[str, Type] = field(default_factory=dict)
    open: bool = False
    gone: Mapping[str, str] = field(default_factory=dict)
    """Names that exist but not here -> why (``steps.x`` not in ``after``)."""
    deeper: Mapping[str, str] = field(default_factory=dict)
    """Names that stand below another one -> their whole path (``summary`` is ``fields.summary``)."""
    holder: str = ""
    """The name below which any other may stand: ``row`` of a dropped file."""

    def plus(self, **names: Type) -> TypeScope:
        return TypeScope({**self.names, **names}, self.open, self.gone, self.deeper, self.holder)

    def get(self, name: str) -> Type | None:
        return self.names.get(name) or (DYN if self.open else None)


def record_scope(names: Iterable[str], each: Iterable[str] = (), documented: Iterable[str] = ()) -> TypeScope:
    """The scope of a table's rows: the record's own top-level names, and ``each`` variables; all dynamic.

    ``documented``: paths of the stream, to say where a name stands that was written without what holds it.
    """
    known, deeper, holder = tuple(names), dict[str, str](), ""
    for path in documented:
        first, _, second = path.partition(".")
        if second and "<" not in second:
            deeper.setdefault(second.partition(".")[0], ".".join(path.split(".")[:2]))
        elif "<" in second or "[" in first:
            holder = holder or first.partition("[")[0]
    return TypeScope(dict.fromkeys((*known, *each), DYN), open=not known, deeper=deeper, holder=holder)
