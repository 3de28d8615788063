"""First pass of an impact run: map each record under both versions, without state, and note where they differ.

A record both versions map alike, whose objects no other record ties to a difference, ends alike: it is never run
again. The pass keeps counts, a few examples, and (on disk) which names tie which objects together.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import replace
from typing import Any

from hub.history.counted import RecordGroup, Tally
from hub.history.pairs import LoopPair, Pairs, TablePair
from hub.history.ties import Ties, node
from hub.mapping.compiled import CompiledLoop, CompiledTable, ExpressionError
from hub.model.clock import iso
from hub.model.delivery import Delivery
from hub.model.diagnostic import Place
from hub.model.record import Decoded, Lookup, Mapped, Record, Refused, Rejected

NODES_MAX = 100_000
"""Names and objects remembered so that a repeated one costs nothing; then the memory starts anew."""
Seen = Mapped | Refused | None


class Probe:
    """One process's first pass."""

    def __init__(self, pairs: Pairs, decode: Callable[[Delivery], Decoded], ties: Ties) -> None:
        self.pairs, self._decode, self._ties = pairs, decode, ties
        self._loops = pairs.loops()
        self._single = {kind: pairs.single_source(kind) for kind in self._loops}
        self._sought = _sought(pairs)
        self._nodes: dict[str, int] = {}
        self._known: dict[int, tuple[Any, ...]] = {}

    def run(self, deliveries: Iterable[Delivery]) -> Tally:
        """Look at these deliveries; what ties and hits there are goes to disk."""
        tally = Tally()
        self._places: list[tuple[int, int]] = []
        self._new: list[tuple[int, int]] = []
        self._hits: list[tuple[int]] = []
        for delivery in deliveries:
            self._delivery(delivery, tally)
        self._ties.add(self._places, self._new, self._hits)
        return tally

    def _delivery(self, delivery: Delivery, tally: Tally) -> None:
        tally.deliveries += 1
        if delivery.conflict:
            return
        try:
            records = self._decode(delivery).records
        except Exception:  # noqa: BLE001 - a connector's bug sets the delivery aside under any mapping
            return
        for record in records:
            self._record(delivery, record, tally)

    def _record(self, delivery: Delivery, record: Record, tally: Tally) -> None:
        tally.records += 1
        connection = delivery.connection
        pairs = self.pairs.tables(connection, record.stream)
        if not pairs:
            return
        place = self._node(object_text(connection, record))
        self._places.append((place, delivery.position))
        names: list[str] = []
        hit = False
        for pair in pairs:
            before = look(pair.before, record)
            after = before if pair.same else look(pair.after, record)
            if before is not None:
                self._name(names, before, connection, record)
            if after is not before and _differ(before, after):
                if after is not None:
                    self._name(names, after, connection, record)
                tally.differ(_groups(pair, before, after), _example(delivery, record, before, after))
                hit = True
            elif not pair.folds and after is not None:
                hit = True
            if self._loops:
                hit = hit or self._may_fire(before, after, record)
        self._tie(place, names)
        if hit:
            self._hits.append((place,))

    def _name(self, names: list[str], seen: Mapped | Refused, connection: str, record: Record) -> None:
        """Every name the record gives its entity, and every name it calls others by."""
        kind = seen.kind
        names.append(f"{kind} {seen.key or f'{connection}:{record.source}'}")
        if seen.label:
            names.append(f"{kind} {seen.label}")
        if isinstance(seen, Refused):
            called: Iterable[tuple[str, Any]] = seen.refs.values()
        else:
            called = [(to, seen.fields.get(field)) for field, to in seen.refs.items()] if seen.refs else ()
        for to, value in called:
            if isinstance(value, str):
                names.append(f"{to} {value}")
                if bare := value.partition(":")[2]:
                    names.append(f"{to} {bare}")
        if isinstance(seen, Mapped):
            self._name_lookups(names, seen)
        if seen.via is not None:
            names += [_found_by(kind, field, value) for field, value in seen.via.match if value]

    def _name_lookups(self, names: list[str], seen: Mapped) -> None:
        """What a lookup would find it by, and what its own lookups look for."""
        for one in seen.lookups:
            direct = one.by in ("key", "label")
            names.append(f"{one.entity} {one.value}" if direct else _found_by(one.entity, one.by, one.value))
        values = ((field, seen.fields.get(field)) for field in self._sought.get(seen.kind, ()))
        names += [_found_by(seen.kind, field, value) for field, value in values if isinstance(value, str)]

    def _tie(self, place: int, names: list[str]) -> None:
        key = tuple(names)
        if self._known.get(place) == key:
            return
        if len(self._known) > NODES_MAX:
            self._known.clear()
        self._known[place] = key
        self._new.extend((place, self._node(name)) for name in names)

    def _node(self, text: str) -> int:
        found = self._nodes.get(text)
        if found is None:
            if len(self._nodes) > NODES_MAX:
                self._nodes.clear()
            found = self._nodes[text] = node(text)
        return found

    def _may_fire(self, before: Seen, after: Seen, record: Record) -> bool:
        """Whether a loop that differs could see its subject close by this record, in either version."""
        for seen in (before, after):
            if isinstance(seen, Mapped) and any(
                self._fires(pair, seen, record) for pair in self._loops.get(seen.kind, ())
            ):
                return True
        return False

    def _fires(self, pair: LoopPair, seen: Mapped, record: Record) -> bool:
        schema = self.pairs.after.schemas.get(seen.kind)
        whole = schema is not None and record.op == "snapshot" and self._single[seen.kind]
        if schema is None or not whole:
            return True  # its state comes from more than this record: only running it again can tell
        view = {**schema.empty, **seen.fields, "key": seen.key, "label": seen.label}
        return any(_holds(loop, seen.kind, view, record) for loop in (pair.before, pair.after) if loop is not None)


