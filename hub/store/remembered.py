"""Loop instances and effects by their stored bytes: what has not changed is neither parsed nor encoded again.

Bytes equal to those remembered are the value remembered: every move of an effect reads what the last one wrote. A
closing with a thousand items is a document of half a megabyte; a new one is put together from the pieces of the last,
of which one move changes one. A piece is found by identity: instances are frozen, what stays is shared. An ``each``
element that stands in ``taken`` is written once: ``at`` of the obligation says where.
"""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Mapping
from dataclasses import dataclass, field, fields
from threading import Lock
from typing import Any, Generic, TypeVar

import orjson

from hub.model.instance import Instance, Obligation, Step

MANY = 16
"""Obligations from which on pieces pay; a closing with fewer is encoded faster than it is put together."""
KEPT_MAX = 16
"""Instances whose pieces are kept: those whose effects move now."""
BYTES_MAX = 8 << 20
"""Of documents remembered; as objects they take about four times that."""
T = TypeVar("T")
_BEFORE_ID = len(b'{"key":"')
_INSTANCE = tuple(one.name for one in fields(Instance) if one.name not in ("steps", "taken"))
_STEP = tuple(one.name for one in fields(Step) if one.name != "obligations")
_PART = tuple(one.name for one in fields(Obligation) if one.name != "scope")


def plain(value: object) -> object:
    """For ``orjson``: read-only mappings as JSON objects."""
    if isinstance(value, Mapping):
        return dict(value)
    raise TypeError(f"{type(value).__name__} is no canonical JSON")


@dataclass(slots=True)
class Pieces:
    """The encoded parts of one instance. All of them go when ``taken`` changes: they point into it."""

    taken: Mapping[str, Any] | None
    encoded: orjson.Fragment
    at: Mapping[int, tuple[str, int]]
    parts: dict[int, tuple[Obligation, orjson.Fragment]] = field(default_factory=dict)
    """id of an obligation -> itself, so that the id stays its own, and its JSON."""

    @classmethod
    def of(cls, taken: Mapping[str, Any] | None) -> Pieces:
        lists = [(name, value) for name, value in (taken or {}).items() if isinstance(value, list)]
        at = {id(one): (name, n) for name, value in lists for n, one in enumerate(value) if isinstance(one, dict)}
        return cls(taken, _encoded(taken), at)

    def part(self, part: Obligation) -> orjson.Fragment:
        held = self.parts.get(id(part))
        if held is None:
            said = {name: getattr(part, name) for name in _PART}
            at = {name: self.at[id(value)] for name, value in part.scope.items() if id(value) in self.at}
            scope = {name: value for name, value in part.scope.items() if name not in at}
            held = part, _encoded({**said, "scope": scope, **({"at": at} if at else {})})
            self.parts[id(part)] = held
        return held[1]


def _encoded(value: object) -> orjson.Fragment:
    return orjson.Fragment(orjson.dumps(value, default=plain))


class Remembered(Generic[T]):
    """The values of one type last read or written in this process, by id. Readers and the writer share it."""

    def __init__(self, bytes_max: int = BYTES_MAX) -> None:
        self._lock = Lock()
        self._values: OrderedDict[bytes, tuple[bytes, T]] = OrderedDict()
        self._bytes, self._bytes_max = 0, bytes_max

    def get(self, document: bytes) -> T | None:
        """The value those very bytes stand for, where it is known."""
        with self._lock:
            held = self._values.get(_id_in(document))
        return held[1] if held is not None and held[0] == document else None

    def keep(self, document: bytes, value: T) -> None:
        """In place of what was kept under its id; the oldest go when there are too many bytes."""
        name = _id_in(document)
        with self._lock:
            before = self._values.pop(name, None)
            self._bytes += len(document) - (0 if before is None else len(before[0]))
            self._values[name] = document, value
            while self._bytes > self._bytes_max:
                _, (gone, _) = self._values.popitem(last=False)
                self._bytes -= len(gone)

    def forget(self) -> None:
        """As a process that has just begun."""
        with self._lock:
            self._values.clear()
            self._bytes = 0


class Pieced:
    """Encodes instances; of the big ones last written the pieces are kept."""

    def __init__(self) -> None:
        self._lock = Lock()
        self._pieces: OrderedDict[str, Pieces] = OrderedDict()

    def dump(self, instance: Instance) -> bytes:
        if not _many(instance):
            return orjson.dumps(instance, default=plain)
        with self._lock:
            pieces = self._pieces.get(instance.id)
            if pieces is None or pieces.taken is not instance.taken:
                pieces = Pieces.of(instance.taken)
            document = _document(instance, pieces)
            kept = {id(part): pieces.parts[id(part)] for step in instance.steps for part in step.obligations}
            pieces.parts = kept
            self._pieces[instance.id] = pieces
            self._pieces.move_to_end(instance.id)
            if len(self._pieces) > KEPT_MAX:
                self._pieces.popitem(last=False)
        return document


def _document(instance: Instance, pieces: Pieces) -> bytes:
    said = {name: getattr(instance, name) for name in _INSTANCE}
    steps = [
        {**{name: getattr(step, name) for name in _STEP}, "obligations": [pieces.part(p) for p in step.obligations]}
        for step in instance.steps
    ]
    return orjson.dumps({**said, "steps": steps, "taken": pieces.encoded}, default=plain)


def _many(instance: Instance) -> bool:
    return sum(len(step.obligations) for step in instance.steps) >= MANY


def _id_in(document: bytes) -> bytes:
    """The head of a document: the name of its first field, and the id or key it begins with."""
    return document[: document.find(b'"', _BEFORE_ID)]
