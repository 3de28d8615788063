"""What an update's outcome means for its two-way fields: known there, failed, or crossed by a change. Pure."""

from __future__ import annotations

from hub.loop.twoway import FAILED, ask, settle, supersede
from hub.loop.world import World
from hub.model.changes import Reading
from hub.model.clock import Micros, micros
from hub.model.effect import Effect, EffectState
from hub.model.frozen import replace
from hub.model.record import Json
from hub.model.twoway import Side, Write, alike, confirmed, sent, unsent
from hub.model.values import instant_of

_S = EffectState
_NOT_THERE = frozenset({_S.PLANNED, _S.REJECTED})


def effect_moved(world: World, effect: Effect) -> None:
    """The executor moved an update."""
    kind = effect.step.partition("/")[2]
    source = f"{effect.connection}/{effect.item}"
    known = world.twoway(kind, effect.subject)
    side = before = known.side(source)
    if side.effect != effect.key:
        side = _tried_again(world, side, effect)
    if side.effect != effect.key:
        return
    crossed = _crossed(side) if effect.state is _S.MISMATCH else frozenset()
    after = _told(side, effect)
    if after != before:
        world.put_twoway(known.with_side(source, after))
    if effect.state is _S.CONFIRMED:
        world.measures[effect.integration, "sync_confirmed"] += 1
    if effect.state is _S.MISMATCH and not crossed:
        _look(world, kind, effect)
    entity = world.entity(kind, effect.subject)
    if entity is not None and (effect.state in FAILED or effect.state in (_S.CONFIRMED, _S.PLANNED)):
        settle(world, entity, (), crossed)


def _tried_again(world: World, side: Side, effect: Effect) -> Side:
    """Somebody has a failed update sent again; where a newer one is on its way, that one will do."""
    mine = {name: one.value for name, one in side.failed.items() if one.effect == effect.key}
    if effect.state is not _S.PLANNED or not mine:
        return side
    if side.effect:
        supersede(world, effect, "a newer update is on its way")
        return side
    kept = {name: one for name, one in side.failed.items() if name not in mine}
    was = {name: side.word(name).value for name in mine}
    return replace(side, effect=effect.key, sending=mine, was=was, failed=kept)


def _told(side: Side, effect: Effect) -> Side:
    """The object's words after the move."""
    words = dict(side.words)
    for name, value in side.sending.items():
        word = side.word(name)
        if effect.state is _S.SENDING:
            words[name] = sent(word, effect.key, value)
        elif effect.state is _S.CONFIRMED:
            words[name] = confirmed(word, effect.key, value, _version(effect.read_back))
        elif effect.state in _NOT_THERE:
            words[name] = unsent(word, effect.key)
    if effect.state is _S.CONFIRMED:
        return Side(words, failed=side.failed)
    if effect.state in FAILED:
        failed = {name: Write(effect.key, value) for name, value in side.sending.items()}
        return Side(words, failed={**side.failed, **failed})
    return replace(side, words=words)


def _version(document: Json) -> Micros | None:
    """The object's version time when it was read back, where the system tells one."""
    said = (document or {}).get("updated_at")
    when = instant_of(said) if isinstance(said, str) else None
    return None if when is None else micros(when)


def _crossed(side: Side) -> frozenset[str]:
    """Fields that somebody changed there while the update was on its way: no mismatch, but a conflict decided."""
    words = {name: side.word(name).value for name in side.sending}
    return frozenset(
        name for name, value in words.items() if not alike(value, side.was.get(name)) and value != side.sending[name]
    )


def _look(world: World, kind: str, effect: Effect) -> None:
    """It reads otherwise than written: the object itself says whether somebody changed it since."""
    ends = (field.ends.get(effect.connection) for field in world.catalog.twoways.get(kind, {}).values())
    stream = next((end.stream for end in ends if end is not None and end.fed), "")
    if stream:
        world.ask_reading(Reading(effect.connection, stream, effect.item, "", world.now, world.now))


def broken(world: World, effect: Effect, words: str) -> None:
    """A bug while going on after an update: a person sees it at the entity's fields."""
    kind = effect.step.partition("/")[2]
    entity = world.entity(kind, effect.subject)
    side = world.twoway(kind, effect.subject).side(f"{effect.connection}/{effect.item}")
    fields = world.catalog.twoways.get(kind, {})
    if entity is None:
        return
    for name in sorted(side.sending.keys() & fields.keys()):
        ask(world, entity, fields[name], f"the hub failed to go on: {words}")


__all__ = ["broken", "effect_moved"]
