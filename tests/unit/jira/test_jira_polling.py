"""Polling at the edges of its window: nothing lost, nothing twice, changelogs whole."""

from __future__ import annotations

import json
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import UTC, datetime
from typing import Any

import pytest

from connectors.jira.connector import JiraConnector
from connectors.jira.twin import jira_time, make_app, take
from connectors.jira.window import LEDGER_MAX, MINUTE, Cursor, query
from hub.connector.base import Connection
from hub.connector.http import Answer, Http
from hub.connector.suite.meddler import serving
from hub.connector.twin import Shelf
from hub.model.clock import SECOND, Micros, micros

NOW: Micros = 1_767_600_000 * SECOND


def change(source: int, at: Micros, entry: int = 1) -> bytes:
    fields = {"summary": f"v{entry}", "updated": jira_time(at)}
    body = {
        "webhookEvent": "jira:issue_updated",
        "timestamp": at // 1000,
        "issue": {"id": str(source), "key": f"OPS-{source}", "self": "x", "fields": fields},
        "changelog": {"id": str(entry), "items": [{"field": "summary", "toString": f"v{entry}"}]},
    }
    return json.dumps(body).encode()


@asynccontextmanager
async def site(**settings: Any) -> AsyncIterator[tuple[JiraConnector, Shelf]]:
    app = make_app()
    shelf = next(value for value in app.values() if isinstance(value, Shelf))
    async with serving(app, JiraConnector, {"history_days": 60_000, **settings}, {}) as (connector, _):
        assert isinstance(connector, JiraConnector)
        yield connector, shelf


async def drain(connector: JiraConnector, cursor: str) -> tuple[list[str], str]:
    found = []
    while True:
        page = await connector.poll("issue", cursor)
        for raw in page.deliveries:
            (record,) = connector.decode(raw.headers, raw.body).records
            found.append(f"{record.source}/{record.data['fields']['summary']}")
        cursor = page.cursor
        if not page.more:
            return found, cursor


@pytest.mark.parametrize("edition", ["cloud", "server"])
async def test_an_issue_indexed_late_behind_the_newest_one_is_still_found_and_nothing_comes_twice(
    edition: str,
) -> None:
    async with site(edition=edition, page_size=2) as (connector, shelf):
        start = shelf.now() - 3600 * SECOND
        for number in range(5):
            take(shelf, change(number, start + number * 20 * SECOND))
        first, cursor = await drain(connector, "")
        take(shelf, change(9, start + 10 * SECOND))  # older than the newest one seen
        take(shelf, change(2, start + 90 * SECOND, entry=2))
        second, cursor = await drain(connector, cursor)
        third, _ = await drain(connector, cursor)

    assert sorted(first) == [f"{number}/v1" for number in range(5)]
    assert sorted(second) == ["2/v2", "9/v1"]
    assert third == []


async def test_a_long_changelog_is_read_to_its_last_page() -> None:
    async with site() as (connector, shelf):
        start = shelf.now() - 3600 * SECOND
        for entry in range(250):
            take(shelf, change(1, start + entry * SECOND, entry))
        page = await connector.poll("issue", "")
        (record,) = connector.decode({}, page.deliveries[0].body).records

    assert sorted(int(one["id"]) for one in record.data["changelog"]["histories"]) == list(range(250))


async def test_a_search_token_that_died_starts_the_walk_again() -> None:
    async with site() as (connector, shelf):
        take(shelf, change(1, shelf.now() - 60 * SECOND))
        dead = Cursor(query="updated is not bounded", token="7").text()

        page = await connector.poll("issue", dead)

        assert page.deliveries == ()
        assert page.more
        assert (await drain(connector, page.cursor))[0] == ["1/v1"]


def test_the_window_is_bounded_relative_and_counts_the_scope() -> None:
    assert query("", 0, NOW, 5 * MINUTE, 365) == "updated >= -365d ORDER BY updated ASC, id ASC"
    assert query("project = OPS", NOW - 90 * SECOND, NOW, 5 * MINUTE, 365) == (
        "(project = OPS) AND updated >= -8m ORDER BY updated ASC, id ASC"
    )


def test_the_ledger_forgets_what_left_the_window_and_stays_small() -> None:
    cursor = Cursor().seen([("old", NOW - 3600 * SECOND)], 5 * MINUTE)
    cursor = cursor.seen([(str(number), NOW) for number in range(LEDGER_MAX + 10)], 5 * MINUTE)

    assert "old" not in cursor.ledger
    assert len(cursor.ledger) == LEDGER_MAX
    assert Cursor.read(cursor.text()) == cursor


class Site(Http):
    """Says what time it is there; its own clock is set by the test."""

    def __init__(self) -> None:
        self.time = 1000.0
        super().__init__("", clock=lambda: self.time)

    async def read(self, path: str, **how: Any) -> Answer | None:
        return Answer(200, {}, {"date": "Mon, 05 Jan 2026 08:00:00 GMT"})


async def test_the_windows_end_is_jiras_own_time_counted_on_by_the_clock_that_was_given() -> None:
    http = Site()
    connector = JiraConnector(Connection("jira", {}), http)
    there = micros(datetime(2026, 1, 5, 8, tzinfo=UTC))
    assert await connector._server_now() == there
    http.time += 60
    assert await connector._server_now() == there + 60 * SECOND
