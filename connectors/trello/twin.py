"""A friendly stand-in for Trello: keeps actions the deliveries told, puts cards together from them, keeps comments.

Each part of a card remembers when it was told, so late and repeated deliveries leave the newest. Whoever asks is let
in; nothing here is proof against misuse."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from html import escape
from pathlib import Path

from aiohttp import web

from connectors.trello import decode as forms
from connectors.trello.cards import shown, told
from connectors.trello.twin_edits import add_edits
from hub.connector.twin import BODY_BYTES_MAX, Shelf, add_feed, answer, asked, run
from hub.model.clock import SECOND, Micros, iso
from hub.model.record import Json
from hub.model.source_json import parse

TITLE = "built-in Trello"
_ME = {"id": "5f3a0000000000000000ffff", "fullName": "ProjOps Hub", "initials": "PH", "username": "projopshub"}
_GONE = "The requested resource was not found."
_SHELF = web.AppKey("shelf", Shelf)


def make_app(state: Path | None = None, clock: Callable[[], Micros] | None = None) -> web.Application:
    """The whole API, as far as it is needed."""
    app = web.Application(client_max_size=BODY_BYTES_MAX)
    shelf = app[_SHELF] = Shelf(state, clock) if clock else Shelf(state)
    add_feed(app, shelf, lambda body, headers: take(shelf, body))
    app.router.add_get("/1/members/me", _me)
    app.router.add_get("/1/cards/{card}", _card)
    app.router.add_get("/1/cards/{card}/actions", _card_actions)
    add_edits(app, shelf, _the_card, take_action, _ME)
    app.router.add_post("/1/cards/{card}/actions/comments", _add_comment)
    app.router.add_get("/1/actions/{action}", _action)
    app.router.add_get("/1/boards/{board}/actions", _board_actions)
    app.router.add_get("/1/boards/{board}/cards", _board_cards)
    app.router.add_get("/1/boards/{board}/lists", _board_lists)
    app.router.add_get("/1/boards/{board}/customFields", _board_fields)
    app.router.add_get("/_twin/comments", _all_comments)
    app.router.add_get("/", _page)
    return app


def take(shelf: Shelf, body: bytes) -> None:
    """Keep the action of a delivery (webhook or polled) and what it tells of its card; anything else is no news."""
    parsed = parse(body)
    given = parsed.get("action", parsed) if isinstance(parsed, dict) else None
    if not isinstance(given, dict) or not isinstance(given.get("data"), dict) or forms.decode(body).rejected:
        return
    take_action(shelf, given)


def take_action(shelf: Shelf, action: dict[str, Json]) -> None:
    """One well-formed action."""
    data, at = action["data"], forms.time_of(action.get("date"))
    board = str((data.get("board") or {}).get("id") or "")
    if shelf.get("action", str(action["id"])) is not None:
        return
    shelf.put("action", str(action["id"]), action, at, board)
    for name in ("list", "listAfter", "listBefore"):
        if isinstance(data.get(name), dict) and data[name].get("name"):
            shelf.put("list", str(data[name]["id"]), data[name], at, board)
    if isinstance(data.get("customField"), dict):
        shelf.put("customField", str(data["customField"]["id"]), {"options": [], **data["customField"]}, 0, board)
    if isinstance(data.get("card"), dict) and data["card"].get("id"):
        _take_card(shelf, action, at, board)


def _take_card(shelf: Shelf, action: dict[str, Json], at: Micros, board: str) -> None:
    source, kind, data = str(action["data"]["card"]["id"]), action["type"], action["data"]
    kept = shelf.get("card", source) or {}
    shelf.put("card", source, told(kept, action, at), 0, board)
    if kind == "commentCard":
        shelf.put("comment", str(action["id"]), action, at, source)
    elif kind == "deleteComment":
        shelf.remove("comment", str(data["action"]["id"]))
    elif kind == "updateComment" and (comment := shelf.get("comment", str(data["action"]["id"]))):
        comment["data"]["text"] = data["action"].get("text")
        shelf.put("comment", str(comment["id"]), comment, forms.time_of(comment["date"]), source)


def _gone(words: str = _GONE, status: int = 404) -> web.Response:
    return web.Response(text=words, status=status)  # Trello's errors are plain text


def _is_id(text: str) -> bool:
    return len(text) in (8, 24) and text.isalnum()


def _named(request: web.Request, name: str) -> str:
    return request.match_info[name]


def _the_card(request: web.Request) -> dict[str, Json] | None:
    kept = request.app[_SHELF].get("card", _named(request, "card"))
    if kept is None or kept.get("deleted"):
        return None
    found: dict[str, Json] = shown(_named(request, "card"), kept)
    return found


async def _card(request: web.Request) -> web.Response:
    if not _is_id(_named(request, "card")):
        return _gone("invalid id", 400)
    card = _the_card(request)
    if card is None:
        return _gone()
    if request.query.get("list") == "true":
        card["list"] = request.app[_SHELF].get("list", str(card["idList"]))
    if request.query.get("customFieldItems") != "true":
        card.pop("customFieldItems")
    return answer(card)


def _page_of(request: web.Request, actions: list[Json]) -> list[Json]:
    """Newest first, below ``before``, above ``since``, ``limit`` at most."""
    query = request.query
    kinds = set(filter(None, query.get("filter", "").split(",")))
    since = forms.time_of(query["since"]) if "since" in query else 0
    found = [one for one in reversed(actions) if forms.time_of(one["date"]) >= since]
    if kinds and "all" not in kinds:
        found = [one for one in found if one["type"] in kinds]
    if before := query.get("before"):
        ids = [one["id"] for one in found]
        found = found[ids.index(before) + 1 :] if before in ids else []
    return found[: int(query.get("limit", "50"))]


async def _card_actions(request: web.Request) -> web.Response:
    if _the_card(request) is None:
        return _gone()
    return answer(_page_of(request, request.app[_SHELF].all("comment", _named(request, "card"))))


async def _board_actions(request: web.Request) -> web.Response:
    return answer(_page_of(request, request.app[_SHELF].all("action", _named(request, "board"))))


async def _board_cards(request: web.Request) -> web.Response:
    shelf = request.app[_SHELF]
    ids = {one["data"]["card"]["id"] for one in shelf.all("action", _named(request, "board")) if _has_card(one)}
    before = request.query.get("before", "g")
    kept = [(source, shelf.get("card", source)) for source in sorted(ids, reverse=True) if source < before]
    cards = [shown(source, card) for source, card in kept if card and not card.get("deleted")]
    return answer(cards[: int(request.query.get("limit", "1000"))])


def _has_card(action: Mapping[str, Json]) -> bool:
    return isinstance(action["data"].get("card"), dict) and bool(action["data"]["card"].get("id"))


async def _board_lists(request: web.Request) -> web.Response:
    return answer(request.app[_SHELF].all("list", _named(request, "board")))


async def _board_fields(request: web.Request) -> web.Response:
    return answer(request.app[_SHELF].all("customField", _named(request, "board")))


async def _action(request: web.Request) -> web.Response:
    shelf, wanted = request.app[_SHELF], _named(request, "action")
    found = shelf.get("comment", wanted) or shelf.get("action", wanted)
    return _gone() if found is None else answer(found)


async def _add_comment(request: web.Request) -> web.Response:
    if not _is_id(_named(request, "card")):
        return _gone("invalid id", 400)
    card = _the_card(request)
    if card is None:
        return _gone()
    text = str((await asked(request)).get("text") or request.query.get("text") or "")
    if not text.strip() or len(text) > 16_384:
        return _gone("invalid value for text", 400)
    return answer(_kept_comment(request, card, text))


def _kept_comment(request: web.Request, card: Mapping[str, Json], text: str) -> dict[str, Json]:
    shelf = request.app[_SHELF]
    now = shelf.now()
    count = len(shelf.all("comment"))
    data = {
        "text": text,
        "card": {name: card[name] for name in ("id", "idShort", "shortLink", "name") if name in card},
        "list": shelf.get("list", str(card["idList"])) or {"id": card["idList"]},
        "board": {"id": card["idBoard"]},
    }
    action: dict[str, Json] = {
        "id": f"{now // SECOND:08x}{count:016x}",
        "idMemberCreator": _ME["id"],
        "data": data,
        "type": "commentCard",
        "date": iso(now),
        "memberCreator": _ME,
    }
    shelf.put("comment", action["id"], action, now, str(card["id"]))
    return action


async def _all_comments(request: web.Request) -> web.Response:
    """The twin's own count, for tests and demos."""
    comments = request.app[_SHELF].all("comment")
    return answer(
        [{"card": one["data"]["card"]["id"], "id": one["id"], "text": one["data"]["text"]} for one in comments]
    )


