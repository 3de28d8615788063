"""Predictions beside what happened: precision, recall, and for each miss what came between."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

import orjson

from hub.history.backtest import Closing, Place
from hub.history.preflight import Document
from hub.model.clock import iso
from hub.model.event import Event
from hub.model.instance import LoopState, StepState

WORDS: Mapping[str, Mapping[str, str]] = {
    "first_sight": {"zh": "首次见到时已经结项，此前没有任何数据", "en": "it was closed when it was first seen"},
    "unknown_version": {"zh": "当时的映射版本已不在工作区", "en": "its mapping version is not in this workspace"},
    "not_now": {"zh": "从条件推断不出怎样才算结项", "en": "what closes it cannot be told from the condition"},
    "blocked": {"zh": "当时缺少前提条件", "en": "a requirement was missing then"},
    "waits": {"zh": "当时有记录在隔离区", "en": "records it needed were in quarantine then"},
    "asks_owner": {"zh": "再次结项须先询问负责人", "en": "a re-close asks its owner first"},
    "history": {"zh": "早于闭环启用时间", "en": "it was closed before the loop acts"},
}


def report(closings: Sequence[Closing]) -> dict[str, Any]:
    """Everything as plain JSON. A step's document counts as right when action, payload and amount are equal."""
    predicted = sum(len(one.predicted) for one in closings)
    happened = sum(len(one.real) for one in closings)
    misses = [miss for one in closings for miss in _misses(one)]
    right = sum(one.real.get(place) is not None and _same(one, place) for one in closings for place in one.predicted)
    return {
        "closings": len(closings),
        "predicted": predicted,
        "happened": happened,
        "right": right,
        "precision": _share(right, predicted),
        "recall": _share(right, happened),
        "misses": misses,
        "unexplained": sum(not miss["because"] for miss in misses),
    }


def _share(part: int, of: int) -> str:
    """Exact to four places, and 1.0 only when it is 1."""
    if part == of:
        return "1.0"
    return f"0.{part * 10_000 // of:04d}"


def _same(one: Closing, place: Place) -> bool:
    mine, real = one.predicted[place], one.real[place]
    return not _differing(mine, real)


def _differing(mine: Document, real: Document) -> list[str]:
    """The payload fields that differ; ``@action`` and ``@amount`` for the rest."""
    names = sorted({*mine.payload, *real.payload})
    found = [name for name in names if mine.payload.get(name) != real.payload.get(name)]
    if (mine.connection, mine.action) != (real.connection, real.action):
        found.append("@action")
    if mine.amount != real.amount:
        found.append("@amount")
    return found


def _misses(one: Closing) -> Iterator[dict[str, Any]]:
    for place in sorted({*one.predicted, *one.real}):
        mine, real = one.predicted.get(place), one.real.get(place)
        if mine is not None and real is not None:
            fields = _differing(mine, real)
            if not fields:
                continue
            kind = "differs"
        else:
            kind, fields = ("not_made" if real is None else "not_foreseen"), []
        yield {
            "loop": one.started.loop,
            "subject": one.started.subject,
            "step": place[0],
            "item": place[1] or None,
            "kind": kind,
            "fields": fields,
            "predicted": None if mine is None else dict(mine.payload),
            "real": None if real is None else dict(real.payload),
            "because": list(_reasons(one, place, kind)),
        }


def _reasons(one: Closing, place: Place, kind: str) -> Iterator[dict[str, Any]]:
    """What came between: records first, then people, then what it still waits for."""
    if one.word in WORDS:
        yield {"what": one.word, "words": dict(WORDS[one.word])}
    for event, _ in one.since:
        said = _news(one, event)
        if said:
            yield {
                "what": "record",
                "entity": event.stream,
                "event": event.id,
                "delivery": event.delivery or None,
                "at": iso(event.recorded),
                "fields": said,
            }
    yield from _people(one, place)
    if kind == "not_made":
        yield from _standing(one, place)


def _news(one: Closing, event: Event) -> list[str]:
    """The fields an event set that the prediction had not supposed."""
    said: Mapping[str, Any] = orjson.loads(event.data)
    own = event.stream == f"{one.started.kind}/{one.started.subject}"
    supposed = one.sets if own else {}
    named = said.get("set", {})
    found = [name for name, value in named.items() if name not in supposed or supposed[name] != value]
    return sorted([*found, *(["deleted"] if said.get("deleted") else [])])


def _people(one: Closing, place: Place) -> Iterator[dict[str, Any]]:
    """Decisions about this step or one before it, other than approving it: that was predicted."""
    for event in one.decisions:
        about = orjson.loads(event.data).get("about", {})
        if about.get("who") and _concerns(one, place, about) and event.type != "loop.approved":
            said = {"what": event.type.removeprefix("loop."), "step": about.get("step") or None}
            yield {**said, "who": about["who"], "why": about.get("why", ""), "at": iso(event.recorded)}


def _concerns(one: Closing, place: Place, about: Mapping[str, Any]) -> bool:
    step = about.get("step", "")
    if step in one.earlier.get(place[0], ()):
        return True
    return step in ("", place[0]) and about.get("item", "") in ("", place[1])


def _standing(one: Closing, place: Place) -> Iterator[dict[str, Any]]:
    """Where the document was predicted and is not: cancelled, waived, refused, still waiting."""
    if one.ended.state is LoopState.CANCELLED:
        yield {"what": "cancelled", "why": one.ended.reason}
    for step in one.ended.steps:
        for part in step.obligations:
            if (step.name, part.item) == place and part.state is not StepState.DONE:
                yield {"what": part.state.value, "why": part.reason}
    for entry in one.ended.waiting:
        yield {"what": f"waits for {entry.kind}", "who": entry.who, "why": entry.message, "at": iso(entry.since)}


def lines(said: Mapping[str, Any], language: str) -> Iterator[str]:
    """For people."""
    zh = language == "zh"
    heads = (
        ("结项", "预测单据", "实际单据", "一致", "精确率", "召回率")
        if zh
        else (*("closings", "documents predicted", "documents made", "alike", "precision", "recall"),)
    )
    keys = ("closings", "predicted", "happened", "right", "precision", "recall")
    yield "  ".join(f"{head} {said[key]}" for head, key in zip(heads, keys, strict=True))
    for miss in said["misses"]:
        item = f" {miss['item']}" if miss["item"] else ""
        fields = f" ({', '.join(miss['fields'])})" if miss["fields"] else ""
        yield f"{miss['loop']} {miss['subject']} {miss['step']}{item}: {_kind(miss['kind'], zh)}{fields}"
        for reason in miss["because"] or [{"what": "原因不明" if zh else "unexplained"}]:
            yield f"    {_reason(reason, language)}"


def _kind(kind: str, zh: bool) -> str:
    words = {"differs": "内容不同", "not_made": "预测有，实际无", "not_foreseen": "实际有，预测无"}
    return words[kind] if zh else kind.replace("_", " ")


def _reason(reason: Mapping[str, Any], language: str) -> str:
    if "words" in reason:
        return str(reason["words"].get(language) or reason["words"]["en"])
    if reason["what"] == "record":
        return f"{reason['at']}  {reason['entity']}: {', '.join(reason['fields'])}  {(reason['delivery'] or '')[:12]}"
    parts = [reason.get("at"), reason["what"], reason.get("step"), reason.get("who"), reason.get("why")]
    return "  ".join(part for part in parts if part)
