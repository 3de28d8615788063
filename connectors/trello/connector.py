"""Trello: the connector. What a body means is in ``decode``, where polling stands in ``window``."""

from __future__ import annotations

import hmac
from base64 import b64encode
from collections.abc import AsyncGenerator, Mapping, Sequence
from contextlib import aclosing
from urllib.parse import quote

from connectors.trello import decode as forms
from connectors.trello.editing import THROTTLED_SECONDS, UPDATE, Editing
from connectors.trello.spec import SPEC
from connectors.trello.window import Board, Cursor
from hub.connector.answers import Ambiguous, Carried, Found, ReadFailed, Receipt, Throttled, Unauthorized
from hub.connector.base import ActCall, Connection, Connector, ObjectRef, Page, Probe, Request
from hub.connector.cut import items
from hub.connector.http import Answer, Http
from hub.connector.reference import carried, carries, with_mark, without_mark
from hub.model.clock import SECOND, Micros, iso
from hub.model.delivery import Raw
from hub.model.record import Decoded, Json

SIGNATURE = "x-trello-webhook"
PAGE = 1000
PAGES_MAX = 20
_JSON = {"content-type": "application/json"}
_WHOLE_CARD = {
    "fields": "all", "list": "true", "board": "true", "board_fields": "name,shortLink", "members": "true",
    "checklists": "all", "customFieldItems": "true",
}  # fmt: skip
ID_LENGTH = 24


