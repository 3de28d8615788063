"""The connector of the built-in ERP. Class A: it honours our idempotency key and keeps our reference unique.

Payloads travel as they are (canonical JSON) with ``external_ref`` added; documents come back the same way. Every
total is the ERP's own. What happens there by itself (goods arrive, invoices are posted, projects are edited) is
polled: see ``streams``.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import ClassVar
from urllib.parse import quote

from connectors.erp import streams
from connectors.erp.spec import LISTS, PATHS, PROJECT_FIELDS, SPEC, UPDATE
from hub.connector.answers import Ambiguous, Carried, Found, ReadFailed, Receipt, Unauthorized
from hub.connector.base import ActCall, Connector, ObjectRef, Page, Probe
from hub.connector.spec import ConnectorSpec
from hub.connector.updates import all_equal, known_only
from hub.model.record import Decoded, Json


class ErpConnector(Connector):
    """Creates, cancels, finds and reads operations documents."""

    spec: ClassVar[ConnectorSpec] = SPEC

    def route(self, headers: Mapping[str, str], body: bytes) -> str:
        return streams.route(body)

    def decode(self, headers: Mapping[str, str], body: bytes) -> Decoded:
        return streams.decode(body)

    async def poll(self, stream: str, cursor: str) -> Page:
        return await streams.page(self.http, LISTS[stream], cursor, self._headers())

    async def act(self, call: ActCall) -> Receipt:
        if call.action == UPDATE:
            return await self._update(call)
        kind, _, verb = call.action.partition(".")
        path = f"/api/{PATHS[kind]}"
        body: dict[str, Json] = {**call.payload, "external_ref": call.reference}
        if verb == "cancel":
            path += f"/{quote(str(body.pop('id')), safe='')}/cancel"
        headers = {**self._headers(), "idempotency-key": call.key}
        answer = await self.http.write("POST", path, json=body, headers=headers, not_done_429=True)
        row = answer.json
        if not isinstance(row, dict) or not isinstance(row.get("id"), str) or not row["id"]:
            raise Ambiguous(f"POST {path}: {answer.status} without an id")
        return Receipt(row["id"], _word(row, "number"), self._url(row), _word(row, "state"))

    async def _update(self, call: ActCall) -> Receipt:
        """Set fields of a project; the answer is the project afterwards."""
        known_only(call.payload["fields"], PROJECT_FIELDS, "a project")
        path = f"/api/projects/{quote(str(call.payload['object']), safe='')}"
        answer = await self.http.write(
            "PATCH", path, json=call.payload["fields"], headers=self._headers(), not_done_429=True
        )
        row = answer.json
        if not isinstance(row, dict) or not isinstance(row.get("id"), str) or not row["id"]:
            raise Ambiguous(f"PATCH {path}: {answer.status} without an id")
        return Receipt(row["id"], _word(row, "number"), state=_word(row, "status"))

    async def find(self, action: str, reference: str, payload: Mapping[str, Json]) -> Found | None:
        if action == UPDATE:
            found = await self.read(ObjectRef(UPDATE, str(payload["object"])))
            done = found is not None and found.document and all_equal(payload["fields"], found.document["fields"])
            return found if done else None
        path = f"/api/{PATHS[action.partition('.')[0]]}"
        rows = await self._items(path, {"external_ref": reference})
        carrier = _carrier(action)
        mine = [row for row in rows if row.get(carrier) == reference]
        return self._found(action, mine[0]) if mine else None

    async def scan(self, action: str, payloads: Sequence[Mapping[str, Json]]) -> Sequence[Carried] | None:
        """All documents of the kind, page by page; those somebody made by hand carry no reference."""
        if action == UPDATE:
            return None
        path, after, found = f"/api/{PATHS[action.partition('.')[0]]}", "0", []
        while True:
            rows = await self._items(path, {"after": after})
            found += [_carried(self._found(action, row)) for row in rows if row.get("external_ref")]
            if not rows:
                return found
            after = str(rows[-1]["id"])

    async def _items(self, path: str, params: Mapping[str, str]) -> list[dict[str, Json]]:
        answer = await self.http.read(path, params=params, headers=self._headers())
        if answer is None:
            raise ReadFailed(f"GET {path}: 404 for a list; is this the ERP?")
        rows = answer.json.get("items") if isinstance(answer.json, dict) else None
        if not isinstance(rows, list) or not all(isinstance(row, dict) for row in rows):
            raise ReadFailed(f"GET {path}: a list of items was expected")
        return rows

    async def read(self, ref: ObjectRef) -> Found | None:
        kind = ref.kind.partition(".")[0]
        path = f"/api/{LISTS.get(kind) or PATHS[kind]}/{quote(ref.id, safe='')}"
        answer = await self.http.read(path, headers=self._headers())
        if answer is None:
            return None
        row = answer.json
        if not isinstance(row, dict) or ref.id not in (row.get("id"), row.get("number")):
            raise ReadFailed(f"GET {path}: the answer is not the document asked for")
        if ref.kind == UPDATE:
            return streams.updated(row, PROJECT_FIELDS)
        if ref.kind in LISTS:
            return streams.found(row, answer.body)
        return self._found(ref.kind, row)

    async def probe(self) -> Probe:
        try:
            answer = await self.http.read("/api/ping", headers=self._headers())
        except Unauthorized as error:
            return Probe(False, str(error), "check the token of this connection in hub.yaml")
        except ReadFailed as error:
            return Probe(False, str(error), "is it running? `url: builtin` starts it with the hub")
        if answer is None or not isinstance(answer.json, dict) or "documents" not in answer.json:
            return Probe(False, "something answers, but not the built-in ERP", "check the url of this connection")
        return Probe(True, f"the built-in ERP holds {answer.json['documents']} documents")

    def _headers(self) -> dict[str, str]:
        token = self.connection.secret("api_token")
        return {"authorization": f"Bearer {token}"} if token else {}

    def _found(self, action: str, row: Mapping[str, Json]) -> Found:
        spec = self.spec.action(action)
        fields = spec.document["properties"] if spec else {}
        document = {name: row.get(name) for name in fields}
        document["external_ref"] = row.get(_carrier(action))
        return Found(str(row.get("id")), _word(row, "number"), self._url(row), _word(row, "state"), document)

    def _url(self, row: Mapping[str, Json]) -> str:
        return f"{self.http.url}/documents/{quote(_word(row, 'number'), safe='')}"


def _carried(found: Found) -> Carried:
    reference = (found.document or {}).get("external_ref")
    return Carried(str(reference), found, found.state != "cancelled")


def _carrier(action: str) -> str:
    """Which field of a document carries the reference of this action's effect."""
    return "cancel_ref" if action.endswith(".cancel") else "external_ref"


def _word(row: Mapping[str, Json], name: str) -> str:
    value = row.get(name)
    return value if isinstance(value, str) else ""
