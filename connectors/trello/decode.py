"""Trello's bodies -> records: webhooks, actions as polled, cards as read. Pure.

An action tells only what changed: its card is a ``partial`` with exactly the names the action vouches for. Members,
labels and checklists come as "one was added", which says nothing about the whole list: they stay absent and arrive
with the next read of the card. A read card (with its board's custom field definitions) is a ``snapshot``."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from datetime import datetime

from hub.model.clock import Micros, micros
from hub.model.record import Decoded, Json, Op, Record, Rejected
from hub.model.source_json import parse

CARD_NAMES = (
    "id", "idShort", "shortLink", "name", "desc", "idList", "list", "idBoard", "board", "due", "dueComplete",
    "start", "closed", "idMembers", "members", "labels", "idLabels", "url", "shortUrl", "customFields",
    "checklists", "dateLastActivity",
)  # fmt: skip
COMMENT_NAMES = ("id", "text", "date", "card", "list", "board", "idMemberCreator", "memberCreator")
"""The top-level names records have; what else a body brings (cover, badges, pos …) is left out."""

COMMENTED = frozenset({"commentCard", "copyCommentCard"})
LIST_CHANGES = frozenset(
    {"addMemberToCard", "removeMemberFromCard", "addLabelToCard", "removeLabelFromCard", "addChecklistToCard"}
    | {"removeChecklistFromCard", "createCheckItem", "deleteCheckItem", "updateCheckItem", "copyCard", "createCard"}
    | {"updateCheckItemStateOnCard", "updateCustomFieldItem", "moveCardToBoard", "convertToCardFromCheckItem"}
)
"""Actions after which the card itself knows more than the action tells: polling reads it."""
_FAMILIES = (
    ("CustomField", "customfield-event"),
    ("Checklist", "checklist-event"),
    ("CheckItem", "checklist-event"),
    ("List", "list-event"),
    ("Label", "label-event"),
    ("Board", "board-event"),
    ("Organization", "organization-event"),
    ("Plugin", "plugin-event"),
    ("Member", "member-event"),
)
_CARD_LANE = re.compile(rb'"card"\s*:\s*\{[^{}\[\]]*?"id"\s*:\s*"([0-9a-f]{24})"')
_ACTION = re.compile(rb'"action"\s*:\s*\{')
_ACTION_ID = re.compile(rb'\s*"id"\s*:\s*"([0-9a-f]{24})"')
_MODEL_ID = re.compile(rb'"model"\s*:\s*\{\s*"id"\s*:\s*"([0-9a-f]{24})"')


def route(body: bytes) -> str:
    """The card's id, seen without parsing; empty when it cannot be seen."""
    found = _CARD_LANE.search(body)
    return found[1].decode() if found else ""


def identify(body: bytes) -> str | None:
    """The action's id with the watched object's: two webhooks send one action in two different bodies."""
    outer = _ACTION.search(body)
    action = outer and _ACTION_ID.match(body, outer.end())
    model = _MODEL_ID.search(body)
    if action and model:
        return f"{action[1].decode()}@{model[1].decode()}"
    parsed = parse(body)
    if not isinstance(parsed, dict) or not isinstance(parsed.get("action"), dict):
        return None  # a polled action or a read card: the fold says whether it is news
    found = parsed["action"].get("id")
    watched = parsed["model"].get("id") if isinstance(parsed.get("model"), dict) else None
    return f"{found}@{watched}" if isinstance(found, str) and found else None


def decode(body: bytes) -> Decoded:
    """The records of one body. Never raises on what a source may send."""
    parsed = parse(body)
    if isinstance(parsed, Rejected):
        return Decoded(rejected=parsed)
    try:
        return _decode(parsed)
    except _Broken as broken:
        return Decoded(rejected=Rejected("broken-body", str(broken)))


class _Broken(ValueError):
    """A body whose form cannot be an object of Trello; becomes a rejection."""


def _decode(body: Json) -> Decoded:
    if isinstance(body, list):  # a whole answer: actions or cards
        parts = [_one(_object(item, "an item of a list")) for item in body]
        records = tuple(record for part in parts for record in part.records)
        if records or not parts:
            return Decoded(records, skipped="" if records else "empty-list")
        return parts[0]
    return _one(_object(body, "the body"))


def _one(body: dict[str, Json]) -> Decoded:
    if isinstance(body.get("action"), dict):
        return _action(body["action"])
    if isinstance(body.get("card"), dict):
        return Decoded((_read_card(body),))
    if "type" in body and isinstance(body.get("data"), dict):
        return _action(body)
    if "idList" in body and "id" in body:
        return Decoded((_read_card({"card": body}),))
    return Decoded(rejected=Rejected("unknown-form", "neither an action nor a card of Trello"))


def _action(action: dict[str, Json]) -> Decoded:
    data = _object(action.get("data"), "action.data")
    kind = str(action.get("type"))
    card = data.get("card")
    if not isinstance(card, dict) or not card.get("id"):
        return Decoded(skipped=_skip_reason(kind))
    at = time_of(action.get("date"))
    return Decoded((*_comments(kind, action, data, at), _partial_card(kind, card, data, action, at)))


