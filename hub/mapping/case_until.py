"""What a loop case says about the end of steps: what they wait for (``until``), which arrival finishes them
(``met``), and what would be taken back, last first (``undo``)."""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable, Mapping
from typing import Any

from hub.mapping.compiled import CompiledStep, CompiledUntil
from hub.model.action import ActionSpec
from hub.model.record import Json

_HEAVY = frozenset({"money", "asset"})
Arrived = Mapping[str, Iterable[Mapping[str, Json]]]
"""Entity kind -> what is given under it, every field of its schema there."""


def waits(step: CompiledStep, scope: Mapping[str, Any], number: str, arrived: Arrived) -> dict[str, Json]:
    """``until``: entity.field -> the value waited for; ``met``: the key of the first arrival that will do."""
    until = step.until
    if until is None:
        return {}
    own = {"state": "done", "id": number, "number": number, "url": "", "read": None}
    seen = {**scope, "steps": {**scope.get("steps", {}), step.definition.name: own}}
    kind = until.definition.entity
    wanted = {f"{kind}.{field}": value(seen) for field, value in until.matches}
    found = (one["key"] for one in arrived.get(kind, ()) if _will_do(until, one, seen))
    return {"until": wanted, "met": next(found, None)}


def _will_do(until: CompiledUntil, one: Mapping[str, Json], scope: Mapping[str, Any]) -> bool:
    same = all(value(scope) is not None and one.get(field) == value(scope) for field, value in until.matches)
    return same and until.when({**scope, until.definition.entity: one})


def taken_back(
    steps: Iterable[CompiledStep], begun: Collection[str], action_of: Callable[[str, str], ActionSpec | None]
) -> list[str]:
    """The steps a cancel would undo once all that begun is done, last first; none past the point of no return.

    ``steps`` in the order in which they may run.
    """
    found: list[str] = []
    for step in steps:
        definition = step.definition
        action = action_of(definition.connection, definition.action)
        if definition.name not in begun:
            continue
        if definition.undo:
            found.insert(0, definition.name)
        elif action is None or action.weight in _HEAVY:
            return []
    return found
