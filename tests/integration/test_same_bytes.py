"""The same deliveries leave the same bytes, however they are cut into batches and whatever is remembered between.

The sample story through the shipped mapping, and stories by chance with refused, late, deleted, partial and
unreadable records. ``python -m tests.integration.test_same_bytes`` prints the digests, to compare before and after.
"""

from __future__ import annotations

import asyncio
import sqlite3
import tempfile
from collections.abc import Callable, Mapping, Sequence
from hashlib import sha256
from pathlib import Path
from random import Random
from typing import Any

import orjson
import pytest

from connectors.erp.connector import SPEC as ERP
from connectors.jira.connector import SPEC as JIRA
from connectors.jira.decode import decode as decode_jira
from hub.engine.advance import Engine
from hub.intake.recorded import BadLine, recorded
from hub.log.port import Arrival
from hub.log.sql import SqlLog
from hub.mapping.build import build_file
from hub.mapping.catalog import Catalog, ConnectionFacts
from hub.mapping.compile import CompileContext, compile_integration
from hub.mapping.people_file import load_people
from hub.model.delivery import Delivery
from hub.model.record import Decoded
from hub.model.schema import load_schemas
from hub.store import hot_sqlite
from tests.engine_stage import ROOT, T0, catalog_of, closed, decode, expense, item, project, rec
from tests.stores import StandingClock, temp_store

DELIVERIES = 700
BATCHES = (1, 7, 500)
NAMED = ("event", "entity", "ref")
"""Rows of a stream, told by its name: the numbers of streams and labels follow the batches, and nobody sees them."""
WRITTEN = (
    *(f"SELECT s.name, r.* FROM {table} r JOIN stream s ON s.id = r.stream ORDER BY 1, 3, 4" for table in NAMED),
    "SELECT position, id FROM event ORDER BY 1",
    "SELECT kind, label, key FROM label ORDER BY 1, 2, 3",
    *(f"SELECT * FROM {table} ORDER BY 1, 2, 3" for table in ("outcome", "link", "quarantine", "loop", "effect")),
    *(f"SELECT * FROM {table} ORDER BY 1, 2" for table in ("timer", "reading", "wait", "taken", "approval")),
)
Decode = Callable[[Mapping[str, str], bytes], Decoded]
Told = tuple[Catalog, Decode, Sequence[bytes]]


def by_chance(seed: int) -> Told:
    chance = Random(seed)
    bodies = [orjson.dumps("broken" if chance.random() < 0.03 else _records(chance, n)) for n in range(DELIVERIES)]

    def read(headers: Mapping[str, str], body: bytes) -> Decoded:
        return decode(Delivery("jira", "", body, headers, 0, "webhook"))

    return catalog_of(), read, bodies


def _records(chance: Random, number: int) -> list[dict[str, Any]]:
    at, source = number - 30 * (chance.random() < 0.1), str(chance.randrange(1, 40))
    text = chance.choice(["bad", "plain", f"t{number}"])
    match chance.randrange(7):
        case 0:
            return [closed(source, at=at, name=text)]
        case 1:
            return [rec("project", source, at, {}, "delete")]
        case 2:
            return [rec("project", source, at, {"name": text, "status": "active"}, "partial")]
        case 3:
            target = chance.choice([f"jira:{source}", f"OPS-{source}"])
            return [item(f"1{source}", at=at, project=target), expense(f"2{source}", at=at, project=target)]
        case _:
            return [project(source, at=at, name=text)]


def sample() -> Told:
    """The recorded story of the shipped samples."""
    schemas, people = load_schemas(ROOT / "schemas"), load_people(ROOT / "people.yaml")
    built = build_file(ROOT / "mappings" / "rd-close.yaml", schemas.newest, name="rd-close.yaml")
    assert built.definition is not None
    facts = {spec.name: ConnectionFacts(spec.name, spec.name, {a.name: a for a in spec.actions}, False)
             for spec in (JIRA, ERP)}  # fmt: skip
    actions = {(one.name, name): action for one in facts.values() for name, action in one.actions.items()}
    integration = compile_integration(built.definition, CompileContext(schemas, people, actions))
    found = [raw for _, raw in recorded(ROOT / "connectors" / "jira" / "samples" / "story.jsonl")]
    bodies = [raw.body for raw in found if not isinstance(raw, BadLine)]
    catalog = Catalog({"rd-close": integration}, facts, schemas, people)
    return catalog, lambda headers, body: decode_jira(body), bodies


def digest(told: Told, limit: int, folder: Path) -> str:
    """One digest over every row the engine wrote."""
    catalog, read, bodies = told
    with temp_store(folder, StandingClock(T0 + 10**12)) as store:
        asyncio.run(_settled(Engine(store, log := SqlLog(store), lambda: catalog, {"jira": read}, store.clock), log,
                             bodies, limit))  # fmt: skip
        with store.reader() as db:
            return _rows(db)


async def _settled(engine: Engine, log: SqlLog, bodies: Sequence[bytes], limit: int) -> None:
    await log.append([Arrival("jira", body, {}, T0 + n, "webhook") for n, body in enumerate(bodies)])
    while await engine.step(limit):
        pass


def _rows(db: sqlite3.Connection) -> str:
    said = sha256()
    for statement in WRITTEN:
        rows = db.execute(statement)
        number = [column[0] for column in rows.description].index("stream") if "s.name" in statement else -1
        for row in rows:
            said.update(repr([value for place, value in enumerate(row) if place != number]).encode())
    return said.hexdigest()


STORIES: Mapping[str, Callable[[], Told]] = {
    "sample": sample,
    "chance 1": lambda: by_chance(1),
    "chance 2": lambda: by_chance(2),
}


@pytest.fixture(autouse=True)
def no_flush(monkeypatch: pytest.MonkeyPatch) -> None:
    """Durability is proven elsewhere; here a thousand commits need not reach the disk."""
    quick = tuple(one.replace("synchronous = FULL", "synchronous = OFF") for one in hot_sqlite.PRAGMAS)
    monkeypatch.setattr(hot_sqlite, "PRAGMAS", quick)


@pytest.mark.parametrize("story", STORIES)
def test_the_borders_of_batches_change_no_byte(story: str, tmp_path: Path) -> None:
    told = STORIES[story]()
    digests = {}
    for limit in BATCHES:
        folder = tmp_path / str(limit)
        folder.mkdir()
        digests[limit] = digest(told, limit, folder)

    assert len(told[2]) > 5
    assert len(set(digests.values())) == 1, digests


if __name__ == "__main__":
    for name, story in STORIES.items():
        with tempfile.TemporaryDirectory() as place:
            print(name, digest(story(), 500, Path(place)))
