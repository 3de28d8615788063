"""A version that goes live while the process runs: looked for between batches and inside each batch's transaction."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import replace
from pathlib import Path

import orjson
import pytest

from hub.engine.advance import Engine
from hub.engine.live import Live
from hub.engine.settling import ActivationMoved
from hub.errors import ConfigError
from hub.log.port import Arrival
from hub.log.sql import SqlLog
from hub.mapping.catalog import Catalog
from hub.model.delivery import Delivery
from hub.store.activations import Activation, record
from hub.store.sqlite import SqliteStore
from tests.engine_stage import catalog_of, decode, project
from tests.stores import StandingClock, temp_store

CLOCK = StandingClock()


@pytest.fixture
def store(tmp_path: Path) -> Iterator[SqliteStore]:
    with temp_store(tmp_path, CLOCK) as opened:
        yield opened


def under(logic: str) -> Catalog:
    """The stage's catalog, its tables naming another version."""
    made = catalog_of()
    found = {
        name: replace(one, tables=tuple(replace(table, logic=logic) for table in one.tables))
        for name, one in made.integrations.items()
    }
    return Catalog(found, made.connections, made.schemas, made.people)


class Process:
    """An engine and its live version, wired as a serving process wires them."""

    def __init__(self, store: SqliteStore, broken: str = "") -> None:
        self.store, self.broken, self.asked = store, broken, []
        self.catalog = under("v1")
        self.live = Live(store, ["rd-close"], self.load, self.adopt)
        decoders = {"jira": lambda headers, body: decode(Delivery("jira", "", body, headers, 0))}
        self.engine = Engine(store, SqlLog(store), lambda: self.catalog, decoders, CLOCK, self.live.stands)

    def load(self, names: Iterable[str]) -> Catalog:
        self.asked.append(sorted(names))
        if self.broken:
            raise ConfigError(self.broken)
        return under("v2")

    def adopt(self, catalog: Catalog) -> None:
        self.catalog = catalog

    async def arrive(self, *numbers: int) -> None:
        bodies = [orjson.dumps([project(str(n))]) for n in numbers]
        await SqlLog(self.store).append([Arrival("jira", body, {}, CLOCK.now(), "webhook") for body in bodies])

    def versions(self) -> list[str]:
        with self.store.reader() as db:
            return [
                row[0] for row in db.execute("SELECT logic FROM event WHERE type LIKE 'project.%' ORDER BY position")
            ]


def activated(store: SqliteStore, name: str = "rd-close") -> None:
    record(store, Activation(name, "v2", "t2", "text", CLOCK.now(), "E1"))


async def test_nothing_is_loaded_while_nothing_was_activated(store):
    process = Process(store)
    assert not await process.live.refresh()
    assert process.asked == []


async def test_the_next_batch_is_concluded_under_what_went_live(store):
    process = Process(store)
    await process.arrive(1)
    await process.engine.step(1)
    activated(store)
    assert await process.live.refresh()
    await process.arrive(2)
    await process.engine.step(1)
    assert process.versions() == ["v1", "v2"]


async def test_a_batch_prepared_before_an_activation_is_not_written_and_is_mapped_again(store):
    process = Process(store)
    await process.arrive(1, 2)
    await process.engine.step(1)  # the second is prepared ahead, under v1
    activated(store)
    with pytest.raises(ActivationMoved):
        await process.engine.step(1)
    assert process.versions() == ["v1"]
    await process.live.refresh()
    assert await process.engine.step(1) == 1
    assert process.versions() == ["v1", "v2"]


async def test_what_cannot_be_loaded_leaves_the_old_version_in_force_and_says_why(store):
    process = Process(store, broken="2 problems in what was activated")
    activated(store)
    assert not await process.live.refresh()
    assert process.live.problem == "2 problems in what was activated"
    await process.arrive(1)
    assert await process.engine.step(1) == 1
    assert process.versions() == ["v1"]
    process.broken = ""
    activated(store)
    assert await process.live.refresh()
    assert process.live.problem == ""


async def test_an_integration_that_was_not_there_at_the_start_joins_with_its_activation(store):
    process = Process(store)
    activated(store, "another")
    await process.live.refresh()
    activated(store)
    await process.live.refresh()
    assert process.asked == [["another", "rd-close"]] * 2
