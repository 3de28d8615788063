"""The Trello connector against the SDK's behaviour suites, in front of its twin."""

from __future__ import annotations

import json
from pathlib import Path

import orjson
import pytest
from aiohttp import web

from connectors.trello.connector import TrelloConnector
from connectors.trello.twin import make_app, take
from hub.connector.answers import Ambiguous
from hub.connector.base import ObjectRef
from hub.connector.samples import render
from hub.connector.suite import ActionSuite, PollSuite, ReadSuite, UpdateSuite, WebhookSuite
from hub.connector.twin import Shelf
from hub.model.clock import SECOND

STORY = "connectors/trello/samples/story.jsonl"
NOW = 1_767_600_000 * SECOND
SECRETS = {"key": ("a-key",), "api_token": ("canary-5f2a-secret-value",)}
BOARD, OTHER = "5f3b00000000000000000001", "5f3b00000000000000000002"
FAIR, WEBINAR, DINNER = "5f3b000000000000000000a1", "5f3b000000000000000000b1", "5f3b000000000000000000c1"
ELSEWHERE = "5f3b000000000000000000d1"


def boards(*, told: bool = True) -> web.Application:
    """A twin that was told the story, and of one card on a second board."""
    app = make_app(clock=lambda: NOW)
    shelf = next(value for value in app.values() if isinstance(value, Shelf))
    for raw in render(Path(STORY), NOW) if told else ():
        take(shelf, raw.body)
    if told:
        take(shelf, _elsewhere())
    return app


def _elsewhere() -> bytes:
    board = {"id": OTHER, "name": "Second board"}
    data = {"card": {"id": ELSEWHERE, "name": "x", "idShort": 1, "shortLink": "x"}, "board": board}
    action = {"id": "5f3c000000000000000000ff", "type": "createCard", "date": "2026-01-01T00:00:00.000Z"}
    return orjson.dumps(
        {"action": {**action, "data": {**data, "list": {"id": "5f3b0000000000000000001f", "name": "l"}}}}
    )


class TestTrelloWebhook(WebhookSuite):
    connector = TrelloConnector
    settings = {"url": "https://api.trello.com"}
    secret_setting = "secret"
    samples = STORY
    signature_header = "x-trello-webhook"


class TestTrelloRead(ReadSuite):
    connector, secrets = TrelloConnector, SECRETS
    known, unknown = ObjectRef("card", FAIR), ObjectRef("card", "5f3b000000000000000000e9")

    def app(self) -> web.Application:
        return boards()


class TestTrelloComment(ActionSuite):
    connector, secrets = TrelloConnector, SECRETS
    action = "card.comment"
    payload = {"card": FAIR, "body": "ERP: reimbursement RB-1\n\n报销单 RB-1"}
    bad_payload = {"card": FAIR, "body": "x" * 16_384}

    def app(self) -> web.Application:
        return boards()


class TestTrelloUpdate(UpdateSuite):
    connector, secrets = TrelloConnector, SECRETS
    action, object = "card.update", FAIR
    fields = {
        "name": "上海工业展 2",
        "desc": "**new**",
        "due": "2026-03-01T04:00:00.000Z",
        "list.name": "计划",
    }
    other = {"name": "上海工业展 3"}
    refused = {"name": ""}

    def app(self) -> web.Application:
        return boards()

    async def test_fields_that_take_several_calls_are_done_again_until_all_of_them_stand(self) -> None:
        both = {"name": "fair", 'customFields["实际花费"]': "1.50"}
        async with self.talking() as (connector, meddler):
            self.plan(meddler, "lose", after=True)
            with pytest.raises(Ambiguous):
                await connector.act(self.call(both))
            assert await connector.find(self.action, "key-a", self.payload(both)) is None
            await connector.act(self.call(both))
            assert await connector.find(self.action, "key-a", self.payload(both)) is not None


