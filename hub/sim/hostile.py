"""What a hostile system does to a call, whoever carries it: answers bent out of shape, things found late. Pure.

``bent`` turns a good answer into the one a behaviour asks for; ``Recent`` hides from searches what was made a moment
ago; ``drifted`` is a page that moved while it was read. Neither a socket nor a clock is here.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

import orjson

from hub.connector.http import as_numbers
from hub.model.record import Json
from hub.model.source_json import parse
from hub.sim.profile import Drawn

NOT_DONE = frozenset({"never-arrives", "500", "429", "storm", "401", "403"})
"""With these the system does nothing at all."""
CUT = frozenset({"drop-answer", "never-arrives", "late"})
"""With these the caller gets no answer."""
_PAGE = b"<!doctype html><title>Sign in</title><p>Please sign in to go on."
JSON = "application/json"


@dataclass(frozen=True, slots=True)
class Reply:
    """An answer as it leaves the system. ``endless``: its body goes on for ever."""

    status: int
    headers: Mapping[str, str]
    body: bytes
    endless: bool = False


MISSING = Reply(404, {}, b'{"error":"there is no such thing"}')


def refused(drawn: Drawn) -> Reply | None:
    """The answer of a system that does nothing; None where it does its work."""
    wait = {"retry-after": drawn.word} if drawn.word else {}
    match drawn.does:
        case "500":
            return Reply(500, {}, b'{"error":"something went wrong"}')
        case "429" | "storm":
            return Reply(429, wait, b'{"error":"too many requests"}')
        case "401":
            return Reply(401, {}, b'{"error":"who are you?"}')
        case "403":
            return Reply(403, {}, b'{"error":"you may not do that any more"}')
    return None


def bent(drawn: Drawn, good: Reply) -> Reply:
    """The answer of a system that did its work, as the caller gets it."""
    wait = {"retry-after": drawn.word} if drawn.word else {}
    match drawn.does:
        case "500-done":
            return Reply(500, {}, b"oops")
        case "503-done":
            return Reply(503, wait, b"a gateway gave up")
        case "409-done":
            return Reply(409, {}, b'{"error":"it is there already"}')
        case "html":
            return Reply(200, {"content-type": "text/html"}, _PAGE)
        case "error-inside":
            return Reply(200, {}, b'{"ok":false,"error":{"code":"internal","message":"an error inside"}}')
        case "no-id":
            return Reply(200, {}, b'{"state":"ok"}')
        case "wrong-id":
            return Reply(good.status, good.headers, other_id(good.body))
        case "truncated":
            return Reply(good.status, good.headers, good.body[: len(good.body) // 2] or b"{")
        case "endless":
            return Reply(200, {}, b'{"id":"', endless=True)
        case "gone":
            return MISSING
        case "drift":
            return Reply(good.status, good.headers, drifted(good.body))
    return good


def other_id(body: bytes) -> bytes:
    """The same object under another id."""
    found = parse(body)
    if not isinstance(found, dict) or "id" not in found:
        return body
    number = found["id"]
    return _dumped({**found, "id": number + 1 if isinstance(number, int) else f"9{number}"})


def rows_of(body: Json) -> tuple[str, list[Json]] | None:
    """The list of objects in an answer, and under which name (empty: the answer is the list)."""
    if isinstance(body, list):
        return "", body
    if isinstance(body, dict):
        for name, value in body.items():
            if isinstance(value, list) and value and all(isinstance(one, dict) and "id" in one for one in value):
                return name, value
    return None


def with_rows(body: Json, name: str, rows: list[Json]) -> bytes:
    """The answer with other objects in its list."""
    return _dumped({**body, name: rows} if name else rows)


def drifted(body: bytes) -> bytes:
    """The page, its objects in another order and one of them twice: nothing is lost, little can be relied on."""
    parsed = parse(body)
    found = rows_of(parsed)
    if found is None or not found[1]:
        return body
    name, rows = found
    return with_rows(parsed, name, [*rows[1:], rows[0], rows[0]])


def _dumped(value: Json) -> bytes:
    return orjson.dumps(value, default=as_numbers)


@dataclass(slots=True)
class Recent:
    """Hides from searches what was made less than ``lag_ms`` ago. Times are milliseconds of the caller's clock."""

    lag_ms: int
    made: dict[str, int] = field(default_factory=dict)

    def note(self, body: bytes, now_ms: int, family: str = "") -> None:
        """An object was made or has changed: its id is in this answer, or in what the source tells of it.

        ``family``: what ids are unique in, where that is not the whole system (a model of Tryton).
        """
        found = parse(body) if self.lag_ms else None
        if isinstance(found, dict):
            told = (found, *(one for one in found.values() if isinstance(one, dict)))
            self.made.update((f"{family}/{one['id']}", now_ms) for one in told if "id" in one)

    def hidden(self, body: bytes, now_ms: int, family: str = "") -> bytes:
        """A search's answer without what is too new."""
        parsed = parse(body) if self.lag_ms and self.made else None
        found = rows_of(parsed)
        if found is None:
            return body
        name, rows = found
        kept = [row for row in rows if self._is_old(f"{family}/{row['id']}", now_ms)]
        return body if len(kept) == len(rows) else with_rows(parsed, name, kept)

    def _is_old(self, name: str, now_ms: int) -> bool:
        return name not in self.made or now_ms - self.made[name] >= self.lag_ms


@dataclass(slots=True)
class Keys:
    """Forgets idempotency keys when their life is over (0: never)."""

    life_ms: int
    first: dict[str, int] = field(default_factory=dict)

    def lives(self, key: str, now_ms: int) -> bool:
        return not self.life_ms or now_ms - self.first.setdefault(key, now_ms) < self.life_ms
