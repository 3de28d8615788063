"""People's decisions: approve, waive, retry, done by hand, cancel. Who may is checked by each; why is mandatory.

Each answers with the problem in words (nothing was changed then), or empty when it is done. Each writes an audit
row and an event that names who and why.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping

from hub.loop.approving import approve
from hub.loop.by_hand import by_hand
from hub.loop.fixing import fix
from hub.loop.policy import refusal
from hub.loop.retrying import retry
from hub.loop.undo_choices import BACK
from hub.loop.waits import is_held
from hub.loop.waiving import end, waive
from hub.loop.world import World
from hub.mapping.compiled import CompiledLoop
from hub.model.fact import PersonDecided
from hub.model.instance import Instance, LoopState
from hub.model.people import Person

_ENDED = (LoopState.CANCELLED, LoopState.HISTORY)
_Choice = Callable[[World, CompiledLoop, Instance, PersonDecided, Person], str]
_CHOICES: Mapping[str, _Choice] = {
    "approve": approve,
    "waive": waive,
    "retry": retry,
    "fix": fix,
    "done": by_hand,
    "cancel": end,
}

_BACK: Mapping[str, _Choice] = {**_CHOICES, **BACK}
"""While a closing is taken back, an undo that was refused is what people decide about."""


def decided(world: World, loop: CompiledLoop, instance: Instance, fact: PersonDecided) -> str:
    """Carry out one decision; gives the problem, empty when it is done."""
    person = world.catalog.people.find(fact.who)
    if person is None:
        return f"nobody in people.yaml is called {fact.who}"
    if not fact.why.strip():
        return "say why: --why TEXT"
    if instance.state in _ENDED:
        return f"{instance.id} is {instance.state.value} already"
    if fact.choice != "approve" and (problem := refusal(world, loop, fact, person)):
        return problem
    if fact.choice in ("retry", "fix") and is_held(instance):
        return f"{instance.id} holds until its owner has decided: hub loop approve {instance.id}, or cancel"
    choices = _BACK if instance.phase == "undoing" else _CHOICES
    problem = choices[fact.choice](world, loop, instance, fact, person)
    if not problem:
        what = "/".join(part for part in (instance.id, fact.step, fact.item) if part)
        world.audit(person.code, f"loop {fact.choice}", what, fact.why, "done")
    return problem
