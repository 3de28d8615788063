"""An impact report for people, in Chinese and English: lines for a terminal, one HTML page. Pure.

Who approves a version reads this: values are told as they are said elsewhere (``1000.00 CNY``), and of two
documents only what differs.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator, Mapping
from typing import Any

from hub.history.impact_report import CHANGES

Said = Mapping[str, Any]
_EXAMPLE_MAX = 400
"""Letters of one example: a longer one is in the JSON."""
_WORDS = {
    "over": (
        "over {deliveries:,} deliveries with {records:,} records",
        "共 {deliveries:,} 次接收, {records:,} 条记录",
    ),
    "records": ("records mapped differently", "映射结果不同的记录"),
    "entities": ("entities that end differently", "最终状态不同的实体"),
    "values": ("values", "字段值"),
    "loops": ("loops", "闭环"),
    "steps": ("steps", "步骤"),
    "documents": ("documents", "单据"),
    "amounts": ("amounts", "金额"),
    "outcomes": ("outcomes", "处理结果"),
    "difference": ("difference", "差额"),
    "changed": ("changed", "有变化"),
    "added": ("added", "新增"),
    "removed": ("removed", "消失"),
    "owner": ("owner", "责任人"),
    "by_records": ("records by row", "按行列出的记录"),
    "by_values": ("values by row", "按行列出的字段值"),
    "nothing": ("(nothing)", "(无)"),
    "title": ("what would differ", "会有哪些不同"),
    "version": ("Version", "版本"),
    "what": ("what", "内容"),
    "differ": ("differ", "不同"),
    "currency": ("currency", "币种"),
    "before": ("before", "之前"),
    "after": ("after", "之后"),
    "number": ("number", "数量"),
    "where": ("where", "位置"),
    "how": ("how", "变化"),
    "example": ("an example", "示例"),
    "value": ("value", "值"),
}


def word(name: str, language: str) -> str:
    """A word of the report; what is none (a state, a reason) stays as it is."""
    english, chinese = _WORDS.get(name, (name, name))
    return chinese if language == "zh" else english


def lines(said: Said, language: str = "en") -> Iterator[str]:
    """The whole report, the totals first."""
    over = word("over", language).format(**said["history"])
    yield f"{said['integration']}: {said['before']['table'][:12]} → {said['after']['table'][:12]}, {over}"
    yield from _totals(said, language)
    yield from (f"{word('amounts', language)}: {_money(one, language)}" for one in said["amounts"])
    for one in said["outcomes"]:
        yield f"{word('outcomes', language)}: {one['records']:,} × {one['before']} → {one['after']}"
    for name in ("records", "values"):
        groups = ((_row(one, language), one["examples"]) for one in said[name]["groups"])
        yield from _section(word(f"by_{name}", language), groups, language)
    for name in ("loops", "steps", "documents"):
        groups = ((_step(one, language), one["examples"]) for one in said[name]["groups"])
        yield from _section(word(name, language), groups, language)


def _totals(said: Said, language: str) -> Iterator[str]:
    yield f"{word('records', language)}: {said['records']['differ']:,}"
    parts = [f"{word('entities', language)}: {_counted(said['entities'], language)}"]
    yield "; ".join([*parts, f"{word('values', language)}: {said['values']['differ']:,}"])
    parts = [f"{word(name, language)}: {said[name]['differ']:,}" for name in ("loops", "steps")]
    yield "; ".join([*parts, f"{word('documents', language)}: {_counted(said['documents'], language)}"])


def _counted(total: Mapping[str, int], language: str) -> str:
    parts = ", ".join(f"{total[name]:,} {word(name, language)}" for name in CHANGES if total[name])
    return f"{total['differ']:,}" + (f" ({parts})" if parts else "")


def _money(one: Mapping[str, str], language: str) -> str:
    return f"{one['before']} → {one['after']} {one['currency']} ({word('difference', language)} {one['difference']})"


def _row(one: Said, language: str) -> str:
    change = "" if one.get("change", "value") == "value" else f"  {word(one['change'], language)}"
    return f"{one['count']:>7,}  {one['row']}  {word('owner', language)} {one['owner'] or '-'}{change}"


def _step(one: Said, language: str) -> str:
    worth = "".join(f"  {_money(amount, language)}" for amount in one.get("amounts", ()))
    owner = f"{word('owner', language)} {one['owner'] or '-'}"
    return f"{one['count']:>7,}  {place(one)}  {owner}  {word(one['change'], language)}{worth}"


def place(one: Said) -> str:
    """The row, or the loop and step, a group stands for."""
    return str(one.get("row") or (f"{one['loop']}/{one['step']}" if one["step"] else one["loop"]))


def _section(title: str, groups: Iterable[tuple[str, list[Said]]], language: str) -> Iterator[str]:
    for number, (line, examples) in enumerate(groups):
        if number == 0:
            yield f"\n{title}"
        yield line
        for one in examples[:1]:
            yield f"         {name_of(one)}: {told(one['before'], one['after'], language)}"


def name_of(example: Said) -> str:
    """What people call the object of an example."""
    return str(next(example[name] for name in ("label", "subject", "key", "object") if example.get(name)))


def told(before: Any, after: Any, language: str = "en") -> str:
    """``software → equipment``; of two objects only the parts that differ; what comes or goes, whole."""
    if not isinstance(before, Mapping) or not isinstance(after, Mapping) or _is_money(before) or _is_money(after):
        return _short(f"{words_of(before, language)} → {words_of(after, language)}")
    differ = [name for name in dict.fromkeys((*before, *after)) if before.get(name) != after.get(name)]
    return _short("; ".join(f"{name}: {told(before.get(name), after.get(name), language)}" for name in differ))


def words_of(value: Any, language: str = "en") -> str:
    """One value as people say it: ``1000.00 CNY``, ``name: Laser, lines: [quantity: 2]``."""
    if value is None:
        return word("nothing", language)
    if _is_money(value):
        return f"{value['amount']} {value['currency']}"
    if isinstance(value, Mapping):
        return ", ".join(f"{name}: {words_of(part, language)}" for name, part in value.items()) or "{}"
    if isinstance(value, list):
        return f"[{'; '.join(words_of(part, language) for part in value)}]"
    return value if isinstance(value, str) else json.dumps(value, ensure_ascii=False)


def _is_money(value: Any) -> bool:
    return isinstance(value, Mapping) and set(value) == {"amount", "currency"}


def _short(text: str) -> str:
    return text if len(text) <= _EXAMPLE_MAX else text[:_EXAMPLE_MAX] + " …"


PAGE = """<!doctype html>
<html lang="{{ language }}"><head><meta charset="utf-8"><title>{{ said.integration }}: {{ word("title") }}</title>
<style>
body {font: 15px/1.5 system-ui, "Noto Sans CJK SC", sans-serif; margin: 2rem auto; max-width: 70rem; color: #1d2733}
table {border-collapse: collapse; width: 100%; margin: .5rem 0 1.5rem}
th, td {border-bottom: 1px solid #d6dde4; padding: .35rem .6rem; text-align: left; vertical-align: top}
td.n {text-align: right; font-variant-numeric: tabular-nums} code {font-size: .85em} .q {color: #5b6875}
</style></head><body>
<h1>{{ said.integration }}: {{ word("title") }}</h1>
<p>{{ word("version") }} <code>{{ said.before.table[:12] }}</code> → <code>{{ said.after.table[:12] }}</code>,
{{ over }}</p>
<table><tr><th>{{ word("what") }}<th>{{ word("differ") }}<th>{{ word("changed") }}<th>{{ word("added") }}
<th>{{ word("removed") }}
<tr><td>{{ word("records") }}<td class="n">{{ said.records.differ }}<td><td><td>
{% for name in ("entities", "documents") %}
<tr><td>{{ word(name) }}<td class="n">{{ said[name].differ }}<td class="n">{{ said[name].changed }}
<td class="n">{{ said[name].added }}<td class="n">{{ said[name].removed }}{% endfor %}
{% for name in ("values", "loops", "steps") %}
<tr><td>{{ word(name) }}<td class="n">{{ said[name].differ }}<td><td><td>{% endfor %}</table>
{% if said.amounts %}<table><tr><th>{{ word("currency") }}<th>{{ word("before") }}<th>{{ word("after") }}
<th>{{ word("difference") }}
{% for one in said.amounts %}<tr><td>{{ one.currency }}<td class="n">{{ one.before }}<td class="n">{{ one.after }}
<td class="n">{{ one.difference }}{% endfor %}</table>{% endif %}
{% for name in ("records", "values", "loops", "steps", "documents") if said[name].groups %}
<h2>{{ word(name) }}</h2><table><tr><th>{{ word("number") }}<th>{{ word("where") }}<th>{{ word("owner") }}
<th>{{ word("how") }}<th>{{ word("example") }}
{% for one in said[name].groups %}<tr><td class="n">{{ one.count }}
<td>{{ place(one) }}<td>{{ one.owner }}
<td>{{ word(one.change or "value") }}{% for amount in one.amounts or () %}<br>{{ amount.before }} → {{ amount.after }}
{{ amount.currency }}{% endfor %}<td>{% for each in one.examples[:1] %}
<span class="q">{{ name_of(each) }}</span><br>
<code>{{ told(each.before, each.after) }}</code>{% endfor %}{% endfor %}</table>{% endfor %}
</body></html>
"""


def page(said: Said, language: str = "en") -> str:
    """The same as one HTML page without anything from outside; every value is escaped."""
    from jinja2 import Environment

    return (
        Environment(autoescape=True)
        .from_string(PAGE)
        .render(
            said=said,
            language=language,
            over=word("over", language).format(**said["history"]),
            word=lambda name: word(name, language),
            told=lambda before, after: told(before, after, language),
            place=place,
            name_of=name_of,
        )
    )
