"""Limits of steps and loops: when ``within`` has passed, what is still open is overdue and its levels are told.

Due times are stored when the clock starts and never computed anew. Every timer has an id derived from what it is
for, and every notice a key: a timer that comes twice, or a clock that goes back, tells nobody twice.
"""

from __future__ import annotations

from collections.abc import Sequence

from hub.loop.notice import WHOLE, label_of, local, tell, title_of
from hub.loop.waits import OVER, step_of, with_step
from hub.loop.world import World
from hub.mapping.compiled import CompiledLoop
from hub.mapping.table import EscalateDef
from hub.model.changes import Timer
from hub.model.clock import Micros
from hub.model.fact import TimerDue
from hub.model.frozen import replace
from hub.model.instance import Instance, LoopState, Step, StepState

KIND = "within"
_ENDED = frozenset({LoopState.DONE, LoopState.CANCELLED, LoopState.HISTORY})
_STEP_OVER = OVER | {StepState.UNDONE}


def begin_step(world: World, loop: CompiledLoop, instance: Instance, step: Step) -> Step:
    """The step has started: its due time, and the timer that watches it."""
    compiled = next((one.definition for one in loop.steps if one.definition.name == step.name), None)
    if compiled is None or compiled.within is None or step.state is StepState.SKIPPED:
        return step
    due = loop.calendar.after(world.now, compiled.within)
    world.put_timer(Timer(timer_of(instance, step.name), KIND, instance.id, due, step.name))
    return replace(step, due=due)


def begin_loop(world: World, loop: CompiledLoop, instance: Instance) -> Instance:
    """The loop has started: its own due time."""
    if loop.definition.within is None:
        return instance
    due = loop.calendar.after(world.now, loop.definition.within)
    world.put_timer(Timer(timer_of(instance), KIND, instance.id, due))
    return replace(instance, due=due)


def timer_of(instance: Instance, step: str = "", level: int = 0) -> str:
    """``ID/STEP/within``, ``ID/STEP/within/1`` for the first level told after the due time."""
    name = f"{instance.id}/{step or WHOLE}/{KIND}"
    return f"{name}/{level}" if level else name


def tidy(world: World, before: Instance | None, after: Instance) -> None:
    """Nobody is told about what is over: its timer goes."""
    known = {step.name: step.state for step in before.steps} if before else {}
    for step in after.steps:
        if step.due is not None and step.state in _STEP_OVER and known.get(step.name) is not step.state:
            world.drop_timer(timer_of(after, step.name))
            world.drop_timer(timer_of(after, step.name, step.escalated + 1))
    if after.due is not None and after.state in _ENDED and (before is None or before.state not in _ENDED):
        world.drop_timer(timer_of(after))
        world.drop_timer(timer_of(after, "", after.escalated + 1))


def fell_due(world: World, loop: CompiledLoop, instance: Instance, fact: TimerDue) -> None:
    """A limit, or the next level after it, has passed. What is being taken back is nobody's delay."""
    if instance.phase == "undoing":
        return
    if fact.step:
        _step_due(world, loop, instance, fact)
    elif instance.due is not None and instance.state not in _ENDED:
        levels = loop.definition.escalate
        told, problems = _tell(world, loop, instance, "", levels, instance.due, instance.escalated)
        after = replace(instance, overdue_at=instance.overdue_at or world.now, escalated=told)
        world.put(instance, after, "loop.overdue", untold=problems)


def _step_due(world: World, loop: CompiledLoop, instance: Instance, fact: TimerDue) -> None:
    compiled = next((one.definition for one in loop.steps if one.definition.name == fact.step), None)
    step = step_of(instance, fact.step)
    if compiled is None or step is None or step.due is None or step.state in _STEP_OVER or instance.state in _ENDED:
        return
    told, problems = _tell(world, loop, instance, step.name, compiled.escalate, step.due, step.escalated)
    late = replace(step, overdue_at=step.overdue_at or world.now, escalated=told)
    world.put(instance, with_step(instance, late), "loop.overdue", step=step.name, untold=problems)


def _tell(
    world: World,
    loop: CompiledLoop,
    instance: Instance,
    step: str,
    levels: Sequence[EscalateDef],
    due: Micros,
    told: int,
) -> tuple[int, list[str]]:
    """Tell every level whose time has come, in order; the timer of the next one. Gives how many are told now."""
    problems = []
    while told < len(levels):
        when = loop.calendar.after(due, levels[told].after)
        if when > max(world.now, due):
            world.put_timer(Timer(timer_of(instance, step, told + 1), KIND, instance.id, when, step))
            break
        level = levels[told]
        told += 1
        text = _words(world, loop, instance, step, due)
        problem = tell(world, loop, instance, (f"{step or WHOLE}/overdue-{told}", ""), level.by, level.to, text)
        problems += [problem] if problem else []
    return told, problems


def _words(world: World, loop: CompiledLoop, instance: Instance, step: str, due: Micros) -> tuple[str, str]:
    """Subject and body of the notice."""
    what, subject, when = title_of(world, loop, step), label_of(world, instance), local(loop, due)
    if world.catalog.language == "zh":
        head = f"超时：{subject} 的{what}"
        return head, f"{head}\n应于 {when} 前完成，现在仍未完成。\n查看：hub loop show {instance.id}\n"
    head = f"Overdue: {what} of {subject}"
    return head, f"{head}\nIt should have been done by {when} and is still open.\nSee: hub loop show {instance.id}\n"


def overdue(instance: Instance) -> list[str]:
    """Names of the steps that are open past their due time; empty text stands for the loop itself."""
    if instance.state in _ENDED:
        return []
    steps = [step.name for step in instance.steps if step.overdue_at is not None and step.state not in _STEP_OVER]
    return [*([""] if instance.overdue_at is not None else []), *steps]
