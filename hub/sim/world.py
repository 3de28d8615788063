"""One run of one seed: the world around the hub, its faults and crashes, then peace, then judgement.

Safety phase: the scenario plays while faults happen. Liveness phase: faults off, people answer everything, and the
hub must come to rest by itself. Invariants are checked on the way (``network``, every commit) and at the end.
"""

from __future__ import annotations

import asyncio
import hashlib
import sqlite3
from collections import Counter
from collections.abc import Collection, Iterator, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from random import Random
from typing import Any

from hub.errors import RetryableError
from hub.model.clock import SECOND
from hub.sim import patching, replay
from hub.sim.clockwork import Deadlock, SimClock, VirtualLoop
from hub.sim.faults import Fault, Schedule, drawn
from hub.sim.invariants import Balance, at_the_end, digest
from hub.sim.network import Network, Violation
from hub.sim.people import People
from hub.sim.poison import Poison
from hub.sim.process import FLUSHES, Hooks, Life
from hub.sim.scenario import Change, Sources, written
from hub.sim.senders import Senders
from hub.sim.storage import Crash, fresh, rows
from hub.sim.targets import Erp, Jira, Trello

SAFETY_SECONDS = 3600.0
PEACE_SECONDS = 96 * 3600.0
"""A hub that has not come to rest after four days of peace is stuck (the longest back-off is ten hours)."""
REPLAY_EVERY = 16
"""Every so many seeds the log is concluded again (I8): it costs half a run."""
LOOK_SECONDS = (60.0, 600.0)
AGAIN_SECONDS = 5.0
"""When a supervisor starts a hub again that stopped by itself."""


@dataclass(slots=True)
class Outcome:
    """What became of a seed."""

    seed: int
    violation: Violation | None
    faults: tuple[Fault, ...]
    hit: tuple[Fault, ...]
    digest: str
    stats: dict[str, int] = field(default_factory=dict)
    timeline: tuple[str, ...] = ()


def run_seed(
    seed: int,
    kinds: Collection[str],
    *,
    faults: Sequence[Fault] | None = None,
    mutant: str = "",
    timeline: bool = False,
    digested: bool = True,
) -> Outcome:
    """Run one seed; with ``faults`` that schedule instead of the seed's own. ``digested``: with its digest."""
    own = drawn(Random(f"{seed}/faults"), kinds) if faults is None else tuple(faults)
    with playing(seed, own, mutant) as world:
        return world.run(timeline, digested)


@contextmanager
def playing(seed: int, faults: Sequence[Fault], mutant: str = "") -> Iterator[World]:
    """A world with everything in place, ready to run once."""
    loop = VirtualLoop()
    try:
        with ExitStack() as stack:
            world = World(seed, faults, loop, fresh())
            stack.enter_context(patching.applied(world.boundary, mutant))
            stack.enter_context(replay.journalled(world.journal))
            stack.enter_context(world.poison.planted())
            yield world
    finally:
        loop.close()


