"""What an instance waits for, and the loop state that follows from its steps."""

from __future__ import annotations

from collections.abc import Iterable

from hub.model.clock import Micros
from hub.model.frozen import replace
from hub.model.instance import Instance, LoopState, Obligation, Step, StepState, Waiting

OVER = frozenset({StepState.DONE, StepState.SKIPPED, StepState.WAIVED})
"""States after which what comes ``after`` a step may start."""
_MOVING = frozenset({StepState.RUNNING, StepState.WAITING})


SUBJECT, GONE = "subject", "gone"
"""Refs of questions about what was withdrawn while the closing runs: ``ID/subject``, ``ID/gone/KEY``."""


def is_held(instance: Instance) -> bool:
    """Whether nothing new is started: the owner is asked about what was withdrawn."""
    places = (f"{instance.id}/{SUBJECT}", f"{instance.id}/{GONE}/")
    return any(entry.kind == "person" and entry.ref.startswith(places) for entry in instance.waiting)


def place(instance: Instance, step: str, item: str = "") -> str:
    """How people name an obligation: ``ID/STEP`` or ``ID/STEP/ITEM``."""
    return f"{instance.id}/{step}/{item}" if item else f"{instance.id}/{step}"


def waiting(instance: Instance, ref: str, entry: Waiting | None) -> Instance:
    """The instance with exactly this entry (or none) under ``ref``; an equal entry keeps its ``since``."""
    old = next((one for one in instance.waiting if one.ref == ref), None)
    if old is not None and entry is not None and _same(old, entry):
        return instance
    kept = tuple(one for one in instance.waiting if one.ref != ref)
    return replace(instance, waiting=kept if entry is None else (*kept, entry))


def waiting_all(instance: Instance, kinds: frozenset[str], entries: Iterable[Waiting]) -> Instance:
    """The instance with the entries of those kinds replaced by these."""
    known = {(one.kind, one.ref): one for one in instance.waiting}
    fresh = tuple(
        old if (old := known.get((one.kind, one.ref))) is not None and _same(old, one) else one for one in entries
    )
    kept = tuple(one for one in instance.waiting if one.kind not in kinds)
    return replace(instance, waiting=(*kept, *fresh))


def _same(old: Waiting, new: Waiting) -> bool:
    return (old.kind, old.who, old.message) == (new.kind, new.who, new.message)


def step_of(instance: Instance, name: str) -> Step | None:
    return next((step for step in instance.steps if step.name == name), None)


def with_step(instance: Instance, step: Step) -> Instance:
    steps = tuple(step if one.name == step.name else one for one in instance.steps)
    return replace(instance, steps=steps)


def with_obligation(step: Step, obligation: Obligation) -> Step:
    parts = tuple(obligation if one.item == obligation.item else one for one in step.obligations)
    return replace(step, obligations=parts)


def graded(step: Step, now: Micros) -> Step:
    """The step with the state its obligations give: what is worst for the loop wins."""
    states = {one.state for one in step.obligations}
    for state in (StepState.FAILED, StepState.ASKING, StepState.WAITING, StepState.RUNNING):
        if state in states:
            return replace(step, state=state, done_at=None)
    state = StepState.WAIVED if states == {StepState.WAIVED} else StepState.DONE
    return replace(step, state=state, done_at=step.done_at or now)


def graded_back(step: Step) -> Step:
    """The step with the state its obligations give while they are taken back."""
    states = {one.state for one in step.obligations}
    for state in (StepState.FAILED, StepState.RUNNING, StepState.DONE, StepState.UNDONE, StepState.WAIVED):
        if state in states:
            return replace(step, state=state)
    return replace(step, state=StepState.SKIPPED)


def settled(instance: Instance, now: Micros) -> Instance:
    """The instance with the state its steps give, once its list is taken."""
    if instance.phase != "taken" or instance.state in (LoopState.HISTORY, LoopState.CANCELLED):
        return instance
    if not instance.late and all(step.state in OVER for step in instance.steps):
        return replace(instance, state=LoopState.DONE, finished_at=instance.finished_at or now)
    parts = (part.state for step in instance.steps for part in step.obligations)
    going = any(state in _MOVING for state in parts)
    return replace(instance, state=LoopState.RUNNING if going else LoopState.NEEDS_PERSON, finished_at=None)
