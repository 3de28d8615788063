"""The part of the Trello twin that is changed by others: a card's own fields and its custom fields.

Each change becomes an action of the board, as in Trello, so that whoever reads actions sees it; a change to what is
there already makes none. Refusals are plain text.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from aiohttp import web

from connectors.trello import decode as forms
from hub.connector.twin import Shelf, answer, asked
from hub.model.clock import SECOND, iso
from hub.model.record import Json

Card = dict[str, Any]
_FLAGS = ("closed", "dueComplete")
_DATES = ("due", "start")
_OWN = ("name", "desc", "idList", *_FLAGS, *_DATES)
NAME_MAX = 16_384


class Refusal(Exception):
    """400 with Trello's words."""


def add_edits(
    app: web.Application,
    shelf: Shelf,
    find: Callable[[web.Request], Card | None],
    keep: Callable[[Shelf, dict[str, Any]], None],
    me: Mapping[str, Json],
) -> None:
    """The addresses that change a card; ``keep`` takes the action a change becomes."""
    edits = Edits(shelf, find, keep, me)
    app.router.add_put("/1/cards/{card}", edits.edit)
    app.router.add_put("/1/cards/{card}/customField/{field}/item", edits.set_field)


class Edits:
    """Changes of one account."""

    def __init__(
        self,
        shelf: Shelf,
        find: Callable[[web.Request], Card | None],
        keep: Callable[[Shelf, dict[str, Any]], None],
        me: Mapping[str, Json],
    ) -> None:
        self._shelf, self._find, self._keep, self._me = shelf, find, keep, me

    async def edit(self, request: web.Request) -> web.Response:
        card = self._find(request)
        if card is None:
            return _plain("The requested resource was not found.", 404)
        given = {**request.query, **await asked(request)}
        try:
            changed = {name: self._checked(name, given[name]) for name in _OWN if name in given}
        except Refusal as refusal:
            return _plain(str(refusal), 400)
        changed = {name: value for name, value in changed.items() if card.get(name) != value}
        if changed:
            self._tell(card, "updateCard", self._updated(card, changed))
        return answer(self._find(request))

    async def set_field(self, request: web.Request) -> web.Response:
        card, definition = self._find(request), self._shelf.get("customField", request.match_info["field"])
        if card is None or definition is None:
            return _plain("The requested resource was not found.", 404)
        given = await asked(request)
        try:
            value, option = _worded(definition, given)
        except Refusal as refusal:
            return _plain(str(refusal), 400)
        now: dict[str, Json] = next(
            (one for one in card["customFieldItems"] if one["idCustomField"] == definition["id"]), {}
        )
        item = {"id": now.get("id") or f"{self._shelf.now() // SECOND:08x}{int(definition['id'][-8:], 16):016x}",
                "value": value, "idValue": option, "idCustomField": definition["id"], "idModel": card["id"],
                "modelType": "card"}  # fmt: skip
        if (now.get("value"), now.get("idValue")) != (value, option):
            named = {name: definition[name] for name in ("id", "name", "type") if name in definition}
            data = {"customField": named, "customFieldItem": item, "old": {"value": now.get("value")}}
            self._tell(card, "updateCustomFieldItem", data)
        return answer(item)

    def _checked(self, name: str, value: Json) -> Json:
        if name == "name" and not (isinstance(value, str) and value.strip() and len(value) <= NAME_MAX):
            raise Refusal("invalid value for name")
        if name == "desc" and not isinstance(value, str):
            raise Refusal("invalid value for desc")
        if name in _FLAGS and str(value).lower() not in ("true", "false"):
            raise Refusal(f"invalid value for {name}")
        if name == "idList" and self._shelf.get("list", str(value)) is None:
            raise Refusal("invalid value for idList")
        if name in _DATES:
            return _date(value)
        return str(value).lower() == "true" if name in _FLAGS else value

    def _updated(self, card: Card, changed: Mapping[str, Json]) -> dict[str, Json]:
        data: dict[str, Json] = {"old": {name: card.get(name) for name in changed}, "changed": dict(changed)}
        if "idList" in changed:
            data["listBefore"] = self._shelf.get("list", str(card["idList"])) or {"id": card["idList"]}
            data["listAfter"] = self._shelf.get("list", str(changed["idList"]))
        return data

    def _tell(self, card: Card, kind: str, data: dict[str, Json]) -> None:
        now, number = self._shelf.now(), self._shelf.next_number("edit", 1)
        self._shelf.put("edit", str(number), {}, now)
        named = {name: card[name] for name in ("id", "idShort", "shortLink", "name") if name in card}
        told = {**data, "card": {**named, **data.pop("changed", {})}, "board": {"id": card["idBoard"]}}
        told.pop("changed", None)
        self._keep(
            self._shelf,
            {
                "id": f"{now // SECOND:08x}ed17{number:012x}",
                "idMemberCreator": self._me["id"],
                "data": told,
                "type": kind,
                "date": iso(now),
                "memberCreator": dict(self._me),
            },
        )


def _worded(definition: Mapping[str, Json], given: Mapping[str, Json]) -> tuple[Json, Json]:
    """The value and the option of a custom field; both None where it is cleared."""
    kind, value, option = definition.get("type"), given.get("value"), given.get("idValue")
    if not value and not option:
        return None, None
    if kind == "list":
        if option not in [one.get("id") for one in definition.get("options") or ()]:
            raise Refusal("Invalid custom field item value.")
        return None, option
    name = "checked" if kind == "checkbox" else str(kind)
    if not isinstance(value, dict) or list(value) != [name] or not isinstance(value[name], str):
        raise Refusal("Invalid custom field item value.")
    if kind == "number" and not value[name].lstrip("-").replace(".", "", 1).isdigit():
        raise Refusal("Invalid custom field item value.")
    return value, None


def _date(value: Json) -> str | None:
    if value in (None, "", "null"):
        return None
    try:
        return iso(forms.time_of(value))
    except ValueError:
        raise Refusal("invalid date") from None


def _plain(words: str, status: int) -> web.Response:
    return web.Response(text=words, status=status)
