"""One loop case: does it fire, what is missing, which steps start, ask or are skipped, with which payloads."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Any

import orjson

from hub.mapping.case_difference import At, Difference
from hub.mapping.case_file import Case, WantedStep
from hub.mapping.case_until import taken_back, waits
from hub.mapping.compiled import CompiledIntegration, CompiledLoop, CompiledStep, ExpressionError, LinkOf, Unlinked
from hub.model.action import ActionSpec
from hub.model.record import Json
from hub.model.values import canonical

ActionOf = Callable[[str, str], ActionSpec | None]
EmptyOf = Callable[[str], Mapping[str, Json]]
"""Entity kind -> its state with every field null."""
Scope = dict[str, Any]
Obligations = dict[str, dict[str, Json]]
"""Item key -> what the step would send: payload, expect, and whether a person is asked first."""


def loop_problems(
    case: Case, compiled: CompiledIntegration, now: str, action_of: ActionOf, empty_of: EmptyOf
) -> list[str]:
    """What differs from what the case wants."""
    loop = next((each for each in compiled.loops if each.definition.name == case.loop), None)
    if loop is None:
        return [f"there is no loop {case.loop}"]
    scope = _scope(case, loop, now, empty_of)
    problems = list(_starts(case, loop, scope))
    # A loop that does not fire, or waits for what is missing, has no steps to look at.
    looks = case.steps or case.undo is not None
    return [*problems, *_steps(case, loop, scope, action_of, empty_of)] if looks else problems


def _scope(case: Case, loop: CompiledLoop, now: str, empty_of: EmptyOf) -> Scope:
    """What expressions see: given entities with every field of their schema, lists empty unless given."""
    known = canonical(dict(case.known))
    kind = loop.definition.entity
    subject = _whole(known.get(kind, {}), empty_of(kind))
    related = [(each.definition.name, empty_of(each.definition.entity)) for each in loop.related]
    lists = {name: [_whole(one, empty) for one in known.get(name, [])] for name, empty in related}
    closing = {"at": now, "number": 1, **known.get("closing", {})}
    return {"was": known.get("was"), "now": now, kind: subject, **lists, "closing": closing}


def _whole(given: Mapping[str, Json], empty: Mapping[str, Json]) -> dict[str, Json]:
    return {**empty, "key": "", "label": None, **given}


def _starts(case: Case, loop: CompiledLoop, scope: Scope) -> Iterator[str]:
    fires = _true(loop.when, scope)
    if case.fires is not None and fires != case.fires:
        words = f"when is {str(fires).lower()}, the case says {str(case.fires).lower()}"
        yield Difference(words, ("fires",), fires)
    unmet = [dict(each.definition.otherwise) for each in loop.require if not _true(each.check, scope)]
    if case.fires is False or (case.missing is None and not unmet):
        return
    wanted = list(case.missing or ())
    if len(wanted) != len(unmet) or any(
        text not in texts.values() for text, texts in zip(wanted, unmet, strict=False)
    ):
        words = f"missing requirements are {_text(unmet)}, wanted {_text(wanted)}"
        yield Difference(words, ("missing",), [next(iter(texts.values()), "") for texts in unmet])


def _true(condition: Callable[[Scope], bool], scope: Scope) -> bool:
    """A condition without a value does not hold, as in a running loop."""
    try:
        return condition(scope)
    except ExpressionError:
        return False


def _steps(case: Case, loop: CompiledLoop, scope: Scope, action_of: ActionOf, empty_of: EmptyOf) -> Iterator[str]:
    done: dict[str, Obligations] = {}
    unknown = set(case.steps) - {step.definition.name for step in loop.steps}
    yield from (f"the loop has no step {name}" for name in sorted(unknown))
    for step in _in_order(loop.steps):
        name = step.definition.name
        seen = {**scope, **_earlier(step, loop, done, case, action_of)}
        try:
            done[name] = _obligations(step, seen, case, empty_of)
        except (ExpressionError, Unlinked) as error:
            done[name] = {}
            yield f"{name}: {error}"
            continue
        if name in case.steps:
            for each in _step(case.steps[name], done[name]):
                at = None if each.at is None else ("steps", name, *each.at)
                yield Difference(f"{name}: {each}", at, each.value)
    back = taken_back(_in_order(loop.steps), {name for name, parts in done.items() if parts}, action_of)
    if case.undo is not None and list(case.undo) != back:
        yield Difference(f"a cancel undoes {_text(back)}, wanted {_text(list(case.undo))}", ("undo",), back)


def _in_order(steps: Sequence[CompiledStep]) -> Iterator[CompiledStep]:
    """Steps after those they wait for."""
    ready: set[str] = set()
    left = list(steps)
    while left:
        chosen = next((step for step in left if ready.issuperset(step.definition.after)), left[0])
        left.remove(chosen)
        ready.add(chosen.definition.name)
        yield chosen


def _earlier(
    step: CompiledStep, loop: CompiledLoop, done: Mapping[str, Obligations], case: Case, action_of: ActionOf
) -> Scope:
    """``steps`` and ``documents``: numbers as the case gives them, else ``<step>-1``, ``<step>-2`` …"""
    given = case.known.get("documents", {})
    steps: dict[str, Any] = {}
    documents: list[dict[str, Json]] = []
    for name in step.definition.after:
        before = next(each for each in loop.steps if each.definition.name == name)
        numbers = _numbers(given.get(name), name, len(done.get(name, {})))
        views = [{"state": "done", "id": number, "number": number, "url": "", "read": None} for number in numbers]
        single = views[0] if views else None
        steps[name] = single if before.items is None or not views else views
        title = _title(before, action_of)
        documents += [{"step": name, "title": title, "number": n, "id": n, "url": ""} for n in numbers]
    return {"steps": steps, "documents": documents}


def _numbers(given: Json, name: str, count: int) -> list[str]:
    listed = [given] if isinstance(given, str) else list(given or ())
    return [listed[i] if i < len(listed) else f"{name}-{i + 1}" for i in range(count)]


def _title(step: CompiledStep, action_of: ActionOf) -> str:
    action = action_of(step.definition.connection, step.definition.action)
    return step.definition.name if action is None else action.title.get("en", action.name)


def _obligations(step: CompiledStep, scope: Scope, case: Case, empty_of: EmptyOf) -> Obligations:
    """What the step would do, and what it waits for then; empty when it is skipped."""
    if not step.applies(scope):
        return {}
    items: Sequence[tuple[str, Mapping[str, Json]]] = [("", {})] if step.items is None else list(step.items(scope))
    found = {key: _one(step, {**scope, **names}) for key, names in items}
    numbers = _numbers(case.known.get("documents", {}).get(step.definition.name), step.definition.name, len(items))
    given = canonical(dict(case.known.get("arrived", {})))
    arrived = {kind: [_whole(one, empty_of(kind)) for one in listed] for kind, listed in given.items()}
    for (key, names), number in zip(items, numbers, strict=True):
        found[key].update(waits(step, {**scope, **names}, number, arrived))
    return found


def _one(step: CompiledStep, scope: Scope) -> dict[str, Json]:
    payload = step.payload(scope, _link_of(step.definition.connection))
    return {"payload": payload, "expect": step.expect(scope), "asked": _asks(step, scope)}


def _link_of(connection: str) -> LinkOf:
    """An entity that came from the step's own connection is linked to the object its key names."""

    def find(kind: str, key: str) -> str | None:
        source, _, name = key.partition(":")
        return name if source == connection else None

    return find


