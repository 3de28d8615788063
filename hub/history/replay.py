"""``hub replay``: fold every recorded delivery afresh under the version in force, group by group.

The deliveries of one group are those of objects tied together by names and refs, as in an impact run; memory holds
one group. Loops are left out: they are decided on what changes (``hub/engine/remap.py``), not all over again.
"""

from __future__ import annotations

import gc
import tempfile
from array import array
from collections.abc import Callable, Collection, Iterator
from dataclasses import dataclass, field, replace
from pathlib import Path

from hub.engine.remap import Target
from hub.history.impact import Advance, Past, quiet
from hub.history.pairs import Pairs
from hub.history.probe import Probe, object_text
from hub.history.rerun import Rerun
from hub.history.ties import Groups, Ties, node
from hub.mapping.catalog import Catalog
from hub.model.changes import Changes
from hub.model.delivery import Delivery
from hub.model.entity import Entity
from hub.model.record import Decoded, Record

AT_ONCE = 500
GROUP = 1_000
Links = Collection[tuple[str, str, str, str]]
"""(connection, kind, key, object): links that people and documents made, which no delivery tells."""


@dataclass(frozen=True, slots=True)
class Replay:
    """What a replay needs to know. ``upto``: deliveries above were not concluded yet, so nothing is behind there."""

    log: Past
    catalog: Catalog
    decode: Callable[[Delivery], Decoded]
    upto: int
    links: Links = field(default_factory=frozenset)
    advance: Advance = quiet

    def targets(self) -> Iterator[list[Target]]:
        """Every entity the deliveries give, group by group."""
        bare = without_loops(self.catalog)
        with tempfile.TemporaryDirectory(prefix="hub-replay-") as folder:
            self._tie(bare, Path(folder) / "ties.db")
            groups = Groups([Path(folder) / "ties.db"], every=True)
            done, total = 0, groups.hits
            try:
                for objects, positions in groups.groups(GROUP):
                    done += len(objects)
                    yield self._fold(bare, objects, positions)
                    self.advance("fold again", done, total)
                    gc.collect(0)
            finally:
                groups.close()

    def _tie(self, bare: Catalog, path: Path) -> None:
        ties = Ties(path)
        probe = Probe(Pairs(bare, bare, next(iter(sorted(bare.integrations)), "")), self.decode, ties)
        after = 0
        while batch := [one for one in self.log.read(after, AT_ONCE) if one.position <= self.upto]:
            probe.run(batch)
            after = batch[-1].position
            self.advance("read", after, self.upto)
        ties.close()

    def _fold(self, bare: Catalog, group: array[int], positions: array[int]) -> list[Target]:
        objects = frozenset(group)

        def wanted(delivery: Delivery, record: Record) -> bool:
            return node(object_text(delivery.connection, record)) in objects

        found = (self.log.get(position) for position in positions)
        rerun = Rerun(bare, self.decode, wanted)
        rerun.memory.take(Changes(links=set(self.links)))
        memory = rerun.run([one for one in found if one is not None])
        links: dict[tuple[str, str], dict[str, str]] = {}
        for (connection, kind, key), object_id in memory.links.items():
            links.setdefault((kind, key), {})[connection] = object_id
        return [self._target(one, links.get(place, {})) for place, one in sorted(memory.entities.items())]

    def _target(self, entity: Entity, links: dict[str, str]) -> Target:
        names = sorted(self.catalog.integrations)
        tables = [table for name in names for table in self.catalog.integrations[name].tables]
        name = next(one.integration for one in tables if one.definition.entity == entity.kind)
        definition = self.catalog.integrations[name].definition
        return Target(entity, definition.name, definition.logic, links)


def without_loops(catalog: Catalog) -> Catalog:
    """The tables alone."""
    bare = {name: replace(one, loops=()) for name, one in catalog.integrations.items()}
    return Catalog(bare, catalog.connections, catalog.schemas, catalog.people, catalog.language)
