"""Answers to the hub's own reads, once their records are concluded: whoever waited goes on. Pure."""

from __future__ import annotations

from hub.engine.aside import alone
from hub.engine.prepare import Work
from hub.loop import decide, twoway
from hub.loop.start import was_read
from hub.loop.world import World
from hub.model.record import Rejected


def answered(world: World, work: Work) -> None:
    """The hub's own read came back and is concluded: whoever waited for it goes on."""
    delivery = work.delivery
    for index, one in enumerate(work.records):
        stream = one.stream.removeprefix(f"{delivery.connection}.")
        object_id = f"{delivery.connection}/{stream}/{one.source}"
        world.because(delivery.ref, index, "@read", one.at, delivery.ref)
        if not delivery.cause:
            world.drop_reading(object_id, "")
            continue
        if twoway.is_reading(delivery.cause):
            world.drop_reading(object_id, delivery.cause)
            twoway.was_read(world, delivery.cause, f"{delivery.connection}/{one.source}")
            continue
        instance = world.instance(delivery.cause)
        loop = None if instance is None else decide.loop_of(world, instance)
        if loop is None:
            world.drop_reading(object_id, delivery.cause)
        else:
            was_read(world, loop, delivery.cause, object_id)


def unanswered(world: World, words: str, work: Work) -> None:
    """Going on after a read raised: a bug. The instance keeps waiting, and a person sees why."""
    rejected = Rejected("exception", f"{work.delivery.cause}: {words}")
    outcomes = world.changes.outcomes
    alone(world, work, len(work.records), "quarantined", rejected)
    outcomes.pop()  # its records have their outcomes; this row only tells a person
