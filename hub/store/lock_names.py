"""What a transaction reads and writes, as names: whatever one reads and another writes shares a name.

A *head* (entity, loop, effect, any stream) goes by the name of its stream. An entry of an index goes by what it is
found by. A reader names the heads and entries it asks for, then the heads it found; a writer names its heads, then
the entries that appear, change or go (docs/adr/0004-locks-and-positions-on-postgresql.md has the proof). Pure.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field

from hub.model.changes import Changes, Touched
from hub.store.view import LoadedView

Place = tuple[str, str]


@dataclass(slots=True)
class Before:
    """The index entries of what a transaction writes, as they stand: read under the locks of its heads."""

    labels: Mapping[Place, str | None] = field(default_factory=dict)
    """(kind, key) -> the label the entity carries"""
    refs: Mapping[Place, Mapping[str, str]] = field(default_factory=dict)
    links: Mapping[tuple[str, str, str], str | None] = field(default_factory=dict)
    waits: Mapping[str, frozenset[Place]] = field(default_factory=dict)
    asides: frozenset[Place] = frozenset()
    """(kind, key or label) that the quarantine rows written here are found by now"""


def of_reads(touched: Touched) -> set[str]:
    """What is asked for. ``pages`` have no name: who reads a whole kind is alone."""
    names = {f"{kind}/{key}" for kind, key in touched.entities}
    names.update(f"@label/{kind}/{label}" for kind, label in touched.labels)
    names.update(f"@link/{connection}/{kind}/{key}" for connection, kind, key in touched.links)
    names.update(f"@object/{connection}/{kind}/{one}" for connection, kind, one in touched.objects)
    for kind, name, target in touched.referring:
        names.update((f"@ref/{kind}/{name}/{target}", f"@names/{target}"))
    names.update(f"@subject/{kind}/{key}" for kind, key in touched.subjects)
    names.update(f"loop/{loop}" for loop in (*touched.loops, *touched.approvals))
    names.update(f"effect/{key}" for key in touched.effects)
    for kind, key in touched.quarantined:
        names.update((f"@aside/{kind}/{key}", f"@names/{key}"))
    names.update(f"@wait/{kind}/{name}" for kind, name in touched.waiting)
    names.update(f"@taker/{kind}/{key}" for kind, key in touched.takers)
    names.update(f"sync/{kind}/{key}" for kind, key in touched.twoways)
    return names


def of_found(touched: Touched, view: LoadedView) -> set[str]:
    """The heads that indexes led to: they were read whole."""
    names = {one.stream for place in touched.referring for one in view.references.get(place, ())}
    for places, found in (
        (touched.subjects, view.subjects),
        (touched.waiting, view.waits),
        (touched.takers, view.taken),
    ):
        names.update(one.stream for place in places for one in found.get(place, ()))
    return names


def of_heads(changes: Changes) -> set[str]:
    """The heads that are written."""
    names = {event.stream for event in changes.events}
    names.update(one.stream for one in changes.entities.values())
    names.update(f"{kind}/{key}" for kind, key in changes.refs)
    names.update(one.stream for one in changes.loops.values())
    names.update(one.stream for one in changes.effects.values())
    names.update(f"loop/{one.loop}" for one in changes.approvals.values())
    names.update(f"loop/{loop}" for loop in changes.waits)
    names.update(f"quarantine/{identity}" for identity in changes.quarantines)
    names.update(f"sync/{kind}/{key}" for kind, key in changes.twoways)
    return names


def of_entries(changes: Changes, before: Before) -> set[str]:
    """The index entries that appear, change or go."""
    names = set(_labels(changes, before))
    names.update(_links(changes, before))
    for kind, name, value in changed_refs(changes, before):
        names.update((f"@ref/{kind}/{name}/{value}", f"@named/{value}"))
    for kind, value in asides(changes, before):
        names.update((f"@aside/{kind}/{value}", f"@named/{value}"))
    names.update(f"@subject/{one.subject_kind}/{one.subject}" for one in changes.loops.values())
    for loop, wanted in changes.waits.items():
        names.update(f"@wait/{kind}/{name}" for kind, name in wanted ^ before.waits.get(loop, frozenset()))
    names.update(f"@taker/{kind}/{key}" for kind, key, _ in changes.taken)
    return names


def of_aliases(changes: Changes, before: Before, keys: Mapping[str, Iterable[str]]) -> set[str]:
    """Who is named by a label is found by its key too; ``keys``: label -> keys, read under its ``@named``."""
    refs = {
        f"@ref/{kind}/{n}/{key}" for kind, n, value in changed_refs(changes, before) for key in keys.get(value, ())
    }
    refs.update(f"@aside/{kind}/{key}" for kind, value in asides(changes, before) for key in keys.get(value, ()))
    return refs


def named(changes: Changes, before: Before) -> set[str]:
    """Every value by which something is found from now on, or no longer: a key, or a label."""
    refs = {value for _, _, value in changed_refs(changes, before)}
    return refs | {value for _, value in asides(changes, before)}


def changed_refs(changes: Changes, before: Before) -> set[tuple[str, str, str]]:
    """(kind, field, value) of ref entries that come or go."""
    found: set[tuple[str, str, str]] = set()
    for (kind, key), refs in changes.refs.items():
        differ = refs.items() ^ before.refs.get((kind, key), {}).items()
        found.update((kind, name, value) for name, value in differ)
    return found


def asides(changes: Changes, before: Before) -> set[Place]:
    """(kind, key or label) by which the quarantine rows written here are found, before and after."""
    found = set(before.asides)
    for one in changes.quarantines.values():
        found.add((one.kind, one.key))
        found.update(one.refs.values())
    return found


def _labels(changes: Changes, before: Before) -> Iterator[str]:
    for kind, label, key in changes.labels:
        yield from (f"@label/{kind}/{label}", f"@names/{key}", f"@named/{label}")
    for (kind, key), entity in changes.entities.items():
        was = before.labels.get((kind, key))
        if was != entity.label:
            yield from (f"@label/{kind}/{one}" for one in (was, entity.label) if one is not None)


def _links(changes: Changes, before: Before) -> Iterator[str]:
    for connection, kind, key, to in changes.links:
        yield f"@object/{connection}/{kind}/{to}"
        yield from _unlinked(connection, kind, key, before)
    for connection, kind, key in changes.unlinked:
        yield from _unlinked(connection, kind, key, before)


def _unlinked(connection: str, kind: str, key: str, before: Before) -> Iterator[str]:
    yield f"@link/{connection}/{kind}/{key}"
    was = before.links.get((connection, kind, key))
    if was is not None:
        yield f"@object/{connection}/{kind}/{was}"
