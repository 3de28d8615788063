"""The timers loops have before anything happens, on a real store: set once, moved with their schedule, gone too."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from hub.engine.clocks import seed
from hub.mapping.catalog import Catalog
from hub.mapping.compiled import CompiledIntegration
from hub.mapping.table import ScheduleDef
from hub.model.changes import PAGE, Changes, Timer, Touched
from hub.model.clock import NEVER
from hub.model.entity import Entity, Mark, SourceMarks
from hub.model.event import Event, event_id
from hub.store.queries.loops import next_work, timers
from hub.store.sqlite import SqliteStore
from tests.engine_stage import HERE, T0, catalog_of
from tests.stores import temp_store
from tests.unit.loop.test_clocked import MONTHLY, active, at, loop_of

NOW = at("2026-02-10")


@pytest.fixture
def store(tmp_path: Path) -> Iterator[SqliteStore]:
    with temp_store(tmp_path) as opened:
        yield opened


def catalog(plan: ScheduleDef | None = MONTHLY, starts: str = "2026-01-05", logic: str = "logic-1") -> Catalog:
    definition: dict[str, Any] = {"schedule": plan, "once": "period"} if plan else {}
    made = loop_of(active, definition, starts_at=at(starts))
    return catalog_of(replace(made, loops=(replace(made.loops[0], logic=logic),)))


def nothing() -> Catalog:
    made = loop_of(active, {})
    return catalog_of(CompiledIntegration(made.definition, made.tables, ()))


def known(store: SqliteStore) -> list[Timer]:
    with store.read() as db:
        return timers(db)


def steps(store: SqliteStore) -> list[str]:
    return [one.step for one in known(store)]


def keep(store: SqliteStore, *keys: str, kind: str = "project") -> None:
    """Entities as if they had been concluded."""
    marks = {"jira/1": SourceMarks(Mark(5, 1), {})}
    entities = [Entity(kind, key, None, 1, {"status": "active"}, marks) for key in keys]
    events = [
        Event(event_id(one.stream, 1, "t", 0), one.stream, 1, "t", 1, 2, b"{}", f"{kind}/v1", "", "", "l", "", 0)
        for one in entities
    ]
    changes = Changes(events=events, entities={(kind, one.key): one for one in entities})
    store.write_now(lambda transaction: transaction.write(changes, T0))


async def test_a_schedule_begins_with_the_first_period_from_its_start(store: SqliteStore) -> None:
    await seed(store, catalog(), NOW)
    assert steps(store) == ["2026-02"]
    assert known(store)[0].due == at("2026-02-02T09:00:00+08:00")


async def test_seeding_again_changes_nothing(store: SqliteStore) -> None:
    await seed(store, catalog(), NOW)
    before = known(store)
    await seed(store, catalog(), NOW + 1)
    assert known(store) == before


async def test_a_changed_schedule_moves_the_period_it_waits_for(store: SqliteStore) -> None:
    await seed(store, catalog(starts="2026-02-10"), NOW)
    await seed(store, catalog(replace(MONTHLY, day=5), starts="2026-02-10"), NOW)
    assert [(one.step, one.due) for one in known(store)] == [("2026-03", at("2026-03-05T09:00:00+08:00"))]


async def test_a_schedule_that_counts_other_periods_goes_on_with_the_first_not_yet_due(store: SqliteStore) -> None:
    await seed(store, catalog(starts="2026-02-10"), NOW)
    await seed(store, catalog(ScheduleDef("week", HERE), starts="2026-02-10"), NOW)
    assert steps(store) == ["2026-W10"]


async def test_a_schedule_half_gone_through_is_left_to_go_on(store: SqliteStore) -> None:
    half = Timer("schedule/rd-close/close-out/2026-02/jira:7", "schedule", "rd-close/close-out", 5, "2026-02 jira:7")
    store.write_now(lambda transaction: transaction.write(Changes(timers={half.id: half}), T0))
    await seed(store, catalog(), NOW)
    assert known(store) == [half]


async def test_a_loop_that_was_taken_out_and_put_back_begins_with_the_next_period(store: SqliteStore) -> None:
    await seed(store, catalog(), NOW)
    await seed(store, nothing(), NOW)
    assert known(store) == []
    await seed(store, catalog(), at("2026-06-10"))
    assert steps(store) == ["2026-07"]


async def test_a_new_loop_looks_once_at_what_was_there_before_it(store: SqliteStore) -> None:
    keep(store, "jira:1")
    await seed(store, catalog(None), NOW)
    (look,) = known(store)
    assert (look.kind, look.due) == ("adopt", NOW)
    store.write_now(lambda transaction: transaction.write(Changes(timers={look.id: None}), T0))
    await seed(store, catalog(None), NOW)
    assert known(store) == []
    await seed(store, catalog(None, logic="logic-2"), NOW)
    assert [one.kind for one in known(store)] == ["adopt"]


async def test_where_nothing_was_there_before_nobody_looks(store: SqliteStore) -> None:
    keep(store, "jira:1", kind="campaign")
    await seed(store, catalog(None), NOW)
    assert known(store) == []


async def test_a_schedule_far_ahead_is_no_work_that_is_left(store: SqliteStore) -> None:
    await seed(store, catalog(starts="2027-01-01"), NOW)
    with store.read() as db:
        assert next_work(db) is None
    assert (store.next_due() or NEVER) < NEVER


def test_the_store_gives_the_entities_of_a_kind_page_by_page(store: SqliteStore) -> None:
    keep(store, *(f"jira:{number:04}" for number in range(PAGE + 2)))
    keep(store, "trello:1", kind="projectile")

    def page(after: str) -> list[str]:
        view = store.write_now(lambda transaction: transaction.load(Touched(pages=frozenset({("project", after)}))))
        return [one.key for one in view.page("project", after)]

    first = page("")
    assert (len(first), first[0], first[-1]) == (PAGE, "jira:0000", f"jira:{PAGE - 1:04}")
    assert page(first[-1]) == [f"jira:{PAGE:04}", f"jira:{PAGE + 1:04}"]
    assert page("jira:9") == []
