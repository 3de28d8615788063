"""Release: what was set aside runs again from its stored bytes, under the mapping of now; its lane drains behind it.

A person says that the reason is gone (a value added to the mapping, somebody added to people.yaml, a bug fixed). The
record's outcome row changes in place, so the balance holds; what is still wrong stays set aside with its new words.
Nothing is re-run by itself: a restart with fixed code waits for this decision. ``conclude_release`` is pure.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from functools import partial
from typing import Protocol

import orjson

from hub.engine.advance import CONSUMER, PARTITION
from hub.engine.answers import answered, unanswered
from hub.engine.aside import LANE, alone, poison
from hub.engine.conclude import Pass, record
from hub.engine.prepare import Decode, Item, Work, prepare
from hub.engine.transaction import again, decide_in
from hub.errors import NotFound
from hub.loop import decide
from hub.loop.conditions import REASON as CONDITION
from hub.loop.policy import of_record
from hub.loop.world import World
from hub.mapping.catalog import Catalog
from hub.model.changes import Changes, NotLoaded, Outcome, Quarantine, Touched, View, union
from hub.model.clock import Micros
from hub.model.delivery import Delivery
from hub.model.fact import PersonAccepted
from hub.store.port import Store, Transaction
from hub.store.queries.records import held_behind

AT_ONCE = 200
"""Held records that drain in one transaction; more follow in the next ones."""
_ASIDE = frozenset({"quarantined", "held"})


class Deliveries(Protocol):
    """The part of a log this needs."""

    def get(self, position: int) -> Delivery | None: ...


@dataclass(frozen=True, slots=True)
class Rerun:
    """A row, and what its delivery's bytes say now."""

    row: Quarantine
    work: Work

    @property
    def item(self) -> Item | None:
        """The record through its table; None where the table does not accept it any more."""
        row = self.row
        found = (one for one in self.work.items if one.index == row.record and one.plan.name == row.table)
        return next(found, None)


@dataclass(frozen=True, slots=True)
class Ran:
    """What became of one row: closed with these outcomes, or still set aside (``row`` says why)."""

    row: Quarantine
    outcomes: tuple[Outcome, ...] = ()

    @property
    def good(self) -> bool:
        return self.row.closed_at is not None and all(one.verdict not in _ASIDE for one in self.outcomes)


@dataclass(frozen=True, slots=True)
class Released:
    """``refused`` says why nothing was done; else what ran, the row of the decision first."""

    ran: tuple[Ran, ...] = ()
    refused: str = ""


async def release(
    store: Store,
    log: Deliveries,
    catalog: Catalog,
    decode: Decode,
    fact: PersonAccepted,
    row: Quarantine,
    now: Micros,
) -> Released:
    """Run a row again; when that frees its object's lane, what is held behind follows in order."""
    if row.reason == CONDITION:  # it has no delivery to read
        return Released(refused=f"{row.id} is no record: correct the data or the table, or drop it")
    rows = [row, *_behind(store, row)]
    done = await _run(store, log, catalog, decode, fact, rows, now)
    if done.refused or done.ran[-1].row.closed_at is None:
        return done
    rest = await drain(store, log, catalog, decode, fact, row, now)
    return Released((*done.ran, *rest.ran))


async def drain(
    store: Store,
    log: Deliveries,
    catalog: Catalog,
    decode: Decode,
    fact: PersonAccepted,
    row: Quarantine,
    now: Micros,
) -> Released:
    """Run what is held behind a row that is closed, in order, until one fails again."""
    ran: list[Ran] = []
    while rows := _behind(store, row):
        done = await _run(store, log, catalog, decode, fact, rows, now)
        ran += done.ran
        if done.refused or not done.ran or _stops(done.ran[-1].row):
            break
    return Released(tuple(ran))


def _behind(store: Store, row: Quarantine) -> list[Quarantine]:
    if not row.table:
        return []
    with store.read() as db:
        return [one for one in held_behind(db, row, AT_ONCE) if one.id != row.id]


async def _run(
    store: Store,
    log: Deliveries,
    catalog: Catalog,
    decode: Decode,
    fact: PersonAccepted,
    rows: Sequence[Quarantine],
    now: Micros,
) -> Released:
    reruns, touched = prepare_again(log, catalog, decode, rows)

    def work(transaction: Transaction) -> Released:
        changes, done = decide_in(
            transaction, touched, lambda view: conclude_release(fact, reruns, view, now, catalog)
        )
        if not done.refused:
            transaction.write(changes, now)
            _expect(transaction, changes.expected)
        return done

    return await again(lambda: store.write(work))


def _expect(transaction: Transaction, more: int) -> None:
    """A delivery that gives more (or fewer) outcomes than were promised for it: the promise follows, at its place."""
    if more:
        at = transaction.checkpoint(CONSUMER, PARTITION)
        transaction.advance(CONSUMER, PARTITION, at, at, more)


def prepare_again(
    log: Deliveries, catalog: Catalog, decode: Decode, rows: Sequence[Quarantine]
) -> tuple[list[Rerun], Touched]:
    """Decode and map the stored bytes under the catalog of now. A person may accept a second body under one id."""
    reruns = []
    touched = [Touched(quarantined=frozenset((row.kind, row.key) for row in rows))]
    for row in rows:
        delivery = log.get(row.position)
        if delivery is None:
            raise NotFound(f"the delivery at {row.position} is not in the log", where=row.id)
        prepared = prepare([replace(delivery, conflict=False)], catalog, decode)
        reruns.append(Rerun(row, prepared.works[0]))
        touched.append(prepared.touched)
    return reruns, union(touched)


# --- the decision


