"""What a connector owes to reading one object: its webhook's record, None for absent, or why not."""

from __future__ import annotations

from typing import Any, ClassVar

import pytest

from hub.connector.answers import ReadFailed, Unauthorized
from hub.connector.base import ObjectRef
from hub.connector.suite.base import PATIENCE_SECONDS, TalkingSuite


class ReadSuite(TalkingSuite):
    """Give also ``known``, an object the app has, and ``unknown``, one it has not."""

    known: ClassVar[ObjectRef]
    unknown: ClassVar[ObjectRef]

    async def test_a_known_object_reads_as_a_body_that_decodes_to_itself(self) -> None:
        async with self.talking() as (connector, _):
            found = await connector.read(self.known)
            assert found is not None
            assert found.body is not None
            decoded = connector.decode(found.headers or {}, found.body)
            assert [(record.stream, record.source, record.op) for record in decoded.records] == [
                (self.known.kind, self.known.id, "snapshot")
            ]

    async def test_an_unknown_object_reads_as_none(self) -> None:
        async with self.talking() as (connector, _):
            assert await connector.read(self.unknown) is None

    @pytest.mark.parametrize("fault", [{"status": 500}, {"body": b"<html></html>"}, {"body": b'{"cut'}], ids=str)
    async def test_a_failed_read_is_never_taken_for_absent(self, fault: dict[str, Any]) -> None:
        async with self.talking() as (connector, meddler):
            meddler.plan("status", **fault)
            with pytest.raises(ReadFailed):
                await connector.read(self.known)

    async def test_429_says_how_long_to_wait(self) -> None:
        async with self.talking() as (connector, meddler):
            meddler.plan("status", status=429, headers={"retry-after": "7"})
            with pytest.raises(ReadFailed) as caught:
                await connector.read(self.known)
            assert caught.value.retry_after == 7

    async def test_refused_credentials_are_unauthorized(self) -> None:
        async with self.talking() as (connector, meddler):
            meddler.plan("status", status=401)
            with pytest.raises(Unauthorized):
                await connector.read(self.known)

    async def test_no_answer_in_time_is_a_failed_read(self) -> None:
        async with self.talking(total_seconds=PATIENCE_SECONDS) as (connector, meddler):
            meddler.plan("stall")
            with pytest.raises(ReadFailed):
                await connector.read(self.known)
