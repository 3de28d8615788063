"""The language of hostile profiles: seeds, shares, limits; and a hostile system as a server with its own count."""

from __future__ import annotations

import asyncio
from collections import Counter
from collections.abc import Mapping
from typing import Any

import orjson
import pytest
from aiohttp import web
from aiohttp.test_utils import TestServer

from hub.connector import registry
from hub.connector.answers import AlreadyThere, Ambiguous, ReadFailed, Throttled
from hub.connector.base import ActCall, Connection, Connector, ObjectRef
from hub.connector.http import Http
from hub.sim.hostile import JSON, Keys, Recent, Reply, bent, drifted
from hub.sim.profile import Behaviour, Dice, Drawn, Profile
from hub.sim.profiles import PROFILES
from hub.sim.serve import hostile

GOOD = Reply(201, {"content-type": JSON}, b'{"id": "7", "number": "PR-7"}')
EXPENSE = {"employee": "E1001", "amount": {"amount": "88.80", "currency": "CNY"}, "text": "taxi"}


def profile(*behaviours: Behaviour, connector: str = "erp", quiesce_ms: int = 2000) -> Profile:
    return Profile("test", connector, {"en": "for a test"}, behaviours, quiesce_ms)


def test_there_is_a_profile_for_every_connector_that_creates_something() -> None:
    assert {one.connector for one in PROFILES.values()} == {"erp", "tryton", "jira", "trello"}
    assert all(name == f"{one.connector}-hostile" for name, one in PROFILES.items())


def test_every_profile_leaves_time_before_a_look_counts() -> None:
    for one in PROFILES.values():
        late = max(each.measure for each in one.behaviours if each.does == "late")
        assert late <= 1000
        assert late + one.always("lag") < one.quiesce_ms


@pytest.mark.parametrize(
    ("behaviours", "words"),
    [
        ([("drop-the-mic", "write")], "no behaviour"),
        ([("late", "write", 0)], "a share is"),
        ([("late", "write", 10, 1500), ("lag", "search", 10, 600)], "quiesce"),
    ],
)
def test_a_profile_that_makes_no_sense_is_refused(behaviours: list[tuple[Any, ...]], words: str) -> None:
    with pytest.raises(ValueError, match=words):
        profile(*(Behaviour(*one) for one in behaviours))


def draws(seed: int, count: int = 300) -> list[str]:
    dice = Dice(PROFILES["erp-hostile"], seed)
    return [dice.draw("write", "/api/assets", str(number)).does for number in range(count)]


def test_one_seed_is_one_story_and_another_seed_another() -> None:
    assert draws(7) == draws(7)
    assert draws(7) != draws(8)


def test_shares_are_kept() -> None:
    struck = Counter(draws(1, 4000))
    assert 250 < struck["drop-answer"] < 470  # 90 of 1,000, drawn first
    assert struck[""] > 1200


def test_an_object_is_struck_so_often_and_no_more() -> None:
    dice = Dice(profile(Behaviour("500", "write", times=2)), 0)
    assert [dice.draw("write", "/", "same").does for _ in range(4)] == ["500", "500", "", ""]
    assert dice.draw("write", "/", "other").does == "500"
    assert dice.draw("read", "/", "same").does == ""


LIES = ("500-done", "503-done", "409-done", "error-inside", "no-id", "truncated", "html", "endless")


@pytest.mark.parametrize("does", LIES)
def test_a_bent_answer_is_not_the_good_one(does: str) -> None:
    reply = bent(Drawn(does, 0, "7"), GOOD)
    assert reply.status >= 300 or b'"id": "7", "number": "PR-7"}' not in reply.body


def test_a_page_that_drifts_loses_nothing() -> None:
    rows = [{"id": "1"}, {"id": "2"}, {"id": "3"}]
    for body in (rows, {"issues": rows, "isLast": True}):
        found = orjson.loads(drifted(orjson.dumps(body)))
        found = found if isinstance(found, list) else found["issues"]
        assert [one["id"] for one in found] == ["2", "3", "1", "1"]
    assert drifted(b'{"ok": true}') == b'{"ok": true}'


def test_what_is_new_is_found_late() -> None:
    recent = Recent(700)
    recent.note(b'{"id": "2"}', 1000)
    page = orjson.dumps({"items": [{"id": "1"}, {"id": "2"}]})
    assert orjson.loads(recent.hidden(page, 1699))["items"] == [{"id": "1"}]
    assert recent.hidden(page, 1700) == page


