"""What Trello's bodies mean: partial cards, whole cards, comments, skips, refusals."""

from __future__ import annotations

import json
from typing import Any

import pytest

from connectors.trello.decode import decode, identify, route
from hub.model.clock import iso

CARD = {"id": "5f3b000000000000000000a1", "name": "Fair", "idShort": 1, "shortLink": "abc"}
BOARD = {"id": "5f3b00000000000000000001", "name": "Campaigns"}
DOING, DONE = {"id": "5f3b00000000000000000011", "name": "Doing"}, {"id": "5f3b00000000000000000012", "name": "Done"}
DATE = "2026-01-05T08:00:00.250Z"
FIELD = {"id": "5f3b00000000000000000f01", "name": "实际花费", "type": "number"}


def action(kind: str, data: dict[str, Any], **more: Any) -> dict[str, Any]:
    return {"id": "5f3c00000000000000000001", "type": kind, "date": DATE, "data": data, **more}


def body(kind: str, data: dict[str, Any]) -> bytes:
    return json.dumps({"model": {"id": BOARD["id"]}, "action": action(kind, data)}).encode()


def changed(value: Any, id_value: str | None = None) -> dict[str, Any]:
    item = {"id": "x", "idCustomField": FIELD["id"], "value": value, "idValue": id_value}
    return {"card": CARD, "board": BOARD, "customField": FIELD, "customFieldItem": item}


@pytest.mark.parametrize(
    ("kind", "data", "told"),
    [
        (
            "updateCard",
            {"card": {**CARD, "idList": DONE["id"]}, "listBefore": DOING, "listAfter": DONE, "old": {"idList": "x"}},
            {"idList": DONE["id"], "list": DONE},
        ),
        ("updateCard", {"card": {**CARD, "due": None}, "list": DOING, "old": {"due": "x"}}, {"due": None}),
        ("updateCard", {"card": {**CARD, "closed": True}, "old": {"closed": False}}, {"closed": True}),
        ("createCard", {"card": CARD, "list": DOING, "board": BOARD}, {"list": DOING, "idBoard": BOARD["id"]}),
        ("moveCardFromBoard", {"card": CARD, "list": DOING, "boardTarget": {"id": "b2"}}, {"idBoard": "b2"}),
        ("updateCustomFieldItem", changed({"number": "18650.50"}), {"customFields": {"实际花费": "18650.50"}}),
        ("updateCustomFieldItem", changed({"checked": "true"}), {"customFields": {"实际花费": "true"}}),
        ("updateCustomFieldItem", changed(None), {"customFields": {"实际花费": None}}),
        ("addMemberToCard", {"card": CARD, "idMember": "m1"}, {}),
    ],
)
def test_an_action_tells_only_what_it_vouches_for(kind: str, data: dict[str, Any], told: dict[str, Any]) -> None:
    (record,) = decode(body(kind, data)).records

    assert (record.stream, record.op, record.source, iso(record.at)) == ("card", "partial", CARD["id"], DATE)
    assert told.items() <= record.data.items()
    assert "idMembers" not in record.data


def test_an_option_that_is_only_an_id_says_nothing() -> None:
    (record,) = decode(body("updateCustomFieldItem", changed(None, "5f3b0000000000000000aaaa"))).records

    assert "customFields" not in record.data


def test_a_card_that_left_the_board_does_not_claim_its_old_list() -> None:
    data = {"card": CARD, "list": DOING, "boardTarget": {"id": "b2"}}

    assert "list" not in decode(body("moveCardFromBoard", data)).records[0].data


def test_a_deleted_card_is_a_delete() -> None:
    data = {"card": {"id": CARD["id"], "idShort": 1, "shortLink": "abc"}, "list": DOING, "board": BOARD}

    assert [(one.op, one.source) for one in decode(body("deleteCard", data)).records] == [("delete", CARD["id"])]


