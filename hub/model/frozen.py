"""``value``: a frozen dataclass for the type checker, a plain one at run time; for what is made for every record or
for every move of a loop.

A frozen dataclass sets each field through ``object.__setattr__``: an event of fourteen fields costs 1.4 µs that way
and 0.25 µs as a plain one, and a record makes nine such values. mypy, which sees ``dataclass`` itself here, still
refuses every assignment. Equality, hash and ``replace`` are those of the frozen one. Everything made more rarely
stays a ``dataclass``, frozen at run time too.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from dataclasses import dataclass as value
else:

    def value(*, frozen: bool, slots: bool) -> Callable[[type], type]:
        """Called as ``dataclass`` is, ``@value(frozen=True, slots=True)``: nobody changes what it makes."""
        if not frozen:
            raise ValueError("a value is frozen; what changes is a dataclass")
        return dataclass(slots=slots, unsafe_hash=True)


__all__ = ["value"]
