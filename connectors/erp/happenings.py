"""What happens in the built-in ERP by itself: goods arrive, invoices are posted and paid, projects are edited.

No document of the hub's (those are in ``books``), but what loops wait for. Every change gives a row a new version
and moves it to the end of its list, which is read by ``changed_since`` and, within, by where the last page ended.
"""

from __future__ import annotations

import sqlite3
from collections.abc import Mapping
from decimal import Decimal
from typing import Any

import orjson

from connectors.erp.books import Books, Refused, Row, day_of, money_of, text_of

PREFIXES = {"goods_receipts": "GR", "invoices": "INV", "projects": "P"}
"""Every list by its path, with the letters its numbers begin with."""
PROJECT_FIELDS = ("name", "status", "manager", "budget", "due")
PROJECT_STATES = ("planned", "active", "closed")
INVOICE_MOVES = {
    "post": (("draft",), "posted"),
    "pay": (("posted",), "paid"),
    "cancel": (("draft", "posted"), "cancelled"),
}
PAGE_MAX = 500
_TABLE = """
CREATE TABLE IF NOT EXISTS happening (id INTEGER PRIMARY KEY AUTOINCREMENT, kind TEXT, number TEXT UNIQUE, data TEXT,
  version INTEGER, changed_at TEXT);
CREATE INDEX IF NOT EXISTS happening_changed ON happening (kind, changed_at, id);
"""


