"""The calls that change a card: its own fields in one call, then each custom field in one of its own. Class B.

Setting what is set already changes nothing in Trello, so whatever is unclear is settled by looking at the card.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING

import orjson

from connectors.trello import decode as forms
from hub.connector.answers import Ambiguous, Found, NotSent, ReadFailed, Receipt, RefusedByTarget, Throttled
from hub.connector.base import ObjectRef
from hub.connector.updates import all_equal, at_path, known_only
from hub.model.clock import iso
from hub.model.record import Json

if TYPE_CHECKING:
    from connectors.trello.connector import TrelloConnector

UPDATE = "card.update"
_PLAIN = ("name", "desc", "due", "dueComplete", "start", "closed", "idList")
_MOVES = ("list.id", "list.name")
UPDATABLE = (*_PLAIN, *_MOVES, "customFields*")
"""What can be set; a list by its id or name moves the card there."""
THROTTLED_SECONDS = 10.0
"""Trello's 429 names no time; its limits count per ten seconds, and asking sooner makes it worse."""
_CUSTOM = re.compile(r'customFields(?:\["(.+)"\]|\.(.+))')


@dataclass(frozen=True, slots=True)
class Editing:
    """One change, made through the connector it belongs to."""

    trello: TrelloConnector

    async def update(self, card: str, fields: Mapping[str, Json]) -> Receipt:
        """Set the fields; whatever has to be looked up for that is looked up before the first of them is set."""
        known_only(fields, UPDATABLE, "a card")
        board, own, custom = "", await self._own(fields), _custom(fields)
        if custom or "list.name" in fields:
            board = await self._board(card)
        if "list.name" in fields:
            own["idList"] = await self._list(board, str(fields["list.name"]))
        items = [await self._item(board, name, value) for name, value in custom.items()]
        if own:
            await self._put(("cards", card), own)
        for field, value in items:
            await self._put(("cards", card, "customField", field, "item"), value)
        return Receipt(card)

    async def done(self, payload: Mapping[str, Json]) -> Found | None:
        """The card, when it says already what the payload asks for."""
        found = await self.read(str(payload["object"]))
        said = found.document["fields"] if found and found.document else {}
        wanted = {_spelled(path): value for path, value in payload["fields"].items()}
        return found if found and all_equal(wanted, said) else None

    async def read(self, card: str) -> Found | None:
        """The card as the document of its update."""
        found = await self.trello.read(ObjectRef("card", card))
        if found is None or found.body is None:
            return None
        decoded = forms.decode(found.body)
        if not decoded.records:
            raise ReadFailed(f"card {card} does not read as a card: {decoded.rejected}")
        (record,) = decoded.records
        paths = {path: at_path(record.data, path) for path in (*_PLAIN, *_MOVES)}
        for name, value in (record.data.get("customFields") or {}).items():
            paths |= {f'customFields["{name}"]': value, f"customFields.{name}": value}
        document = {"object": record.source, "fields": paths, "updated_at": iso(record.at)}
        return Found(record.source, found.number, found.url, document=document)

    async def _own(self, fields: Mapping[str, Json]) -> dict[str, Json]:
        own = {path: value for path, value in fields.items() if path in _PLAIN}
        if "list.id" in fields:
            own["idList"] = fields["list.id"]
        return own

    async def _board(self, card: str) -> str:
        answer = await self._looked("cards", card)
        if answer is None:
            raise RefusedByTarget(f"card {card} does not exist, or this account may not see it", 404)
        return str(answer.get("idBoard")) if isinstance(answer, dict) else ""

    async def _list(self, board: str, name: str) -> str:
        lists = await self._looked("boards", board, "lists")
        found = [one for one in lists or () if isinstance(one, dict) and one.get("name") == name]
        if len(found) != 1:
            names = ", ".join(str(one.get("name")) for one in lists or () if isinstance(one, dict))
            how = "more than one list" if found else "no list"
            raise RefusedByTarget(f"the board has {how} called {name!r}; lists: {names or 'none'}")
        return str(found[0]["id"])

    async def _item(self, board: str, name: str, value: Json) -> tuple[str, dict[str, Json]]:
        """The custom field's id and the value as Trello takes it: text inside an object, an option by its id."""
        definitions = [
            one for one in await self._looked("boards", board, "customFields") or () if isinstance(one, dict)
        ]
        found = [one for one in definitions if one.get("name") == name]
        if len(found) != 1:
            names = ", ".join(str(one.get("name")) for one in definitions)
            how = "more than one custom field" if found else "no custom field"
            raise RefusedByTarget(f"the board has {how} called {name!r}; fields: {names or 'none'}")
        return str(found[0]["id"]), _worded(found[0], value)

    async def _looked(self, *path: str) -> Json:
        """A look before the first write: what fails here has changed nothing."""
        try:
            answer = await self.trello.get(self.trello.path(*path))
        except ReadFailed as error:
            raise NotSent(str(error)) from error
        return None if answer is None else answer.json

    async def _put(self, path: tuple[str, ...], body: Mapping[str, Json]) -> None:
        address = self.trello.path(*path)
        try:
            answer = await self.trello.http.write(
                "PUT", address, json=dict(body), headers=self.trello.auth(), not_done_429=True
            )
        except Throttled as error:
            wait = error.retry_after or THROTTLED_SECONDS
            raise Throttled(str(error), wait, not_done=error.not_done) from error
        except RefusedByTarget as refused:
            raise RefusedByTarget(
                f"{refused.words} (asked for {orjson.dumps(list(body)).decode()})", refused.status
            ) from None
        if not isinstance(answer.json, dict) or not answer.json.get("id"):
            raise Ambiguous(f"PUT {address}: answered {answer.status} without an id")


def _custom(fields: Mapping[str, Json]) -> dict[str, Json]:
    """The custom fields among the paths, by name."""
    found: dict[str, Json] = {}
    for path, value in fields.items():
        if path not in (*_PLAIN, *_MOVES):
            found[_name(path)] = value
    return found


def _name(path: str) -> str:
    match = _CUSTOM.fullmatch(path)
    if match is None:
        raise RefusedByTarget(f'{path} names no custom field; write customFields["NAME"]')
    return match[1] or match[2]


def _spelled(path: str) -> str:
    """A path as the document spells it."""
    return f'customFields["{_name(path)}"]' if path not in (*_PLAIN, *_MOVES) else path


def _worded(definition: Mapping[str, Json], value: Json) -> dict[str, Json]:
    kind = str(definition.get("type"))
    if value is None or value == "":
        return {"value": "", "idValue": ""}
    if kind == "list":
        options = [one for one in definition.get("options") or () if isinstance(one, dict)]
        found = [one for one in options if forms.value_text(one.get("value")) == value]
        if len(found) != 1:
            names = ", ".join(str(forms.value_text(one.get("value"))) for one in options)
            raise RefusedByTarget(f"{definition.get('name')} has no option {value!r}; options: {names or 'none'}")
        return {"idValue": found[0]["id"]}
    if kind == "checkbox":
        return {"value": {"checked": str(value).lower()}}
    return {"value": {kind: str(value)}}
