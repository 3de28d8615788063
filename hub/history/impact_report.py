"""An impact run as a document (JSON); ``impact_text`` says it to people. Pure.

The sums are written beside what they sum: groups of values, documents and amounts add up to the totals.
"""

from __future__ import annotations

from collections.abc import Mapping
from decimal import Decimal
from typing import Any

from hub.history.counted import Group, StepGroup, Tally
from hub.history.impact import Impact
from hub.mapping.table import IntegrationDef
from hub.model.values import Money


def report(found: Impact, before: IntegrationDef, after: IntegrationDef) -> dict[str, Any]:
    """Everything, as plain JSON."""
    tally = found.tally
    return {
        "integration": after.name,
        "before": {"logic": before.logic, "table": before.table},
        "after": {"logic": after.logic, "table": after.table},
        "history": {
            "deliveries": tally.deliveries,
            "records": tally.records,
            "run_again": {"objects": found.objects, "deliveries": tally.rerun_deliveries},
        },
        "records": {"differ": tally.records_differ, "groups": _rows(tally.by_record)},
        "outcomes": [
            {"before": old, "after": new, "records": number} for (old, new), number in sorted(tally.outcomes.items())
        ],
        "entities": {**_total(tally.entities), "kinds": _kinds(tally)},
        "values": {"differ": tally.values, "groups": _rows(tally.by_field)},
        "loops": {"differ": tally.loops, "groups": _rows(tally.by_loop)},
        "steps": {"differ": tally.steps, "groups": _rows(tally.by_step)},
        "documents": {**_total(tally.documents), "groups": _documents(tally)},
        "amounts": amounts(tally),
        "cost": {"seconds": round(found.seconds, 3), "jobs": found.jobs},
    }


CHANGES = ("changed", "added", "removed")


def _total(counts: Mapping[str, int]) -> dict[str, int]:
    return {"differ": sum(counts.values()), **{name: counts.get(name, 0) for name in CHANGES}}


def _kinds(tally: Tally) -> list[dict[str, Any]]:
    kinds = sorted({kind for kind, _ in tally.by_kind})
    return [{"kind": kind, **_total({change: tally.by_kind[kind, change] for change in CHANGES})} for kind in kinds]


def _rows(groups: Mapping[Any, Group]) -> list[dict[str, Any]]:
    """Groups with the largest first; names of the key become names of the row."""
    ordered = sorted(groups.items(), key=lambda pair: (-pair[1].count, pair[0]))
    return [{**key._asdict(), "count": group.count, "examples": group.examples} for key, group in ordered]


def _documents(tally: Tally) -> list[dict[str, Any]]:
    worth: dict[StepGroup, list[dict[str, str]]] = {}
    for (group, currency), (before, after) in sorted(tally.amounts.items()):
        worth.setdefault(group, []).append(_amount(currency, before, after))
    return [{**row, "amounts": worth.get(_key(row), [])} for row in _rows(tally.by_document)]


def _key(row: Mapping[str, Any]) -> StepGroup:
    return StepGroup(row["loop"], row["step"], row["owner"], row["change"])


def _amount(currency: str, before: Decimal, after: Decimal) -> dict[str, str]:
    parts = {"before": before, "after": after, "difference": after - before}
    return {"currency": currency, **{name: Money(value, currency).json()["amount"] for name, value in parts.items()}}


def amounts(tally: Tally) -> list[dict[str, str]]:
    """What the documents that differ are worth, before and after, by currency."""
    sums: dict[str, list[Decimal]] = {}
    for (_, currency), (before, after) in tally.amounts.items():
        known = sums.setdefault(currency, [Decimal(0), Decimal(0)])
        known[0], known[1] = known[0] + before, known[1] + after
    return [_amount(currency, *sums[currency]) for currency in sorted(sums)]
