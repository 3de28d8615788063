"""Whether a value of one type can stand where another is wanted. No rule: rules ask it."""

from __future__ import annotations

from hub.mapping.convert import CONVERTERS
from hub.mapping.expression.kinds import DYN, TEXT, Type, type_of
from hub.mapping.table import Row

_TAKES = {
    "text": frozenset({"text", "ref", "entity"}),
    "ref": frozenset({"text", "ref", "entity"}),
    "decimal": frozenset({"decimal", "int"}),
    "object": frozenset({"object", "entity"}),
}
_LITERALS = {str: "text", bool: "bool", int: "int", list: "list", dict: "object"}


def fits(wanted: Type, found: Type) -> bool:
    """Null and what nobody described go with anything; an entity stands for its id."""
    if "dyn" in (wanted.name, found.name) or found.name == "null":
        return True
    return found.name in _TAKES.get(wanted.name, {wanted.name})


def row_type(row: Row, source: Type) -> Type:
    """What a row gives: by its converter, its value map, its constant, or as its source is."""
    if row.convert is not None:
        spec = CONVERTERS.get(row.convert.name)
        return DYN if spec is None else type_of({"x-type": spec.gives})
    if row.values is not None:
        return TEXT if all(isinstance(value, str) for value in row.values.values()) else DYN
    if row.has_const:
        return Type(_LITERALS.get(type(row.const), "dyn"))
    return source