def test_what_is_new_hides_nothing_of_another_family_that_has_its_id() -> None:
    recent = Recent(700)
    recent.note(b'{"id": 1}', 1000, "purchase.requisition")
    employees = orjson.dumps([{"id": 1, "code": "E1001"}])
    assert recent.hidden(employees, 1001, "company.employee") == employees
    assert orjson.loads(recent.hidden(employees, 1001, "purchase.requisition")) == []


def test_a_key_lives_so_long_and_no_longer() -> None:
    keys = Keys(1500)
    assert keys.lives("k", 0)
    assert keys.lives("k", 1499)
    assert not keys.lives("k", 1500)
    assert Keys(0).lives("k", 10**9)


class Served:
    """A hostile app on a local port, and the connector in front of it."""

    def __init__(self, app: web.Application, connector: str) -> None:
        self.server, self.name = TestServer(app), connector

    async def __aenter__(self) -> Connector:
        await self.server.start_server()
        url = str(self.server.make_url("/")).rstrip("/")
        connection = Connection(self.name, {"url": url, "allow": [url], "database": "erp"}, {"key": ("k",)})
        self.http = Http(url, allow=[url], total_seconds=3)
        return registry.create(self.name, connection, self.http)

    async def __aexit__(self, *_: object) -> None:
        await self.http.close()
        await self.server.close()

    async def counts(self) -> Mapping[str, Any]:
        answer = await self.http.read("/_twin/counts")
        assert answer is not None
        return dict(answer.json)


def expense(number: int) -> ActCall:
    return ActCall("reimbursement.create", "create", f"key-{number}", f"key-{number}", EXPENSE)


async def again_and_again(made: Connector) -> None:
    """The same call until the system says something else."""
    async with asyncio.timeout(5):
        while True:
            await made.act(expense(1))


@pytest.mark.parametrize("connector", ["erp", "tryton"])
async def test_what_is_done_late_is_done_and_counted_by_the_system_itself(connector: str) -> None:
    one = profile(Behaviour("late", "write", measure=1, times=1), connector=connector)
    served = Served(hostile(one, 0), connector)
    async with served as made:
        with pytest.raises(Ambiguous):
            await made.act(expense(1))
        async with asyncio.timeout(5):
            while (await served.counts())["references"] != {"key-1": 1}:
                pass
        found = await made.find("reimbursement.create", "key-1", EXPENSE)
        assert found is not None


@pytest.mark.parametrize(
    ("does", "error"),
    [("drop-answer", Ambiguous), ("html", Ambiguous), ("truncated", Ambiguous), ("no-id", Ambiguous),
     ("error-inside", Ambiguous), ("500-done", Ambiguous), ("endless", Ambiguous), ("never-arrives", Ambiguous),
     ("500", Ambiguous), ("429", Throttled)],
)  # fmt: skip
async def test_no_misdeed_is_taken_for_done_or_for_refused(does: str, error: type[Exception]) -> None:
    one = profile(Behaviour(does, "write", times=1))
    served = Served(hostile(one, 0), "erp")
    async with served as made:
        with pytest.raises(error):
            await made.act(expense(1))
        counts = await served.counts()
        not_done = does in ("never-arrives", "500", "429")
        assert counts["references"] == ({} if not_done else {"key-1": 1})
        assert counts["struck"] == {does: 1}


async def test_a_read_of_another_object_is_never_taken_for_the_one_asked() -> None:
    served = Served(hostile(profile(Behaviour("wrong-id", "read", times=1), connector="tryton"), 0), "tryton")
    async with served as made:
        receipt = await made.act(expense(1))
        with pytest.raises(ReadFailed):
            await made.read(ObjectRef("reimbursement.create", receipt.remote_id))


async def test_a_reference_is_refused_where_the_key_is_forgotten() -> None:
    one = profile(Behaviour("forgets-keys", "every", measure=1))
    served = Served(hostile(one, 0), "erp")
    async with served as made:
        with pytest.raises(AlreadyThere, match="already has external_ref"):
            await again_and_again(made)
        assert (await served.counts())["references"] == {"key-1": 1}


async def test_after_peace_a_hostile_system_is_as_friendly_as_its_twin() -> None:
    served = Served(hostile(profile(Behaviour("500", "write")), 0), "erp")
    async with served as made:
        with pytest.raises(Ambiguous):
            await made.act(expense(1))
        await made.http.write("POST", "/_twin/peace", json={})
        assert (await made.act(expense(1))).remote_id
