"""Whatever one transaction reads and another writes shares a name: by random states, reads and changes.

A tiny store of dictionaries says what a read gives. Where a change alters an answer, their names must meet.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, replace
from random import Random
from typing import Any

import pytest

from hub.model.changes import Changes, Quarantine, Touched
from hub.model.entity import Entity
from hub.model.instance import Instance, LoopState
from hub.store.lock_names import Before, of_aliases, of_entries, of_found, of_heads, of_reads
from hub.store.view import LoadedView

KINDS, KEYS, NAMES = ("project", "item"), ("c:1", "c:2", "c:3"), ("OPS-1", "OPS-2")
VALUES = (*KEYS, *NAMES)
LOOPS = ("l1", "l2")
Place = tuple[str, str]


@dataclass
class World:
    """What the tables hold."""

    entities: dict[Place, Entity] = field(default_factory=dict)
    refs: dict[Place, Mapping[str, str]] = field(default_factory=dict)
    labels: set[tuple[str, str, str]] = field(default_factory=set)
    links: dict[tuple[str, str, str], str] = field(default_factory=dict)
    loops: dict[str, Instance] = field(default_factory=dict)
    waits: dict[str, frozenset[Place]] = field(default_factory=dict)
    taken: set[tuple[str, str, str]] = field(default_factory=set)
    asides: dict[str, Quarantine] = field(default_factory=dict)

    def after(self, c: Changes) -> World:
        made = World(
            {**self.entities, **c.entities}, {**self.refs, **c.refs}, self.labels | c.labels, dict(self.links),
            {**self.loops, **c.loops}, {**self.waits, **c.waits}, self.taken | c.taken,
            {**self.asides, **c.quarantines},
        )  # fmt: skip
        for place in c.unlinked:
            made.links.pop(place, None)
        made.links.update({(connection, kind, key): to for connection, kind, key, to in c.links})
        return made

    def view(self, t: Touched) -> LoadedView:
        """As the store would load it."""
        view = LoadedView()
        view.entities = {place: self.entities.get(place) for place in t.entities}
        view.labels = {place: self._labelled(*place) for place in t.labels}
        view.links = {place: self.links.get(place) for place in t.links}
        view.objects = {
            (c, k, o): tuple(sorted(key for (lc, lk, key), to in self.links.items() if (lc, lk, to) == (c, k, o)))
            for c, k, o in t.objects
        }
        view.references = {place: self._referring(*place) for place in t.referring}
        view.subjects = {
            p: self._loops(
                i for i in LOOPS if i in self.loops and (self.loops[i].subject_kind, self.loops[i].subject) == p
            )
            for p in t.subjects
        }
        view.loops = {one: self.loops.get(one) for one in t.loops}
        view.waits = {p: self._loops(i for i in LOOPS if p in self.waits.get(i, ())) for p in t.waiting}
        view.taken = {p: self._loops(i for i in LOOPS if (*p, i) in self.taken) for p in t.takers}
        view.quarantines = {place: self._aside(*place) for place in t.quarantined}
        return view

    def _loops(self, names: Iterable[str]) -> tuple[Instance, ...]:
        return tuple(self.loops[name] for name in names if name in self.loops)

    def _labelled(self, kind: str, label: str) -> str | None:
        keys = sorted(key for of, name, key in self.labels if (of, name) == (kind, label))
        now = [key for key in keys if (e := self.entities.get((kind, key))) is not None and e.label == label]
        return next(iter((*now, *keys)), None)

    def _names(self, key: str, kind: str = "") -> set[str]:
        return {key, *(label for k, label, of in self.labels if of == key and kind in ("", k))}

    def _referring(self, kind: str, name: str, target: str) -> tuple[Entity, ...]:
        found = [p for p, refs in sorted(self.refs.items()) if p[0] == kind and refs.get(name) in self._names(target)]
        return tuple(self.entities[place] for place in found if place in self.entities)

    def _aside(self, kind: str, key: str) -> tuple[Quarantine, ...]:
        named = self._names(key, kind)
        rows = [q for q in self.asides.values() if q.closed_at is None]
        return tuple(
            q for q in rows
            if (q.kind, q.key) == (kind, key) or any(k == kind and v in named for k, v in q.refs.values())
        )  # fmt: skip

    def before(self, c: Changes) -> Before:
        asides = {place for i in c.quarantines if (q := self.asides.get(i)) for place in _found_by(q)}
        return Before(
            {place: self.entities[place].label for place in c.entities if place in self.entities},
            {place: self.refs.get(place, {}) for place in c.refs},
            {place: self.links.get(place) for place in {*((a, b, k) for a, b, k, _ in c.links), *c.unlinked}},
            {loop: self.waits.get(loop, frozenset()) for loop in c.waits},
            frozenset(asides),
        )

    def keys(self) -> dict[str, list[str]]:
        found: dict[str, list[str]] = {}
        for _, label, key in sorted(self.labels):
            found.setdefault(label, []).append(key)
        return found


def _found_by(q: Quarantine) -> set[Place]:
    return {(q.kind, q.key), *q.refs.values()}


def an_entity(chance: Random, version: int) -> tuple[Place, Entity]:
    kind, key = chance.choice(KINDS), chance.choice(KEYS)
    return (kind, key), Entity(kind, key, chance.choice(NAMES), version, {"n": str(version)})


def a_loop(chance: Random, version: int) -> Instance:
    one = chance.choice(LOOPS)
    return Instance(
        id=one, integration="i", loop="l", subject_kind="project", subject=f"c:{one[1:]}", occurrence="1", number=1,
        logic="x", closed_at=1, started_at=version, state=LoopState.RUNNING, phase="taken",
    )  # fmt: skip


def some_changes(chance: Random, version: int) -> Changes:
    made = Changes()
    for _ in range(chance.randrange(1, 3)):
        place, entity = an_entity(chance, version)
        match chance.randrange(8):
            case 0:
                made.entities[place] = entity
                made.labels.add((place[0], str(entity.label), place[1]))
            case 1:
                made.entities[place] = entity
            case 2:
                made.entities[place] = entity
                made.refs[place] = {"project": chance.choice(VALUES)} if chance.random() < 0.8 else {}
            case 3:
                made.links.add(("pm", *place, chance.choice("12")))
            case 4:
                made.unlinked.add(("pm", *place))
            case 5:
                one = a_loop(chance, version)
                made.loops[one.id] = one
                made.waits[one.id] = frozenset({(chance.choice(KINDS), chance.choice(VALUES))})
            case 6:
                one = a_loop(chance, version)  # who takes is written with what it took
                made.loops[one.id] = one
                made.taken.add((*place, one.id))
            case 7:
                refs = {"project": (chance.choice(KINDS), chance.choice(VALUES))}
                closed = chance.choice([None, 5])
                one = Quarantine("q1", "c", "d", 1, 0, "t", *place, 1, "r", "", "o", "m", version, refs, "", closed)
                made.quarantines[one.id] = one
    return made


def some_reads(chance: Random) -> Touched:
    kind, key, value = chance.choice(KINDS), chance.choice(KEYS), chance.choice(VALUES)
    return chance.choice([
        Touched(entities=frozenset({(kind, key)})), Touched(labels=frozenset({(kind, chance.choice(NAMES))})),
        Touched(links=frozenset({("pm", kind, key)})), Touched(objects=frozenset({("pm", kind, "1")})),
        Touched(referring=frozenset({(kind, "project", value)})), Touched(subjects=frozenset({("project", key)})),
        Touched(loops=frozenset({chance.choice(LOOPS)})), Touched(waiting=frozenset({(kind, value)})),
        Touched(takers=frozenset({(kind, key)})), Touched(quarantined=frozenset({(kind, key)})),
    ])  # fmt: skip


def seen(view: LoadedView) -> Any:
    """Everything a view answers. Rows one by one carry what was written of them."""
    return [getattr(view, name) for name in vars(view) if name != "nobody_waits"]


@pytest.mark.parametrize("seed", range(60))
def test_what_one_reads_and_another_changes_shares_a_name(seed: int) -> None:
    chance, world, met = Random(seed), World(), 0
    for version in range(1, 400):
        changes, touched = some_changes(chance, version), some_reads(chance)
        view, after = world.view(touched), world.after(changes)
        if seen(view) != seen(after.view(touched)):
            met += 1
            before = world.before(changes)
            writes = of_heads(changes) | of_entries(changes, before) | of_aliases(changes, before, world.keys())
            reads = of_reads(touched) | of_found(touched, view)
            assert reads & writes, (touched, changes)
        world = after
    assert met > 10


def test_two_who_write_the_same_head_share_its_name() -> None:
    place, entity = an_entity(Random(1), 1)
    one = Changes(entities={place: entity})
    other = Changes(refs={place: {"project": "c:1"}})
    assert of_heads(one) & of_heads(other)
    loop = a_loop(Random(1), 1)
    assert of_heads(Changes(loops={loop.id: loop})) == of_heads(Changes(waits={loop.id: frozenset()}))
    assert of_heads(Changes(loops={loop.id: replace(loop, number=2)})) <= of_reads(
        Touched(loops=frozenset({loop.id}))
    )