class Happenings:
    """Kept in the books' own file; ``now`` (ISO text) comes from the caller."""

    def __init__(self, books: Books) -> None:
        self._books, self._db = books, books.db
        self._db.executescript(_TABLE)

    def receive(self, body: Any, now: str) -> Row:
        """Goods arrive for a requisition: the lines given, or all that is still open. Raises ``Refused``."""
        order = self._document(body, "requisition", "purchase_requisitions")
        missing = self._open(order)
        lines = body.get("lines") or [{"product": name, "quantity": str(left)} for name, left in missing.items()]
        if not lines:
            raise Refused(f"{order['number']} has arrived already")
        arrived = [_arrived(place, line, missing) for place, line in enumerate(lines)]
        data = {
            "requisition": order["id"],
            "requisition_number": order["number"],
            "received_at": body.get("received_at") or now,
            "complete": all(left <= 0 for left in missing.values()),
            "lines": arrived,
        }
        return self._add("goods_receipts", data, now)

    def invoice(self, body: Any, now: str) -> Row:
        """An invoice for a document; posted unless told otherwise. Raises ``Refused``."""
        document = self._document(body, "of", None)
        state = body.get("state", "posted")
        if state not in ("draft", "posted"):
            raise Refused(f"state: a new invoice is draft or posted, got {state!r}")
        total = body.get("total") or next(
            (document[name] for name in ("total", "amount", "value") if document.get(name)), None
        )
        data = {
            "of": document["id"],
            "of_kind": document["kind"].removesuffix("s"),
            "of_number": document["number"],
            "state": state,
            "posted_at": now if state == "posted" else None,
            "total": money_of("total", total),
            "party": body.get("party") or document.get("employee"),
        }
        return self._add("invoices", data, now)

    def move_invoice(self, name: str, verb: str, now: str) -> Row:
        """Post, pay or cancel it; in the state it leads to already, nothing happens."""
        row, (states, target) = self.must("invoices", name), INVOICE_MOVES[verb]
        if row["state"] == target:
            return row
        if row["state"] not in states:
            raise Refused(f"{row['number']} is {row['state']}: {verb} works from {' or '.join(states)}")
        return self._change(row, {"state": target, **({"posted_at": now} if verb == "post" else {})}, now)

    def open_project(self, body: Any, now: str) -> Row:
        if not isinstance(body, dict):
            raise Refused("a JSON object is needed")
        given = {name: body.get(name) for name in PROJECT_FIELDS} | {"status": body.get("status", "planned")}
        text_of("name", body.get("name"))
        return self._add("projects", {"code": body.get("code"), **_project(given)}, now, body.get("code"))

    def edit_project(self, name: str, body: Any, now: str) -> Row:
        """Set some fields; the values it has already change nothing, not even its version."""
        row = self.must("projects", name)
        if not isinstance(body, dict) or not body:
            raise Refused("a JSON object with the fields to set is needed")
        unknown = set(body) - set(PROJECT_FIELDS)
        if unknown:
            raise Refused(f"unknown fields: {', '.join(sorted(unknown))}; known: {', '.join(PROJECT_FIELDS)}")
        changed = {field: value for field, value in _project(body).items() if row.get(field) != value}
        return self._change(row, changed, now) if changed else row

    def must(self, kind: str, name: str) -> Row:
        """One row by id or number. Raises ``Refused`` with 404."""
        found = self._db.execute(
            "SELECT * FROM happening WHERE kind = ? AND (CAST(id AS TEXT) = ? OR number = ?)", (kind, name, name)
        ).fetchone()
        if found is None:
            raise Refused(f"there is no {kind} {name}", 404)
        return _row(found)

    def listed(self, kind: str, since: str, after: str, limit: int) -> tuple[list[Row], str]:
        """Rows changed since then, oldest change first, behind ``after``; and where the next page begins."""
        at, _, last = after.rpartition("/")
        size = max(1, min(limit, PAGE_MAX))
        found = self._db.execute(
            "SELECT * FROM happening WHERE kind = ? AND changed_at >= ? AND (changed_at, id) > (?, ?)"
            " ORDER BY changed_at, id LIMIT ?",
            (kind, since, at, int(last or 0), size + 1),
        ).fetchall()
        rows = [_row(one) for one in found[:size]]
        return rows, f"{rows[-1]['updated_at']}/{rows[-1]['id']}" if len(found) > size else ""

    def _document(self, body: Any, field: str, kind: str | None) -> Row:
        name = text_of(field, body.get(field) if isinstance(body, dict) else None)
        found = self._books.document(kind, name) if kind else self._books.anything(name)
        if found is None or found["state"] == "cancelled":
            raise Refused(f"{field}: there is no live document {name}")
        return found

    def _open(self, order: Row) -> dict[str, Decimal]:
        """What of a requisition has not arrived, by product."""
        missing: dict[str, Decimal] = {}
        for line in order["lines"]:
            missing[line["product"]] = missing.get(line["product"], Decimal()) + Decimal(line["quantity"])
        rows = self._db.execute(
            "SELECT data FROM happening WHERE kind = 'goods_receipts' AND json_extract(data, '$.requisition') = ?",
            (order["id"],),
        )
        for (data,) in rows.fetchall():
            for line in orjson.loads(data)["lines"]:
                missing[line["product"]] -= Decimal(line["quantity"])
        return {name: left for name, left in missing.items() if left > 0}

    def _add(self, kind: str, data: Row, now: str, number: str | None = None) -> Row:
        count = self._db.execute("SELECT count(*) FROM happening WHERE kind = ?", (kind,)).fetchone()[0]
        number = number or f"{PREFIXES[kind]}-{now[:4]}-{count + 1:04d}"
        try:
            made = self._db.execute(
                "INSERT INTO happening (kind, number, data, version, changed_at) VALUES (?,?,?,1,?)",
                (kind, number, orjson.dumps(data).decode(), now),
            )
        except sqlite3.IntegrityError:
            raise Refused(f"{number} is there already", 409) from None
        return self.must(kind, str(made.lastrowid))

    def _change(self, row: Row, changes: Mapping[str, Any], now: str) -> Row:
        head = {"id", "kind", "number", "version", "updated_at"}
        data = {name: value for name, value in {**row, **changes}.items() if name not in head}
        self._db.execute(
            "UPDATE happening SET data = ?, version = version + 1, changed_at = ? WHERE id = ?",
            (orjson.dumps(data).decode(), now, int(row["id"])),
        )
        return self.must(row["kind"], row["id"])


def _row(found: tuple[Any, ...]) -> Row:
    number, kind, name, data, version, changed_at = found
    head = {"id": str(number), "kind": kind, "number": name, "version": version, "updated_at": changed_at}
    return {**head, **orjson.loads(data)}


def _arrived(place: int, line: Any, missing: dict[str, Decimal]) -> Row:
    """One line of a receipt, taken off what is missing."""
    if not isinstance(line, dict) or line.get("product") not in missing:
        raise Refused(f"lines[{place}]: nothing of that is open; open: {', '.join(missing) or 'nothing'}")
    try:
        quantity = Decimal(line["quantity"])
    except (ArithmeticError, KeyError, TypeError, ValueError):
        raise Refused(f"lines[{place}].quantity: a decimal number as text is needed") from None
    missing[line["product"]] -= quantity
    return {"product": line["product"], "quantity": str(quantity)}


def _project(given: Mapping[str, Any]) -> Row:
    """The given fields, checked."""
    if "name" in given:
        text_of("name", given["name"])
    if given.get("status", "planned") not in PROJECT_STATES:
        raise Refused(f"status: one of {', '.join(PROJECT_STATES)}, got {given['status']!r}")
    if given.get("due") is not None:
        day_of("due", given["due"])
    budget = {"budget": money_of("budget", given["budget"])} if given.get("budget") is not None else {}
    return {**given, **budget}
