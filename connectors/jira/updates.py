"""Setting fields of an issue, and moving it through its workflow: paths and values into Jira's calls, and back.

A status is never set like a field: Jira offers transitions, and the one that leads there is taken. A number field
takes numbers only, so text is sent as the number it says where Jira's own description of the field asks for one.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from datetime import datetime
from decimal import Decimal, InvalidOperation

from connectors.jira.adf import document_of, is_adf, text_of
from hub.connector.answers import RefusedByTarget
from hub.connector.updates import at_path, same
from hub.model.clock import instant_text
from hub.model.record import Json

UPDATE, TRANSITION = "issue.update", "issue.transition"
STATUS = ("fields.status", "fields.status.name", "fields.status.statusCategory.key")
"""Ways to say which status is wanted; each is reached by a transition."""
UPDATABLE = (
    "fields.summary",
    "fields.description",
    "fields.environment",
    "fields.duedate",
    "fields.labels",
    "fields.priority",
    "fields.priority.name",
    "fields.assignee",
    "fields.assignee.accountId",
    "fields.customfield_*",
    *STATUS,
)
_RICH = ("description", "environment")


def to_set(fields: Mapping[str, Json], *, rich: bool) -> dict[str, Json]:
    """The paths that are fields, as the body of a PUT holds them. ``rich``: long text travels as ADF."""
    found: dict[str, Json] = {}
    for path, value in fields.items():
        if path in STATUS:
            continue
        name, _, inner = path.removeprefix("fields.").partition(".")
        found[name] = value if not inner or value is None else {**_object(found.get(name)), inner: value}
        if rich and name in _RICH and isinstance(value, str):
            found[name] = document_of(value) if value else None
    return found


def _object(value: Json) -> dict[str, Json]:
    return value if isinstance(value, dict) else {}


def numbers_in(fields: Mapping[str, Json]) -> tuple[str, ...]:
    """Custom fields whose value is text that says a number: Jira must be asked whether it takes text there."""
    return tuple(
        name for name, value in fields.items() if name.startswith("customfield_") and _number(value) is not None
    )


def with_numbers(fields: Mapping[str, Json], described: Mapping[str, Json]) -> dict[str, Json]:
    """The fields, text turned into the number it says where Jira describes the field as one."""
    return {
        name: _number(value) if at_path(described, f"{name}.schema.type") == "number" and _number(value) else value
        for name, value in fields.items()
    }


def _number(value: Json) -> Decimal | None:
    try:
        number = Decimal(value) if isinstance(value, str) else None
    except InvalidOperation:
        return None
    return number if number is not None and number.is_finite() else None


def wanted_status(fields: Mapping[str, Json]) -> dict[str, Json] | None:
    """Which status is wanted, as a part of Jira's status object; None where none is."""
    for path in STATUS:
        if path in fields:
            value = fields[path]
            if path == "fields.status.statusCategory.key":
                return {"statusCategory": {"key": value}}
            return dict(value) if isinstance(value, Mapping) else {"name": value}
    return None


def is_in(status: Json, wanted: Mapping[str, Json]) -> bool:
    return same(wanted, status)


def transition_to(offered: list[dict[str, Json]], wanted: Mapping[str, Json], now: Json) -> str:
    """The id of the transition that leads there. Raises ``RefusedByTarget`` with those there are."""
    fitting = [one for one in offered if is_in(one.get("to"), wanted)]
    if not fitting:
        names = ", ".join(str(at_path(one, "to.name")) for one in offered) or "nothing"
        said = wanted.get("name") or wanted.get("id") or at_path(wanted, "statusCategory.key")
        raise RefusedByTarget(f"from {at_path(now, 'name')} Jira offers no way to {said}; it offers: {names}")
    return str(fitting[0].get("id"))


def document(issue: Mapping[str, Json]) -> dict[str, Json]:
    """An issue as the document of its update: every path that can be set, with the value as read."""
    fields = issue.get("fields")
    fields = fields if isinstance(fields, dict) else {}
    return {
        "object": str(issue.get("id")),
        "fields": dict(_paths(fields)),
        "updated_at": _instant(fields.get("updated")),
    }


def _paths(fields: Mapping[str, Json]) -> Iterator[tuple[str, Json]]:
    for path in UPDATABLE:
        if not path.endswith("*"):
            value = at_path({"fields": fields}, path)
            yield path, text_of(value) if is_adf(value) else value
    for name, value in fields.items():
        if name.startswith("customfield_"):
            yield f"fields.{name}", text_of(value) if is_adf(value) else value
            for inner, part in value.items() if isinstance(value, dict) and not is_adf(value) else ():
                yield f"fields.{name}.{inner}", part


def moved(issue: Mapping[str, Json]) -> dict[str, Json]:
    """An issue as the document of a transition."""
    fields = issue.get("fields")
    fields = fields if isinstance(fields, dict) else {}
    return {
        "issue": str(issue.get("id")),
        "status": at_path(fields, "status.name"),
        "resolution": at_path(fields, "resolution.name"),
        "updated_at": _instant(fields.get("updated")),
    }


def _instant(text: Json) -> str | None:
    try:
        return instant_text(datetime.fromisoformat(text))
    except (TypeError, ValueError):
        return None
