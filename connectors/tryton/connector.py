"""Tryton: a purchase requisition in three calls, create → wait (submit) → approve, found again by our reference.

Tryton takes no idempotency key: class B. The reference stands in the description behind the title, where it
survives every state, can be searched, and a person still reads the title first.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from connectors.tryton import requisition
from connectors.tryton.codes import CURRENCY, EMPLOYEE, PRODUCT, WAREHOUSE, Codes
from connectors.tryton.rest import Rest
from connectors.tryton.wire import carried
from hub.connector.answers import (
    Ambiguous,
    Carried,
    Found,
    NotSent,
    ReadFailed,
    Receipt,
    RefusedByTarget,
    Unauthorized,
)
from hub.connector.base import ActCall, Connection, Connector, ObjectRef, Probe
from hub.connector.documents import operation
from hub.connector.http import Http
from hub.connector.spec import ConnectorSpec, Setting
from hub.model.action import Call, TargetClass
from hub.model.record import Decoded, Json

CREATE, CANCEL = "purchase_requisition.create", "purchase_requisition.cancel"
SCAN_PAGE = 100
_APPROVED = frozenset({"approved", "processing", "done"})
_SUBMITTED = _APPROVED | {"waiting"}
_EXISTS = _SUBMITTED | {"draft", "rejected", "cancelled"}
_UNDONE = frozenset({"draft", "cancelled"})
DONE_IN: Mapping[str, frozenset[str]] = {
    "create": _EXISTS,
    "wait": _SUBMITTED,
    "approve": _APPROVED,
    "draft": _UNDONE,
    "cancel": frozenset({"cancelled"}),
}
"""The states in which a call need not be made. A rejected or cancelled requisition is asked to ``wait`` again:
Tryton refuses, and a person sees it."""

SPEC = ConnectorSpec(
    name="tryton",
    title="Tryton 8.2",
    settings=(
        Setting(
            "url", "url", "address of the server, without the database", "https://tryton.example.com", required=True
        ),
        Setting("database", "text", "name of the database", "erp", required=True),
        Setting("key", "text", "key of a user application `rest`", "env:TRYTON_KEY", required=True, secret=True),
        Setting("company", "text", "company to act for, by name; default: the key's user's own", "Example Ltd"),
        Setting("warehouse", "text", "code of the warehouse to deliver to; default: Tryton's own", "WH"),
        Setting("web", "url", "address of the web client, for links people can open", "https://tryton.example.com"),
    ),
    actions=(
        operation(
            CREATE,
            target=TargetClass.B,
            carrier="description, behind the title: [hub:<reference>]",
            calls=tuple(Call(name, DONE_IN[name]) for name in ("create", "wait", "approve")),
            undo_from=frozenset({"draft", "waiting", "rejected", "approved"}),
        ),
        operation(
            CANCEL,
            target=TargetClass.B,
            carrier="none: the requisition's state says whether it happened",
            calls=tuple(Call(name, DONE_IN[name]) for name in ("draft", "cancel")),
        ),
    ),
    guarantee={
        "en": "At most one requisition for one reference while the hub is its only sender; read back exactly.",
        "zh": "在仅由本系统发送的前提下，同一引用号最多产生一张采购申请，并逐项精确回读核对。",
    },
)


class TrytonConnector(Connector):
    """One company in one Tryton database."""

    spec = SPEC

    def __init__(self, connection: Connection, http: Http) -> None:
        super().__init__(connection, http)
        settings = connection.settings
        self._rest = Rest(http, settings["database"], connection.secret("key"), settings.get("company") or "")
        self._codes = Codes(self._rest)

    def decode(self, headers: Mapping[str, str], body: bytes) -> Decoded:
        """Tryton is no source here: it has no streams."""
        return Decoded(skipped="no-stream")

    async def act(self, call: ActCall) -> Receipt:
        if call.call == "create":
            return await self._create(call)
        return await self._press(call)

    async def find(self, action: str, reference: str, payload: Mapping[str, Json]) -> Found | None:
        """By the exact reference; of several (a person copied one in Tryton) the oldest, which is ours.

        A cancel carries none: the requisition it names is the answer, and its state tells what was done.
        """
        if action == CANCEL:
            return await self._named(str(payload["id"]))
        # The pattern may match too much (letter case, wildcards in the reference): what counts is compared here.
        domain = [["description", "like", f"%[hub:{reference}]%"]]
        rows = await self._rest.search(requisition.MODEL, domain, requisition.FIELDS, 100)
        exact = [row for row in rows if carried(row["description"])[1] == reference]
        return self._found(action, exact[0]) if exact else None

    async def scan(self, action: str, payloads: Sequence[Mapping[str, Json]]) -> Sequence[Carried] | None:
        """Every requisition with a reference of ours in its description, page by page."""
        if action != CREATE:
            return None
        found: list[Carried] = []
        after = 0
        while True:
            domain = [["description", "like", "%[hub:%"], ["id", ">", after]]
            rows = await self._rest.search(requisition.MODEL, domain, requisition.FIELDS, SCAN_PAGE)
            marked = ((carried(row["description"])[1], row) for row in rows)
            found += [
                Carried(mark, self._found(action, row), row["state"] != "cancelled") for mark, row in marked if mark
            ]
            if len(rows) < SCAN_PAGE:
                return found
            after = int(rows[-1]["id"])

    async def read(self, ref: ObjectRef) -> Found | None:
        if not (ref.id.isascii() and ref.id.isdigit()):
            return None
        record = await self._rest.get(requisition.MODEL, ref.id, requisition.FIELDS)
        return None if record is None else self._found(ref.kind, record)

    async def find_number(self, action: str, number: str) -> Found | None:
        """By the number people see, in our company; Tryton's sequence may have prefixed it."""
        company = (await self._rest.context())["company"]
        domain = [["number", "=", number], ["company", "=", company]]
        rows = await self._rest.search(requisition.MODEL, domain, requisition.FIELDS, 2)
        return self._found(action, rows[0]) if len(rows) == 1 else None

    async def probe(self) -> Probe:
        try:
            await self._rest.context()
            await self._rest.search(requisition.MODEL, [], requisition.HEAD, 1)
        except Unauthorized as error:
            return Probe(False, str(error), "make a key for the application `rest` and let its user validate it")
        except ReadFailed as error:
            return Probe(False, str(error), "check url, database and allow, and that purchase_requisition is active")
        return Probe(True, f"database {self._rest.database} answers and accepts the key")

    async def _create(self, call: ActCall) -> Receipt:
        """Look first: a document that is already there (a restored backup, a lost answer) is taken, not doubled."""
        try:
            found = await self.find(call.action, call.reference, call.payload)
            if found is not None:
                return Receipt(found.remote_id, found.number, found.url, found.state)
            values = await self._values(call)
        except ReadFailed as error:  # only reads so far: no byte of the write has left us
            raise NotSent(str(error)) from error
        try:
            record = await self._rest.create(requisition.MODEL, values, requisition.HEAD)
        except RefusedByTarget:
            self._codes.forget()
            raise
        return self._receipt(record)

    async def _values(self, call: ActCall) -> dict[str, Json]:
        payload = call.payload
        warehouse = self.connection.settings.get("warehouse")
        ids = {
            "company": (await self._rest.context())["company"],
            "employee": (await self._codes.one(EMPLOYEE, payload["requester"]))["id"],
            "currency": (await self._codes.one(CURRENCY, requisition.currency_of(payload)))["id"],
        }
        if warehouse:
            ids["warehouse"] = (await self._codes.one(WAREHOUSE, warehouse))["id"]
        products = await self._codes.all(PRODUCT, (line["product"] for line in payload["lines"]))
        return requisition.values(payload, call.reference, products, ids)

    async def _named(self, name: str) -> Found | None:
        """By id where it looks like one, else by number."""
        return await (self.read(ObjectRef(CANCEL, name)) if name.isdigit() else self.find_number(CANCEL, name))

    async def _press(self, call: ActCall) -> Receipt:
        """Press a button. Tryton refuses one already pressed, so a refusal is checked against the state."""
        number = call.remote_id or await self._id_named(str(call.payload["id"]))
        try:
            record = await self._rest.press(requisition.MODEL, number, call.call, requisition.HEAD)
        except RefusedByTarget as refused:
            now = await self._state(number)
            if now is None or now["state"] not in DONE_IN[call.call]:
                raise _with_state(refused, now) from None
            record = now
        if record["state"] not in DONE_IN[call.call]:
            raise RefusedByTarget(f"requisition {record['number']} is {record['state']} after {call.call}")
        return self._receipt(record)

    async def _id_named(self, name: str) -> str:
        try:
            found = await self._named(name)
        except ReadFailed as error:
            raise NotSent(str(error)) from error
        if found is None:
            raise RefusedByTarget(f"requisition {name!r} is not known to Tryton")
        return found.remote_id

    async def _state(self, number: str) -> dict[str, Json] | None:
        try:
            return await self._rest.get(requisition.MODEL, number, requisition.HEAD)
        except ReadFailed as error:
            raise Ambiguous(f"Tryton refused, and its state could not be read: {error}") from error

    def _found(self, action: str, record: Mapping[str, Json]) -> Found:
        try:
            receipt, document = self._receipt(record), requisition.document(record)
        except (KeyError, TypeError, AttributeError, ArithmeticError) as error:
            raise ReadFailed(f"record {record.get('id')} does not read as a requisition: {error!r}") from error
        if action == CANCEL:  # what it carries is the reference of its creation, not of its cancelling
            document["external_ref"] = None
        return Found(receipt.remote_id, receipt.number, receipt.url, receipt.state, document)

    def _receipt(self, record: Mapping[str, Json]) -> Receipt:
        number = str(record["id"])
        web = str(self.connection.settings.get("web") or "").rstrip("/")
        url = f"{web}/#{self._rest.database}/model/{requisition.MODEL}/{number}" if web else ""
        return Receipt(number, record["number"] or "", url, record["state"])


def _with_state(refused: RefusedByTarget, record: Mapping[str, Json] | None) -> RefusedByTarget:
    where = f" (requisition {record['number']} is {record['state']})" if record else ""
    return RefusedByTarget(refused.words + where, refused.status)
