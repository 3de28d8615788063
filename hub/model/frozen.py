"""``value``: a frozen dataclass for the type checker, a plain one at run time; for what is made for every record or
for every move of a loop.

A frozen dataclass sets each field through ``object.__setattr__``: an event of fourteen fields costs 1.4 µs that way
and 0.25 µs as a plain one, and a record makes nine such values. mypy, which sees ``dataclass`` itself here, still
refuses every assignment. Equality, hash and ``replace`` are those of the frozen one. Everything made more rarely
stays a ``dataclass``, frozen at run time too. ``replace`` is that of ``dataclasses`` in three fifths of its time: it
copies the fields and does not run ``__init__`` again.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from functools import cache
from operator import attrgetter
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from dataclasses import dataclass as value
    from dataclasses import replace
else:
    _put = object.__setattr__

    def value(*, frozen: bool, slots: bool) -> Callable[[type], type]:
        """Called as ``dataclass`` is, ``@value(frozen=True, slots=True)``: nobody changes what it makes."""
        if not frozen:
            raise ValueError("a value is frozen; what changes is a dataclass")
        return dataclass(slots=slots, unsafe_hash=True)

    @cache
    def _fields(kind: type) -> tuple[tuple[str, ...], Callable[[object], tuple[Any, ...]]]:
        names = tuple(kind.__dataclass_fields__)
        return names, attrgetter(*names) if len(names) > 1 else lambda one: (getattr(one, names[0]),)

    def replace(old: Any, /, **changes: Any) -> Any:
        """The same with other values in these fields."""
        kind = old.__class__
        names, values = _fields(kind)
        new = kind.__new__(kind)
        for name, held in zip(names, values(old), strict=True):
            _put(new, name, held)
        for name, given in changes.items():
            _put(new, name, given)
        return new


__all__ = ["replace", "value"]
