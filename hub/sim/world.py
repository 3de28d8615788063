"""One run of one seed: the world around the hub, its faults and crashes, then peace, then judgement.

Safety phase: the scenario plays while faults happen. Liveness phase: faults off, people answer everything, and the
hub must come to rest by itself. Invariants are checked on the way (``network``, every commit) and at the end.
"""

from __future__ import annotations

import asyncio
import hashlib
import sqlite3
from collections.abc import Collection, Sequence
from contextlib import ExitStack
from dataclasses import dataclass, field
from random import Random
from typing import Any

from hub.model.clock import SECOND
from hub.sim import patching, replay
from hub.sim.clockwork import Deadlock, SimClock, VirtualLoop
from hub.sim.faults import Fault, Schedule, drawn
from hub.sim.invariants import Balance, at_the_end, digest
from hub.sim.network import Network, Violation
from hub.sim.people import People
from hub.sim.process import SECRET, Hooks, Life
from hub.sim.scenario import Change, Delivery, Sources, written
from hub.sim.storage import Crash, fresh, rows
from hub.sim.targets import Erp, Jira, Trello

SAFETY_SECONDS = 3600.0
PEACE_SECONDS = 96 * 3600.0
"""A hub that has not come to rest after four days of peace is stuck (the longest back-off is ten hours)."""
SENDER_SECONDS = 10.0
"""How long a source waits for our 200; then it sends again."""
SENDER_AGAIN = (5, 20, 60, 300, 600)
REPLAY_EVERY = 16
"""Every so many seeds the log is concluded again (I8): it costs half a run."""
LOOK_SECONDS = (60.0, 600.0)


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
) -> Outcome:
    """Run one seed; with ``faults`` that schedule instead of the seed's own."""
    own = drawn(Random(f"{seed}/faults"), kinds) if faults is None else tuple(faults)
    loop = VirtualLoop()
    try:
        with ExitStack() as stack:
            world = World(seed, own, loop, fresh("run"))
            stack.enter_context(patching.applied(world.clock, world.boundary, mutant))
            stack.enter_context(replay.journalled(world.journal))
            return world.run(timeline)
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
        self.life: Life | None = None
        self.lives = self.passed = self.commits = self.pending = 0
        self.acknowledged: list[Delivery] = []
        self.forged: list[Delivery] = []
        self.violation: Violation | None = None
        self.journal = replay.Journal()
        self.balance = Balance()
        self._over = asyncio.Event()
        self._keep: set[asyncio.Task[Any]] = set()

    # --- the run

    def run(self, timeline: bool) -> Outcome:
        self.loop.set_exception_handler(lambda loop, context: None)  # what a dead process leaves behind
        try:
            self.loop.run_until_complete(self.loop.create_task(self._run(), name="world main"))
        except Violation as found:
            self.violation = self.violation or found
        except Deadlock as found:
            self.violation = self.violation or Violation("stuck", str(found))
        return self._outcome(timeline)

    async def _run(self) -> None:
        play = self._spawn(self._play())
        self._begin()
        done = {play, self._spawn(self._over.wait())}
        await asyncio.wait(done, return_when=asyncio.FIRST_COMPLETED)
        if self.violation is None:
            play.result()

    async def _play(self) -> None:
        """Safety, then peace."""
        for task in (self._people(), self._clocks()):
            self._spawn(task)
        await self._script(written(Random(f"{self.seed}/scenario")))
        await self._until(SAFETY_SECONDS)
        self.schedule.off = True
        self.clock.wrong = 0
        if self.life is not None:
            self.life.changed.set()
        self.people.eager = True
        await self._rest()
        at_the_end(self)
        if self.seed % REPLAY_EVERY == 0 and (problem := replay.check(self.db, self.journal, self.clock)):
            raise problem

    async def _script(self, changes: Sequence[Change]) -> None:
        for change in changes:
            await self._until(change.at)
            self._webhook(self.sources.do(change))

    async def _rest(self) -> None:
        """Until nothing is due, nothing is on its way and nobody has anything to decide."""
        end = self.loop.time() + PEACE_SECONDS
        polled = self.clock.now()
        while self.loop.time() < end:
            life = self.life
            if life is None or life.busy() or self.pending or self.network.flying:
                await asyncio.sleep(1)
                continue
            if await self._decided(life):
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

    def _spawn(self, work: Any) -> asyncio.Task[Any]:
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

    async def _clocks(self) -> None:
        for fault in self.schedule.clocks():
            await self._until(fault.at)
            if not self.schedule.off:
                self.schedule.hit.append(fault)
                self.clock.wrong += fault.value * SECOND
                if self.life is not None:
                    self.life.changed.set()

    # --- webhooks

    def _webhook(self, delivery: Delivery) -> None:
        """Each source sends until it is answered; what is lost is never sent (only what can be polled gets lost)."""
        fault = self.schedule.take("webhook", "webhook", delivery.number)
        kind = fault.kind if fault else ""
        if kind == "lost" and delivery.connection == "jira":
            return
        value = float(fault.value) if fault else 0.0
        self._spawn(self._send(delivery, value if kind == "delayed" else self.random.uniform(0.01, 1.5)))
        if kind == "twice":
            for _ in range(1 + int(value) % 3):
                self._spawn(self._send(delivery, self.random.uniform(0.0, value)))
        if kind == "forged":
            self.forged.append(delivery)
            self._spawn(self._forge(delivery))

    async def _send(self, delivery: Delivery, delay: float) -> None:
        self.pending += 1
        try:
            await asyncio.sleep(delay)
            tries = 0
            while await self._offer(delivery, self._signed(delivery, SECRET)) != 200:
                await asyncio.sleep(SENDER_AGAIN[min(tries, len(SENDER_AGAIN) - 1)])
                tries += 1
            self.acknowledged.append(delivery)
        finally:
            self.pending -= 1

    async def _forge(self, delivery: Delivery) -> None:
        """Somebody without the secret sends a body that looks right."""
        false = Delivery(delivery.number, delivery.connection, delivery.headers, delivery.body + b" ", delivery.about)
        status = await self._offer(false, self._signed(false, "another secret"))
        if status not in (0, 401):
            raise Violation("I14", f"a forged body was answered {status}", delivery.about)

    def _signed(self, delivery: Delivery, secret: str) -> dict[str, str]:
        life = self.life
        if life is None:
            return dict(delivery.headers)
        gate = life.gates[delivery.connection]
        return {**delivery.headers, **gate.connector.sign(secret, gate.url, delivery.body)}

    async def _offer(self, delivery: Delivery, headers: dict[str, str]) -> int:
        """One request; 0 when nobody answers."""
        life = self.life
        if life is None:
            return 0
        task = life.spawn(life.receive(delivery, headers))
        await asyncio.wait({task}, timeout=SENDER_SECONDS)
        if not task.done() or task.cancelled() or task.exception():
            return 0
        return int(task.result())

    # --- lives

    def _begin(self) -> None:
        self.lives += 1
        seed = Random(f"{self.seed}/life/{self.lives}")
        try:
            life = Life(self.lives, self.db, self.clock, self.network, seed, self)
        except Crash:
            return
        self.life = life
        life.start()

    def boundary(self, name: str) -> None:
        """The hub passes a crash boundary: perhaps it dies there."""
        life = self.life
        if life is None or life.dead:
            return
        self.passed += 1
        fault = self.schedule.take("crash", "boundary", self.passed)
        if fault is None:
            return
        self.network.trace.append(f"{self.clock.true()} crash at {name}")
        life.dead = life.store.dead = True
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

    def committed(self, db: Any) -> None:
        self.commits += 1
        if problem := self.balance.check(db):
            self.broken(problem)

    def settled(self, committed: bool) -> None:
        self.journal.settle(committed)

    def failed(self, error: BaseException) -> None:
        self.broken(Violation("host", f"a role stopped: {type(error).__name__}: {error}"))

    def broken(self, violation: Violation) -> None:
        if self.violation is None:
            self.violation = violation
        self._over.set()

    # --- the end

    def _outcome(self, timeline: bool) -> Outcome:
        life = self.life
        if life is not None:
            life.die()
        for task in asyncio.all_tasks(self.loop):
            task.cancel()
        self.loop.run_until_complete(self.loop.create_task(asyncio.sleep(0), name="world end"))
        found = digest(self)
        told: tuple[str, ...] = ()
        if timeline and self.violation is not None:
            from hub.sim.report import timeline_of

            told = timeline_of(self, self.violation)
        stats = {"commits": self.commits, "calls": self.network.calls, "lives": self.lives, "boundaries": self.passed}
        stats["documents"] = sum(sum(one.counts().values()) for one in self.network.targets.values())
        return Outcome(self.seed, self.violation, self.schedule.faults, tuple(self.schedule.hit), found, stats, told)


def sha(parts: Sequence[bytes]) -> str:
    """One digest over parts that cannot run into each other."""
    found = hashlib.sha256()
    for part in parts:
        found.update(len(part).to_bytes(8, "big") + part)
    return found.hexdigest()
