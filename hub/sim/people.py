"""People who decide at their own pace: approve, waive, retry, allow a re-close, take or drop what came late.

They look at what waits, as ``hub settle`` would show it, and give one decision at a time through the same door as the
command line. In the liveness phase they answer everything, so that what still waits afterwards is stuck.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from random import Random
from typing import Literal

from hub.engine.facts import drop
from hub.engine.release import release
from hub.errors import RetryableError
from hub.loop.waits import is_held
from hub.model.changes import Quarantine
from hub.model.fact import PersonAccepted, PersonDecided
from hub.model.instance import Instance, LoopState, StepState
from hub.sim.process import Life
from hub.store import tables
from hub.store.documents import load_approval, load_instance, load_quarantine

FINANCE, OWNER = "E1003", "E1007"
_COLUMNS = ", ".join(f'"{column.name}"' for column in tables.quarantine.columns)
_OPEN_ROWS = f"SELECT {_COLUMNS} FROM quarantine WHERE closed_at IS NULL ORDER BY position"
_OPEN = (LoopState.RUNNING, LoopState.BLOCKED, LoopState.NEEDS_PERSON)


@dataclass(frozen=True, slots=True)
class Decided:
    """A decision that was accepted; ``why`` is unique, so that its audit row can be found (I13)."""

    fact: PersonDecided


class People:
    """Their decisions. ``eager``: the liveness phase."""

    def __init__(self, random: Random) -> None:
        self._random = random
        self.eager = False
        self.count = 0
        self.accepted: list[PersonDecided] = []
        self.asked: list[PersonDecided] = []
        self.tidied: list[PersonAccepted] = []

    async def look(self, life: Life) -> int:
        """One look at what waits; gives how many decisions were accepted."""
        done = 0
        for loop, choice, who, step, item in list(self._wanted(life)):
            if not self.eager and self._random.random() < 0.5:
                continue  # later, perhaps
            self.count += 1
            fact = PersonDecided(f"decision-{self.count}", loop, choice, who, f"reason {self.count}", step, item)  # type: ignore[arg-type]
            self.asked.append(fact)
            if await self._said(life, fact):
                life.store.check()
                self.accepted.append(fact)
                life.host.wake()
                done += 1
        return done

    async def _said(self, life: Life, fact: PersonDecided) -> bool:
        """Give the decision; one that the database cannot take now is given again at the next look."""
        try:
            return bool(await life.workspace.facts(fact, life.clock.now()))
        except RetryableError:
            return False

    async def tidy(self, life: Life) -> int:
        """Run again what a fixed bug set aside, give up what came under a stolen id."""
        with life.store.reader() as db:
            found = db.execute(_OPEN_ROWS).fetchall()
        done = 0
        for row in map(load_quarantine, found):
            if row.reason in ("exception", "id_conflict"):
                done += await self._accept(life, row)
        return done

    async def _accept(self, life: Life, row: Quarantine) -> bool:
        self.count += 1
        choice: Literal["drop", "release"] = "drop" if row.reason == "id_conflict" else "release"
        fact = PersonAccepted(f"decision-{self.count}", row.id, choice, OWNER, f"reason {self.count}")
        store, catalog, now = life.store, life.workspace.catalog, life.clock.now()
        if choice == "drop":
            good = bool(await drop(store, catalog, fact, row, now))
        else:
            decode = life.serving.engine.decode
            good = bool((await release(store, life.workspace.log, catalog, decode, fact, row, now)).ran)
        life.store.check()
        if good:
            self.tidied.append(fact)
            life.host.wake()
        return good

    def _wanted(self, life: Life) -> Iterator[tuple[str, str, str, str, str]]:
        with life.store.reader() as db:
            asks = [
                load_approval(one)
                for (one,) in db.execute("SELECT document FROM approval WHERE state = 'asked' ORDER BY id")
            ]
            names = ",".join(f"'{state.value}'" for state in (*_OPEN, LoopState.DONE))
            loops = [
                load_instance(one)
                for (one,) in db.execute(f"SELECT document FROM loop WHERE state IN ({names}) ORDER BY id")
            ]
        for ask in asks:
            choice = "waive" if self._random.random() < 0.1 else "approve"
            yield ask.loop, choice, FINANCE, ask.step, ask.item
        for instance in loops:
            yield from self._of(instance)

    def _of(self, instance: Instance) -> Iterator[tuple[str, str, str, str, str]]:
        if instance.phase == "asking":
            yield instance.id, "approve" if self._random.random() < 0.8 else "waive", OWNER, "", ""
        if is_held(instance):
            yield instance.id, "approve", OWNER, "", ""
        for key in instance.late:
            yield instance.id, "approve" if self._random.random() < 0.6 else "waive", OWNER, "late", key
        for step in instance.steps:
            for part in step.obligations:
                if part.state is StepState.FAILED:
                    wrong = part.reason.startswith(("mismatch", "missing"))
                    choice = "waive" if wrong or self._random.random() < 0.2 else "retry"
                    yield instance.id, choice, OWNER, step.name, part.item