@pytest.mark.parametrize(
    ("kind", "data", "expected"),
    [
        ("commentCard", {"card": CARD, "text": "hi"}, ("snapshot", "5f3c00000000000000000001", "hi")),
        ("updateComment", {"card": CARD, "action": {"id": "c7", "text": "ho"}}, ("partial", "c7", "ho")),
        ("deleteComment", {"card": CARD, "action": {"id": "c7"}}, ("delete", "c7", None)),
    ],
)
def test_comments_are_records_beside_their_card(kind: str, data: dict[str, Any], expected: tuple[str, ...]) -> None:
    comment, card = decode(body(kind, data)).records

    assert (comment.op, comment.source, comment.data.get("text")) == expected
    assert (comment.stream, card.stream, card.op) == ("comment", "card", "partial")
    assert comment.data["card"]["id"] == CARD["id"]


def test_a_read_card_is_whole_its_fields_by_name_and_empty_ones_null() -> None:
    options = [{"id": "o1", "value": {"text": "线下"}}]
    fields = [FIELD, {"id": "f2", "name": "渠道", "type": "list", "options": options}, {"id": "f3", "name": "空"}]
    items = [{"idCustomField": FIELD["id"], "value": {"number": "1"}}, {"idCustomField": "f2", "idValue": "o1"}]
    card = {**CARD, "idList": DONE["id"], "dateLastActivity": DATE, "customFieldItems": items, "pos": 1, "badges": {}}

    (record,) = decode(json.dumps({"card": card, "list": DONE, "customFields": fields}).encode()).records

    assert (record.op, iso(record.at)) == ("snapshot", DATE)
    assert record.data["customFields"] == {"实际花费": "1", "渠道": "线下", "空": None}
    assert record.data["list"] == DONE


@pytest.mark.parametrize(
    ("kind", "expected"),
    [
        ("createList", "list-event"),
        ("updateBoard", "board-event"),
        ("addMemberToBoard", "board-event"),
        ("updateChecklist", "checklist-event"),
        ("createCustomField", "customfield-event"),
        ("enablePlugin", "plugin-event"),
        ("brandNewThing", "unknown-event:brandNewThing"),
    ],
)
def test_actions_without_a_card_are_skipped_by_name(kind: str, expected: str) -> None:
    assert decode(body(kind, {"board": BOARD})).skipped == expected


@pytest.mark.parametrize(
    ("raw", "expected"),
    [
        (b"unauthorized permission requested", "bad-json"),
        (b"{}", "unknown-form"),
        (b"[]", ""),
        (b"[{}]", "unknown-form"),
        (b"7", "broken-body"),
        (json.dumps({"action": {"type": "updateCard", "data": {"card": CARD}}}).encode(), "broken-body"),
        (json.dumps({"action": {"type": "updateCard", "data": 3}}).encode(), "broken-body"),
        (json.dumps({"card": CARD}).encode(), "broken-body"),
    ],
)
def test_a_body_no_trello_can_mean_is_rejected_with_a_reason(raw: bytes, expected: str) -> None:
    found = decode(raw)

    assert (found.rejected.reason if found.rejected else "") == expected
    assert found.rejected or found.skipped


def test_the_delivery_id_is_the_action_seen_by_one_webhook() -> None:
    nested = body("updateComment", {"card": CARD, "action": {"text": "x", "id": "5f3c0000000000000000dead"}})
    late_id = json.dumps({"action": {"data": {"action": {"id": "5f3c0000000000000000dead"}}, "id": "5f3c"}}).encode()

    assert identify(nested) == f"5f3c00000000000000000001@{BOARD['id']}"
    assert identify(late_id) == "5f3c@None"
    assert identify(json.dumps(action("updateCard", {"card": CARD})).encode()) is None
    assert identify(b"\xff") is None


def test_the_lane_is_the_card() -> None:
    assert route(body("updateCard", {"board": BOARD, "card": CARD})) == CARD["id"]
    assert route(b"[]") == ""
