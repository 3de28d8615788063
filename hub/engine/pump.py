"""The pump: whole per-partition batches from Kafka to ``Partitions``, from where the checkpoint rows say.

A rebalance, a freeze or a crash neither skips nor repeats: where to read is asked of the row at every assignment,
the row moves by compare-and-set with what the batch wrote, and whoever is refused asks the row again. The offset
committed to Kafka is a hint for people who watch lag. Public interfaces of aiokafka and mode alone are used.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from typing import Any, Protocol

import structlog
from aiokafka import AIOKafkaConsumer, ConsumerRebalanceListener, TopicPartition
from aiokafka.errors import IllegalStateError, KafkaError, NoOffsetForPartitionError, OffsetOutOfRangeError
from mode import Service

from hub.errors import ConfigError, FatalError, RetryableError

logger = structlog.get_logger()
WAIT_MS = 500
HINT_SECONDS = 1.0
"""How often Kafka is told where we are, and idle partitions look whether their row was moved."""
PLACED_WITHIN_SECONDS = 0.05
RETRY_SECONDS = 1.0
STOP_SECONDS = 20.0
LOG_EVERY_SECONDS = 30.0
"""A broker or database that is away is said this often, not with every try."""


class Partitions(Protocol):
    """Where each partition stands and what is done with its records. Raises ``RetryableError`` while it cannot."""

    async def load(self, topic: str, partition: int) -> int | None:
        """The offset to read next, None where nobody has read the partition yet."""
        ...

    async def create(self, topic: str, partition: int, offset: int) -> int:
        """Begin a partition there, if nobody did meanwhile; gives the offset to read next."""
        ...

    async def apply(self, topic: str, partition: int, old: int, new: int, records: Sequence[Any]) -> bool:
        """Settle the records and move the row from ``old`` to ``new``, or nothing. False: it is not at ``old``."""
        ...


@dataclass(slots=True)
class Figures:
    """What the pump did since it started. ``stands``: seconds (monotonic) of the last sign that nothing is stuck."""

    records: int = 0
    batches: int = 0
    refused: int = 0
    placed: int = 0
    rebalances: int = 0
    sessions: int = 0
    apply_seconds: float = 0.0
    moved: float = 0.0


class Pump(Service, ConsumerRebalanceListener):  # type: ignore[misc]  # aiokafka has no types
    """Start it as a service. It crashes its service tree (exit code 1) on what it cannot go on from."""

    abstract = False

    def __init__(
        self,
        topics: Sequence[str],
        partitions: Partitions,
        consumer: Mapping[str, Any],
        *,
        batch: int = 1_000,
        at_once: int = 4,
        bound: float = 60.0,
        stall: float = 120.0,
        steady: Callable[[], float] = time.monotonic,
    ) -> None:
        """``consumer``: what ``AIOKafkaConsumer`` needs beside what this module insists on (addresses, group, TLS).

        ``at_once`` partitions are settled side by side; one that takes longer than ``bound`` seconds gives way to
        a rebalance and comes again; without progress for ``stall`` seconds while there is lag the service crashes.
        """
        super().__init__()
        insisted = {"enable_auto_commit": False, "auto_offset_reset": "none", "isolation_level": "read_committed"}
        self._topics, self._partitions, self._conf = list(topics), partitions, {**consumer, **insisted}
        self._batch, self._bound, self._stall, self._steady = batch, bound, stall, steady
        self._at_once = asyncio.Semaphore(at_once)
        self._lock = asyncio.Lock()
        self._generation = 0
        self._next: dict[TopicPartition, int] = {}
        self._unplaced: set[TopicPartition] = set()
        self._hinted: dict[TopicPartition, int] = {}
        self._said: dict[str, float] = {}
        self._consumer: Any = None
        self._ended = asyncio.Event()
        self.figures = Figures(moved=steady())

    @property
    def at(self) -> Mapping[tuple[str, int], int]:
        """The next offset of every partition this pump reads now."""
        return {(tp.topic, tp.partition): offset for tp, offset in self._next.items()}

    # --- what Kafka tells us

    async def on_partitions_revoked(self, revoked: Any) -> None:
        """The batch under way ends first; then nothing of what was read counts any more."""
        async with self._lock:
            self._generation += 1
            self._next.clear()
            self._unplaced.clear()

    async def on_partitions_assigned(self, assigned: Any) -> None:
        async with self._lock:
            self._generation += 1
            self.figures.rebalances += 1
            self._unplaced = set(assigned)
        logger.info("partitions assigned", action="pump.assigned", partitions=len(assigned))

    # --- the loop

    async def on_stop(self) -> None:
        """The batch under way is settled, the partitions are handed over; nobody waits longer than a while."""
        with suppress(TimeoutError):
            async with asyncio.timeout(STOP_SECONDS):
                await self._ended.wait()

    @Service.task
    async def _run(self) -> None:
        try:
            await self._sessions()
        finally:
            self._ended.set()

    async def _sessions(self) -> None:
        while not self.should_stop:
            try:
                await self._session()
            except asyncio.CancelledError:
                raise
            except OffsetOutOfRangeError as error:
                await self._fatal(_deleted(error))
            except KafkaError as error:
                self._say("kafka", "the broker does not answer", repr(error))
            except Exception as error:  # noqa: BLE001 - a bug, a broken store: nothing is acknowledged, exit code 1
                await self._fatal(error)
            await self.sleep(RETRY_SECONDS)

    async def _fatal(self, error: BaseException) -> None:
        """Stop the whole process. What was not settled is read again by whoever takes the partitions over."""
        logger.error("pump failed", action="pump.failed", why=str(error))
        await self.crash(error)
        self._ended.set()
        await asyncio.Event().wait()

    async def _session(self) -> None:
        """One consumer's life. A broker that is only away is aiokafka's own matter: it goes on by itself."""
        self._consumer = consumer = AIOKafkaConsumer(**self._conf)
        try:
            await consumer.start()
            await self._check_topics(consumer)
            self.figures.sessions += 1
            consumer.subscribe(self._topics, listener=self)
            while not self.should_stop:
                await self._round(consumer)
        finally:
            await consumer.stop()

    async def _check_topics(self, consumer: Any) -> None:
        """A topic that is not there would be made by the broker, with its own idea of partitions."""
        missing = sorted(set(self._topics) - await consumer.topics())
        if missing:
            raise ConfigError(
                f"the broker has no topic {', '.join(missing)}",
                where=str(self._conf.get("bootstrap_servers", "")),
                why="the worker reads topics as they were planned, it makes none",
                fix="run: hub topics apply",
            )

    async def _round(self, consumer: Any) -> None:
        """Read what is there, settle it; now and then tell Kafka and look at the rows."""
        if self._unplaced and not await self._place(consumer):
            await self.sleep(RETRY_SECONDS)
            return
        generation = self._generation
        try:
            got = await consumer.getmany(timeout_ms=WAIT_MS, max_records=self._batch)
        except NoOffsetForPartitionError:
            await asyncio.sleep(PLACED_WITHIN_SECONDS)  # our own seek is under way
            return
        well = True
        async with self._lock:
            if generation != self._generation:  # rebalanced meanwhile: drop it, read again from what we know
                self._seek_again(consumer, self._next)
                return
            settled = await asyncio.gather(*(self._settle(consumer, tp, records) for tp, records in got.items()))
            well = all(settled)
        if not well:
            await self.sleep(RETRY_SECONDS)
        await self._hint(consumer)

    async def _place(self, consumer: Any) -> bool:
        """Go to where the rows say. Done before anything of these partitions is settled."""
        async with self._lock:
            for tp in sorted(self._unplaced & consumer.assignment()):
                if not await self._rewind(consumer, tp):
                    return False
                self._unplaced.discard(tp)
            self._unplaced.clear()
        return True

    async def _rewind(self, consumer: Any, tp: TopicPartition) -> bool:
        """Ask the row where to read on; False while the database does not answer."""
        try:
            offset = await self._partitions.load(tp.topic, tp.partition)
            if offset is None:
                first = (await consumer.beginning_offsets([tp]))[tp]
                offset = await self._partitions.create(tp.topic, tp.partition, first)
        except RetryableError as error:
            self._wait_for_store(error)
            return False
        self._next[tp] = offset
        self._seek_again(consumer, [tp])
        self.figures.placed += 1
        return True

    def _seek_again(self, consumer: Any, partitions: Any) -> None:
        for tp in consumer.assignment() & set(partitions):
            consumer.seek(tp, self._next[tp])

    async def _settle(self, consumer: Any, tp: TopicPartition, records: Sequence[Any]) -> bool:
        """One partition's batch; False when it has to come again after a rest."""
        old = self._next.get(tp)
        if old is None:
            return True  # not placed yet: these were read from where Kafka thought we were
        records = [record for record in records if record.offset >= old]
        if not records:
            return True
        new = records[-1].offset + 1
        async with self._at_once:
            began = self._steady()
            try:
                async with asyncio.timeout(self._bound):
                    moved = await self._partitions.apply(tp.topic, tp.partition, old, new, records)
            except (RetryableError, TimeoutError) as error:
                self._wait_for_store(error)
                self._seek_again(consumer, [tp])  # whether it was settled is for compare-and-set to say
                return False
            self.figures.apply_seconds += self._steady() - began
        if not moved:  # a zombie, a new owner, or an operator who moved the row
            self.figures.refused += 1
            logger.info("checkpoint moved", action="pump.refused", topic=tp.topic, partition=tp.partition, at=old)
            return await self._rewind(consumer, tp)
        self._next[tp] = new
        self.figures.records += len(records)
        self.figures.batches += 1
        self.figures.moved = self._steady()
        return True

    def _wait_for_store(self, error: Exception) -> None:
        """What we wait for is known, so nothing is stuck."""
        self.figures.moved = self._steady()
        self._say("store", "the database does not answer", str(error) or repr(error))

    def _say(self, about: str, words: str, why: str) -> None:
        now = self._steady()
        if now - self._said.get(about, -LOG_EVERY_SECONDS) >= LOG_EVERY_SECONDS:
            self._said[about] = now
            logger.warning(words, action=f"pump.waits.{about}", why=why)

    # --- beside the loop

    async def _hint(self, consumer: Any) -> None:
        """Tell Kafka where we are: ``position``, which stands behind markers of transactions too. A hint only."""
        if self._steady() - self._said.get("hint", -HINT_SECONDS) < HINT_SECONDS:
            return
        self._said["hint"] = self._steady()
        try:
            mine = consumer.assignment() & self._next.keys()
            positions = {tp: await consumer.position(tp) for tp in mine}
            changed = {tp: offset for tp, offset in positions.items() if self._hinted.get(tp) != offset}
            if changed:
                await consumer.commit(changed)
            self._hinted = positions
            await self._look_at_rows(consumer, mine - changed.keys())
        except (KafkaError, IllegalStateError) as error:
            logger.info("commit hint failed", action="pump.hint", why=repr(error))

    async def _look_at_rows(self, consumer: Any, idle: Any) -> None:
        """An idle partition whose row was moved by hand learns it here; a busy one by being refused."""
        async with self._lock:
            for tp in sorted(idle & self._next.keys()):
                try:
                    offset = await self._partitions.load(tp.topic, tp.partition)
                except RetryableError as error:
                    self._wait_for_store(error)
                    return
                if offset != self._next[tp]:
                    await self._rewind(consumer, tp)

    @Service.timer(15.0)
    async def _watchdog(self) -> None:
        if (error := await self.stuck()) is not None:
            await self._fatal(error)

    async def stuck(self) -> FatalError | None:
        """Lag that stands still for too long is a fault nobody thought of: end, and let a fresh process try."""
        if self._steady() - self.figures.moved < self._stall or not self._next:
            return None
        behind = await self._behind()
        if behind is None or not any(behind.values()):
            self.figures.moved = self._steady()
            return None
        return FatalError(
            f"no record was settled for {self._stall:.0f} s, {sum(behind.values())} wait",
            where="pump",
            fix="the supervisor starts a new worker; if it stops again, look at its log above this line",
        )

    async def _behind(self) -> dict[TopicPartition, int] | None:
        """Records between the rows and the ends of the partitions; None while the broker does not answer."""
        try:
            ends = await self._consumer.end_offsets(list(self._next))
        except KafkaError:
            return None
        return {tp: max(0, end - self._next[tp]) for tp, end in ends.items() if tp in self._next}


def _deleted(error: OffsetOutOfRangeError) -> FatalError:
    return FatalError(
        f"records were deleted before they were read: {error}",
        where="kafka",
        why="the delivery topics keep them shorter than the worker was away, or a topic was made anew",
        fix="see docs/operations.md, 'Records deleted before they were read'; nothing was skipped",
    )
