"""What the conditions of a loop say of a subject: true, not true, or no value and why. Pure; decides nothing."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from hub.loop.steps import BROKEN
from hub.loop.world import World
from hub.mapping.compiled import CompiledLoop
from hub.model.entity import Entity, typed_view

Was = Mapping[str, Any] | None
"""The subject as expressions saw it before, None at first sight."""


def scope_of(world: World, subject: Entity, was: Was) -> dict[str, Any]:
    """What ``when`` and ``starts.of`` see of a subject."""
    return {subject.kind: typed_view(subject), "was": was, "now": world.now_text}


def holds(loop: CompiledLoop, world: World, entity: Entity | None, was: Was) -> bool:
    """``when`` as a plain truth: a deleted subject, or one whose ``when`` gives no value, has not closed."""
    return judged(loop, world, entity, was)[0]


def judged(loop: CompiledLoop, world: World, entity: Entity | None, was: Was) -> tuple[bool, str]:
    """``when``, and in words why it gave no value."""
    if entity is None or entity.deleted:
        return False, ""
    try:
        return loop.when(scope_of(world, entity, was)), ""
    except BROKEN as problem:
        return False, str(problem)