class TestTrelloCustomField(TestTrelloUpdate):
    fields = {'customFields["实际花费"]': "18651.75"}
    other = {"customFields.实际花费": "1"}
    refused = {"customFields.渠道 2": "x"}


class TestTrelloMove(TestTrelloUpdate):
    fields = {"idList": "5f3b00000000000000000010"}
    other = {"idList": "5f3b00000000000000000012"}
    refused = {"idList": "5f3b000000000000000000ee"}

    async def test_a_card_that_was_moved_is_news_for_whoever_reads_actions(self) -> None:
        app, poll = self.app(), TestTrelloPoll()
        async with poll.talking(app) as (connector, _):
            _, cursor, _ = await poll.drain(connector)
            await connector.act(self.call())
            page = await connector.poll("card", cursor)
            (record,) = [one for raw in page.deliveries for one in connector.decode({}, raw.body).records]
            assert (record.source, record.data["list"]["name"]) == (FAIR, "计划")


class TestTrelloPoll(PollSuite):
    connector, secrets = TrelloConnector, SECRETS
    settings = {"boards": [BOARD, OTHER]}
    stream = "card"
    sources = frozenset({FAIR, WEBINAR, DINNER, ELSEWHERE})

    def app(self) -> web.Application:
        return boards()

    def empty_app(self) -> web.Application:
        return boards(told=False)

    async def test_an_empty_system_gives_an_empty_last_page(self) -> None:
        async with self.talking(self.empty_app()) as (connector, _):
            ids, _, _ = await self.drain(connector)
            assert ids == []


async def test_a_card_put_together_from_actions_reads_whole() -> None:
    async with TestTrelloRead().talking() as (connector, _):
        found = await connector.read(ObjectRef("card", FAIR))

        assert found is not None
        assert found.body is not None
        (card,) = connector.decode({}, found.body).records
        assert card.data["list"]["name"] == "已完成"
        assert card.data["idMembers"] == ["5f3a000000000000000e1005"]
        assert card.data["customFields"] == {
            "预算": "30000",
            "实际花费": "18650.50",
            "预算编号": "EVT-2026",
            "渠道": "展会 trade fair",
            "活动日期": card.data["customFields"]["活动日期"],
        }
        assert [item["state"] for item in card.data["checklists"][0]["checkItems"]] == ["complete"]


async def test_polling_on_brings_new_actions_oldest_first_and_the_card_whose_lists_changed() -> None:
    app = boards()
    shelf = next(value for value in app.values() if isinstance(value, Shelf))
    poll = TestTrelloPoll()
    async with poll.talking(app) as (connector, _):
        _, cursor, _ = await poll.drain(connector)
        for raw in _later():
            take(shelf, raw)
        page = await connector.poll("card", cursor)

        found = [connector.decode({}, raw.body).records[-1] for raw in page.deliveries]
        assert [(record.op, record.source) for record in found] == [
            ("partial", WEBINAR),
            ("partial", WEBINAR),
            ("snapshot", WEBINAR),
        ]
        assert found[0].at < found[1].at
        again = await connector.poll("card", (await poll.drain(connector, page.cursor))[1])
        assert again.deliveries == ()


def _later() -> list[bytes]:
    body = json.loads(render(Path(STORY), NOW)[-1].body)
    renamed = {**body["action"]["data"]["card"], "id": WEBINAR, "name": "renamed"}
    first = {**body["action"], "id": "5f3d00000000000000000001", "date": "2026-01-05T08:00:00.500Z"}
    first["data"] = {"card": renamed, "board": body["action"]["data"]["board"], "old": {"name": "x"}}
    second = {
        **first,
        "id": "5f3d00000000000000000002",
        "type": "addMemberToCard",
        "date": "2026-01-05T08:00:01.000Z",
    }
    second["data"] = {**first["data"], "idMember": "5f3a000000000000000e1001"}
    return [orjson.dumps({"action": second}), orjson.dumps({"action": first})]
