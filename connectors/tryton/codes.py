"""Codes people know (product, employee, currency, warehouse) to Tryton's records, remembered once found.

Only hits are remembered, and the connector forgets them all when Tryton refuses a document built with them:
a product that was given another unit meanwhile is looked up again on the next try.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field

from connectors.tryton.rest import Rest
from hub.connector.answers import RefusedByTarget
from hub.model.record import Json

LOOKUP_MAX = 50
"""Codes a search asks for at once: their base64 must fit the 8 KiB line that proxies allow."""


@dataclass(frozen=True, slots=True)
class Kind:
    """Where a code is found. ``what`` is said to people, ``also`` narrows the search."""

    what: str
    model: str
    path: str
    also: tuple[Json, ...] = field(default=(), hash=False)
    fields: tuple[str, ...] = ()
    of_company: bool = False


PRODUCT = Kind("product", "product.product", "code", fields=("purchasable", "purchase_uom"))
EMPLOYEE = Kind("employee", "company.employee", "party.code", of_company=True)
PAYEE = Kind(
    "employee",
    "company.employee",
    "party.code",
    fields=("party.account_payable.code", "party.addresses.full_address"),
    of_company=True,
)
CATEGORY = Kind(
    "asset category",
    "product.product",
    "code",
    fields=("depreciable", "depreciation_duration", "default_uom"),
)
EXPENSE_ACCOUNT = Kind("expense account", "account.account", "code", (["type.expense", "=", True],), of_company=True)
CURRENCY = Kind("currency", "currency.currency", "code")
WAREHOUSE = Kind("warehouse", "stock.location", "code", also=(["type", "=", "warehouse"],))


@dataclass(slots=True)
class Codes:
    rest: Rest
    _known: dict[tuple[Kind, str], dict[str, Json]] = field(default_factory=dict)

    async def one(self, kind: Kind, code: str) -> dict[str, Json]:
        return (await self.all(kind, (code,)))[code]

    async def all(self, kind: Kind, codes: Iterable[str]) -> dict[str, dict[str, Json]]:
        """The record of every code. Raises ``RefusedByTarget`` naming those Tryton does not know, or knows twice."""
        wanted = sorted(set(codes))
        missing = [code for code in wanted if (kind, code) not in self._known]
        for start in range(0, len(missing), LOOKUP_MAX):
            await self._look_up(kind, missing[start : start + LOOKUP_MAX])
        return {code: self._known[kind, code] for code in wanted}

    def forget(self) -> None:
        self._known.clear()

    async def _look_up(self, kind: Kind, codes: list[str]) -> None:
        domain = [[kind.path, "in", codes], *kind.also]
        if kind.of_company:
            domain.append(["company", "=", (await self.rest.context())["company"]])
        rows = await self.rest.search(kind.model, domain, (kind.path, *kind.fields), 2 * LOOKUP_MAX)
        for code in codes:
            found = [row for row in rows if _at(row, kind.path) == code]
            if len(found) != 1:
                how = "is known to Tryton more than once" if found else "is not known to Tryton"
                raise RefusedByTarget(f"{kind.what} {code!r} {how}")
            self._known[kind, code] = found[0]


def _at(row: Json, path: str) -> Json:
    """The value under a dotted path as Tryton nests it; None where a relation on the way is empty."""
    for name in path.split("."):
        row = row.get(name) if isinstance(row, dict) else None
    return row
