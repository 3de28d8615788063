"""Several sources, one entity: which of them a field takes its value from (``prefer:`` of a row).

The value is that of the first preferred connection whose newest word on the field is filled; connections nobody
listed come last, the newest first. Each source's newest word is kept beside its marks, so that the outcome is the
same whatever order the records came in, and a value that its source empties gives way to the next one's.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import replace

from hub.model.clock import Micros
from hub.model.entity import Entity, Folded, Mark, SourceMarks, fold
from hub.model.record import Json, Mapped, Op

Prefer = Mapping[str, Sequence[str]]
"""Field -> connections, the one that wins first."""


def fold_preferring(
    entity: Entity | None,
    mapped: Mapped,
    source: str,
    at: Micros,
    op: Op,
    empty: Mapping[str, Json],
    speaks: Collection[str] | None,
    prefer: Prefer,
) -> Folded:
    """``fold`` for an entity some of whose fields prefer a source."""
    marks = None if entity is None else entity.marks.get(source)
    new = {
        name: value
        for name, value in mapped.fields.items()
        if name in prefer and op != "delete" and (marks is None or marks.of(name).at <= at)
    }
    said = {**(marks.said if marks is not None else {}), **new}
    others = {} if entity is None else {name: one for name, one in entity.marks.items() if name != source}
    everybody = {**others, source: SourceMarks(Mark(at, 0), said=said)}
    taken = {name: chosen(name, prefer[name], everybody) for name in new}
    shown = Mapped(mapped.kind, mapped.key, mapped.label, {**mapped.fields, **taken}, mapped.refs)
    folded = fold(entity, shown, source, at, op, empty, speaks)
    after = folded.entity
    if folded.verdict == "stale" or not said:
        return folded
    kept = {**after.marks, source: replace(after.marks[source], said=said)}
    return Folded(replace(after, marks=kept), folded.changed, folded.verdict)


def chosen(name: str, order: Sequence[str], marks: Mapping[str, SourceMarks]) -> Json:
    """The field's value among what every source said last; null where all of them are empty."""
    ranks = {connection: rank for rank, connection in enumerate(order)}
    filled = [
        (ranks.get(source.partition("/")[0], len(ranks)), -one.of(name).at, source)
        for source, one in marks.items()
        if one.said.get(name) not in (None, "")
    ]
    return marks[min(filled)[2]].said[name] if filled else None
