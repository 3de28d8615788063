"""The only caller of a connector's write side: takes due effects, a few per target at once, and moves them on.

Two effects for the same object (connection, subject, action, item) never run side by side, and a slow or stuck
target keeps only its own lanes. A turn starts what is due and comes back when something has changed, so that the
host can sleep in between; ``wake`` ends the waiting when effects were planned.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import Awaitable, Callable, Iterator, Mapping, Set
from typing import Protocol

import structlog

from hub.connector.answers import Found
from hub.connector.base import Connector
from hub.effect.attempt import CLAIM, Attempt, Facts
from hub.effect.breaker import PROBE_EVERY, Target
from hub.engine.transaction import Guard
from hub.errors import NotFound
from hub.mapping.catalog import Catalog
from hub.model.action import TargetClass
from hub.model.changes import Audit, Changes
from hub.model.clock import SECOND, Clock, Micros
from hub.model.effect import Effect, EffectState
from hub.model.fact import EffectMoved
from hub.store.port import Store

CALLS_PER_TARGET = 16
TAKE_AT_ONCE = 256
RECOVER_MAX = 100_000
MISSING_AGAIN: Micros = 600 * SECOND
HALTED_AGAIN: Micros = 600 * SECOND
"""How often an effect of a halted integration looks again; lifting the halt wakes it at once."""
logger = structlog.get_logger()
Lane = tuple[str, str, str, str]


class Leased(Protocol):
    """Whose effects this process sends: order lanes, pace and breaker of a connection live in one executor."""

    def holds(self, connection: str) -> bool: ...
    def guard(self, connection: str) -> Guard | None:
        """Asked inside the transaction of a claim; None where no other process can send."""
        ...


class _Everything:
    def holds(self, connection: str) -> bool:
        return True

    def guard(self, connection: str) -> Guard | None:
        return None


EVERYTHING: Leased = _Everything()


class Executor:
    """Call ``turn`` whenever it is awake. ``bell`` may be replaced by the host's own before the first turn."""

    def __init__(
        self,
        store: Store,
        catalog_of: Callable[[], Catalog],
        connectors: Callable[[str], Connector],
        facts: Facts,
        clock: Clock,
        random: Callable[[], float],
        worker: str,
        *,
        leased: Leased = EVERYTHING,
        halted: Callable[[], Mapping[str, str]] = dict,
        steady: Callable[[], float] = time.monotonic,
        looks_first: bool = False,
    ) -> None:
        """``leased``: whose effects are ours. ``EVERYTHING``: the run lock lets no other process send, so what is in
        SENDING at the start is orphaned.

        ``halted``: integration -> why it may send nothing now; looking up and reading back go on.
        ``looks_first``: the store was restored from a backup, so nothing is sent before its target was asked for it.
        """
        self._halted_of, self._steady, self._looks_first = halted, steady, looks_first
        self._halted: Mapping[str, str] = {}
        self._store, self._catalog_of, self._connectors = store, catalog_of, connectors
        self._facts, self._clock, self._random, self._worker = facts, clock, random, worker
        self._targets: dict[str, Target] = {}
        self._flying: dict[Lane, asyncio.Task[None]] = {}
        self._reads: dict[str, int] = {}
        self._noted: set[str] = set()
        self._paced: set[str] = set()
        self._landings, self._leased = 0, leased
        self._fresh: set[str] | None = None if leased is EVERYTHING else set()
        """Connections that became ours since the last turn; None: all of them, nobody else sends."""
        self._failure: BaseException | None = None
        self.bell = asyncio.Event()

    def wake(self) -> None:
        """Effects were planned, or time has come."""
        self.bell.set()

    async def turn(self) -> int:
        """Start what is due, then wait until something has landed or the bell rings. Gives how much was done."""
        self.bell.clear()
        self._raise_failure()
        if self._fresh is None or self._fresh:
            fresh, self._fresh = self._fresh, set()
            await self.recover(fresh)
        done = await self._start_due(self._clock.now())
        if self._flying:
            await self.bell.wait()
        self._raise_failure()
        done, self._landings = done + self._landings, 0
        return done

    def take(self, connection: str) -> None:
        """The connection's effects became ours."""
        if self._fresh is not None:
            self._fresh.add(connection)
        self.wake()

    async def recover(self, connections: Set[str] | None = None) -> int:
        """Take over what was being sent, through UNKNOWN: at start under the run lock everything, else what others
        sent for these connections. Whoever held them before may only be frozen, with a request half out: then a
        target that knows our key may be asked again at once, any other when the claim has run out."""
        now = self._clock.now()
        orphans = [
            effect
            for effect in self._store.due_effects(now + CLAIM, RECOVER_MAX, frozenset())
            if effect.state is EffectState.SENDING and (connections is None or effect.connection in connections)
        ]
        for effect in orphans:
            attempt = self._attempt(effect, self._target(effect.connection))
            if isinstance(attempt, str):
                await self._put_off(effect, now + MISSING_AGAIN, attempt)
            elif connections is None or attempt.action.target is TargetClass.A:
                await attempt.take_over("the process that was sending it ended")
        return len(orphans)

    async def step(self, now: Micros) -> int:
        """Start what is due at ``now`` and finish all of it: for commands and tests."""
        started = await self._start_due(now)
        while self._flying:
            await asyncio.gather(*self._flying.values(), return_exceptions=True)
        self._raise_failure()
        return started

    async def stop(self) -> None:
        """Let what is being sent finish: an answer is worth waiting for."""
        await asyncio.gather(*self._flying.values(), return_exceptions=True)

    @property
    def paused(self) -> Mapping[str, str]:
        """Connections that rest because their credentials were refused, with the target's words."""
        return {name: target.words for name, target in self._targets.items() if target.why == "paused"}

    def resume(self, connection: str) -> None:
        """Lift a pause by hand."""
        self._target(connection).released()
        self.wake()

    async def _start_due(self, now: Micros) -> int:
        await self._look_at_paused(now)
        waits: list[Awaitable[None]] = []
        started = 0
        self._halted = self._halted_of()
        for effect in self._due(now):
            started += self._start(effect, now, waits)
        await asyncio.gather(*waits)
        return started + len(waits)

    def _due(self, now: Micros) -> Iterator[Effect]:
        """What is due; past the effects of a system that is asked slowly, which hide the others'."""
        full, self._paced = self._full(), set()
        seen: set[str] = set()
        while True:
            passed = frozenset(self._paced)
            due = self._store.due_effects(now, TAKE_AT_ONCE, full | passed)
            yield from (effect for effect in due if effect.key not in seen)
            seen.update(effect.key for effect in due)
            if len(due) < TAKE_AT_ONCE or self._paced == passed:
                return

    def _start(self, effect: Effect, now: Micros, waits: list[Awaitable[None]]) -> int:
        """Start one effect if its lane is free; what can only be put off goes to ``waits``."""
        lane = (effect.connection, effect.subject, effect.action, effect.item)
        target = self._target(effect.connection)
        if lane in self._flying or self._busy(effect.connection) >= target.slots(CALLS_PER_TARGET):
            return 0
        attempt = self._attempt(effect, target)
        if isinstance(attempt, str):
            waits.append(self._put_off(effect, now + MISSING_AGAIN, attempt))
            return 0
        if effect.state is EffectState.PLANNED and (why := self._halted.get(effect.integration)):
            waits.append(attempt.put_off(now + HALTED_AGAIN, f"paused: {why}"))
            return 0
        if target.held(now) and effect.state is not EffectState.SENDING:
            waits.append(attempt.put_off(target.until, target.reason))
            return 0
        pace = attempt.connection.sends_per_second
        if effect.state is EffectState.PLANNED and not target.may_send(pace, self._steady()):
            self._paced.add(effect.connection)
            return 0  # it stays due: the host looks again in a moment
        task = asyncio.create_task(attempt.go(), name=f"effect {effect.key[:12]}")
        self._flying[lane] = task
        task.add_done_callback(lambda done: self._landed(lane, effect.key, attempt, done))
        return 1

    def _landed(self, lane: Lane, key: str, attempt: Attempt, task: asyncio.Task[None]) -> None:
        del self._flying[lane]
        self._landings += 1
        self._reads.pop(key, None)
        if attempt.reads and attempt.effect.state in (EffectState.SENT, EffectState.UNKNOWN):
            self._reads[key] = attempt.reads
        if not task.cancelled() and (error := task.exception()) is not None:
            self._failure = self._failure or error
        self.bell.set()

    def _attempt(self, effect: Effect, target: Target) -> Attempt | str:
        """The attempt, or why there can be none: a connection or action that hub.yaml no longer has."""
        connection = self._catalog_of().connections.get(effect.connection)
        action = connection.actions.get(effect.action) if connection else None
        if connection is None or action is None:
            return f"missing: hub.yaml has no {effect.connection}.{effect.action} any more"
        try:
            connector = self._connectors(effect.connection)
        except NotFound as error:
            return f"missing: {error.what}"
        reads = self._reads.get(effect.key, 0)
        ports = (self._facts, self._clock, self._random, self._worker)
        fence = self._leased.guard(effect.connection)
        more = (reads, self._steady, self._looks_first, fence)
        return Attempt(effect, connector, action, connection, target, *ports, *more)

    async def _put_off(self, effect: Effect, until: Micros, reason: str) -> None:
        """Without a connector the effect waits as it is; one being sent has an unknown result in any case."""
        state = EffectState.UNKNOWN if effect.state is EffectState.SENDING else effect.state
        await self._facts(EffectMoved(effect.key, effect.version, state, reason, until), self._clock.now())

    async def _look_at_paused(self, now: Micros) -> None:
        """Write down a new pause; once a minute ask a paused target whether our credentials are good again."""
        for name, target in list(self._targets.items()):
            if target.why != "paused":
                continue
            if name not in self._noted:
                self._noted.add(name)
                await self._note(name, "pause", target.words, now)
            if not target.held(now):
                await self._probe(name, target, now)

    async def _probe(self, name: str, target: Target, now: Micros) -> None:
        probe = await self._connectors(name).probe()
        if not probe.ok:
            target.hold("paused", now + PROBE_EVERY, probe.detail)
            return
        target.released()
        self._noted.discard(name)
        await self._note(name, "resume", probe.detail, now)

    async def _note(self, connection: str, action: str, why: str, now: Micros) -> None:
        """What the hub did by itself stands in the audit like what people do (I13). The log leaves out the target's
        words: they may repeat what was sent."""
        audit = Audit(now, "hub", f"connection {action}", connection, why, action)
        await self._store.write(lambda transaction: transaction.write(Changes(audits=[audit]), now))
        logger.warning("connection " + action, action=f"connection-{action}", connection=connection)

    def _full(self) -> frozenset[str]:
        """Connections with no free slot, or not ours: their effects would only hide those of others."""
        full = (name for name, target in self._targets.items() if self._busy(name) >= target.slots(CALLS_PER_TARGET))
        return frozenset((*full, *(name for name in self._catalog_of().connections if not self._leased.holds(name))))

    def _busy(self, connection: str) -> int:
        return sum(lane[0] == connection for lane in self._flying)

    def _target(self, connection: str) -> Target:
        return self._targets.setdefault(connection, Target())

    def _raise_failure(self) -> None:
        if self._failure is not None:
            failure, self._failure = self._failure, None
            raise failure


async def read_document(
    connectors: Callable[[str], Connector], connection: str, action: str, number: str
) -> Found | None:
    """The document a person names by its number (``hub loop done --number``), None where there is none.

    Raises ``ReadFailed`` or ``Unauthorized``: then nothing is known, and nothing may be taken for done.
    """
    return await connectors(connection).find_number(action, number)
