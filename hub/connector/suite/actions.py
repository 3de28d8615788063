"""What a connector owes to writes: the ambiguity table of reliability §2, kept against a system that misbehaves."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, ClassVar

import pytest

from hub.connector.answers import Ambiguous, NotSent, ReadFailed, RefusedByTarget, Throttled, Unauthorized
from hub.connector.base import ActCall, Connector, ObjectRef
from hub.connector.suite.base import CANARY, PATIENCE_SECONDS, ProbeSuite
from hub.connector.suite.meddler import Meddler
from hub.model.action import TargetClass

WRITES = frozenset({"POST", "PUT", "PATCH", "DELETE"})


class ActionSuite(ProbeSuite):
    """Give also ``action``, a good ``payload``, a ``bad_payload`` the system refuses; ``lookups`` where some
    calls of method POST come before the write itself."""

    action: ClassVar[str]
    payload: ClassVar[Mapping[str, Any]]
    bad_payload: ClassVar[Mapping[str, Any] | None] = None
    lookups: ClassVar[int] = 0

    def call(self, mark: str = "a", payload: Mapping[str, Any] | None = None) -> ActCall:
        """The action's first call with a key of its own."""
        spec = self.connector.spec.action(self.action)
        assert spec is not None
        return ActCall(self.action, spec.calls[0].name, f"key-{mark}", f"key-{mark}", payload or self.payload)

    async def count(self, connector: Connector, reference: str) -> int | None:
        """The system's own count of documents with that reference; None where it cannot count."""
        return None

    def plan(self, meddler: Meddler, kind: str, **how: Any) -> None:
        meddler.plan(kind, methods=WRITES, skip=self.lookups, **how)

    async def test_an_act_gives_an_id_and_the_document_reads_back(self) -> None:
        async with self.talking() as (connector, _):
            receipt = await connector.act(self.call())
            assert receipt.remote_id
            spec = connector.spec.action(self.action)
            if spec is not None and spec.readable:
                found = await connector.read(ObjectRef(self.action, receipt.remote_id))
                assert found is not None
                assert found.remote_id == receipt.remote_id

    async def test_the_same_key_twice_makes_one_document(self) -> None:
        spec = self.connector.spec.action(self.action)
        if spec is None or spec.target is not TargetClass.A:
            pytest.skip("only class A promises that")
        async with self.talking() as (connector, _):
            first, again = await connector.act(self.call()), await connector.act(self.call())
            assert first.remote_id == again.remote_id
            assert await self.count(connector, "key-a") in (1, None)

    async def test_two_keys_make_two_documents(self) -> None:
        async with self.talking() as (connector, _):
            first, second = await connector.act(self.call("a")), await connector.act(self.call("b"))
            assert first.remote_id != second.remote_id

    @pytest.mark.parametrize(
        "fault",
        [
            {"kind": "lose", "after": True},
            {"kind": "cut", "after": True},
            {"kind": "body", "after": True, "body": b"<html>welcome</html>"},
            {"kind": "body", "after": True, "body": b"{}"},
            {"kind": "body", "after": True, "body": b"null"},
            {"kind": "body", "after": True, "body": b'{"id": '},
            *({"kind": "status", "after": True, "status": status, "body": b"{}"} for status in (500, 502, 503, 504)),
        ],
        ids=str,
    )
    async def test_a_lost_or_senseless_answer_is_ambiguous_and_the_document_can_be_found(
        self, fault: dict[str, Any]
    ) -> None:
        async with self.talking() as (connector, meddler):
            self.plan(meddler, **fault)
            with pytest.raises(Ambiguous):
                await connector.act(self.call())
            spec = connector.spec.action(self.action)
            if spec is not None and spec.target is not TargetClass.C:
                found = await connector.find(self.action, "key-a", self.payload)
                assert found is not None
                assert found.remote_id

    async def test_no_answer_in_time_is_ambiguous(self) -> None:
        async with self.talking(total_seconds=PATIENCE_SECONDS) as (connector, meddler):
            self.plan(meddler, "stall")
            with pytest.raises(Ambiguous):
                await connector.act(self.call())

    async def test_a_system_that_is_not_there_was_sent_nothing(self) -> None:
        connector = self.nowhere()
        with pytest.raises(NotSent):
            await connector.act(self.call())
        await connector.http.close()

    async def test_429_says_how_long_to_wait(self) -> None:
        async with self.talking() as (connector, meddler):
            self.plan(meddler, "status", status=429, headers={"retry-after": "7"})
            with pytest.raises(Throttled) as caught:
                await connector.act(self.call())
            assert caught.value.retry_after == 7

    @pytest.mark.parametrize("header", ["-5", "soon", "99999999999999", "Mon, 01 Jan 1990 00:00:00 GMT", ""])
    async def test_a_senseless_retry_after_is_ignored_or_capped(self, header: str) -> None:
        async with self.talking() as (connector, meddler):
            self.plan(meddler, "status", status=429, headers={"retry-after": header})
            with pytest.raises(Throttled) as caught:
                await connector.act(self.call())
            assert (caught.value.retry_after or 0) <= 3600

    @pytest.mark.parametrize("status", [401, 403])
    async def test_refused_credentials_are_unauthorized(self, status: int) -> None:
        async with self.talking() as (connector, meddler):
            for _ in range(1 + self.lookups):
                meddler.plan("status", status=status, body=b"{}")
            with pytest.raises(Unauthorized):
                await connector.act(self.call())

    async def test_a_payload_the_system_refuses_carries_its_words(self) -> None:
        if self.bad_payload is None:
            pytest.skip("no bad payload given")
        async with self.talking() as (connector, _):
            with pytest.raises(RefusedByTarget) as caught:
                await connector.act(self.call(payload=self.bad_payload))
            assert len(caught.value.words) > 10

    async def test_no_secret_shows_in_an_error(self) -> None:
        secrets = {name: tuple(f"{CANARY}-{name}" for _ in held) for name, held in self.secrets.items()}
        if not secrets:
            pytest.skip("this connector has no secret")
        mine = type(self)()
        mine.secrets = secrets  # type: ignore[misc]
        async with mine.talking() as (connector, meddler):
            self.plan(meddler, "echo", status=422)
            with pytest.raises(Exception) as caught:
                await connector.act(self.call())
            assert CANARY not in f"{caught.value!s} {caught.value!r}"

    async def test_a_reference_nobody_used_is_not_found(self) -> None:
        async with self.talking() as (connector, _):
            assert await connector.find(self.action, "key-nobody", self.payload) is None

    async def test_a_document_that_is_not_there_reads_as_none(self) -> None:
        async with self.talking() as (connector, _):
            assert await connector.read(ObjectRef(self.action, "999999")) is None

    async def test_a_look_up_that_fails_is_never_taken_for_absent(self) -> None:
        spec = self.connector.spec.action(self.action)
        if spec is None or spec.target is TargetClass.C:
            pytest.skip("class C is never looked up")
        for fault in ({"status": 500}, {"body": b"<html></html>"}, {"status": 429}):
            async with self.talking() as (connector, meddler):
                for _ in range(3):
                    meddler.plan("status", **fault)
                with pytest.raises(ReadFailed):
                    await connector.find(self.action, "key-a", self.payload)

    async def test_a_scan_tells_each_document_once_under_its_reference(self) -> None:
        async with self.talking() as (connector, _):
            if await connector.scan(self.action, [self.payload]) is None:
                pytest.skip("this system cannot be asked for all documents of ours")
            calls = [self.call("a"), self.call("b")]
            made = {call.reference: (await connector.act(call)).remote_id for call in calls}
            scanned = await connector.scan(self.action, [call.payload for call in calls])
            told = [one for one in scanned or () if made.get(one.reference) == one.found.remote_id]
            assert sorted(one.reference for one in told) == sorted(made)
            assert all(one.live for one in told)

    async def test_a_scan_that_fails_is_never_taken_for_empty(self) -> None:
        async with self.talking() as (connector, _):
            if await connector.scan(self.action, [self.payload]) is None:
                pytest.skip("this system cannot be asked for all documents of ours")
        for fault in ({"status": 500}, {"body": b"<html></html>"}, {"status": 429}):
            async with self.talking() as (connector, meddler):
                for _ in range(3):
                    meddler.plan("status", **fault)
                with pytest.raises(ReadFailed):
                    await connector.scan(self.action, [self.payload])