class TrelloConnector(Connector):
    """Boards, cards and comments of one Trello account."""

    spec = SPEC

    def __init__(self, connection: Connection, http: Http) -> None:
        super().__init__(connection, http)
        self.overlap: Micros = max(2, int(connection.settings.get("overlap_minutes") or 5)) * 60 * SECOND
        self.boards = [str(board) for board in connection.settings.get("boards") or ()]
        self._definitions: dict[str, Answer] = {}

    def verify(self, request: Request, now: Micros) -> bool:
        """Base64 HMAC-SHA1 over the body and the callback address as registered, by any current secret."""
        given = request.headers.get(SIGNATURE, "").strip().encode("utf-8", "surrogateescape")
        signed = request.body + str(self.connection.settings.get("callback_url") or request.url).encode()
        good = False
        for secret in self.connection.secrets.get("secret", ()):
            expected = b64encode(hmac.digest(secret.encode(), signed, "sha1"))
            good |= bool(secret) and hmac.compare_digest(given, expected)
        return good and SIGNATURE not in request.repeated

    def sign(self, secret: str, url: str, body: bytes) -> Mapping[str, str]:
        return {SIGNATURE: b64encode(hmac.digest(secret.encode(), body + url.encode(), "sha1")).decode()}

    def identify(self, headers: Mapping[str, str], body: bytes) -> str | None:
        return forms.identify(body)

    def route(self, headers: Mapping[str, str], body: bytes) -> str:
        return forms.route(body)

    def decode(self, headers: Mapping[str, str], body: bytes) -> Decoded:
        return forms.decode(body)

    async def poll(self, stream: str, cursor: str) -> Page:
        """One board: all its cards at first, its actions since then, oldest first."""
        if not self.boards:
            return Page((), cursor)
        at = Cursor.read(cursor)
        name = self.boards[at.next % len(self.boards)]
        board = at.board(name)
        self._definitions.pop(name, None)
        found, after = await (self._actions(name, board) if board.newest else self._cards(name))
        moved = at.with_board(name, after, len(self.boards))
        return Page(tuple(found), moved.text(), more=moved.next != 0)

    async def act(self, call: ActCall) -> Receipt:
        """Change a card, or add a comment that carries our reference."""
        if call.action == UPDATE:
            return await Editing(self).update(str(call.payload["object"]), call.payload["fields"])
        card = str(call.payload["card"])
        text = with_mark(str(call.payload["body"]), call.reference)
        try:
            answer = await self.http.write(
                "POST", self.path("cards", card, "actions", "comments"), json={"text": text},
                headers=self.auth(), not_done_429=True,
            )  # fmt: skip
        except Throttled as error:
            wait = error.retry_after or THROTTLED_SECONDS
            raise Throttled(str(error), wait, not_done=error.not_done) from error
        made = answer.json if isinstance(answer.json, dict) else {}
        if not made.get("id"):
            raise Ambiguous(f"comment on {card}: answered {answer.status} without an id")
        return Receipt(str(made["id"]), str(made["id"]), self._link(made))

    async def find(self, action: str, reference: str, payload: Mapping[str, Json]) -> Found | None:
        """Our comment among those of the card: all pages are read before it counts as absent."""
        if action == UPDATE:
            return await Editing(self).done(payload)
        async with aclosing(self._comments(str(payload["card"]))) as comments:
            async for comment in comments:
                if carries(_text(comment), reference):
                    return self._found(comment)
        return None

    async def scan(self, action: str, payloads: Sequence[Mapping[str, Json]]) -> Sequence[Carried] | None:
        """Our comments on the cards those payloads name; Trello cannot be asked for all of them."""
        if action == UPDATE:
            return None
        cards = sorted({str(payload["card"]) for payload in payloads})
        found = [comment for card in cards async for comment in self._comments(card)]
        marked = [(carried(_text(comment)), comment) for comment in found]
        return [Carried(reference, self._found(comment)) for reference, comment in marked if reference]

    async def _comments(self, card: str) -> AsyncGenerator[Json, None]:
        """Every comment of a card, the newest first. Raises ``ReadFailed`` where there are too many to know."""
        path, before = self.path("cards", card, "actions"), ""
        for _ in range(PAGES_MAX):
            page = await self.get(path, {"filter": "commentCard", "limit": str(PAGE), **_before(before)})
            comments = [] if page is None else _list(page)
            for comment in comments:
                yield comment
            if len(comments) < PAGE:
                return
            before = str(comments[-1].get("id"))
        raise ReadFailed(f"card {card} has more than {PAGES_MAX * PAGE} comments: not all were read")

    async def read(self, ref: ObjectRef) -> Found | None:
        """A card with all that ``decode`` needs to know it whole, or one comment of ours as a document."""
        if ref.kind in ("card.comment", "comment"):
            comment = await self.get(self.path("actions", ref.id))
            return self._found(comment.json) if comment else None
        if ref.kind == UPDATE:
            return await Editing(self).read(ref.id)
        answer = await self.get(self.path("cards", ref.id), _WHOLE_CARD)
        if answer is None:
            return None
        card = answer.json if isinstance(answer.json, dict) else {}
        if not card.get("id"):
            raise ReadFailed(f"card {ref.id}: the answer has no id")
        if card["id"] != ref.id and len(ref.id) == ID_LENGTH:  # people's short links are shorter
            raise ReadFailed(f"asked for card {ref.id}, got {card['id']}")
        fields = await self._fields(str(card.get("idBoard")), card)
        body = b'{"card":' + answer.body + b',"customFields":' + fields + b"}"
        return Found(
            str(card["id"]), str(card.get("idShort") or ""), str(card.get("url") or ""), body=body, headers=_JSON
        )

    async def probe(self) -> Probe:
        try:
            answer = await self.get(self.path("members", "me"))
        except Unauthorized as error:
            return Probe(False, str(error), "check key and api_token: Trello does not accept them")
        except ReadFailed as error:
            return Probe(False, str(error), "check url, network and the allow list")
        me = answer.json if answer and isinstance(answer.json, dict) else {}
        if not me.get("id"):
            return Probe(False, "/1/members/me does not look like Trello", "check url")
        return Probe(True, f"signed in as {me.get('fullName') or me.get('username') or me['id']}")

    def auth(self) -> dict[str, str]:
        """Key and token travel in a header: an address ends up in logs."""
        key, token = self.connection.secret("key"), self.connection.secret("api_token")
        return {"authorization": f'OAuth oauth_consumer_key="{key}", oauth_token="{token}"'} if key or token else {}

    @staticmethod
    def path(*parts: str) -> str:
        return "/".join(("/1", *(quote(part, safe="") for part in parts)))

    async def get(self, path: str, params: Mapping[str, str] | None = None) -> Answer | None:
        try:
            return await self.http.read(path, params=params, headers=self.auth())
        except ReadFailed as error:
            if ": 400 " in str(error) and "invalid id" in str(error):
                return None  # what Trello says of an id that cannot exist
            if ": 429 " in str(error):
                raise ReadFailed(str(error), error.retry_after or THROTTLED_SECONDS) from error
            raise

    async def _must(self, path: str, params: Mapping[str, str]) -> Answer:
        answer = await self.get(path, params)
        if answer is None or not isinstance(answer.json, list):
            raise ReadFailed(f"{path}: no list; does the board exist?")
        return answer

    async def _fields(self, board: str, card: Mapping[str, Json]) -> bytes:
        """The board's custom field definitions; read again when the card names one that is not among them."""
        known = self._definitions.get(board)
        if known is None or not _covers(known.json, card.get("customFieldItems") or []):
            known = await self._must(self.path("boards", board, "customFields"), {})
            self._definitions[board] = known
        return known.body

    async def _cards(self, board: str) -> tuple[list[Raw], Board]:
        """Every card of a board that was never read, archived ones too; then what happens from here on."""
        newest = _seen(_list(await self._must(self.path("boards", board, "actions"), {"limit": str(PAGE)})))
        columns = await self._must(self.path("boards", board, "lists"), {"filter": "all", "fields": "name"})
        names = dict(zip([str(item["id"]) for item in _list(columns)], items(columns.body), strict=True))
        found, before = [], ""
        for _ in range(PAGES_MAX):
            params = {"filter": "all", "limit": str(PAGE), "customFieldItems": "true", "checklists": "all"}
            page = await self._must(self.path("boards", board, "cards"), {**params, **_before(before)})
            cards = _list(page)
            for card, raw in zip(cards, items(page.body), strict=True):
                fields = await self._fields(board, card)
                column = names.get(str(card.get("idList")), b"null")
                found.append(
                    Raw(b'{"card":' + raw + b',"list":' + column + b',"customFields":' + fields + b"}", _JSON)
                )
            if len(cards) < PAGE:
                return found, Board(1).seen(newest, self.overlap)
            before = str(min(str(card.get("id")) for card in cards))
        raise ReadFailed(f"board {board} has more than {PAGES_MAX * PAGE} cards")

    async def _actions(self, name: str, board: Board) -> tuple[list[Raw], Board]:
        """New actions, oldest first; cards whose lists or fields changed are read as well."""
        pages, before = [], ""
        since = iso(max(board.newest - self.overlap, 0))
        for _ in range(PAGES_MAX):
            params = {"since": since, "limit": str(PAGE), **_before(before)}
            page = await self._must(self.path("boards", name, "actions"), params)
            actions = _list(page)
            pages += list(zip(actions, items(page.body), strict=True))
            if len(actions) < PAGE:
                break
            before = str(actions[-1].get("id"))
        else:  # too much to walk back through: read the board whole
            return await self._cards(name)
        fresh = [(action, raw) for action, raw in reversed(pages) if action.get("id") not in board.ledger]
        found = [Raw(raw, _JSON) for _, raw in fresh]
        found += await self._changed_cards([action for action, _ in fresh])
        return found, board.seen(_seen([action for action, _ in pages]), self.overlap)

    async def _changed_cards(self, actions: list[Json]) -> list[Raw]:
        touched = {
            str(action["data"]["card"]["id"]): None
            for action in actions
            if action.get("type") in forms.LIST_CHANGES and isinstance((action.get("data") or {}).get("card"), dict)
        }
        found = [await self.read(ObjectRef("card", card)) for card in touched]
        return [Raw(card.body, _JSON) for card in found if card is not None and card.body is not None]

    def _found(self, comment: Json) -> Found:
        if not isinstance(comment, dict) or not comment.get("id"):
            raise ReadFailed("a comment without an id")
        text, card = _text(comment), (comment.get("data") or {}).get("card") or {}
        document = {"card": str(card.get("id") or ""), "body": without_mark(text), "text": text}
        return Found(str(comment["id"]), str(comment["id"]), self._link(comment), document=document)

    def _link(self, comment: Mapping[str, Json]) -> str:
        card = (comment.get("data") or {}).get("card") or {}
        short = card.get("shortLink")
        return f"https://trello.com/c/{short}#comment-{comment['id']}" if short else ""


def _before(action: str) -> dict[str, str]:
    return {"before": action} if action else {}


def _text(comment: Mapping[str, Json]) -> str:
    data = comment.get("data")
    return str(data.get("text") or "") if isinstance(data, dict) else ""


def _list(answer: Answer) -> list[dict[str, Json]]:
    if not isinstance(answer.json, list) or not all(isinstance(item, dict) for item in answer.json):
        raise ReadFailed("the answer is not a list of objects")
    return answer.json


def _seen(actions: list[dict[str, Json]]) -> list[tuple[str, Micros]]:
    return [(str(action.get("id")), forms.time_of(action.get("date"))) for action in actions]


def _covers(definitions: Json, values: list[Json]) -> bool:
    """Whether the definitions name every field and option the card uses."""
    fields = {definition.get("id") for definition in definitions}
    options = {option.get("id") for definition in definitions for option in definition.get("options") or ()}
    return all(
        item.get("idCustomField") in fields and (not item.get("idValue") or item["idValue"] in options)
        for item in values
    )
