"""An impact run as a document (JSON), as a page (HTML) and as lines for people. Pure.

The sums are written beside what they sum: groups of values, documents and amounts add up to the totals.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
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


# --- for people


def lines(said: Mapping[str, Any]) -> Iterator[str]:
    """The same in words, the totals first."""
    history, entities, documents = said["history"], said["entities"], said["documents"]
    yield (
        f"{said['integration']}: {said['before']['table'][:12]} → {said['after']['table'][:12]},"
        f" over {history['deliveries']:,} deliveries with {history['records']:,} records"
    )
    yield f"records mapped differently: {said['records']['differ']:,}"
    yield f"entities that end differently: {_words(entities)}; values: {said['values']['differ']:,}"
    yield f"loops: {said['loops']['differ']:,}; steps: {said['steps']['differ']:,}; documents: {_words(documents)}"
    yield from (f"amounts: {_money(one)}" for one in said["amounts"])
    yield from (f"outcomes: {one['records']:,} × {one['before']} → {one['after']}" for one in said["outcomes"])
    for title, name in (("records by row", "records"), ("values by row", "values")):
        yield from _section(title, ((_row(one), one["examples"]) for one in said[name]["groups"]))
    for title, name in (("loops", "loops"), ("steps", "steps"), ("documents", "documents")):
        yield from _section(title, ((_step(one), one["examples"]) for one in said[name]["groups"]))


def _words(total: Mapping[str, int]) -> str:
    parts = ", ".join(f"{total[name]:,} {name}" for name in CHANGES if total[name])
    return f"{total['differ']:,}" + (f" ({parts})" if parts else "")


def _money(one: Mapping[str, str]) -> str:
    return f"{one['before']} → {one['after']} {one['currency']} (difference {one['difference']})"


def _row(one: Mapping[str, Any]) -> str:
    change = "" if one.get("change", "value") == "value" else f"  {one['change']}"
    return f"{one['count']:>7,}  {one['row']}  owner {one['owner'] or '-'}{change}"


def _step(one: Mapping[str, Any]) -> str:
    worth = "".join(f"  {_money(amount)}" for amount in one.get("amounts", ()))
    step = f"{one['loop']}/{one['step']}" if one["step"] else one["loop"]
    return f"{one['count']:>7,}  {step}  owner {one['owner'] or '-'}  {one['change']}{worth}"


def _section(title: str, groups: Iterable[tuple[str, list[dict[str, Any]]]]) -> Iterator[str]:
    for number, (line, examples) in enumerate(groups):
        if number == 0:
            yield f"\n{title}"
        yield line
        for one in examples[:1]:
            name = one.get("label") or one.get("subject") or one.get("key") or one.get("object")
            yield f"         {name}: {one['before']} → {one['after']}"


PAGE = """<!doctype html>
<html lang="en"><head><meta charset="utf-8"><title>Impact of {{ said.integration }}</title>
<style>
body {font: 15px/1.5 system-ui, "Noto Sans CJK SC", sans-serif; margin: 2rem auto; max-width: 70rem; color: #1d2733}
table {border-collapse: collapse; width: 100%; margin: .5rem 0 1.5rem}
th, td {border-bottom: 1px solid #d6dde4; padding: .35rem .6rem; text-align: left; vertical-align: top}
td.n {text-align: right; font-variant-numeric: tabular-nums} code {font-size: .85em} .q {color: #5b6875}
</style></head><body>
<h1>{{ said.integration }}: what would differ</h1>
<p>Version <code>{{ said.before.table[:12] }}</code> → <code>{{ said.after.table[:12] }}</code>, over
{{ said.history.deliveries }} recorded deliveries with {{ said.history.records }} records.</p>
<table><tr><th>what<th>differ<th>changed<th>added<th>removed
<tr><td>records mapped differently<td class="n">{{ said.records.differ }}<td><td><td>
{% for name in ("entities", "documents") %}
<tr><td>{{ name }}<td class="n">{{ said[name].differ }}<td class="n">{{ said[name].changed }}
<td class="n">{{ said[name].added }}<td class="n">{{ said[name].removed }}{% endfor %}
{% for name in ("values", "loops", "steps") %}
<tr><td>{{ name }}<td class="n">{{ said[name].differ }}<td><td><td>{% endfor %}</table>
{% if said.amounts %}<table><tr><th>currency<th>before<th>after<th>difference
{% for one in said.amounts %}<tr><td>{{ one.currency }}<td class="n">{{ one.before }}<td class="n">{{ one.after }}
<td class="n">{{ one.difference }}{% endfor %}</table>{% endif %}
{% for name in ("records", "values", "loops", "steps", "documents") if said[name].groups %}
<h2>{{ name }}</h2><table><tr><th>number<th>where<th>owner<th>how<th>an example
{% for one in said[name].groups %}<tr><td class="n">{{ one.count }}
<td>{{ one.row or (one.loop ~ ("/" ~ one.step if one.step else "")) }}<td>{{ one.owner }}
<td>{{ one.change or "value" }}{% for amount in one.amounts or () %}<br>{{ amount.before }} → {{ amount.after }}
{{ amount.currency }}{% endfor %}<td>{% for each in one.examples[:1] %}
<span class="q">{{ each.label or each.subject or each.key or each.object }}</span><br>
<code>{{ each.before }}</code> → <code>{{ each.after }}</code>{% endfor %}{% endfor %}</table>{% endfor %}
</body></html>
"""


def page(said: Mapping[str, Any]) -> str:
    """The same as one HTML page without anything from outside; every value is escaped."""
    from jinja2 import Environment

    return Environment(autoescape=True).from_string(PAGE).render(said=said)
