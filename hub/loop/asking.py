"""Asking people to approve: who must agree to what, reminders while they have not, what happens when nobody does.

An ask freezes the payload it shows. Each time an obligation asks anew the round counts on, and everything that
belongs to a round (timers, notices) carries its number: what a former round had running finds nobody to talk to.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from hub.loop.notice import label_of, tell, title_of
from hub.loop.waits import graded, place, step_of, waiting, with_obligation, with_step
from hub.loop.world import World
from hub.mapping.compiled import CompiledLoop, CompiledStep
from hub.mapping.table import ApproveDef
from hub.model.changes import Approval, Timer
from hub.model.clock import Micros
from hub.model.fact import TimerDue
from hub.model.frozen import replace
from hub.model.instance import Instance, Obligation, StepState, Waiting
from hub.model.values import Money

KINDS = frozenset({"remind", "expire"})
REMINDERS_MAX = 10
Levels = list[tuple[int, ApproveDef, Money | None]]
"""(number, policy, the amount in question) of every level that must agree."""


def levels(compiled: CompiledStep, scope: Mapping[str, Any]) -> Levels:
    """The levels whose own ``over`` is exceeded; no ``over`` means always. Raises ``ExpressionError``."""
    policy = compiled.definition.approve
    if policy is None:
        return []
    found: Levels = []
    for number, (one, amount_of) in enumerate([(policy, compiled.amount), *compiled.levels]):
        amount = None if amount_of is None else amount_of(scope)
        if one.over is None or amount is None or amount > one.over:
            found.append((number, one, amount))
    return found


def ask(
    world: World,
    loop: CompiledLoop,
    instance: Instance,
    compiled: CompiledStep,
    part: Obligation,
    payload: Mapping[str, Any],
    expect: Mapping[str, Any],
    wanted: Levels,
) -> Obligation:
    """One ask per level, all with this payload, and the timers of this round."""
    name, step = place(instance, compiled.definition.name, part.item), compiled.definition.name
    rounds = [one.round for one in _asks(world, instance.id, name)]
    number = max(rounds, default=-1) + 1
    for at, (level, policy, amount) in enumerate(wanted):
        said = None if amount is None else amount.json()
        identity = name if at == 0 else f"{name}#{level}"
        about = (instance.id, step, part.item, policy.role, "asked", world.now, said, payload, expect)
        world.put_approval(Approval(identity, *about, level=level, round=number))
    _drop_others(world, instance, name, number)
    if compiled.definition.approve is not None:
        _start_timers(world, loop, instance, compiled.definition.approve, name, step, number)
    return replace(part, state=StepState.ASKING, reason="")


def _drop_others(world: World, instance: Instance, name: str, number: int) -> None:
    """Levels of a former round that this one does not need."""
    for one in _asks(world, instance.id, name):
        if one.round < number and one.state == "asked":
            world.put_approval(replace(one, state="dropped", decided_at=world.now, why="asked anew"))


def _start_timers(
    world: World, loop: CompiledLoop, instance: Instance, policy: ApproveDef, name: str, step: str, number: int
) -> None:
    if policy.remind is not None:
        due = loop.calendar.after(world.now, policy.remind)
        world.put_timer(Timer(f"{name}/remind/{number}/1", "remind", instance.id, due, step))
    if policy.expires is not None:
        due = loop.calendar.after(world.now, policy.expires)
        world.put_timer(Timer(f"{name}/expire/{number}/1", "expire", instance.id, due, step))


def _asks(world: World, loop: str, name: str) -> list[Approval]:
    """Every level of one obligation, whatever its state."""
    return [one for one in world.approvals(loop) if one.obligation == name]


def open_asks(world: World, loop: str, name: str) -> list[Approval]:
    return [one for one in _asks(world, loop, name) if one.state == "asked"]


def waits_for(world: World, instance: Instance, name: str) -> Waiting:
    """What an obligation that asks shows: the roles that have not agreed yet."""
    roles = dict.fromkeys(one.role for one in open_asks(world, instance.id, name))
    return Waiting("approval", name, world.now, ", ".join(roles))


def decided(world: World, instance: Instance, name: str) -> None:
    """Nobody is reminded any more."""
    for one in _asks(world, instance.id, name):
        world.drop_timer(f"{name}/expire/{one.round}/1")
        world.drop_timer(f"{name}/remind/{one.round}/{one.reminded + 1}")


# --- time passes


def out_of_time(world: World, loop: CompiledLoop, instance: Instance, fact: TimerDue) -> bool:
    """A reminder or an expiry; true when the obligation asks anew and the loop must go on."""
    name, kind, number, count = fact.timer.rsplit("/", 3)
    asked = [one for one in open_asks(world, instance.id, name) if str(one.round) == number]
    compiled = next((one for one in loop.steps if one.definition.name == fact.step), None)
    policy = None if compiled is None else compiled.definition.approve
    if not asked or compiled is None or policy is None:
        return False
    if kind == "remind":
        _remind(world, loop, instance, policy, asked, int(count), fact)
        return False
    return _expire(world, loop, instance, compiled, policy, asked)


def _remind(
    world: World,
    loop: CompiledLoop,
    instance: Instance,
    policy: ApproveDef,
    asked: list[Approval],
    count: int,
    fact: TimerDue,
) -> None:
    if asked[0].reminded >= count:
        return
    problems = []
    for one in asked:
        world.put_approval(replace(one, reminded=count))
        called = f"{one.step}/remind-{one.round}-{count}-{one.level}"
        text = _words(world, loop, instance, one, expired=False)
        problems.append(tell(world, loop, instance, (called, one.item), policy.by, one.role, text))
    if policy.remind is not None and count < REMINDERS_MAX:
        name, round_ = asked[0].obligation, asked[0].round
        due = loop.calendar.after(world.now, policy.remind)
        world.put_timer(Timer(f"{name}/remind/{round_}/{count + 1}", "remind", instance.id, due, fact.step))
    _record(world, instance, "loop.reminded", asked, problems)


def _expire(
    world: World,
    loop: CompiledLoop,
    instance: Instance,
    compiled: CompiledStep,
    policy: ApproveDef,
    asked: list[Approval],
) -> bool:
    name = asked[0].obligation
    if policy.on_expiry == "escalate":
        _record(world, instance, "loop.expired", asked, _tell_levels(world, loop, instance, compiled, policy, asked))
        return False
    decided(world, instance, name)
    step = step_of(instance, compiled.definition.name)
    part = None if step is None else next((one for one in step.obligations if one.item == asked[0].item), None)
    if step is None or part is None or part.state is not StepState.ASKING:
        return False
    for one in asked:
        world.put_approval(replace(one, state="dropped", decided_at=world.now, why="nobody decided in time"))
    if policy.on_expiry == "fail":
        reason = "rejected: nobody approved in time"
        new = replace(part, state=StepState.FAILED, reason=reason)
        entry = Waiting("rejected", name, world.now, loop.definition.owner, "nobody approved in time")
    else:
        new, entry = replace(part, state=StepState.WAITING, reason="expired"), None
    after = waiting(with_step(instance, graded(with_obligation(step, new), world.now)), name, entry)
    world.put(instance, after, "loop.expired", step=step.name, item=part.item)
    return True


def _tell_levels(
    world: World,
    loop: CompiledLoop,
    instance: Instance,
    compiled: CompiledStep,
    policy: ApproveDef,
    asked: list[Approval],
) -> list[str]:
    """Everybody of the step's ``escalate``, or the loop's owner where it names nobody."""
    chain = [(one.by, one.to) for one in compiled.definition.escalate] or [(policy.by, loop.definition.owner)]
    one = asked[0]
    text = _words(world, loop, instance, one, expired=True)
    called = [(f"{one.step}/expired-{one.round}-{number}", one.item) for number in range(len(chain))]
    return [tell(world, loop, instance, at, by, to, text) for at, (by, to) in zip(called, chain, strict=True)]


def _record(world: World, instance: Instance, kind: str, asked: list[Approval], problems: list[str]) -> None:
    """Reminders change no state of the loop; the event says that they were, and who could not be told."""
    one = asked[0]
    said = {"step": one.step, "item": one.item, "untold": [each for each in problems if each]}
    world.say(instance, kind, **said)


def _words(world: World, loop: CompiledLoop, instance: Instance, one: Approval, *, expired: bool) -> tuple[str, str]:
    what, subject, where = title_of(world, loop, one.step), label_of(world, instance), one.obligation
    command = f"hub loop approve {where} --as … --why …"
    since = _days(world.now - one.asked_at)
    if world.catalog.language == "zh":
        head = f"{'审批已到期' if expired else '请审批'}：{subject} 的{what}"
        return head, f"{head}\n需要角色 {one.role}，已等待 {since} 天。\n审批：{command}\n"
    head = f"{'Approval expired' if expired else 'Please approve'}: {what} of {subject}"
    return head, f"{head}\nIt needs the role {one.role} and has waited {since} days.\nTo approve: {command}\n"


def _days(span: Micros) -> int:
    return max(0, span) // (24 * 3600 * 1_000_000)
