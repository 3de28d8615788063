"""What a connector owes to updates of a source's own objects: the contract two-way rows rest on."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, ClassVar

import pytest

from hub.connector.answers import Ambiguous, NotSent, ReadFailed, RefusedByTarget, Throttled, Unauthorized
from hub.connector.base import ActCall, ObjectRef
from hub.connector.suite.actions import WRITES
from hub.connector.suite.base import PATIENCE_SECONDS, ProbeSuite
from hub.connector.suite.meddler import Meddler
from hub.connector.updates import DOCUMENT, PAYLOAD
from hub.model.action import ActionSpec, TargetClass, payload_problem


class UpdateSuite(ProbeSuite):
    """Give also ``action``, the ``object`` of ``app()``, ``fields`` to set (other values than it has now), ``other``
    values for the same paths, and ``refused`` fields the system or the connector will not take."""

    action: ClassVar[str]
    object: ClassVar[str]
    fields: ClassVar[Mapping[str, Any]]
    other: ClassVar[Mapping[str, Any]]
    refused: ClassVar[Mapping[str, Any]]
    lookups: ClassVar[int] = 0
    """How many calls of a writing method come before the write itself."""

    def spec_of_action(self) -> ActionSpec:
        found = self.connector.spec.action(self.action)
        assert found is not None
        return found

    def payload(self, fields: Mapping[str, Any] | None = None) -> dict[str, Any]:
        return {"object": self.object, "fields": dict(self.fields if fields is None else fields)}

    def call(self, fields: Mapping[str, Any] | None = None, mark: str = "a") -> ActCall:
        name = self.spec_of_action().calls[0].name
        return ActCall(self.action, name, f"key-{mark}", f"key-{mark}", self.payload(fields))

    def plan(self, meddler: Meddler, kind: str, **how: Any) -> None:
        meddler.plan(kind, methods=WRITES, skip=self.lookups, **how)

    def test_a_stream_names_the_action_and_the_paths_it_sets(self) -> None:
        streams = [stream for stream in self.connector.spec.streams if stream.update_action == self.action]
        assert streams
        assert all(stream.updatable for stream in streams)

    def test_the_action_keeps_the_contract_of_updates(self) -> None:
        spec = self.spec_of_action()
        assert (spec.payload, spec.document) == (PAYLOAD, DOCUMENT)
        assert (spec.target, spec.weight, len(spec.calls)) == (TargetClass.B, "record", 1)
        assert payload_problem(spec, self.payload()) == ""

    async def test_an_update_reads_back_under_the_same_paths(self) -> None:
        async with self.talking() as (connector, _):
            receipt = await connector.act(self.call())
            assert receipt.remote_id == self.object
            found = await connector.read(ObjectRef(self.action, receipt.remote_id))
            assert found is not None
            assert found.document is not None
            assert found.document["object"] == self.object
            assert {name: found.document["fields"][name] for name in self.fields} == self.fields

    async def test_an_update_is_found_by_the_values_and_only_while_they_stand(self) -> None:
        async with self.talking() as (connector, _):
            assert await connector.find(self.action, "key-a", self.payload()) is None
            await connector.act(self.call())
            assert await connector.find(self.action, "key-a", self.payload()) is not None
            await connector.act(self.call(self.other, "b"))
            assert await connector.find(self.action, "key-a", self.payload()) is None

    async def test_setting_what_is_set_changes_nothing(self) -> None:
        async with self.talking() as (connector, _):
            await connector.act(self.call())
            first = await connector.read(ObjectRef(self.action, self.object))
            await connector.act(self.call())
            again = await connector.read(ObjectRef(self.action, self.object))
            assert first is not None
            assert again is not None
            assert first.document == again.document

    async def test_unknown_paths_are_refused_by_name_before_anything_is_written(self) -> None:
        async with self.talking() as (connector, meddler):
            with pytest.raises(RefusedByTarget) as caught:
                await connector.act(self.call({**self.fields, "no.such.path": "x"}))
            assert "no.such.path" in caught.value.words
            assert not [method for method, _ in meddler.calls if method in WRITES][self.lookups :]

    async def test_a_value_the_system_does_not_take_is_refused_with_words(self) -> None:
        async with self.talking() as (connector, _):
            with pytest.raises(RefusedByTarget) as caught:
                await connector.act(self.call(self.refused))
            assert len(caught.value.words) > 10

    async def test_an_object_that_is_not_there_is_refused_and_reads_as_none(self) -> None:
        async with self.talking() as (connector, _):
            gone = {"object": "999999", "fields": dict(self.fields)}
            with pytest.raises(RefusedByTarget):
                await connector.act(ActCall(self.action, self.spec_of_action().calls[0].name, "k", "k", gone))
            assert await connector.find(self.action, "k", gone) is None
            assert await connector.read(ObjectRef(self.action, "999999")) is None

    @pytest.mark.parametrize(
        "fault",
        [
            {"kind": "lose", "after": True},
            {"kind": "cut", "after": True},
            {"kind": "body", "after": True, "body": b"<html>welcome</html>"},
            *({"kind": "status", "after": True, "status": status, "body": b"{}"} for status in (500, 502, 503, 504)),
        ],
        ids=str,
    )
    async def test_a_lost_or_senseless_answer_is_ambiguous_and_the_update_is_found(
        self, fault: dict[str, Any]
    ) -> None:
        async with self.talking() as (connector, meddler):
            self.plan(meddler, **fault)
            with pytest.raises(Ambiguous):
                await connector.act(self.call())
            assert await connector.find(self.action, "key-a", self.payload()) is not None

    async def test_an_update_that_never_arrived_is_not_found(self) -> None:
        async with self.talking(total_seconds=PATIENCE_SECONDS) as (connector, meddler):
            self.plan(meddler, "stall")
            with pytest.raises(Ambiguous):
                await connector.act(self.call())
            assert await connector.find(self.action, "key-a", self.payload()) is None

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

    @pytest.mark.parametrize("status", [401, 403])
    async def test_refused_credentials_are_unauthorized(self, status: int) -> None:
        async with self.talking() as (connector, meddler):
            self.plan(meddler, "status", status=status, body=b"{}")
            with pytest.raises(Unauthorized):
                await connector.act(self.call())

    async def test_a_look_up_that_fails_is_never_taken_for_absent(self) -> None:
        for fault in ({"status": 500}, {"body": b"<html></html>"}, {"status": 429}):
            async with self.talking() as (connector, meddler):
                for _ in range(3):
                    meddler.plan("status", **fault)
                with pytest.raises(ReadFailed):
                    await connector.find(self.action, "key-a", self.payload())
