"""A small stand-in for Tryton: the part of its REST interface the connector speaks, over documents in memory.

Any product, employee and currency code is taken. Buttons move documents through Tryton's own states and refuse what
Tryton refuses. For hostile profiles; the connector itself is proved against a real Tryton.
"""

from __future__ import annotations

import re
from base64 import urlsafe_b64decode
from collections.abc import Callable, Iterable, Mapping
from datetime import UTC, datetime
from decimal import Decimal
from typing import Any

import orjson
from aiohttp import web

from connectors.tryton.wire import carried, marked, plain
from hub.connector.http import as_numbers
from hub.model.record import Json
from hub.model.source_json import parse

Row = dict[str, Any]
BUTTONS: Mapping[str, Mapping[str, tuple[frozenset[str], str]]] = {
    "purchase.requisition": {
        "wait": (frozenset({"draft"}), "waiting"),
        "approve": (frozenset({"waiting"}), "approved"),
        "draft": (frozenset({"waiting", "rejected", "approved", "cancelled"}), "draft"),
        "cancel": (frozenset({"draft", "waiting", "rejected"}), "cancelled"),
    },
    "account.invoice": {
        "post": (frozenset({"draft", "validated"}), "posted"),
        "cancel": (frozenset({"draft", "validated", "posted"}), "cancelled"),
    },
    "account.asset": {
        "run": (frozenset({"draft"}), "running"),
        "clear_lines": (frozenset({"draft", "running"}), ""),
        "draft": (frozenset({"running"}), "draft"),
    },
}
"""Button -> the states it works from and the one it leads to (empty: it stays)."""
CARRIERS = {"purchase.requisition": "description", "account.invoice": "description", "account.asset": "comment"}
CURRENCY = {"id": 1, "code": "CNY"}
STATUSES = (("1", "Open"), ("2", "Done"))
_OPERATORS: Mapping[str, Callable[[Json, Json], bool]] = {
    "=": lambda held, given: bool(held == given),
    "!=": lambda held, given: bool(held != given),
    "in": lambda held, given: held in given,
    ">": lambda held, given: held is not None and held > given,
    ">=": lambda held, given: held is not None and held >= given,
    "like": lambda held, given: _like(held, given),
}


class Books:
    """Every record by model and id; codes that nobody has seen come into being when they are looked up."""

    def __init__(self, now: Callable[[], datetime] = lambda: datetime.now(UTC)) -> None:
        self.now = now
        self.records: dict[str, dict[int, Row]] = {}
        self._numbers: dict[str, int] = {}
        for number, name in STATUSES:
            self.keep("project.work.status", {"name": name, "progress": None, "types": ["project"]}, int(number))
        self.keep("company.company", {"currency": CURRENCY})
        for kind in ("expense", "asset"):
            self.keep("account.journal", {"type": kind, "code": kind.upper()})
        account = self.keep("account.account", {"code": "5.1.1"})
        defaults = {"default_account_payable": account, "default_category_account_expense": account}
        self.keep("account.configuration", defaults)

    def keep(self, model: str, row: Row, number: int = 0) -> Row:
        """Keep a record, under a new id where none is given."""
        held = self.records.setdefault(model, {})
        number = number or self._next(model)
        when = {"create_date": self.now(), "write_date": None} if number not in held else {"write_date": self.now()}
        held[number] = {"id": number, "__name__": model, **held.get(number, {}), **row, **when}
        return held[number]

    def create(self, model: str, given: Row) -> Row:
        """A document in its first state."""
        row = {**given, **_COMPLETED.get(model, _as_it_is)(self, given)}
        state = {"state": "draft", "number": f"{self._next('number'):06d}"} if model in BUTTONS else {}
        return self.keep(model, {**row, **state})

    def press(self, model: str, number: int, button: str) -> Row:
        """Press a button. Raises ``web.HTTPBadRequest`` in Tryton's words where it does not work from this state."""
        row = self.records[model][number]
        states, target = BUTTONS[model][button]
        if row["state"] not in states:
            raise _refusal(f"The record is {row['state']}; {button} is not allowed.")
        return self.keep(model, {"state": target or row["state"]}, number)

    def search(self, model: str, domain: Json, size: int) -> list[Row]:
        self._grow(model, domain)
        found = [row for row in self.records.get(model, {}).values() if _fits(row, domain)]
        return sorted(found, key=lambda row: int(row["id"]))[:size]

    def counts(self) -> dict[str, int]:
        """Live documents per reference of ours (I3)."""
        found: dict[str, int] = {}
        for model, carrier in CARRIERS.items():
            for row in self.records.get(model, {}).values():
                reference = carried(row.get(carrier))[1]
                if reference and row["state"] != "cancelled":
                    found[reference] = found.get(reference, 0) + 1
        return found

    def _next(self, series: str) -> int:
        self._numbers[series] = self._numbers.get(series, 0) + 1
        return self._numbers[series]

    def _grow(self, model: str, domain: Json) -> None:
        """Codes that are looked up and not there come into being."""
        for clause in domain if model in _MASTERS else ():
            path, operator, codes = clause if len(clause) == 3 else ("", "", ())
            if operator == "in" and path.endswith("code"):
                held = {_at(row, path) for row in self.records.get(model, {}).values()}
                for code in codes or ():
                    if code not in held:
                        self.keep(model, _MASTERS[model](code))


