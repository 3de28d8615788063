"""What ``hub doctor`` asks of Kafka and the workers: brokers, topics, replicas, offsets, spools, who is there."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING

from hub.cli.doctor_line import Line

if TYPE_CHECKING:
    from hub.bootstrap import Workspace
    from hub.log.administration import Administration

SAFE_REPLICATION = 3


def kafka(opened: Workspace) -> Iterator[Line]:
    """Brokers, topics and replicas. Raises ``Away`` where no broker answers."""
    from hub.log.administration import administration

    settings = opened.settings.kafka
    with administration(opened.kafka.access) as brokers:
        count = len(brokers.numbers())
        yield Line("kafka", "ok", f"{count} brokers at {settings.bootstrap}")
        if settings.replication > count:
            said = f"{settings.replication} replicas are asked for and {count} brokers are there"
            yield Line("kafka replication", "fail", said, "start the other brokers, or write a smaller replication")
        elif settings.replication < SAFE_REPLICATION:
            said = f"{settings.replication} replica of what was accepted: with the broker's disk it would be lost"
            yield Line("kafka replication", "warn", said, "three brokers, and replication: 3 in hub.yaml")
        else:
            yield Line("kafka replication", "ok", f"{settings.replication} replicas")
        yield from _topics(opened, brokers)


def _topics(opened: Workspace, brokers: Administration) -> Iterator[Line]:
    from hub.cli.topics import FIX

    wanted = opened.kafka.wanted()
    changes = brokers.plan(wanted)
    for one in changes:
        missing = one.what == "create"
        said = "missing" if missing else f"{one.name or one.what} is {one.now or 'unset'}, wanted {one.wanted}"
        yield Line(f"topic {one.topic}", "fail" if missing else "warn", said, FIX[one.by])
    if not changes:
        yield Line("topics", "ok", f"{len(wanted)} topics as hub.yaml says")
    for name, layout in sorted(brokers.layouts([one.name for one in wanted]).items()):
        if layout.short:
            said = f"{len(layout.short)} partitions have replicas that are behind or away"
            yield Line(f"replicas of {name}", "warn", said, "start the broker that is away; it catches up by itself")


def offsets(opened: Workspace) -> Iterator[Line]:
    """The checkpoint rows against what the brokers hold, and what waits on this machine."""
    from hub.log.administration import administration
    from hub.store.condition import condition_of_server
    from hub.store.queries.status import checkpoints

    for name, waiting in sorted(opened.kafka.spools().items()):
        if waiting:
            said = f"{waiting} deliveries wait on this machine for the brokers"
            yield Line(f"spool of {name}", "warn", said, "bring the brokers back; an intake here sends them in order")
    if not condition_of_server(opened.settings.store, opened.store_password).current:
        return  # the schema has its own line
    with opened.store.read() as db:
        rows = checkpoints(db)
    topics = [opened.kafka.topics.delivery(name) for name in opened.kafka.sources]
    with administration(opened.kafka.access) as brokers:
        spans = brokers.spans(topics)
    behind = 0
    for (topic, partition), span in sorted(spans.items()):
        at = rows.get((topic, partition))
        behind += max(0, span.end - max(span.first, at or 0))
        if at is not None and not span.first <= at <= span.end:
            yield _impossible(f"{topic}/{partition}", at, span.first, span.end)
    yield Line("offsets", "ok", f"{len(spans)} partitions, {behind} deliveries to conclude")


def _impossible(where: str, at: int, first: int, end: int) -> Line:
    if at > end:
        said = f"the checkpoint {at} lies behind the end {end}: another cluster, or the topic was made anew"
        return Line(f"offsets of {where}", "fail", said, "correct kafka.bootstrap or kafka.prefix in hub.yaml")
    said = f"records {at} to {first - 1} were deleted before they were read"
    fix = "send them again from their source (polling finds them); then raise kafka.retention"
    return Line(f"offsets of {where}", "fail", said, fix)


def workers(opened: Workspace) -> Iterator[Line]:
    """Who is there, by the leases; and which connection nobody serves the effects of."""
    from hub.engine.leading import PRESENT
    from hub.store.condition import condition_of_server
    from hub.store.leases import live

    if not condition_of_server(opened.settings.store, opened.store_password).current:
        return
    leases = live(opened.store)
    there = sorted({one.holder for one in leases if one.name.startswith(PRESENT)})
    if not there:
        yield Line("workers", "warn", "no worker is there: what is accepted waits", "run: hub worker")
        return
    yield Line("workers", "ok", f"{len(there)}: {', '.join(there)}")
