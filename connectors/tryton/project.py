"""A project in Tryton: what can be set, and its document as read."""

from __future__ import annotations

from collections.abc import Mapping
from decimal import Decimal

from connectors.tryton.rest import Rest
from connectors.tryton.spec import UPDATABLE
from connectors.tryton.streams import SOURCES, seen
from hub.connector.answers import RefusedByTarget
from hub.model.clock import iso
from hub.model.record import Json

MODEL = SOURCES["project"].model
FIELDS = SOURCES["project"].fields


async def values(rest: Rest, fields: Mapping[str, Json], progress: Json) -> dict[str, Json]:
    """The fields as Tryton takes them; a status by its name, with the progress it asks for at least.

    Raises ``RefusedByTarget``, ``ReadFailed``.
    """
    if "name" in fields and not str(fields["name"] or "").strip():
        raise RefusedByTarget("a project in Tryton needs a name")
    found = dict(fields)
    if "status" in fields:
        rows = await rest.search("project.work.status", [["types", "in", "project"]], ("name", "progress"), 100)
        fitting = [row for row in rows if row["name"] == fields["status"]]
        if len(fitting) != 1:
            names = ", ".join(str(row["name"]) for row in rows) or "none"
            raise RefusedByTarget(f"Tryton has no status {fields['status']!r} of projects; it has: {names}")
        found["status"], least = fitting[0]["id"], fitting[0]["progress"]
        if least is not None and Decimal(progress or 0) < Decimal(least):
            found["progress"] = least
    return found


def document(row: Mapping[str, Json]) -> dict[str, Json]:
    """The paths that can be set, with their values."""
    status = row.get("status")
    said = {**row, "status": status.get("name") if isinstance(status, dict) else None}
    fields = {name: said.get(name) for name in UPDATABLE}
    return {"object": str(row["id"]), "fields": fields, "updated_at": iso(seen(row).at)}