def conclude_release(
    fact: PersonAccepted, reruns: Sequence[Rerun], view: View, now: Micros, catalog: Catalog
) -> tuple[Changes, Released]:
    """Run these rows again, in order, until one stops its lane. The first is the decision's own, or was held too."""
    run = Pass(World(view, catalog, now), careful=True)
    person = catalog.people.find(fact.who)
    if person is None:
        return Changes(), Released(refused=f"nobody in people.yaml is called {fact.who}")
    if not fact.why.strip():
        return Changes(), Released(refused="say why: --why TEXT")
    named = next((one for one in reruns if one.row.id == fact.quarantine), None)
    if named is not None and (problem := _refusal(run.world, named.row)):
        return Changes(), Released(refused=problem)
    if named is not None and (problem := of_record(catalog, named.row, person, "release", now)):
        return Changes(), Released(refused=problem)
    ran = _in_order(run, reruns, fact, person.code)
    if run.missing:
        raise NotLoaded(union(run.missing))
    if named is not None:
        result = "released" if ran[0].good else f"still set aside: {ran[0].row.message}"
        run.world.audit(person.code, "quarantine release", named.row.id, fact.why, result)
    return run.world.changes, Released(tuple(ran))


def _refusal(world: World, row: Quarantine) -> str:
    """Why this row cannot be run again now."""
    rows = world.quarantined(row.kind, row.key)
    if all(one.id != row.id for one in rows):
        return f"{row.id} is closed already" + (f": {row.closed_by}" if row.closed_by else "")
    place = (row.position, row.record)
    lane = [one for one in rows if one.reason in LANE and (one.source, one.table) == (row.source, row.table)]
    earlier = min((one for one in lane if (one.position, one.record) < place), key=_place, default=None)
    if not row.table or earlier is None:
        return ""
    return f"{row.id} is held behind {earlier.id} ({earlier.reason}): release that one first, the others follow"


def _place(row: Quarantine) -> tuple[int, int]:
    return row.position, row.record


def _in_order(run: Pass, reruns: Sequence[Rerun], fact: PersonAccepted, by: str) -> list[Ran]:
    ran = []
    for one in reruns:
        row = one.row
        if all(there.id != row.id for there in run.world.quarantined(row.kind, row.key)):
            continue  # somebody else closed it meanwhile
        ran.append(_again(run, one, fact, by))
        if _stops(ran[-1].row):
            break
    return ran


def _stops(row: Quarantine) -> bool:
    return row.closed_at is None and row.reason in LANE


def _again(run: Pass, one: Rerun, fact: PersonAccepted, by: str) -> Ran:
    """One row: closed first, so that it is not in its own way; it opens again where it is still wrong."""
    row, told = one.row, len(run.world.changes.outcomes)
    run.world.put_quarantine(replace(row, closed_at=run.world.now, closed_by=by))
    tell = partial(_tell, row=row, fact=fact, by=by, told=told)
    if row.table:
        _record(run, one, tell)
    else:
        _delivery(run, one)
        tell(run.world)
    world = run.world
    after = world.changes.quarantines[row.id]
    if after.closed_at is None:
        after = replace(after, since=row.since)
        world.put_quarantine(after)
    return Ran(after, tuple(world.changes.outcomes[told:]))


def _record(run: Pass, one: Rerun, tell: Callable[[World], None]) -> None:
    row, item = one.row, one.item
    broken = next((rejected for _, verdict, rejected in one.work.alone if verdict == "quarantined"), None)

    def through_its_table(world: World, item: Item) -> None:
        record(world, item)
        tell(world)

    outcomes = run.world.changes.outcomes
    if item is not None:
        run.run(partial(through_its_table, item=item), partial(poison, item=item))
    elif broken is not None:
        run.world.put_quarantine(replace(row, message=broken.message))
        outcomes.append(Outcome(row.position, row.record, row.table, _aside(row.reason), row.reason))
    else:
        outcomes.append(Outcome(row.position, row.record, row.table, "skipped", "no-table"))
        tell(run.world)


def _aside(reason: str) -> str:
    return "held" if reason == "behind" else "quarantined"


def _delivery(run: Pass, one: Rerun) -> None:
    """A whole delivery: its records get the outcomes they never had, instead of the one that said why not."""
    row, work = one.row, one.work
    going_on = partial(answered, work=work), partial(unanswered, work=work)
    if row.reason == "exception" and 0 < len(work.records) <= row.record:
        run.run(*going_on)  # its records were concluded; only what waited for the answer has to go on
        return
    told = len(run.world.changes.outcomes)
    for index, verdict, rejected in work.alone:
        alone(run.world, work, index, verdict, rejected)
    for item in work.items:
        run.run(partial(record, item=item), partial(poison, item=item))
    if work.delivery.origin == "read":
        run.run(*going_on)
    changes = run.world.changes
    new = {(said.position, said.record, said.table) for said in changes.outcomes[told:]}
    old = (row.position, row.record, "")
    changes.expected += len(new) - 1
    if old not in new:
        changes.withdrawn.add(old)


def _tell(world: World, row: Quarantine, fact: PersonAccepted, by: str, told: int) -> None:
    """Where the row stayed closed: its own event, and a look by everybody who waited for it."""
    if world.changes.quarantines[row.id].closed_at is None:
        return
    world.because(fact.decision, row.record, row.id, delivery=row.delivery)
    said = [f"{one.verdict} {one.reason}".rstrip() for one in world.changes.outcomes[told:]]
    about = {"who": by, "why": fact.why, "reason": row.reason, "table": row.table, "outcomes": said}
    data = orjson.dumps(about, option=orjson.OPT_SORT_KEYS)
    world.parent = world.emit(f"quarantine/{row.id}", 1, "quarantine.released", data, "quarantine/v1", "")
    if row.kind:
        decide.quarantine_closed(world, [(row.kind, row.key), *row.refs.values()])
