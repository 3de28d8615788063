"""Tryton: documents made in several calls (create, then buttons), found again by our reference; projects changed.

Tryton takes no idempotency key: class B. The reference stands in a text behind the title, where it survives every
state, can be searched, and a person still reads the title first.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from connectors.tryton import decode as forms
from connectors.tryton import project, requisition, streams
from connectors.tryton.codes import Codes
from connectors.tryton.drafting import Drafting
from connectors.tryton.paper import Paper, paper_of
from connectors.tryton.rest import Rest
from connectors.tryton.spec import SPEC, UPDATABLE, UPDATE
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
from hub.connector.base import ActCall, Connection, Connector, ObjectRef, Page, Probe
from hub.connector.http import Http
from hub.connector.updates import all_equal, known_only
from hub.model.record import Decoded, Json

SCAN_PAGE = 100


class TrytonConnector(Connector):
    """One company in one Tryton database."""

    spec = SPEC

    def __init__(self, connection: Connection, http: Http) -> None:
        super().__init__(connection, http)
        settings = connection.settings
        self._rest = Rest(http, settings["database"], connection.secret("key"), settings.get("company") or "")
        self._codes = Codes(self._rest)

    def route(self, headers: Mapping[str, str], body: bytes) -> str:
        return streams.route(body)

    def decode(self, headers: Mapping[str, str], body: bytes) -> Decoded:
        return forms.decode(body)

    async def poll(self, stream: str, cursor: str) -> Page:
        return await streams.page(self._rest, stream, cursor)

    async def act(self, call: ActCall) -> Receipt:
        if call.action == UPDATE:
            return await self._update(str(call.payload["object"]), call.payload["fields"])
        if call.call == "create":
            return await self._create(call)
        return await self._press(call)

    async def find(self, action: str, reference: str, payload: Mapping[str, Json]) -> Found | None:
        """By the exact reference; of several (a person copied one in Tryton) the oldest, which is ours.

        A cancel carries none: the document it names is the answer, and its state tells what was done.
        """
        if action == UPDATE:
            found = await self.read(ObjectRef(UPDATE, str(payload["object"])))
            done = found is not None and found.document and all_equal(payload["fields"], found.document["fields"])
            return found if done else None
        if action.endswith(".cancel"):
            return await self._named(action, str(payload["id"]))
        paper = paper_of(action)
        # The pattern may match too much (letter case, wildcards in the reference): what counts is compared here.
        domain = [[paper.carrier, "like", f"%[hub:{reference}]%"]]
        rows = await self._rest.search(paper.model, domain, paper.fields, 100)
        exact = [row for row in rows if carried(row[paper.carrier])[1] == reference]
        return self._found(action, exact[0]) if exact else None

    async def scan(self, action: str, payloads: Sequence[Mapping[str, Json]]) -> Sequence[Carried] | None:
        """Every document of the kind with a reference of ours in its text, page by page."""
        if not action.endswith(".create"):
            return None
        paper, after, found = paper_of(action), 0, list[Carried]()
        while True:
            domain = [[paper.carrier, "like", "%[hub:%"], ["id", ">", after]]
            rows = await self._rest.search(paper.model, domain, paper.fields, SCAN_PAGE)
            marked = ((carried(row[paper.carrier])[1], row) for row in rows)
            found += [
                Carried(mark, self._found(action, row), row["state"] != "cancelled") for mark, row in marked if mark
            ]
            if len(rows) < SCAN_PAGE:
                return found
            after = int(rows[-1]["id"])

    async def read(self, ref: ObjectRef) -> Found | None:
        """One document as it stands, or one object of a stream with the bytes polling brings."""
        number = ref.id.partition("/")[0]
        if not (number.isascii() and number.isdigit()):
            return None
        if ref.kind in streams.SOURCES:
            body = await streams.one(self._rest, ref.kind, number)
            return None if body is None else Found(ref.id, body=body, headers={"content-type": "application/json"})
        if ref.kind == UPDATE:
            row = await self._rest.get(project.MODEL, number, project.FIELDS)
            return None if row is None else Found(number, document=project.document(row))
        paper = paper_of(ref.kind)
        record = await self._rest.get(paper.model, ref.id, paper.fields)
        return None if record is None else self._found(ref.kind, record)

    async def find_number(self, action: str, number: str) -> Found | None:
        """By the number people see, in our company; Tryton's sequence may have prefixed it."""
        paper, company = paper_of(action), (await self._rest.context())["company"]
        domain = [["number", "=", number], ["company", "=", company]]
        rows = await self._rest.search(paper.model, domain, paper.fields, 2)
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

    async def _update(self, number: str, fields: Mapping[str, Json]) -> Receipt:
        """Set fields of a project; a status is named as people know it."""
        known_only(fields, UPDATABLE, "a project")
        try:
            before = await self._rest.get(project.MODEL, number, project.FIELDS) if number.isdigit() else None
            if before is None:
                raise RefusedByTarget(f"project {number!r} is not known to Tryton", 404)
            values = await project.values(self._rest, fields, before["progress"])
        except ReadFailed as error:
            raise NotSent(str(error)) from error
        if all_equal(fields, project.document(before)["fields"]):
            return Receipt(number)  # Tryton would note a new time of writing for nothing
        await self._rest.write(project.MODEL, number, values, project.FIELDS)
        return Receipt(number)

    async def _create(self, call: ActCall) -> Receipt:
        """Look first: a document that is already there (a restored backup, a lost answer) is taken, not doubled."""
        paper = paper_of(call.action)
        try:
            found = await self.find(call.action, call.reference, call.payload)
            if found is not None:
                return Receipt(found.remote_id, found.number, found.url, found.state)
            values = await Drafting(self._rest, self._codes, self.connection.settings).values(call)
        except ReadFailed as error:  # only reads so far: no byte of the write has left us
            raise NotSent(str(error)) from error
        try:
            record = await self._rest.create(paper.model, values, paper.head)
        except RefusedByTarget:
            self._codes.forget()
            raise
        return self._receipt(paper, record)

    async def _named(self, action: str, name: str) -> Found | None:
        """By id where it looks like one, else by number."""
        return await (self.read(ObjectRef(action, name)) if name.isdigit() else self.find_number(action, name))

    async def _press(self, call: ActCall) -> Receipt:
        """Press a button. Tryton refuses one already pressed, so a refusal is checked against the state."""
        paper = paper_of(call.action)
        number = call.remote_id or await self._id_named(paper, call)
        record: dict[str, Json] = {}
        for button in paper.presses.get(call.call, (call.call,)):
            try:
                record = await self._rest.press(paper.model, number, button, paper.head)
            except RefusedByTarget as refused:
                now = await self._state(paper, number)
                if now is None or now["state"] not in paper.done_in(call.call):
                    raise _with_state(paper, refused, now) from None
                record = now
        if record["state"] not in paper.done_in(call.call):
            raise RefusedByTarget(f"{paper.what} {record['number']} is {record['state']} after {call.call}")
        return self._receipt(paper, record)

    async def _id_named(self, paper: Paper, call: ActCall) -> str:
        name = str(call.payload["id"])
        try:
            found = await self._named(call.action, name)
        except ReadFailed as error:
            raise NotSent(str(error)) from error
        if found is None:
            raise RefusedByTarget(f"{paper.what} {name!r} is not known to Tryton")
        return found.remote_id

    async def _state(self, paper: Paper, number: str) -> dict[str, Json] | None:
        try:
            return await self._rest.get(paper.model, number, paper.head)
        except ReadFailed as error:
            raise Ambiguous(f"Tryton refused, and its state could not be read: {error}") from error

    def _found(self, action: str, record: Mapping[str, Json]) -> Found:
        paper = paper_of(action)
        try:
            receipt, document = self._receipt(paper, record), paper.document(record)
        except (KeyError, TypeError, AttributeError, ArithmeticError) as error:
            raise ReadFailed(f"record {record.get('id')} does not read as a {paper.what}: {error!r}") from error
        if action.endswith(".cancel"):  # what it carries is the reference of its creation, not of its cancelling
            document["external_ref"] = None
        return Found(receipt.remote_id, receipt.number, receipt.url, receipt.state, document)

    def _receipt(self, paper: Paper, record: Mapping[str, Json]) -> Receipt:
        number = str(record["id"])
        web = str(self.connection.settings.get("web") or "").rstrip("/")
        url = f"{web}/#{self._rest.database}/model/{paper.model}/{number}" if web else ""
        return Receipt(number, record["number"] or "", url, record["state"])


def _with_state(paper: Paper, refused: RefusedByTarget, record: Mapping[str, Json] | None) -> RefusedByTarget:
    where = f" ({paper.what} {record['number']} is {record['state']})" if record else ""
    return RefusedByTarget(refused.words + where, refused.status)
