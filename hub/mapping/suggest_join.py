"""Rows proposed from matching values: records of one system beside the entities another system has filled already.

First the join: a path and a field whose values name the same things, one to one; days and amounts name nothing. Then,
over the joined pairs, a path whose values agree with a field's, or (for a field with fixed values) determine it: that
is a ``values:`` map. Learnt on one half of the pairs; the other half only measures. Pure.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from decimal import Decimal

from hub.mapping.paths import flat
from hub.model.record import Json, Record

AGREE = 0.8
"""How much of the learnt pairs must agree before a path is proposed for a field."""
SHARED_MIN = 3
"""So many records must find their entity, or the join is chance."""
VALUES_MAX = 24
"""A path with more different values than this is no list of states."""
_DAY = re.compile(r"\d{4}-\d\d-\d\d$")
State = Mapping[str, Json]


@dataclass(frozen=True, slots=True)
class Pair:
    """A record by its paths, and the entity it is about."""

    record: Record
    values: Mapping[str, Json]
    state: State


@dataclass(frozen=True, slots=True)
class Join:
    """``path`` of the records and ``field`` of the entities name the same things."""

    path: str
    field: str
    pairs: tuple[Pair, ...]


def join(records: Sequence[Record], states: Sequence[State]) -> Join | None:
    """The path and field that bring most records to exactly one entity each; None where only chance would."""
    flats = [(record, flat(record.data)) for record in records]
    names = {name for state in states for name in state}
    known = {name: _unique((state.get(name), state) for state in states) for name in sorted(names)}
    best: Join | None = None
    for path in sorted({path for _, values in flats for path in values}):
        told = Counter(text(values[path]) for _, values in flats if path in values)
        for name, by_value in known.items():
            pairs = tuple(
                Pair(record, values, by_value[found])
                for record, values in flats
                if (found := text(values.get(path))) in by_value and told[found] == 1
            )
            if len(pairs) >= SHARED_MIN and (best is None or len(pairs) > len(best.pairs)):
                best = Join(path, name, pairs)
    return best


def _unique(found: Iterable[tuple[Json, State]]) -> dict[str, State]:
    """Value -> entity, for values only one entity has; what everybody or nobody has names nothing."""
    by_value: dict[str, list[State]] = {}
    for value, state in found:
        if isinstance(value, str) and len(said := text(value)) > 1 and not _DAY.match(said):
            by_value.setdefault(said, []).append(state)
    return {said: states[0] for said, states in by_value.items() if len(states) == 1}


def text(value: Json) -> str:
    """What two systems would agree in, however they spell it: case, spaces, zeros, the time of a day apart."""
    if isinstance(value, Mapping):
        return text(value.get("amount"))
    if isinstance(value, bool) or value is None:
        return "" if value is None else str(value).lower()
    if isinstance(value, (int, Decimal)):
        return format(Decimal(value).normalize(), "f")
    if not isinstance(value, str):
        return ""
    said = value.strip()
    if len(said) >= len("2026-01-01T00:00") and said[4:5] == said[7:8] == "-" and said[10] in "T ":
        return said[:10]
    return _number(said) if said[:1] in "-0123456789" else said.casefold()


def _number(said: str) -> str:
    plain = said.replace(".", "", 1).removeprefix("-")
    return format(Decimal(said).normalize(), "f") if plain.isascii() and plain.isdigit() else said


def agreeing(pairs: Sequence[Pair], field: str) -> list[str]:
    """Paths whose values are the field's own, best first."""
    scores = {path: _share(pairs, field, path) for path in sorted({path for pair in pairs for path in pair.values})}
    return sorted((path for path, score in scores.items() if score >= AGREE), key=lambda path: -scores[path])


def _share(pairs: Sequence[Pair], field: str, path: str) -> float:
    told = [(text(pair.values[path]), text(pair.state.get(field))) for pair in pairs if path in pair.values]
    told = [(one, other) for one, other in told if other]
    return sum(one == other for one, other in told) / len(told) if len(told) >= SHARED_MIN else 0.0


def translated(pairs: Sequence[Pair], field: str) -> tuple[str, dict[str, Json]] | None:
    """The path whose few values best determine the field's, as a value map; None where none does."""
    best: tuple[float, str, dict[str, Json]] | None = None
    for path in sorted({path for pair in pairs for path in pair.values}):
        found = _map_of(pairs, field, path)
        if found is not None and (best is None or found[0] > best[0]):
            best = (found[0], path, found[1])
    return None if best is None else best[1:]


def _map_of(pairs: Sequence[Pair], field: str, path: str) -> tuple[float, dict[str, Json]] | None:
    """(share of the pairs it explains, entries); each source value says what it stands for most often."""
    seen: dict[str, Counter[str]] = {}
    for pair in pairs:
        value, target = pair.values.get(path), pair.state.get(field)
        if isinstance(value, str) and isinstance(target, str):
            seen.setdefault(value, Counter())[target] += 1
    total = sum(sum(counts.values()) for counts in seen.values())
    targets = {target for counts in seen.values() for target in counts}
    if total < SHARED_MIN or len(targets) < 2 or not len(targets) <= len(seen) <= min(VALUES_MAX, total // 2):
        return None
    entries: dict[str, Json] = {value: counts.most_common(1)[0][0] for value, counts in sorted(seen.items())}
    hits = sum(counts.most_common(1)[0][1] for counts in seen.values())
    return (hits / total, entries) if hits / total >= AGREE else None
