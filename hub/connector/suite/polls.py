"""What a connector owes to polling: every object once in a while, a cursor that resumes, an end that is an end."""

from __future__ import annotations

from typing import Any, ClassVar

import pytest
from aiohttp import web

from hub.connector.answers import ReadFailed, Unauthorized
from hub.connector.base import Connector
from hub.connector.suite.base import PATIENCE_SECONDS, TalkingSuite

PAGES_MAX = 100


class PollSuite(TalkingSuite):
    """Give also ``stream``, ``sources`` (the ids ``app()`` holds, over at least two pages), and ``empty_app()``."""

    stream: ClassVar[str]
    sources: ClassVar[frozenset[str]]

    def empty_app(self) -> web.Application:
        """A stand-in without any object."""
        raise NotImplementedError

    def found(self, connector: Connector, deliveries: tuple[Any, ...]) -> list[str]:
        """The ids of all records in polled deliveries."""
        return [
            record.source
            for raw in deliveries
            for record in connector.decode(raw.headers, raw.body).records
            if record.stream == self.stream
        ]

    async def drain(self, connector: Connector, cursor: str = "") -> tuple[list[str], str, int]:
        """Every id from ``cursor`` to the last page, the cursor there, and the number of pages."""
        ids: list[str] = []
        for pages in range(1, PAGES_MAX):
            page = await connector.poll(self.stream, cursor)
            ids += self.found(connector, page.deliveries)
            cursor = page.cursor
            if not page.more:
                return ids, cursor, pages
        raise AssertionError("polling never ends")

    async def test_all_pages_give_every_object(self) -> None:
        async with self.talking() as (connector, _):
            ids, cursor, _ = await self.drain(connector)
            assert set(ids) == self.sources
            assert cursor

    async def test_polling_resumes_from_a_cursor_in_a_new_process(self) -> None:
        async with self.talking() as (connector, _):
            first = await connector.poll(self.stream, "")
            assert first.more, "the suite needs at least two pages"
            other = self.connector(connector.connection, connector.http)
            rest, _, _ = await self.drain(other, first.cursor)
            assert {*self.found(connector, first.deliveries), *rest} == self.sources

    async def test_the_same_page_twice_gives_the_same_bytes(self) -> None:
        async with self.talking() as (connector, _):
            first, again = await connector.poll(self.stream, ""), await connector.poll(self.stream, "")
            assert [raw.body for raw in first.deliveries] == [raw.body for raw in again.deliveries]

    async def test_an_empty_system_gives_an_empty_last_page(self) -> None:
        async with self.talking(self.empty_app()) as (connector, _):
            page = await connector.poll(self.stream, "")
            assert self.found(connector, page.deliveries) == []
            assert not page.more

    async def test_polling_on_after_the_last_page_ends_again(self) -> None:
        async with self.talking() as (connector, _):
            _, cursor, _ = await self.drain(connector)
            await self.drain(connector, cursor)

    async def test_429_says_how_long_to_wait(self) -> None:
        async with self.talking() as (connector, meddler):
            meddler.plan("status", status=429, headers={"retry-after": "7"})
            with pytest.raises(ReadFailed) as caught:
                await connector.poll(self.stream, "")
            assert caught.value.retry_after == 7

    async def test_refused_credentials_are_unauthorized(self) -> None:
        async with self.talking() as (connector, meddler):
            meddler.plan("status", status=401)
            with pytest.raises(Unauthorized):
                await connector.poll(self.stream, "")

    @pytest.mark.parametrize("fault", [{"status": 500}, {"body": b"<html></html>"}, {"body": b'{"cut'}], ids=str)
    async def test_a_failed_page_is_never_taken_for_an_empty_one(self, fault: dict[str, Any]) -> None:
        async with self.talking() as (connector, meddler):
            meddler.plan("status", **fault)
            with pytest.raises(ReadFailed):
                await connector.poll(self.stream, "")

    async def test_no_answer_in_time_is_a_failed_read(self) -> None:
        async with self.talking(total_seconds=PATIENCE_SECONDS) as (connector, meddler):
            meddler.plan("stall")
            with pytest.raises(ReadFailed):
                await connector.poll(self.stream, "")
