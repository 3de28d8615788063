"""What the tryton connector does with answers a real server gives rarely: a scripted Http stands in for it."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import pytest

from connectors.tryton.codes import CURRENCY, EMPLOYEE, Codes
from connectors.tryton.connector import TrytonConnector
from connectors.tryton.paper import CREATE
from connectors.tryton.rest import Rest
from connectors.tryton.spec import SPEC
from hub.connector.answers import (
    AlreadyThere,
    Ambiguous,
    NotSent,
    ReadFailed,
    RefusedByTarget,
    Throttled,
    Unauthorized,
)
from hub.connector.base import ActCall, Connection, ObjectRef
from hub.connector.http import Answer, Http
from hub.model.action import next_call

MISSING = None
"""What ``Http.read`` gives for a 404."""
MINE = {"company": 1, "companies": [1], "employee": 2}


class Scripted(Http):
    """Answers in order; an exception is raised. Preferences are answered by themselves."""

    def __init__(self, *answers: Any, preferences: Any = MINE) -> None:
        super().__init__("")
        self.answers, self.preferences, self.asked = list(answers), preferences, []

    async def write(self, method: str, path: str, **how: Any) -> Answer:
        return self._next(path)

    async def read(self, path: str, **how: Any) -> Answer | None:
        if "get_preferences" in path:
            if isinstance(self.preferences, Exception):
                raise self.preferences
            return None if self.preferences is None else Answer(200, self.preferences, {})
        return self._next(path)

    def _next(self, path: str) -> Any:
        self.asked.append(path)
        answer = self.answers.pop(0)
        if isinstance(answer, Exception):
            raise answer
        return answer if answer is MISSING else Answer(200, answer, {})


def connect(http: Http, **settings: Any) -> TrytonConnector:
    known = {"url": "https://t.example", "database": "erp", **settings}
    return TrytonConnector(Connection("erp", known, {"key": ("k",)}), http)


def press(name: str) -> ActCall:
    return ActCall(CREATE, name, "key", "ref", {}, "5")


def head(state: str) -> dict[str, Any]:
    return {"id": 5, "number": "7", "state": state, "description": "x [hub:ref]"}


@pytest.mark.parametrize(
    ("state", "name"),
    [
        (None, "create"),
        ("draft", "wait"),
        ("waiting", "approve"),
        *((state, None) for state in ("approved", "processing", "done")),
        *((state, "wait") for state in ("rejected", "cancelled")),
    ],
)
def test_the_next_call_follows_from_the_state(state: str | None, name: str | None) -> None:
    action = SPEC.action(CREATE)
    assert action is not None
    step = next_call(action, state)
    assert (step.name if step else None) == name


@pytest.mark.parametrize(
    ("answer", "raised"),
    [
        (AlreadyThere('409 {"message": "A warning."}'), RefusedByTarget),
        (RefusedByTarget("changed by another", 423), Throttled),
        (Ambiguous("500"), Ambiguous),
        ({"state": "waiting"}, Ambiguous),
        ({"id": "5", "state": "draft"}, Ambiguous),
        ([], Ambiguous),
    ],
    ids=["warning", "locked", "server-error", "no-id", "odd-id", "no-content"],
)
async def test_an_answer_to_a_write_means_what_tryton_means(answer: Any, raised: type[Exception]) -> None:
    rest = Rest(Scripted(answer), "erp", "k")
    with pytest.raises(raised):
        await rest.create("purchase.requisition", {}, ())


async def test_a_refused_button_counts_as_pressed_when_the_state_says_so() -> None:
    connector = connect(Scripted(RefusedByTarget("you can not call", 400), head("approved")))
    assert (await connector.act(press("approve"))).state == "approved"


async def test_a_refused_button_with_an_unreadable_state_is_ambiguous() -> None:
    connector = connect(Scripted(RefusedByTarget("you can not call", 400), ReadFailed("down")))
    with pytest.raises(Ambiguous):
        await connector.act(press("approve"))


async def test_a_button_that_answers_well_but_did_not_move_the_state_is_refused() -> None:
    with pytest.raises(RefusedByTarget, match="is draft after wait"):
        await connect(Scripted(head("draft"))).act(press("wait"))


async def test_a_server_that_is_down_before_the_write_was_sent_nothing() -> None:
    http = Scripted(preferences=ReadFailed("down"))
    for name in ("create", "wait"):
        with pytest.raises(NotSent):
            await connect(http).act(press(name))


@pytest.mark.parametrize(
    ("preferences", "company"),
    [(None, ""), ({}, ""), ({"company": None, "companies": [1]}, ""), ({"company": 1, "companies": [1]}, "Other")],
    ids=["no-database", "no-company", "none-chosen", "unknown-name"],
)
async def test_a_key_without_a_company_pauses_the_connection(preferences: Any, company: str) -> None:
    with pytest.raises(Unauthorized):
        await Rest(Scripted([], preferences=preferences), "erp", "k", company).context()


@pytest.mark.parametrize("answer", [MISSING, {}, "none", [5], [{"state": "draft"}], [{"id": 5}]], ids=repr)
async def test_a_senseless_answer_to_a_search_is_never_taken_for_absent(answer: Any) -> None:
    with pytest.raises(ReadFailed):
        await connect(Scripted(answer)).find(CREATE, "ref", {})


async def test_a_search_that_finds_nothing_is_absent() -> None:
    assert await connect(Scripted([])).find(CREATE, "ref", {}) is None


@pytest.mark.parametrize(
    "answer",
    [[], {"id": 6}, head("draft"), {**head("draft"), "total_amount": {"__class__": "Decimal", "decimal": "1,5"}}],
    ids=["list", "another", "half", "bad-decimal"],
)
async def test_a_record_that_is_not_the_one_asked_for_is_a_failed_read(answer: Any) -> None:
    with pytest.raises(ReadFailed):
        await connect(Scripted(answer)).read(ObjectRef(CREATE, "5"))


async def test_a_record_that_is_gone_reads_as_none() -> None:
    assert await connect(Scripted(MISSING)).read(ObjectRef(CREATE, "5")) is None


async def test_a_code_is_asked_for_once_until_tryton_refuses_a_document() -> None:
    http = Scripted([{"id": 3, "code": "A"}], [{"id": 4, "code": "A"}])
    codes = Codes(Rest(http, "erp", "k"))
    assert (await codes.one(CURRENCY, "A"))["id"] == (await codes.one(CURRENCY, "A"))["id"] == 3
    codes.forget()
    assert (await codes.one(CURRENCY, "A"))["id"] == 4


@pytest.mark.parametrize(
    ("rows", "words"),
    [
        ([], "employee 'E1' is not known"),
        ([{"id": 1, "party": {"code": "e1"}}, {"id": 2, "party": None}], "not known"),
        ([{"id": 1, "party": {"code": "E1"}}, {"id": 2, "party": {"code": "E1"}}], "more than once"),
    ],
)
async def test_a_code_that_is_not_one_record_is_refused(rows: list[Mapping[str, Any]], words: str) -> None:
    with pytest.raises(RefusedByTarget, match=words):
        await Codes(Rest(Scripted(rows), "erp", "k")).one(EMPLOYEE, "E1")


async def test_many_codes_are_asked_for_in_urls_a_proxy_lets_through() -> None:
    codes = [f"CODE-{number:03}" for number in range(120)]
    pages = [[{"id": 1, "code": code} for code in codes[start : start + 50]] for start in (0, 50, 100)]
    http = Scripted(*pages)
    assert len(await Codes(Rest(http, "erp", "k")).all(CURRENCY, codes)) == 120
    assert max(map(len, http.asked)) < 8000


async def test_a_document_is_linked_only_where_people_have_a_web_client() -> None:
    assert (await connect(Scripted(head("waiting"))).act(press("wait"))).url == ""
    linked = connect(Scripted(head("waiting")), web="https://t.example/")
    assert (await linked.act(press("wait"))).url == "https://t.example/#erp/model/purchase.requisition/5"
