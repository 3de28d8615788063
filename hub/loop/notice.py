"""Telling people: a mail as an effect of its own, with a key of its own. Nothing waits for it, nothing depends on it.

A notice that cannot be delivered never stops a loop. Where nobody can be told the reason is given back and kept in
the event; what is overdue shows in ``hub settle`` all the same.
"""

from __future__ import annotations

from collections.abc import Mapping

from hub.loop.world import World
from hub.mapping.compiled import CompiledLoop
from hub.model.clock import Micros, moment
from hub.model.effect import Effect, EffectState, effect_key
from hub.model.instance import Instance
from hub.model.record import Json

ACTION = "message.send"
WHOLE = "@loop"
"""``Effect.step`` of a notice about the loop itself begins so; no step can be named so."""


Text = tuple[str, str]
"""Subject and body."""


def tell(
    world: World, loop: CompiledLoop, instance: Instance, place: tuple[str, str], by: str, to: str, text: Text
) -> str:
    """Plan one mail unless its key is known; gives why nobody is told, empty when planned.

    ``place`` goes into the key: (``purchase/overdue-1``, item).
    """
    connection = world.catalog.connections.get(by)
    action = None if connection is None else connection.actions.get(ACTION)
    if action is None:
        return f"no connection {by} sends mail"
    addresses = world.catalog.people.addresses(to, loop.calendar.day_of(world.now).isoformat())
    if not addresses:
        return f"nobody called {to} has a mail address in people.yaml"
    subject, body = text
    payload = {"to": ", ".join(addresses), "subject": subject, "body": body}
    effect = _effect(world, loop, instance, place, by, action.target.value, payload)
    if world.effect(effect.key) is None:
        world.put_effect(None, effect)
    return ""


def _effect(
    world: World,
    loop: CompiledLoop,
    instance: Instance,
    place: tuple[str, str],
    by: str,
    target: str,
    payload: Mapping[str, Json],
) -> Effect:
    name = loop.definition.first_name
    key = effect_key(instance.integration, name, instance.subject, instance.occurrence, *place, "note")
    return Effect(
        key=key,
        reference=key,
        integration=instance.integration,
        loop=instance.id,
        step=place[0],
        item=place[1],
        subject=instance.subject,
        connection=by,
        action=ACTION,
        call="send",
        target=target,
        state=EffectState.PLANNED,
        payload=payload,
        expect={},
        logic=instance.logic,
        planned_at=world.now,
        due=world.now,
    )


def title_of(world: World, loop: CompiledLoop, step: str) -> str:
    """What people call the step, or the loop where it is empty, in the workspace's language."""
    found = next((one.definition for one in loop.steps if one.definition.name == step), None)
    titles = loop.definition.title if found is None else found.title
    return titles.get(world.catalog.language) or titles.get("en") or step or loop.definition.name


def label_of(world: World, instance: Instance) -> str:
    """What people call the subject."""
    subject = world.entity(instance.subject_kind, instance.subject)
    return instance.subject if subject is None else subject.label or subject.key


def local(loop: CompiledLoop, at: Micros) -> str:
    """The moment as people of the loop's zone write it."""
    return f"{moment(at).astimezone(loop.calendar.zone):%Y-%m-%d %H:%M} ({loop.calendar.zone.key})"
