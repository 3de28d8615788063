"""The values of a new document: codes that people know looked up, then handed to the pure form of its kind."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from connectors.tryton import asset, reimbursement, requisition
from connectors.tryton.codes import CATEGORY, CURRENCY, EMPLOYEE, EXPENSE_ACCOUNT, PAYEE, PRODUCT, WAREHOUSE, Codes
from connectors.tryton.rest import Rest
from hub.connector.answers import RefusedByTarget
from hub.connector.base import ActCall
from hub.model.record import Json


@dataclass(frozen=True, slots=True)
class Drafting:
    rest: Rest
    codes: Codes
    settings: Mapping[str, Any]

    async def values(self, call: ActCall) -> dict[str, Json]:
        match call.action.partition(".")[0]:
            case "reimbursement":
                return await self._reimbursement(call)
            case "asset":
                return await self._asset(call)
        return await self._requisition(call)

    async def _requisition(self, call: ActCall) -> dict[str, Json]:
        payload, warehouse = call.payload, self.settings.get("warehouse")
        ids = {
            "company": await self._company(),
            "employee": (await self.codes.one(EMPLOYEE, payload["requester"]))["id"],
            "currency": (await self.codes.one(CURRENCY, requisition.currency_of(payload)))["id"],
        }
        if warehouse:
            ids["warehouse"] = (await self.codes.one(WAREHOUSE, warehouse))["id"]
        products = await self.codes.all(PRODUCT, (line["product"] for line in payload["lines"]))
        return requisition.values(payload, call.reference, products, ids)

    async def _reimbursement(self, call: ActCall) -> dict[str, Json]:
        payload = call.payload
        party = (await self.codes.one(PAYEE, payload["employee"]))["party"]
        payable, addresses = party.get("account_payable") or await self._payable(), party.get("addresses") or ()
        if not payable or not addresses:
            lacks = "an address" if payable else "a payable account"
            raise RefusedByTarget(f"the party of employee {payload['employee']!r} has no {lacks} in Tryton")
        ids = {
            "company": await self._company(),
            "party": _id(party),
            "invoice_address": _id(addresses[0]),
            "account": _id(payable),
            "currency": (await self.codes.one(CURRENCY, payload["amount"]["currency"]))["id"],
            "journal": await self._journal("expense"),
            "expense": await self._expense_account(),
        }
        return reimbursement.values(payload, call.reference, (await self.rest.today()).date(), ids)

    async def _asset(self, call: ActCall) -> dict[str, Json]:
        payload, company = call.payload, await self._company()
        rows = await self.rest.search("company.company", [["id", "=", company]], ("currency.code",), 1)
        kept_in, given = rows[0]["currency"]["code"] if rows else None, payload["value"]["currency"]
        if given != kept_in:
            raise RefusedByTarget(f"assets are kept in {kept_in} in Tryton, this one is worth {given}")
        ids = {"company": company, "account_journal": await self._journal("asset")}
        product = await self.codes.one(CATEGORY, payload["category"])
        return asset.values(payload, call.reference, product, ids)

    async def _company(self) -> Json:
        return (await self.rest.context())["company"]

    async def _journal(self, kind: str) -> Json:
        rows = await self.rest.search("account.journal", [["type", "=", kind]], ("code",), 1)
        if not rows:
            raise RefusedByTarget(f"Tryton has no journal of type {kind}")
        return rows[0]["id"]

    async def _payable(self) -> Json:
        """What Tryton takes for parties without an account of their own."""
        return await self._default("default_account_payable")

    async def _expense_account(self) -> Json:
        """The account of ``expense_account``; without that setting what Tryton takes for products."""
        code = self.settings.get("expense_account")
        if code:
            return (await self.codes.one(EXPENSE_ACCOUNT, str(code)))["id"]
        account = await self._default("default_category_account_expense")
        if account is None:
            fix = "name one in the setting expense_account of this connection"
            raise RefusedByTarget(f"Tryton has no default expense account: {fix}")
        return _id(account)

    async def _default(self, name: str) -> Json:
        rows = await self.rest.search("account.configuration", [], (f"{name}.code",), 1)
        return rows[0][name] if rows else None


def _id(relation: Json) -> Json:
    return relation["id"] if isinstance(relation, dict) else relation