def _employee(code: str) -> Row:
    number = sum(code.encode())
    party = {"id": number, "code": code, "account_payable": None, "addresses": [{"id": number}]}
    return {"party": party, "company": 1}


_MASTERS: Mapping[str, Callable[[str], Row]] = {
    "company.employee": _employee,
    "currency.currency": lambda code: {"code": code},
    "stock.location": lambda code: {"code": code, "type": "warehouse"},
    "product.product": lambda code: {
        "code": code,
        "purchasable": True,
        "purchase_uom": 1,
        "default_uom": 1,
        "depreciable": True,
        "depreciation_duration": 36,
    },
}


def _requisition(books: Books, given: Row) -> Row:
    """Tryton's own total, and what it shows of the records that are named."""
    lines = []
    for line in given["lines"][0][1]:
        product = books.records["product.product"][int(line["product"])]
        amount = (Decimal(line["quantity"]) * plain(line["unit_price"])).quantize(Decimal("0.01"))
        lines.append({**line, "product": product, "amount": marked(amount), "quantity": line["quantity"]})
    total = sum((plain(line["amount"]) for line in lines), Decimal())
    employee = books.records["company.employee"][int(given["employee"])]
    currency = books.records["currency.currency"][int(given["currency"])]
    return {"lines": lines, "total_amount": marked(total), "employee": employee, "currency": currency}


def _invoice(books: Books, given: Row) -> Row:
    total = sum((plain(line["unit_price"]) for line in given["lines"][0][1]), Decimal())
    held = books.records.get("company.employee", {}).values()
    party = next(row["party"] for row in held if row["party"]["id"] == given["party"])
    currency = books.records["currency.currency"][int(given["currency"])]
    return {"total_amount": marked(total), "party": party, "currency": currency, "move": None}


def _asset(books: Books, given: Row) -> Row:
    return {"product": books.records["product.product"][int(given["product"])], "currency": CURRENCY}


def _as_it_is(books: Books, given: Row) -> Row:
    return {}


def _project(books: Books, given: Row) -> Row:
    number = int(given.get("status") or 1)
    return {"status": books.records["project.work.status"][number], "party": None, "type": "project"}


_COMPLETED: Mapping[str, Callable[[Books, Row], Row]] = {
    "purchase.requisition": _requisition,
    "account.invoice": _invoice,
    "account.asset": _asset,
    "project.work": _project,
}


def _like(held: Json, given: str) -> bool:
    pattern = "".join(".*" if part == "%" else re.escape(part) for part in re.split("(%)", given))
    return isinstance(held, str) and re.fullmatch(pattern, held, re.DOTALL | re.IGNORECASE) is not None


def _fits(row: Mapping[str, Json], domain: Json) -> bool:
    if domain and domain[0] == "OR":
        return any(_fits(row, part if isinstance(part[0], list) else [part]) for part in domain[1:])
    return all(_meets(row, clause) for clause in domain)