def _asks(step: CompiledStep, scope: Scope) -> bool:
    policy = step.definition.approve
    if policy is None:
        return False
    amount = None if step.amount is None else step.amount(scope)
    return policy.over is None or amount is None or amount > policy.over


def _step(wanted: WantedStep, found: Obligations) -> Iterator[Difference]:
    asked = any(each["asked"] for each in found.values())
    state = "skipped" if not found else "asked" if asked else "started"
    if state != wanted.state:
        # Skipped sends nothing: the word replaces all the case says of the step.
        yield Difference(f"is {state}, wanted {wanted.state}", () if state == "skipped" else ("state",), state)
    if wanted.each is None or state == "skipped":
        return
    if set(wanted.each) != set(found):
        yield Difference(f"is done for {sorted(found)}, wanted {sorted(wanted.each)}", *_items(wanted.each, found))
    for key in sorted(set(wanted.each) & set(found)):
        for part, value in wanted.each[key].items():
            if canonical(value) != (is_now := found[key].get(part)):
                words = f"{key} {part} is {_text(is_now)}, wanted {_text(value)}".lstrip()
                yield Difference(words, ("each", key, part) if key else (part,), is_now)


def _items(wanted: Mapping[str, Mapping[str, Json]], found: Obligations) -> tuple[At | None, Json]:
    """All items of a step with what they would send; nothing where a case names none or there are none."""
    if "" in wanted or not found:
        return None, None
    return ("each",), {key: {"payload": one["payload"]} for key, one in found.items()}


def _text(value: Any) -> str:
    return orjson.dumps(canonical(value)).decode()
