"""What is set aside: refused, held behind a bug, a bug itself; with its outcome, its row and what closes it. Pure."""

from __future__ import annotations

from collections.abc import Sequence
from hashlib import sha256

from hub.engine.prepare import Item, Work, said_refs
from hub.loop import decide
from hub.loop.names import resolve
from hub.loop.world import World
from hub.model.changes import Outcome, Quarantine, Reading
from hub.model.entity import Entity
from hub.model.frozen import replace
from hub.model.record import Mapped, Refused, Rejected

LANE = frozenset({"exception", "behind"})
"""Reasons that stop an object's lane (I11): what comes later for it is held behind."""


def alone(world: World, work: Work, index: int, verdict: str, rejected: Rejected) -> None:
    """A delivery or record no table sees: its outcome, and where it was refused its quarantine row."""
    delivery = work.delivery
    world.changes.outcomes.append(Outcome(delivery.position, index, "", verdict, rejected.reason))
    if verdict != "quarantined":
        return
    world.put_quarantine(
        Quarantine(
            id=quarantine_id(delivery.ref, index, ""),
            connection=delivery.connection,
            delivery=delivery.ref,
            position=delivery.position,
            record=index,
            table="",
            kind="",
            key="",
            at=delivery.received_at,
            reason=rejected.reason,
            row=rejected.row,
            owner=rejected.owner,
            message=rejected.message,
            since=world.now,
        )
    )


def quarantine_id(ref: str, index: int, table: str) -> str:
    """A stable id people can type: ``q-<12 hex>``."""
    return "q-" + sha256(f"{ref}|{index}|{table}".encode()).hexdigest()[:12]


def refused(world: World, item: Item, key: str, seen: Refused, before: Entity | None) -> None:
    """A record a row rejected: set aside with its key and the refs it could map; its lane flows on."""
    marks = before.marks.get(item.source) if before is not None else None
    newer = marks is not None and marks.base.at > item.record.at
    verdict = "quarantined"
    set_aside(world, item, key, verdict, seen.rejected, closed_by="superseded" if newer else "")
    if before is None:
        _named_already(world, seen, key)
        if item.record.op == "partial":
            _ask_read(world, item)


def _named_already(world: World, seen: Refused, key: str) -> None:
    """What was refused at first sight is found by the name people type, and refs to it resolve."""
    if seen.label and seen.key and world.key_of_label(seen.kind, seen.label) != key:
        world.put_label(seen.kind, seen.label, key)


def first_partial(world: World, item: Item, mapped: Mapped) -> bool:
    """A partial first sight asks to read the whole object; without a required value it waits in quarantine."""
    _ask_read(world, item)
    missing = [name for name in item.plan.required if mapped.fields.get(name) is None]
    if not missing:
        return False
    words = f"{mapped.kind} {mapped.key} is new and its first record says nothing about {', '.join(missing)}"
    row = f"{item.plan.name}.{missing[0]}"
    rejected = Rejected("missing-field", words, row, owner=item.plan.owner)
    set_aside(world, item, mapped.key, "quarantined", rejected, refs=said_refs(mapped))
    return True


def _ask_read(world: World, item: Item) -> None:
    connection = item.delivery.connection
    facts = world.catalog.connections.get(connection)
    if facts is not None and facts.refetch and item.delivery.origin != "read":
        stream = item.record.stream.removeprefix(f"{connection}.")
        world.ask_reading(Reading(connection, stream, item.record.source, "", world.now, world.now))


def poison(world: World, words: str, item: Item) -> None:
    """A record whose conclusion raised: a bug. Set aside; later records of the object wait behind it."""
    key = item.seen.key or f"{item.delivery.connection}:{item.record.source}"
    world.because(item.delivery.ref, item.index, item.plan.name, item.record.at, item.delivery.ref)
    set_aside(world, item, key, "quarantined", Rejected("exception", words))


def set_aside(
    world: World,
    item: Item,
    key: str,
    verdict: str,
    rejected: Rejected,
    closed_by: str = "",
    refs: dict[str, tuple[str, str]] | None = None,
) -> None:
    delivery, plan = item.delivery, item.plan
    if refs is None:
        refs = dict(item.seen.refs) if isinstance(item.seen, Refused) else said_refs(item.seen)
    world.changes.outcomes.append(Outcome(delivery.position, item.index, plan.name, verdict, rejected.reason))
    world.measures[plan.integration, verdict] += 1
    world.put_quarantine(
        Quarantine(
            id=quarantine_id(delivery.ref, item.index, plan.name),
            connection=delivery.connection,
            delivery=delivery.ref,
            position=delivery.position,
            record=item.index,
            table=plan.name,
            kind=item.seen.kind,
            key=key,
            at=item.record.at,
            reason=rejected.reason,
            row=rejected.row,
            owner=rejected.owner or plan.owner,
            message=rejected.message,
            since=world.now,
            refs={name: (kind, resolve(world, kind, to) or to) for name, (kind, to) in refs.items()},
            source=item.source,
            closed_at=world.now if closed_by else None,
            closed_by=closed_by,
        )
    )


def supersede(world: World, item: Item, rows: Sequence[Quarantine]) -> None:
    """A newer snapshot was applied: what the same object said wrongly before is settled."""
    settled = [
        row
        for row in rows
        if row.source == item.source
        and row.table == item.plan.name
        and row.reason not in LANE
        and (row.at <= item.record.at or item.delivery.origin == "read")
    ]
    for row in settled:
        world.put_quarantine(replace(row, closed_at=world.now, closed_by="superseded"))
    if settled:
        decide.quarantine_closed(
            world, [place for row in settled for place in ((row.kind, row.key), *row.refs.values())]
        )