def _meets(row: Mapping[str, Json], clause: Json) -> bool:
    if clause[0] == "OR" or isinstance(clause[0], list):
        return _fits(row, clause)
    path, operator, given = clause
    if operator == "in" and path == "types":
        return given in (_at(row, path) or ())
    held = _at(row, path)
    held = held["id"] if isinstance(held, dict) and isinstance(given, int) else held
    return path.split(".")[0] not in row or _OPERATORS[operator](held, plain(given))


def _at(row: Json, path: str) -> Json:
    for name in path.split("."):
        row = row.get(name) if isinstance(row, dict) else None
    return row


def _refusal(words: str) -> web.HTTPBadRequest:
    body = orjson.dumps({"message": words, "description": ""}).decode()
    return web.HTTPBadRequest(text=body, content_type="application/json")


BOOKS: web.AppKey[Books] = web.AppKey("books")


def make_app(books: Books | None = None) -> web.Application:
    """The server; whoever asks is let in."""
    app = web.Application(client_max_size=1024 * 1024)
    app[BOOKS] = books or Books()
    base = "/{database}/rest/model"
    app.add_routes(
        [
            web.post(f"{base}/res.user/get_preferences", _preferences),
            web.get(f"{base}/{{model}}", _search),
            web.get(f"{base}/{{model}}/{{id:\\d+}}", _get),
            web.post(f"{base}/{{model}}", _create),
            web.put(f"{base}/{{model}}/{{id:\\d+}}", _update),
            web.post(f"{base}/{{model}}/{{id:\\d+}}/{{button}}", _press),
        ]
    )
    return app


async def _preferences(request: web.Request) -> web.Response:
    return _json({"company": 1, "companies": [1], "employee": 1})


async def _search(request: web.Request) -> web.Response:
    query = request.query
    domain = plain(parse(urlsafe_b64decode(query["d"]))) if "d" in query else []
    rows = request.app[BOOKS].search(request.match_info["model"], domain, int(query.get("s", 1000)))
    return _json([_shown(row, query.getall("f", [])) for row in rows])


async def _get(request: web.Request) -> web.Response:
    return _json(_shown(_row(request), request.query.getall("f", [])))


async def _create(request: web.Request) -> web.Response:
    model = request.match_info["model"]
    return _json(_shown(request.app[BOOKS].create(model, await _given(request)), request.query.getall("f", [])))


async def _given(request: web.Request) -> Row:
    given = parse(await request.read())
    if not isinstance(given, dict):
        raise _refusal("An object is needed.")
    return given


async def _update(request: web.Request) -> web.Response:
    row, books, given = _row(request), request.app[BOOKS], await _given(request)
    model = request.match_info["model"]
    if "status" in given:
        given = {**given, "status": books.records["project.work.status"][int(given["status"])]}
    return _json(_shown(books.keep(model, given, int(row["id"])), request.query.getall("f", [])))


async def _press(request: web.Request) -> web.Response:
    row = _row(request)
    pressed = request.app[BOOKS].press(request.match_info["model"], int(row["id"]), request.match_info["button"])
    return _json(_shown(pressed, request.query.getall("f", [])))


def _row(request: web.Request) -> Row:
    found = request.app[BOOKS].records.get(request.match_info["model"], {}).get(int(request.match_info["id"]))
    if found is None:
        raise web.HTTPNotFound
    return found


def _shown(row: Row, fields: Iterable[str]) -> Row:
    """The fields asked for; what a record does not have is empty."""
    names = {"id", "__name__", *(name.partition(".")[0] for name in fields)}
    return {name: _marked(row.get(name)) for name in names}


def _marked(value: Json) -> Json:
    if isinstance(value, datetime):
        return marked(value)
    if isinstance(value, dict):
        return {name: _marked(part) for name, part in value.items()}
    return [_marked(part) for part in value] if isinstance(value, list) else value


def _json(value: Json) -> web.Response:
    return web.Response(body=orjson.dumps(value, default=as_numbers), content_type="application/json")