class World(Hooks):
    """Everything around the hub."""

    def __init__(self, seed: int, faults: Sequence[Fault], loop: VirtualLoop, db: sqlite3.Connection) -> None:
        self.seed, self.loop, self.db = seed, loop, db
        self.clock = SimClock(loop)
        self.schedule = Schedule(faults)
        self.network = Network(loop, self.clock, self.schedule, Random(f"{seed}/network"))
        self.network.broken = self.broken
        shape = Random(f"{seed}/targets").randrange(3)
        lag = self.schedule.lag
        self.erp = Erp(self.clock.true, lambda: lag("erp"), remembers=shape != 1, unique=shape != 0)
        self.jira, self.trello = (
            Jira(self.clock.true, lambda: lag("jira")),
            Trello(self.clock.true, lambda: lag("trello")),
        )
        self.network.targets = {"erp": self.erp, "jira": self.jira, "trello": self.trello}
        self.sources = Sources(self.jira, self.trello, self.clock.true)
        self.people = People(Random(f"{seed}/people"))
        self.random = Random(f"{seed}/world")
        self.flush = Random(f"{seed}/disk").choice(FLUSHES)
        self.life: Life | None = None
        self.lives = self.passed = self.commits = self.asked_commits = 0
        self.passages: Counter[str] = Counter()
        self.again: list[int] = []
        self.down: Counter[str] = Counter()
        self.versions: list[int] = [0]
        self.senders = Senders(self)
        self.poison = Poison(self)
        self.violation: Violation | None = None
        self.journal = replay.Journal()
        self.balance = Balance()
        self.full_until = -1.0
        self._over = asyncio.Event()
        self._keep: set[asyncio.Task[Any]] = set()

    # --- the run

    def run(self, timeline: bool, digested: bool = True) -> Outcome:
        self.loop.set_exception_handler(lambda loop, context: None)  # what a dead process leaves behind
        try:
            self.loop.run_until_complete(self.loop.create_task(self._run(), name="world main"))
        except Violation as found:
            self.violation = self.violation or found
        except Deadlock as found:
            self.violation = self.violation or Violation("stuck", str(found))
        return self._outcome(timeline, digested)

    async def _run(self) -> None:
        play = self.spawn(self._play())
        self._begin()
        done = {play, self.spawn(self._over.wait())}
        await asyncio.wait(done, return_when=asyncio.FIRST_COMPLETED)
        if self.violation is None:
            play.result()

    async def _play(self) -> None:
        """Safety, then peace."""
        for task in (self._people(), self._timed()):
            self.spawn(task)
        await self._script(written(Random(f"{self.seed}/scenario")))
        await self._until(SAFETY_SECONDS)
        self.schedule.off = True
        self.clock.wrong = 0
        if problem := self.poison.strays():
            raise problem
        if self.life is not None:
            self.life.at_peace()
            self.life.changed.set()
        self.people.eager = True
        await self._rest()
        at_the_end(self)
        if self.seed % REPLAY_EVERY == 0 and not self.poison.struck:  # the fixed bug decides otherwise
            problem = replay.check(self.db, self.journal, self.clock)
            if problem is not None:
                raise problem

    async def _script(self, changes: Sequence[Change]) -> None:
        for change in changes:
            await self._until(change.at)
            self.senders.tell(self.sources.do(change))

    async def _rest(self) -> None:
        """Until nothing is due, nothing is on its way and nobody has anything to decide."""
        end = self.loop.time() + PEACE_SECONDS
        polled, wait = self.clock.now(), 1.0
        while self.loop.time() < end:
            life = self.life
            if life is None or life.busy() or self.network.flying:
                await asyncio.sleep(1)
                continue
            if await self._decided(life) or await self._released(life):
                wait = 1.0
                continue
            if self.senders.pending:
                await asyncio.sleep(wait)
                wait = min(2 * wait, 1800.0)
                continue
            if any(poller.due <= polled + poller.every or poller.failures for poller in life.serving.pollers):
                await asyncio.sleep(30)
                continue
            due = life.next_due()
            if due is None:
                return
            await asyncio.sleep(min(max((due - self.clock.now()) / SECOND, 0.2), 3600))
        raise Violation("stuck", "the hub did not come to rest after the faults ended")

    async def _decided(self, life: Life) -> int:
        """People look, inside the hub's process (it may die meanwhile)."""
        task = life.spawn(self.people.look(life))
        await asyncio.wait({task}, timeout=60)
        return 0 if not task.done() or task.cancelled() or task.exception() else int(task.result())

    async def _released(self, life: Life) -> int:
        """Bugs are fixed now: people run again what they set aside, and give up what can never be used."""
        task = life.spawn(self.people.tidy(life))
        await asyncio.wait({task}, timeout=60)
        return 0 if not task.done() or task.cancelled() or task.exception() else int(task.result())

    def spawn(self, work: Any) -> asyncio.Task[Any]:
        task = self.loop.create_task(work, name="world")
        self._keep.add(task)
        task.add_done_callback(self._done)
        return task

    def _done(self, task: asyncio.Task[Any]) -> None:
        self._keep.discard(task)
        if not task.cancelled() and (error := task.exception()) is not None:
            self.broken(error if isinstance(error, Violation) else Violation("simulator", repr(error)))

    async def _until(self, second: float) -> None:
        await asyncio.sleep(max(0.0, second - self.loop.time()))

    async def _people(self) -> None:
        while not self.people.eager:
            await asyncio.sleep(self.random.uniform(*LOOK_SECONDS))
            if self.life is not None and not self.people.eager:
                await self._decided(self.life)

    async def _timed(self) -> None:
        for fault in self.schedule.timed():
            await self._until(fault.at)
            if not self.schedule.off:
                self.schedule.hit.append(fault)
                self._strike(fault)
                if self.life is not None:
                    self.life.changed.set()

    def _strike(self, fault: Fault) -> None:
        if fault.kind == "clock":
            self.clock.wrong += fault.value * SECOND
        elif fault.kind == "disk":
            self.full_until = self.loop.time() + fault.value
        elif fault.kind == "rotate":
            self.senders.rotate(float(fault.value))
        elif fault.kind == "mapping":
            self.versions.append(1 if self.versions[-1] == 2 else 2)
            if self.life is not None:
                self.life.take(self.versions[-1])

    # --- lives

    def _begin(self) -> None:
        self.lives += 1
        seed = Random(f"{self.seed}/life/{self.lives}")
        try:
            life = Life(self.lives, self.db, self.clock, self.network, seed, self)
        except Crash:
            return
        except RetryableError:  # the database cannot be written: the supervisor tries again
            self.loop.call_later(AGAIN_SECONDS, self._begin)
            return
        if self.schedule.off:
            life.at_peace()
        self.life = life
        life.start()

    def boundary(self, name: str) -> None:
        """The hub passes a crash boundary: perhaps it dies there, or stands still for a while."""
        life = self.life
        if life is None or life.dead:
            return
        self.passed += 1
        self.passages[name] += 1
        fault = self.schedule.take("crash", "boundary", self.passed)
        fault = fault or self.schedule.take("crash-at", name, self.passages[name])
        if fault is None and self.again and self.passed >= self.again[0] and not self.schedule.off:
            self.again.pop(0)
            fault = Fault("crash-at", name, 0)
        if fault is not None:
            self._crash(life, name, fault)
        if (pause := self.schedule.take("pause", "boundary", self.passed)) is not None:
            self.network.trace.append(f"{self.clock.true()} the process stands still for {pause.value} s at {name}")
            self.network.alone(self.loop, float(pause.value))

    def _crash(self, life: Life, name: str, fault: Fault) -> None:
        self.network.trace.append(f"{self.clock.true()} crash at {name}")
        self.down[name] += 1
        life.dead = life.store.dead = True
        if fault.word:
            self.again = [self.passed + int(word) for word in fault.word.split(",")]
        self.loop.call_soon(self._crashed, life, float(fault.value))
        raise Crash

    def _crashed(self, life: Life, down: float) -> None:
        life.die()
        self.life = None
        self._forget()
        self.loop.call_later(down + 0.1, self._begin)

    def _forget(self) -> None:
        """What was being sent is in doubt for the next life, whatever the network knows."""
        for connection, reference in rows(
            self.db, "SELECT connection, reference FROM effect WHERE state = 'SENDING'"
        ):
            for (where, name), known in self.network.known.items():
                if where == connection and reference.startswith(name):
                    known.doubtful = True

    def committed(self, db: Any, concluded: bool) -> None:
        """The balance is of what lies below the checkpoint: deliveries alone, above it, do not move it."""
        self.commits += 1
        if concluded and (problem := self.balance.check(db)):
            self.broken(problem)

    def settled(self, committed: bool) -> None:
        self.journal.settle(committed)

    def trouble(self) -> list[str]:
        """What goes wrong with the next commits."""
        self.asked_commits += 1
        fault = self.schedule.take("store", "commit", self.asked_commits)
        return [] if fault is None else [fault.kind] * (fault.value if fault.kind == "busy" else 1)

    def space(self, _: str) -> tuple[int, int]:
        """Free and total bytes of the disk."""
        return (0 if self.loop.time() < self.full_until else 1 << 50), 1 << 50

    def failed(self, error: BaseException) -> None:
        """A role stopped. Where the database cannot be written the host stops too, and is started again."""
        life = self.life
        if isinstance(error, RetryableError) and life is not None:
            self.network.trace.append(f"{self.clock.true()} crash: {error}")
            life.dead = life.store.dead = True
            self.loop.call_soon(self._crashed, life, AGAIN_SECONDS)
            return
        self.broken(Violation("host", f"a role stopped: {type(error).__name__}: {error}"))

    def broken(self, violation: Violation) -> None:
        if self.violation is None:
            self.violation = violation
        self._over.set()

    # --- the end

    def _outcome(self, timeline: bool, digested: bool) -> Outcome:
        life = self.life
        if life is not None:
            life.die()
        for task in asyncio.all_tasks(self.loop):
            task.cancel()
        self.loop.again()
        self.loop.run_until_complete(self.loop.create_task(asyncio.sleep(0), name="world end"))
        found = digest(self) if digested else ""
        told: tuple[str, ...] = ()
        if timeline and self.violation is not None:
            from hub.sim.report import timeline_of

            told = timeline_of(self, self.violation)
        stats = {"commits": self.commits, "calls": self.network.calls, "lives": self.lives, "boundaries": self.passed}
        stats |= {f"died at {name}": number for name, number in sorted(self.down.items())}
        stats["documents"] = sum(sum(one.counts().values()) for one in self.network.targets.values())
        return Outcome(self.seed, self.violation, self.schedule.faults, tuple(self.schedule.hit), found, stats, told)


def sha(parts: Sequence[bytes]) -> str:
    """One digest over parts that cannot run into each other."""
    found = hashlib.sha256()
    for part in parts:
        found.update(len(part).to_bytes(8, "big") + part)
    return found.hexdigest()