def object_text(connection: str, record: Record) -> str:
    """The source object a record is about, as text."""
    return f"{connection}/{record.stream}/{record.source}"


def _holds(loop: CompiledLoop, kind: str, view: dict[str, Any], record: Record) -> bool:
    if "was" in loop.definition.when.text:
        return True
    try:
        return loop.when({kind: view, "was": None, "now": iso(record.at)})
    except ExpressionError:
        return True


def look(table: CompiledTable | None, record: Record) -> Seen:
    """The record through one table; None where the table is missing or does not take it."""
    if table is None:
        return None
    try:
        if record.op != "delete" and not table.accepts(record):
            return None
        return table.apply(record)
    except Exception as bug:  # noqa: BLE001 - a mapping's bug sets the record aside, as in the engine
        words = f"{type(bug).__name__}: {bug}"
        definition = table.definition
        rejected = Rejected("exception", words, definition.name)
        return Refused(definition.entity, None, None, {}, rejected)


def _sought(pairs: Pairs) -> dict[str, tuple[str, ...]]:
    """Entity kind -> the fields by which a lookup of either version finds it."""
    both = [catalog.sought for catalog in (pairs.before, pairs.after)]
    kinds = {kind for sought in both for kind in sought}
    return {kind: tuple(sorted({name for sought in both for name in sought.get(kind, ())})) for kind in kinds}


def _differ(before: Seen, after: Seen) -> bool:
    """Whether a record comes out differently; where a row stands and who owns it changes nothing."""
    if isinstance(before, Refused) and isinstance(after, Refused):
        said = [(one.kind, one.key, one.refs, one.rejected.reason, one.rejected.row) for one in (before, after)]
        return said[0] != said[1]
    if isinstance(before, Mapped) and isinstance(after, Mapped) and (before.lookups or after.lookups):
        plain = [replace(one, lookups=tuple(map(_bare, one.lookups))) for one in (before, after)]
        return plain[0] != plain[1]
    return before != after


def _bare(one: Lookup) -> Lookup:
    return replace(one, place=NOWHERE, owner="")


def _found_by(kind: str, field: str, value: str) -> str:
    return f"{kind} {field}={value}"


NOWHERE = Place("", 0, 0)


# --- what differs


def _groups(pair: TablePair, before: Seen, after: Seen) -> list[RecordGroup]:
    """The rows one differing record is counted under."""
    if isinstance(before, Mapped) and isinstance(after, Mapped):
        names = sorted(
            n for n in {*before.fields, *after.fields} if before.fields.get(n, _NO) != after.fields.get(n, _NO)
        )
        if before.key != after.key:
            names.append("key")
        if before.label != after.label:
            names.append("label")
        return [_row(pair, name, "value") for name in names or ["fields"]]
    change = f"{_verdict(before)} → {_verdict(after)}"
    refused = after if isinstance(after, Refused) else before if isinstance(before, Refused) else None
    field = "only" if refused is None else refused.rejected.row.rpartition(".")[2]
    return [_row(pair, field, change)]


_NO = object()


def _verdict(seen: Seen) -> str:
    if seen is None:
        return "not taken"
    return seen.rejected.reason if isinstance(seen, Refused) else "mapped"


def _row(pair: TablePair, field: str, change: str) -> RecordGroup:
    table = pair.after or pair.before
    if table is None:
        raise ValueError("a pair has at least one side")
    row = next((one for one in table.definition.rows if one.field == field), None)
    told = row.governance if row else table.definition.governance
    return RecordGroup(f"{pair.name}.{field}", told.owner, change)


def _example(delivery: Delivery, record: Record, before: Seen, after: Seen) -> dict[str, Any]:
    return {
        "delivery": delivery.ref,
        "position": delivery.position,
        "object": object_text(delivery.connection, record),
        "before": _told(before, after),
        "after": _told(after, before),
    }


def _told(seen: Seen, other: Seen) -> Any:
    """Only what differs of a mapped record; the words of a refused one."""
    if isinstance(seen, Refused):
        return f"{seen.rejected.reason}: {seen.rejected.message}"
    if seen is None:
        return None
    known = other.fields if isinstance(other, Mapped) else {}
    return {name: value for name, value in seen.fields.items() if known.get(name, _NO) != value}
