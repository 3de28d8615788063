"""Which timers loops have before anything happens: the next period of each schedule, a look at what was there before.

Asked when the hub starts and whenever other definitions come into force. What it finds done it leaves alone.
"""

from __future__ import annotations

from collections.abc import Iterator

from hub.loop.clocked import SCHEDULE, adopting, place_of, seeded
from hub.mapping.catalog import Catalog
from hub.mapping.compiled import CompiledLoop
from hub.model.changes import Changes, Timer
from hub.model.clock import Micros
from hub.store import tables
from hub.store.port import Store, Transaction
from hub.store.statements import select, upsert
from hub.store.transaction import execute

SEEN = "@loops"
"""``cursor.connection`` of the rows that say which version of which loop has looked at what was there before it."""
TIMERS = "SELECT id, kind, loop, due, step FROM timer WHERE kind = ? ORDER BY due, id"
ANY_OF_KIND = "SELECT 1 FROM entity WHERE kind = ? LIMIT 1"


async def seed(store: Store, catalog: Catalog, now: Micros) -> None:
    """Bring the loops' own timers in line with the definitions in force."""
    changes, seen = _wanted(store, catalog, now)
    if not changes.timers and not seen:
        return

    def work(transaction: Transaction) -> None:
        transaction.write(changes, now)
        for place, logic in seen.items():
            execute(transaction, upsert(tables.cursor), (SEEN, place, logic, now))

    await store.write(work)


def _wanted(store: Store, catalog: Catalog, now: Micros) -> tuple[Changes, dict[str, str]]:
    changes, seen = Changes(), {}
    with store.reader() as db:
        known: dict[str, Timer] = {}
        for row in db.execute(TIMERS, (SCHEDULE,)):
            timer = Timer(*row)
            if " =" not in timer.step:  # one entity's turn; the others are whole periods, perhaps half gone through
                known.setdefault(timer.loop, timer)
        for loop in _loops(catalog):
            place = place_of(loop)
            row = db.execute(select(tables.cursor, "connection", "stream"), (SEEN, place)).fetchone()
            before = None if row is None else str(row[2])
            if before != loop.logic:
                seen[place] = loop.logic
                if _looks(loop) and db.execute(ANY_OF_KIND, (loop.definition.entity,)).fetchone():
                    found = adopting(loop, now)
                    changes.timers[found.id] = found
            old = known.pop(place, None)
            since = loop.starts_at if before is None else max(now, loop.starts_at)
            _schedule(changes, old, seeded(loop, old, since))
    changes.timers.update((timer.id, None) for timer in known.values())
    return changes, seen


def _looks(loop: CompiledLoop) -> bool:
    return loop.definition.schedule is None


def _schedule(changes: Changes, old: Timer | None, new: Timer | None) -> None:
    if old is not None and " " in old.step:
        return
    if old is not None and (new is None or new.id != old.id):
        changes.timers[old.id] = None
    if new is not None and new != old:
        changes.timers[new.id] = new


def _loops(catalog: Catalog) -> Iterator[CompiledLoop]:
    for name in sorted(catalog.integrations):
        yield from catalog.integrations[name].loops
