"""The built-in ERP's books: what it holds, how it numbers, checks and totals. One SQLite file; no HTTP here.

It adds up by itself (the hub's arithmetic is checked against it, never copied), remembers idempotency keys and
refuses a second document with an external reference it has seen. ``keys=False`` switches that memory off, so
that a hub that sends twice is caught with two documents.
"""

from __future__ import annotations

import sqlite3
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from decimal import Decimal, InvalidOperation
from hashlib import sha256
from pathlib import Path
from typing import Any

import orjson

Row = dict[str, Any]
LIVE = "state <> 'cancelled'"


class Refused(Exception):
    """The books do not take it: 422 with these words, or another status."""

    def __init__(self, words: str, status: int = 422, existing: Row | None = None) -> None:
        super().__init__(words)
        self.status, self.existing = status, existing


@dataclass(frozen=True, slots=True)
class Kind:
    """A kind of document: its path, number prefix, first state and fields with their checks."""

    path: str
    prefix: str
    title: tuple[str, str]
    """English, Chinese"""
    state: str
    amount: str
    fields: Mapping[str, Callable[[str, Any], Any]]
    optional: frozenset[str] = frozenset()


def text_of(name: str, value: Any) -> str:
    if not isinstance(value, str) or not value.strip():
        raise Refused(f"{name}: a text that is not empty is needed, got {value!r}")
    return value


def _decimal(name: str, value: Any) -> Decimal:
    try:
        number = Decimal(value) if isinstance(value, str) else None
    except InvalidOperation:
        number = None
    if number is None or not number.is_finite() or number < 0:
        raise Refused(f"{name}: a decimal number as text, not negative, is needed, got {value!r}")
    return number


def _quantity(name: str, value: Any) -> str:
    if _decimal(name, value) == 0:
        raise Refused(f"{name}: nothing is asked for (0)")
    return str(value)


def money_of(name: str, value: Any) -> Row:
    if not isinstance(value, dict) or set(value) != {"amount", "currency"}:
        raise Refused(f'{name}: money is {{"amount": "12.50", "currency": "CNY"}}, got {value!r}')
    currency = value["currency"]
    if not (isinstance(currency, str) and len(currency) == 3 and currency.isupper()):
        raise Refused(f"{name}: {currency!r} is not a currency")
    return {"amount": _amount(_decimal(name, value["amount"])), "currency": currency}


def _amount(value: Decimal) -> str:
    """Two places at least, more only where the amount has them."""
    places = max(2, -int(value.normalize().as_tuple().exponent)) if value else 2
    return format(value.quantize(Decimal(1).scaleb(-places)), "f")


def day_of(name: str, value: Any) -> str:
    parts = value.split("-") if isinstance(value, str) else []
    if [len(part) for part in parts] != [4, 2, 2] or not all(part.isdigit() for part in parts):
        raise Refused(f"{name}: a date like 2026-01-31 is needed, got {value!r}")
    return str(value)


def _lines(name: str, value: Any) -> list[Row]:
    if not isinstance(value, list) or not value:
        raise Refused(f"{name}: at least one line is needed")
    return [_line(f"{name}[{place}]", line) for place, line in enumerate(value)]


def _line(name: str, line: Any) -> Row:
    if not isinstance(line, dict):
        raise Refused(f"{name}: a line is an object, got {line!r}")
    price = money_of(f"{name}.unit_price", line.get("unit_price"))
    quantity = _quantity(f"{name}.quantity", line.get("quantity"))
    return {
        "product": text_of(f"{name}.product", line.get("product")),
        "quantity": quantity,
        "unit_price": price,
        "amount": {"amount": _amount(Decimal(quantity) * Decimal(price["amount"])), "currency": price["currency"]},
    }


