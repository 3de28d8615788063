"""Which source objects belong together: names that records give and use, kept on disk, so memory stays flat.

Every object is a node, and so is every name an entity of a kind goes by (its key, its labels) or is called by in a
ref. Two objects that share a name must be run again together; ``groups`` finds everything tied to what was hit.
"""

from __future__ import annotations

import sqlite3
from array import array
from collections.abc import Iterable, Iterator, Sequence
from hashlib import blake2b
from pathlib import Path

CACHE_KIB = 16_384
SCHEMA = """
PRAGMA journal_mode = OFF; PRAGMA synchronous = OFF;
PRAGMA temp_store = FILE; PRAGMA cache_size = -{cache};
CREATE TABLE place (node INTEGER, position INTEGER);
CREATE TABLE tie (object INTEGER, name INTEGER);
CREATE TABLE hit (node INTEGER);
"""


def node(text: str) -> int:
    """A 64-bit number for an object or a name; two that collided would only be run together."""
    return int.from_bytes(blake2b(text.encode(), digest_size=8).digest(), "little", signed=True)


class Ties:
    """What one process has seen, written in batches."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self._db = sqlite3.connect(path, isolation_level=None)
        self._db.executescript(SCHEMA.format(cache=CACHE_KIB))

    def add(
        self, places: Sequence[tuple[int, int]], ties: Sequence[tuple[int, int]], hits: Sequence[tuple[int]]
    ) -> None:
        self._db.execute("BEGIN")
        self._db.executemany("INSERT INTO place VALUES (?, ?)", places)
        self._db.executemany("INSERT INTO tie VALUES (?, ?)", ties)
        self._db.executemany("INSERT INTO hit VALUES (?)", hits)
        self._db.execute("COMMIT")

    def close(self) -> None:
        self._db.close()


class Groups:
    """The files of all processes, read as one."""

    def __init__(self, paths: Iterable[Path], *, every: bool = False) -> None:
        """``every``: each object that was seen counts as hit."""
        self._from = "place" if every else "hit"
        self._all = [sqlite3.connect(path, isolation_level=None) for path in paths]
        for db in self._all:
            db.execute(f"PRAGMA cache_size = -{CACHE_KIB}")

    def close(self) -> None:
        for db in self._all:
            db.close()

    @property
    def hits(self) -> int:
        """Objects that were hit."""
        return len(self._hits())

    def _hits(self) -> list[int]:
        return sorted({row[0] for db in self._all for row in db.execute(f"SELECT DISTINCT node FROM {self._from}")})

    def groups(self, size: int) -> Iterator[tuple[array[int], array[int]]]:
        """(objects, positions) of whole groups, several together up to ``size`` positions; positions ascend."""
        hits = self._hits()
        if not hits:
            return
        self._index()
        done: set[int] = set()
        objects, positions = array("q"), array("q")
        for hit in hits:
            if hit in done:
                continue
            found = self._tied(hit)
            done |= found
            objects.extend(found)
            positions.extend(self._positions(found))
            if len(positions) >= size:
                yield objects, _ascending(positions)
                objects, positions = array("q"), array("q")
        if objects:
            yield objects, _ascending(positions)

    def _index(self) -> None:
        for db in self._all:
            db.executescript(
                "CREATE INDEX IF NOT EXISTS by_object ON tie (object, name);"
                "CREATE INDEX IF NOT EXISTS by_name ON tie (name, object);"
                "CREATE INDEX IF NOT EXISTS by_node ON place (node, position);"
            )

    def _tied(self, start: int) -> set[int]:
        """Every object reached from one over shared names."""
        found, names, waiting = {start}, set[int](), [start]
        while waiting:
            for name in self._ask("SELECT DISTINCT name FROM tie WHERE object = ?", waiting.pop()):
                if name not in names:
                    names.add(name)
                    new = self._ask("SELECT DISTINCT object FROM tie WHERE name = ?", name) - found
                    found |= new
                    waiting += new
        return found

    def _positions(self, objects: Iterable[int]) -> Iterator[int]:
        for one in objects:
            yield from self._ask("SELECT DISTINCT position FROM place WHERE node = ?", one)

    def _ask(self, statement: str, value: int) -> set[int]:
        return {row[0] for db in self._all for row in db.execute(statement, (value,))}


def _ascending(positions: array[int]) -> array[int]:
    return array("q", sorted(set(positions)))
