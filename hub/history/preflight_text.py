"""A preflight for people, in Chinese or English: what would happen, what is missing, who is asked, the amounts."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

Texts = Mapping[str, str]

WORDS: Mapping[str, Texts] = {
    "done": {
        "zh": "现在结项，以下全部会完成（审批通过后）",
        "en": "Closed now, all of this would be done (once approved)",
    },
    "incomplete": {
        "zh": "现在结项会启动，但有步骤无法完成，见下",
        "en": "Closed now it would start, but steps could not finish: see below",
    },
    "blocked": {
        "zh": "现在结项会被拦住：缺少前提条件",
        "en": "Closed now it would be blocked: requirements are missing",
    },
    "waits": {
        "zh": "现在结项会等待：有相关记录在隔离区",
        "en": "Closed now it would wait: records it needs are in quarantine",
    },
    "asks_owner": {
        "zh": "不是第一次结项：会先询问闭环负责人",
        "en": "Not the first closing: the loop's owner would be asked first",
    },
    "history": {
        "zh": "结项时间早于闭环启用时间：只计数，不执行",
        "en": "Closed before this loop starts to act: counted, never acted on",
    },
    "cancelled": {"zh": "会启动后又取消", "en": "It would start and be cancelled"},
    "already": {"zh": "条件已经成立", "en": "It has closed already"},
    "not_now": {
        "zh": "无法推断怎样才算结项；请用 --set 字段=值 给出缺少的值，条件是：",
        "en": "What would close it cannot be told from the condition; say it with --set FIELD=VALUE: ",
    },
    "not_due": {
        "zh": "按时间启动：以现在的数据，它的条件不成立，不会为它启动：",
        "en": "A clock starts it; with the data as they are it would not start for this one: ",
    },
    "no_loops": {"zh": "没有针对这类对象的闭环", "en": "No loop is for this kind of thing"},
    "sets": {"zh": "假设", "en": "supposing"},
    "missing": {"zh": "缺少", "en": "missing"},
    "quarantine": {"zh": "隔离区中", "en": "in quarantine"},
    "link": {"zh": "缺少关联", "en": "link missing"},
    "owner": {"zh": "负责", "en": "owner"},
    "documents": {"zh": "单据", "en": "documents"},
    "approve": {"zh": "需审批", "en": "approval"},
    "nobody": {"zh": "无人有此角色", "en": "nobody holds this role"},
    "skipped": {"zh": "跳过", "en": "skipped"},
    "unfinished": {"zh": "不会完成", "en": "would not finish"},
    "total": {"zh": "合计", "en": "total"},
    "mended": {"zh": "补齐之后会产生", "en": "once that is mended"},
    "reads": {"zh": "动钱之前会重新读取", "en": "read again before money moves"},
    "nothing": {"zh": "没有写入任何内容", "en": "nothing was written"},
}


def word(name: str, language: str) -> str:
    said = WORDS[name]
    return said.get(language) or said["en"]


def lines(answer: Mapping[str, Any], language: str) -> Iterator[str]:
    """The whole answer."""
    yield f"{answer['kind']} {answer['label'] or answer['key']} ({answer['key']})"
    if not answer["loops"]:
        yield word("no_loops", language)
    for one in answer["loops"]:
        yield ""
        yield from _closing(one, language)
    yield ""
    yield f"({word('nothing', language)})"


def _closing(one: Mapping[str, Any], language: str) -> Iterator[str]:
    title = one["title"].get(language) or one["loop"]
    end = one["when"] if one["would"] == "not_now" else f" {one['id']}" if one["would"] == "already" else ""
    would = "not_due" if one["would"] == "not_now" and one["starts_by"] == "clock" else one["would"]
    yield f"{title} [{one['integration']}/{one['loop']}]: {word(would, language)}{end}"
    if one["sets"]:
        said = ", ".join(f"{name} = {_value(value)}" for name, value in sorted(one["sets"].items()))
        yield f"  {word('sets', language)}: {said}"
    yield from _obstacles(one, language)
    yield from _documents(one, language)
    if one["reads_again"]:
        yield f"  {word('reads', language)}: {', '.join(one['reads_again'])}"


def _obstacles(one: Mapping[str, Any], language: str) -> Iterator[str]:
    owner = word("owner", language)
    for row in one["missing"]:
        at = "/".join(part for part in (row["step"], row["item"]) if part)
        yield f"  ! {word('missing', language)}: {row['message']}{f' ({at})' if at else ''} — {owner} {row['owner']}"
    for row in one["quarantine"]:
        yield f"  ! {word('quarantine', language)}: {row['message']} [{row['id']}] — {owner} {row['owner']}"
    for row in one["links"]:
        yield (
            f"  ! {word('link', language)}: {row['kind']} {row['key']} → {row['connection']}"
            f" ({row['step']}) — {owner} {row['owner']}"
        )


def _documents(one: Mapping[str, Any], language: str) -> Iterator[str]:
    asks = {(row["step"], row["item"]): row for row in one["approvals"]}
    if one["documents"]:
        later = one["would"] in ("blocked", "waits", "asks_owner")
        yield f"  {word('mended', language) if later else word('documents', language)}:"
    for row in one["documents"]:
        yield f"    {_document(row, language)}"
        ask = asks.get((row["step"], row["item"]))
        if ask is not None:
            who = ", ".join(ask["who"]) or word("nobody", language)
            yield f"      {word('approve', language)}: {ask['role']} ({who})"
    for step in one["steps"]:
        if step["state"] == "skipped":
            yield f"    {step['step']}: {word('skipped', language)}"
        elif step["state"] not in ("done",) and not step["documents"] and one["would"] != "already":
            yield f"    {step['step']}: {word('unfinished', language)}"
    if one["amounts"]:
        said = ", ".join(f"{amount} {currency}" for currency, amount in one["amounts"].items())
        yield f"    {word('total', language)}: {said}"


def _document(row: Mapping[str, Any], language: str) -> str:
    title = row["title"].get(language) or row["title"].get("en") or row["action"]
    item = f" {row['label'] or row['item']}" if row["item"] else ""
    amount = f"  {row['amount']['amount']} {row['amount']['currency']}" if row["amount"] else ""
    return f"{row['step']}{item}: {title} ({row['action']}){amount}"


def _value(value: object) -> str:
    return "null" if value is None else str(value)