KINDS = {
    kind.path: kind
    for kind in (
        Kind(
            "purchase_requisitions",
            "PR",
            ("Purchase requisitions", "采购申请"),
            "submitted",
            "total",
            {"title": text_of, "requester": text_of, "needed_by": day_of, "lines": _lines},
        ),
        Kind(
            "reimbursements",
            "RB",
            ("Reimbursements", "报销单"),
            "submitted",
            "amount",
            {"employee": text_of, "amount": money_of, "text": text_of},
        ),
        Kind(
            "assets",
            "FA",
            ("Fixed assets", "固定资产"),
            "in_use",
            "value",
            {"name": text_of, "category": text_of, "value": money_of, "in_use": day_of},
        ),
        Kind(
            "settlements",
            "ST",
            ("Budget settlements", "预算结算"),
            "posted",
            "amount",
            {"budget": text_of, "amount": money_of, "text": text_of, "period": text_of},
            frozenset({"period"}),
        ),
    )
}
MASTERS = {"employees": "employee", "products": "product", "suppliers": "supplier", "budgets": "budget"}
_PEOPLE = ("王芳", "李伟", "张敏", "刘洋", "陈静", "赵磊")
_SEED: dict[str, list[Row]] = {
    "employees": [{"code": f"E10{place:02d}", "name": name} for place, name in enumerate(_PEOPLE, 1)],
    "suppliers": [{"code": "S-100", "name": "华东仪器"}, {"code": "S-101", "name": "Northwind Labs"}],
    "products": [{"code": code, "name": code} for code in ("LASER-CUT-40", "OSC-200M", "PCB-4L", "SENSOR-T")],
    "budgets": [{"code": "EVT-2026", "name": "Events 2026", "limit": {"amount": "500000.00", "currency": "CNY"}}],
}
_TABLES = """
CREATE TABLE IF NOT EXISTS document (id INTEGER PRIMARY KEY, kind TEXT, number TEXT UNIQUE, external_ref TEXT,
  cancel_ref TEXT, state TEXT, data TEXT, created_at TEXT);
CREATE INDEX IF NOT EXISTS document_ref ON document (external_ref);
CREATE TABLE IF NOT EXISTS answer (key TEXT PRIMARY KEY, hash TEXT, document INTEGER);
CREATE TABLE IF NOT EXISTS master (kind TEXT, code TEXT, data TEXT, PRIMARY KEY (kind, code));
"""