def _skip_reason(kind: str) -> str:
    for word, reason in _FAMILIES:
        if word in kind:
            return reason
    return f"unknown-event:{re.sub('[^A-Za-z0-9_.-]', '?', kind)[:60]}"


def _partial_card(
    kind: str, card: dict[str, Json], data: Mapping[str, Json], action: Mapping[str, Json], at: Micros
) -> Record:
    known = _named(card, CARD_NAMES)
    _place(known, kind, data)
    fields = _changed_field(data) if kind == "updateCustomFieldItem" else None
    if fields is not None:
        known["customFields"] = fields
    op: Op = "delete" if kind == "deleteCard" else "partial"
    return Record("card", str(card["id"]), at, known, op, str(action.get("id") or at))


def _place(card: dict[str, Json], kind: str, data: Mapping[str, Json]) -> None:
    """The list and board the card is in after the action."""
    column = data.get("listAfter") or data.get("list")
    board = data.get("boardTarget") if kind == "moveCardFromBoard" else data.get("board")
    if kind == "moveCardFromBoard":
        column = None  # the action names the list it left
    if isinstance(column, dict) and column.get("id"):
        card["list"], card["idList"] = column, column["id"]
    if isinstance(board, dict) and board.get("id"):
        card["board"], card["idBoard"] = board, board["id"]


def _changed_field(data: Mapping[str, Json]) -> dict[str, Json] | None:
    """The one custom field that changed; None where the action does not tell its text (an option's id)."""
    definition, item = data.get("customField"), data.get("customFieldItem")
    if not isinstance(definition, dict) or not isinstance(item, dict) or "name" not in definition:
        return None
    if item.get("idValue") and not item.get("value"):
        return None
    return {str(definition["name"]): value_text(item.get("value"))}


def value_text(value: Json) -> Json:
    """A custom field's value as text: Trello writes numbers, dates and check marks as text in an object."""
    if isinstance(value, dict):
        return next((part for part in value.values()), None)
    return value


def _comments(kind: str, action: dict[str, Json], data: Mapping[str, Json], at: Micros) -> Iterator[Record]:
    if kind in COMMENTED:
        names = ("id", "date", "idMemberCreator", "memberCreator")
        told = {name: action[name] for name in names if name in action}
        told.update(text=data.get("text"), **_where(data))
        yield Record("comment", str(action.get("id")), at, told, "snapshot", str(action.get("id")))
    elif kind in ("updateComment", "deleteComment"):
        changed = _object(data.get("action"), "action.data.action")
        op: Op = "delete" if kind == "deleteComment" else "partial"
        told = {**_named(changed, COMMENT_NAMES), **_where(data)}
        yield Record("comment", str(changed.get("id")), at, told, op, str(action.get("id")))


def _named(item: Mapping[str, Json], names: tuple[str, ...]) -> dict[str, Json]:
    return {name: item[name] for name in names if name in item}


def _where(data: Mapping[str, Json]) -> dict[str, Json]:
    return {name: data[name] for name in ("card", "list", "board") if isinstance(data.get(name), dict)}


def _read_card(body: Mapping[str, Json]) -> Record:
    """A card as read: with its list, and its custom fields under the names the board gives them."""
    card: dict[str, Json] = body["card"]
    if not card.get("id") or not card.get("dateLastActivity"):
        raise _Broken("a card without id or dateLastActivity: its version is not known")
    for name in ("list", "board"):
        if isinstance(body.get(name), dict):
            card[name] = body[name]
    definitions = body.get("customFields")
    if isinstance(definitions, list):
        card["customFields"] = _fields_by_name(definitions, card.get("customFieldItems") or [])
    version = str(card["dateLastActivity"])
    return Record("card", str(card["id"]), time_of(version), _named(card, CARD_NAMES), "snapshot", version)


def _fields_by_name(definitions: list[Json], values: list[Json]) -> dict[str, Json]:
    """Every field of the board: the card's value, null where the card has none."""
    given = {item.get("idCustomField"): item for item in values if isinstance(item, dict)}
    return {
        str(definition["name"]): _field_value(definition, given.get(definition.get("id")))
        for definition in definitions
        if isinstance(definition, dict) and "name" in definition
    }


def _field_value(definition: Mapping[str, Json], item: Mapping[str, Json] | None) -> Json:
    if item is None:
        return None
    if not item.get("idValue"):
        return value_text(item.get("value"))
    options = definition.get("options")
    for option in options if isinstance(options, list) else ():
        if isinstance(option, dict) and option.get("id") == item["idValue"]:
            return value_text(option.get("value"))
    return None


def time_of(text: Json) -> Micros:
    """``2025-01-04T17:40:22.254Z`` as microseconds."""
    try:
        return micros(datetime.fromisoformat(text))
    except (TypeError, ValueError) as error:
        raise _Broken(f"{text!r} is not a time like 2025-01-04T17:40:22.254Z") from error


def _object(value: Json, what: str) -> dict[str, Json]:
    if not isinstance(value, dict):
        raise _Broken(f"{what} is not an object")
    return value