async def _me(request: web.Request) -> web.Response:
    return answer(_ME)


async def _page(request: web.Request) -> web.Response:
    shelf = request.app[_SHELF]
    ids = {one["data"]["card"]["id"] for one in shelf.all("action") if _has_card(one)}
    rows = "".join(_row(shelf, source) for source in sorted(ids))
    html = (
        '<!doctype html><meta charset="utf-8"><title>Trello</title>'
        "<style>body{font:15px/1.5 system-ui;margin:2rem;max-width:70rem}td{border-top:1px solid #ddd;padding:.4rem;"
        "vertical-align:top}small{color:#666;white-space:pre-wrap}</style>"
        f"<h1>{TITLE}</h1><table>{rows}</table>"
    )
    return web.Response(text=html, content_type="text/html")


def _row(shelf: Shelf, source: str) -> str:
    kept = shelf.get("card", source)
    if not kept or kept.get("deleted"):
        return ""
    card = shown(source, kept)
    column = shelf.get("list", str(card["idList"])) or {}
    state = f"{column.get('name', '')}{' · archived 已归档' if card['closed'] else ''}"
    said = "".join(
        f"<div><small>{escape(str(comment['data']['text']))}</small></div>"
        for comment in shelf.all("comment", source)
    )
    return f"<tr><td>{escape(str(card['name']))}</td><td>{escape(state)}</td><td>{said}</td></tr>"


def main(arguments: list[str] | None = None) -> None:
    run(make_app, TITLE, arguments)


if __name__ == "__main__":
    main()