class Books:
    """Every method is one transaction; ``now`` (ISO text) comes from the caller."""

    def __init__(self, state: Path | None, *, strict: bool = False) -> None:
        self._db = sqlite3.connect(state or ":memory:", isolation_level=None)
        # NORMAL survives a killed process; only a power cut may lose the last documents of a stand-in.
        self._db.executescript("PRAGMA journal_mode=WAL; PRAGMA synchronous=NORMAL;" + _TABLES)
        self.strict, self.keys = strict, True
        self._last: dict[str, int] = {}
        for kind, entries in _SEED.items():
            for entry in entries:
                self._db.execute("INSERT OR IGNORE INTO master VALUES (?,?,?)", (kind, entry["code"], _dump(entry)))

    @property
    def db(self) -> sqlite3.Connection:
        """The open file, for what else the ERP keeps in it."""
        return self._db

    def close(self) -> None:
        self._db.close()

    def create(self, path: str, body: Any, key: str, now: str, alter: Row | None = None) -> tuple[Row, bool]:
        """The new document and True, or the one this key made before and False. Raises ``Refused``."""
        kind = KINDS[path]
        seen = self._remembered(key, path, body)
        if seen is not None:
            return seen, False
        data, reference = self._checked(kind, body)
        if self.keys and reference is not None:
            existing = self.by_reference(path, reference)
            if existing:
                raise Refused(f"{existing[0]['number']} already has external_ref {reference}", 409, existing[0])
        return self._insert(kind, {**data, **(alter or {})}, reference, self._hash(path, body), key, now), True

    def _insert(self, kind: Kind, data: Row, reference: str | None, digest: str, key: str, now: str) -> Row:
        with self._db:
            self._db.execute("BEGIN IMMEDIATE")
            number = self._number(f"{kind.prefix}-{now[:4]}-")
            made = self._db.execute(
                "INSERT INTO document (kind, number, external_ref, state, data, created_at) VALUES (?,?,?,?,?,?)",
                (kind.path, number, reference, kind.state, _dump(data), now),
            )
            if key:
                self._db.execute("INSERT OR REPLACE INTO answer VALUES (?,?,?)", (key, digest, made.lastrowid))
        return self._one(int(made.lastrowid or 0))

    def _number(self, series: str) -> str:
        """The next number of a series, counted once per run (this process alone writes the file)."""
        if series not in self._last:
            found = self._db.execute("SELECT count(*) FROM document WHERE number LIKE ?", (series + "%",)).fetchone()
            self._last[series] = found[0]
        self._last[series] += 1
        return f"{series}{self._last[series]:04d}"

    def _remembered(self, key: str, path: str, body: Any) -> Row | None:
        if not (key and self.keys):
            return None
        row = self._db.execute("SELECT hash, document FROM answer WHERE key = ?", (key,)).fetchone()
        if row is None:
            return None
        if row[0] != self._hash(path, body):
            raise Refused("this Idempotency-Key came before with another body")
        return self._one(row[1])

    def forget(self, key: str) -> None:
        """The life of an idempotency key is over."""
        self._db.execute("DELETE FROM answer WHERE key = ?", (key,))

    @staticmethod
    def _hash(path: str, body: Any) -> str:
        return sha256(path.encode() + orjson.dumps(body, option=orjson.OPT_SORT_KEYS)).hexdigest()

    def _checked(self, kind: Kind, body: Any) -> tuple[Row, str | None]:
        if not isinstance(body, dict):
            raise Refused("a JSON object is needed")
        reference = body.get("external_ref")
        if reference is not None:
            text_of("external_ref", reference)
        unknown = set(body) - set(kind.fields) - {"external_ref"}
        if unknown:
            raise Refused(f"unknown fields: {', '.join(sorted(unknown))}; known: {', '.join(kind.fields)}")
        data = {
            name: check(name, body.get(name))
            for name, check in kind.fields.items()
            if name not in kind.optional or body.get(name) is not None
        }
        self._known_codes(kind, data)
        return self._totalled(kind, data), reference

    def _totalled(self, kind: Kind, data: Row) -> Row:
        if kind.path == "purchase_requisitions":
            currencies = {line["amount"]["currency"] for line in data["lines"]}
            if len(currencies) > 1:
                raise Refused(f"lines: one currency a requisition, got {', '.join(sorted(currencies))}")
            total = sum((Decimal(line["amount"]["amount"]) for line in data["lines"]), Decimal())
            data["total"] = {"amount": _amount(total), "currency": currencies.pop()}
        return data

    def _known_codes(self, kind: Kind, data: Row) -> None:
        if not self.strict:
            return
        asked = [("employees", data.get("requester") or data.get("employee")), ("budgets", data.get("budget"))]
        asked += [("products", line["product"]) for line in data.get("lines", [])]
        for master, code in asked:
            if code is not None and self.master(master, code) is None:
                raise Refused(f"unknown {MASTERS[master]} {code!r}: create it first with POST /api/{master}")

    def cancel(self, path: str, name: str, reference: str | None) -> Row:
        """The document, cancelled. Cancelling twice is once. Raises ``Refused``."""
        found = self.document(path, name)
        if found is None:
            raise Refused(f"there is no document {name}", 404)
        if found["state"] != "cancelled":
            self._db.execute(
                "UPDATE document SET state = 'cancelled', cancel_ref = ? WHERE id = ?", (reference, int(found["id"]))
            )
        return self._one(int(found["id"]))

    def document(self, path: str, name: str) -> Row | None:
        """One document by id or number."""
        row = self._db.execute(
            "SELECT id FROM document WHERE kind = ? AND (number = ? OR CAST(id AS TEXT) = ?)", (path, name, name)
        ).fetchone()
        return None if row is None else self._one(row[0])

    def numbered(self, number: str) -> Row | None:
        row = self._db.execute("SELECT id FROM document WHERE number = ?", (number,)).fetchone()
        return None if row is None else self._one(row[0])

    def anything(self, name: str) -> Row | None:
        """A document of any kind by id or number."""
        row = self._db.execute(
            "SELECT id FROM document WHERE number = ? OR CAST(id AS TEXT) = ?", (name, name)
        ).fetchone()
        return None if row is None else self._one(row[0])

    def by_reference(self, path: str, reference: str) -> list[Row]:
        rows = self._db.execute(
            "SELECT id FROM document WHERE kind = ? AND (external_ref = ? OR cancel_ref = ?) ORDER BY id",
            (path, reference, reference),
        )
        return [self._one(row[0]) for row in rows.fetchall()]

    def listed(self, path: str, limit: int = 200) -> list[Row]:
        """The newest documents of a kind, newest first."""
        rows = self._db.execute("SELECT id FROM document WHERE kind = ? ORDER BY id DESC LIMIT ?", (path, limit))
        return [self._one(row[0]) for row in rows.fetchall()]

    def edit(self, number: str, fields: Row) -> Row:
        """Change what a document says, whoever made it; nothing of ours is told."""
        found = self.numbered(number)
        if found is None:
            raise Refused(f"there is no document {number}", 404)
        identity = int(found["id"])
        (data,) = self._db.execute("SELECT data FROM document WHERE id = ?", (identity,)).fetchone()
        changed = orjson.dumps({**orjson.loads(data), **fields}).decode()
        self._db.execute("UPDATE document SET data = ? WHERE id = ?", (changed, identity))
        return self._one(identity)

    def after(self, path: str, name: str, limit: int = 200) -> list[Row]:
        """The documents of a kind made after that id, oldest first: a page to go on from."""
        if not name.isascii() or not name.isdigit():
            raise Refused("after: the id of a document", 400)
        statement = "SELECT id FROM document WHERE kind = ? AND id > ? ORDER BY id LIMIT ?"
        return [self._one(row[0]) for row in self._db.execute(statement, (path, int(name), limit)).fetchall()]

    def counts(self) -> dict[str, int]:
        """Live documents per external reference, by the books' own count (I3)."""
        rows = self._db.execute(
            f"SELECT external_ref, count(*) FROM document WHERE external_ref IS NOT NULL AND {LIVE} GROUP BY 1"
        )
        return dict(rows.fetchall())

    def per_kind(self) -> dict[str, int]:
        found = dict(self._db.execute(f"SELECT kind, count(*) FROM document WHERE {LIVE} GROUP BY 1").fetchall())
        return {path: int(found.get(path, 0)) for path in KINDS}

    def master(self, kind: str, code: str) -> Row | None:
        row = self._db.execute("SELECT data FROM master WHERE kind = ? AND code = ?", (kind, code)).fetchone()
        return None if row is None else orjson.loads(row[0])

    def masters(self, kind: str) -> list[Row]:
        rows = self._db.execute("SELECT data FROM master WHERE kind = ? ORDER BY code", (kind,))
        return [orjson.loads(row[0]) for row in rows.fetchall()]

    def add_master(self, kind: str, body: Any) -> Row:
        if not isinstance(body, dict):
            raise Refused("a JSON object is needed")
        text_of("code", body.get("code"))
        if "limit" in body:
            body["limit"] = money_of("limit", body["limit"])
        self._db.execute("INSERT OR REPLACE INTO master VALUES (?,?,?)", (kind, body["code"], _dump(body)))
        return dict(body)

    def _one(self, number: int) -> Row:
        row = self._db.execute(
            "SELECT id, kind, number, external_ref, cancel_ref, state, data, created_at FROM document WHERE id = ?",
            (number,),
        ).fetchone()
        head = {"id": str(row[0]), "kind": row[1], "number": row[2], "external_ref": row[3], "cancel_ref": row[4]}
        found = {**head, "state": row[5], "created_at": row[7], **orjson.loads(row[6])}
        if row[1] == "settlements":
            found["remaining"] = self._remaining(found["budget"], found["amount"]["currency"])
        return found

    def _remaining(self, budget: str, currency: str) -> Row | None:
        """What the budget has left after every live settlement; None where it has no limit in that currency."""
        limit = (self.master("budgets", budget) or {}).get("limit")
        if limit is None or limit["currency"] != currency:
            return None
        rows = self._db.execute(
            f"SELECT json_extract(data, '$.amount.amount') FROM document WHERE kind = 'settlements' AND {LIVE}"
            " AND json_extract(data, '$.budget') = ? AND json_extract(data, '$.amount.currency') = ?",
            (budget, currency),
        )
        spent = sum((Decimal(row[0]) for row in rows.fetchall()), Decimal())
        return {"amount": format(Decimal(limit["amount"]) - spent, "f"), "currency": currency}


def _dump(value: Row) -> str:
    return orjson.dumps(value).decode()
