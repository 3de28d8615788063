"""Rounds of faults on a cluster under load, between hostile systems: exact counts at the end of each.

The cluster stands for all rounds: Kafka, PostgreSQL, an intake, three workers with fixed names (static membership),
each started again when it ends, as a supervisor would. In a round projects are made and closed in Jira, whose
webhooks come twice, late and out of order, while bulk deliveries, repeated and in any order, go straight to the
intake. Meanwhile processes are killed, and the round's own fault happens. Within ``RECOVERS_WITHIN_SECONDS`` every
delivery must be concluded and every lease held. Then the systems make peace, and once all has settled every accepted
delivery is kept once, every object in its newest state, and there is one document for each obligation by the systems'
own count.

``python -m tests.cluster.soak --rounds 50 --report docs/soak-cluster.md``; ``make soak-cluster`` runs it.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Awaitable, Callable, Iterator
from contextlib import closing as closed
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from pathlib import Path
from random import Random
from typing import Any

import aiohttp
import orjson
import psycopg
from kafka import KafkaConsumer, TopicPartition

from tests.cluster.broker import HOST, free_ports
from tests.cluster.bulk import SECRET, Bulk
from tests.cluster.child import Child
from tests.cluster.cost import Share
from tests.cluster.stack import PARTS, ROOT, Stack, standing
from tests.hostile_rounds import EXPENSES, OBLIGATIONS, PATIENCE_SECONDS, PROJECTS, closing
from tests.integration.bad_input_bodies import expense, project, purchase

WORKERS = ("worker-1", "worker-2", "worker-3")
FAULTS = ("kill", "freeze", "roll", "broker", "postgres")
"""One a round, in this order; kills come in every round."""
FROZEN_SECONDS = 32.0
"""Longer than the consumers' session and than any lease: what thaws is a zombie."""
BROKER_AWAY_SECONDS, POSTGRES_AWAY_SECONDS = 5.0, 3.0
RECOVERS_WITHIN_SECONDS = 30.0
SETTLE_SECONDS = 240.0
LEASES = frozenset({"effect/erp", "effect/jira", "poll/jira", "reader", "seal", "timers", "watch"})
"""What somebody must hold for all the work to be done."""
NOW = "(extract(epoch FROM clock_timestamp()) * 1000000)::bigint"
KILLS = 2


@dataclass(slots=True)
class Verdict:
    """What a round came to; ``problems`` is empty where every count is as it must be."""

    number: int
    fault: str
    kills: int = 0
    sent: int = 0
    kept: int = 0
    recovered_seconds: float = 0.0
    share: float = 1.0
    """How much of the machine was ours meanwhile: others' work makes a second count for less."""
    seconds: float = 0.0
    problems: list[str] = field(default_factory=list)
    late: str = ""
    """Whether it took too long. That is measured here and asserted by no test: a busy machine is no bug."""
    struck: Counter[str] = field(default_factory=Counter)


class Soak:
    """The rounds, one after the other, on one stack."""

    def __init__(self, stack: Stack, seed: int) -> None:
        self.stack, self.random = stack, Random(seed)
        self.ports = dict(zip(("jira", "erp"), free_ports(2), strict=True))
        self.systems: dict[str, Child] = {}
        self.verdicts: list[Verdict] = []
        self.resting: set[str] = set()
        """Processes that are down on purpose: the supervisor leaves them alone."""
        self.since_fault = Share.now()

    @property
    def verdict(self) -> Verdict:
        return self.verdicts[-1]

    def url(self, system: str) -> str:
        return f"http://{HOST}:{self.ports[system]}"

    # --- life

    async def run(self, rounds: int, told: Callable[[Verdict], None]) -> list[Verdict]:
        self._prepare()
        supervisor = asyncio.create_task(self._supervise())
        try:
            async with aiohttp.ClientSession() as self.http:
                for number in range(rounds):
                    self.verdicts.append(Verdict(number, FAULTS[number % len(FAULTS)]))
                    await self._round()
                    told(self.verdict)
        finally:
            supervisor.cancel()
            for system in self.systems.values():
                system.kill()
        return self.verdicts

    def _prepare(self) -> None:
        stack, folder = self.stack, self.stack.workspace
        (folder / "mappings").mkdir(parents=True)
        mapping = (ROOT / "mappings" / "rd-close.yaml").read_text("utf-8").replace("settle: 5s", "settle: 0s")
        (folder / "mappings" / "rd-close.yaml").write_text(mapping, "utf-8")
        (folder / "secret").write_text(SECRET, "utf-8")
        jira, erp = self.url("jira"), self.url("erp")
        secrets = 'secret: "file:secret", api_token: "file:secret"'
        stack.configure(
            [
                f'jira: {{url: "{jira}", allow: ["{jira}"], {secrets}, poll: 1s, quiesce: 2s}}',
                f'erp: {{url: "{erp}", allow: ["{erp}"], quiesce: 2s}}',
            ],
            mappings="mappings",
        )
        stack.prepare()
        stack.start("intake", "intake")
        for name in WORKERS:
            self._start(name)
        stack.wait_for_intake()

    def _start(self, name: str) -> None:
        if name == "intake":
            self.stack.start("intake", "intake")
        else:
            self.stack.start(name, PARTS, "--slot", name)

    async def _supervise(self) -> None:
        """Start again what ended, half a second later."""
        while True:
            await asyncio.sleep(0.5)
            for name, child in list(self.stack.children.items()):
                if not child.alive and name not in self.resting:
                    self._start(name)

    # --- one round

    async def _round(self) -> None:
        began = time.monotonic()
        self._start_systems()
        await self._until(self._systems_answer, PATIENCE_SECONDS)
        numbers = range(self.verdict.number * PROJECTS, (self.verdict.number + 1) * PROJECTS)
        bulk = Bulk(self.stack.url, self.verdict.number, self.random)
        sending = asyncio.create_task(bulk.send())
        await self._happen([body for number in numbers for body in self._open(number)])
        await self._all_concluded()  # what comes after the closing took its list is a late item, for a person
        trouble = asyncio.create_task(self._trouble())
        await self._happen([closing(number) for number in numbers])
        await asyncio.gather(sending, trouble)
        await self._recovered()
        await self._peace()
        await self._settled()
        self._judge(bulk)
        self.verdict.seconds = time.monotonic() - began

    def _start_systems(self) -> None:
        """New hostility on what the systems hold already, at the same addresses."""
        for system in ("jira", "erp"):
            if system in self.systems:
                self.systems[system].kill()
            folder = self.stack.workspace
            words = [sys.executable, "-m", "hub.cli", "twin", "serve", "--profile", f"{system}-hostile"]
            words += ["--seed", str(self.random.randrange(1 << 30)), "--port", str(self.ports[system])]
            words += ["--state", str(folder / f"{system}.db")]
            if system == "jira":
                words += ["--hub", f"{self.stack.url}/in/jira", "--secret-file", str(folder / "secret")]
            environment = self.stack.environment()
            self.systems[system] = Child(words, folder / f"{system}.log", env=environment, cwd=folder)

    async def _systems_answer(self) -> bool:
        with suppress(aiohttp.ClientError):
            return all([await self._counts(system) is not None for system in self.systems])
        return False

    def _open(self, number: int) -> list[Any]:
        """A project that is open, and what belongs to it, out of order."""
        epic = 10_000 + number * 100
        bodies = [project(epic, customfield_10202=None)]
        bodies += [purchase(epic + place, epic, price=place * 10, minutes=place) for place in (1, 2)]
        bodies += [expense(epic + 10 + place, epic, place * 7, minutes=place) for place in range(EXPENSES)]
        self.random.shuffle(bodies)
        return bodies

    async def _happen(self, bodies: list[Any]) -> None:
        """Let things happen, and wait until every webhook that is sent has arrived."""
        for body in bodies:
            address = f"{self.url('jira')}/_twin/happen?lose=no"
            async with self.http.post(address, data=orjson.dumps(body)) as answer:
                assert answer.status == 200, await answer.text()

        async def arrived() -> bool:
            return not (await self._counts("jira"))["pending"]

        await self._until(arrived, PATIENCE_SECONDS + FROZEN_SECONDS)

    async def _recovered(self) -> None:
        """From the last fault (and the end of the load) until every delivery is concluded and every lease is held."""
        self._fault()
        await self._all_concluded()
        self.verdict.recovered_seconds = self.since_fault.seconds()
        self.verdict.share = self.since_fault.left()

    async def _all_concluded(self) -> None:
        async def done() -> bool:
            return await asyncio.to_thread(self._concluded)

        await self._until(done, SETTLE_SECONDS)

    def _concluded(self) -> bool:
        with psycopg.connect(self.stack.postgres.url(self.stack.database)) as db:
            at = dict(db.execute("SELECT consumer, sum(position)::bigint FROM checkpoint GROUP BY 1").fetchall())
            leases = {row[0] for row in db.execute(f"SELECT name FROM lease WHERE until > {NOW}")}
        with closed(KafkaConsumer(bootstrap_servers=self.stack.kafka.bootstrap)) as consumer:
            ends = {topic: self._end(consumer, topic) for topic in at if ".delivery." in topic}
        if not ends or any(at[topic] != end for topic, end in ends.items()) or not leases >= LEASES:
            return False
        # What the intake took while Kafka did not answer lies in its spool, and is in no topic yet.
        return not self.stack.json("status")["records"]["in_flight"]

    @staticmethod
    def _end(consumer: KafkaConsumer, topic: str) -> int:
        parts = [TopicPartition(topic, number) for number in consumer.partitions_for_topic(topic) or ()]
        return int(sum(consumer.end_offsets(parts).values()))

    async def _peace(self) -> None:
        for system in self.systems:
            async with self.http.post(f"{self.url(system)}/_twin/peace") as answer:
                self.verdict.struck.update((await answer.json())["struck"])

    async def _settled(self) -> None:
        """Until nothing is due: what a hostile system answered badly is tried again after 5 s, 30 s, 2 min."""
        said = await self._asked("settle", "--timeout", str(SETTLE_SECONDS))
        if not said["settled"]:
            self.verdict.problems.append(f"not settled: {said['waiting']}")

    # --- faults

    async def _trouble(self) -> None:
        """The round's own fault, and kills at random moments around it."""
        await asyncio.gather(getattr(self, f"_{self.verdict.fault}")(), self._kills())

    async def _kills(self) -> None:
        for _ in range(KILLS):
            await asyncio.sleep(self.random.uniform(0.5, 4.0))
            await self._kill()

    async def _kill(self) -> None:
        self.verdict.kills += 1
        self.stack.children[self.random.choice((*WORKERS, "intake"))].kill()
        self._fault()

    async def _freeze(self) -> None:
        name = self.random.choice(WORKERS)
        child = self.stack.children[name]
        self.resting.add(name)
        with suppress(ProcessLookupError):
            child.freeze()
        await asyncio.sleep(FROZEN_SECONDS)
        child.thaw()
        self.resting.discard(name)
        self._fault()

    async def _roll(self) -> None:
        """Each worker is stopped in order and started again before the next one."""
        for name in WORKERS:
            self.resting.add(name)
            child = self.stack.children[name]
            frozen_out = not child.alive  # a kill came first; then there is nothing to stop in order
            code = await asyncio.to_thread(child.stop)
            if code != 0 and not frozen_out and code != -9:
                self.verdict.problems.append(f"{name} ended with {code} when it was asked to stop")
            self._start(name)
            self.resting.discard(name)
            self._fault()
            await asyncio.sleep(2.0)

    async def _broker(self) -> None:
        node = self.stack.kafka.nodes[0]
        await asyncio.to_thread(node.kill)
        await asyncio.sleep(BROKER_AWAY_SECONDS)
        node.launch()  # from this thread: a child dies with the thread that starts it
        await asyncio.to_thread(self.stack.kafka.wait)
        self._fault()

    async def _postgres(self) -> None:
        await asyncio.to_thread(self.stack.postgres.crash)
        await asyncio.sleep(POSTGRES_AWAY_SECONDS)
        self.stack.postgres.resume()
        self._fault()

    def _fault(self) -> None:
        self.since_fault = Share.now()

    # --- the end

    def _judge(self, bulk: Bulk) -> None:
        """Exact counts, by the hub's own books and by everybody else's."""
        verdict, made = self.verdict, self.verdict.number + 1
        status = self.stack.json("status")
        records = status["records"]
        verdict.problems += [f"{name} {records[name]}" for name in ("unaccounted", "in_flight") if records[name]]
        if set(status["effects"]) - {"CONFIRMED"}:
            verdict.problems.append(f"effects {status['effects']}")
        for system, wanted in (("erp", OBLIGATIONS * made), ("jira", PROJECTS * made)):
            counts = self._references(system)
            if len(counts) != wanted or set(counts.values()) != {1}:
                said = f"{system}: {sum(counts.values())} documents of {len(counts)} references, {wanted} wanted"
                verdict.problems.append(said)
        verdict.sent = len(bulk.bodies)
        with psycopg.connect(self.stack.postgres.url(self.stack.database)) as db:
            verdict.kept, wrong = bulk.kept(db)
            verdict.problems += wrong
        if verdict.recovered_seconds * verdict.share > RECOVERS_WITHIN_SECONDS:
            verdict.late = f"recovered only {verdict.recovered_seconds:.0f} s after the last fault"

    def _references(self, system: str) -> dict[str, int]:
        import urllib.request

        opener = urllib.request.build_opener(urllib.request.ProxyHandler({}))
        with opener.open(f"{self.url(system)}/_twin/counts", timeout=30) as answer:
            found: dict[str, int] = json.load(answer)["references"]
        return found

    async def _counts(self, system: str) -> dict[str, Any]:
        async with self.http.get(f"{self.url(system)}/_twin/counts") as answer:
            return dict(await answer.json())

    async def _asked(self, *words: str) -> Any:
        return await asyncio.to_thread(self.stack.json, *words, seconds=SETTLE_SECONDS + 60)

    async def _until(self, true: Callable[[], Awaitable[bool]], seconds: float) -> None:
        async with asyncio.timeout(seconds):
            while not await true():  # noqa: ASYNC110 - what is awaited happens in another process
                await asyncio.sleep(0.1)


# --- the command


@contextmanager
def cluster() -> Iterator[Stack]:
    with tempfile.TemporaryDirectory(prefix="hub-soak-", ignore_cleanup_errors=True) as name:
        folder = Path(name)
        folder.chmod(0o755)
        with standing(folder, folder / "workspace") as stack:
            yield stack


def said(verdict: Verdict) -> str:
    """One line a round."""
    head = (
        f"round {verdict.number + 1}: {verdict.fault}, {verdict.kills} kills, {verdict.kept} of {verdict.sent} kept"
    )
    tail = f"recovered {verdict.recovered_seconds:.0f} s after the last fault with {verdict.share:.0%} of the machine"
    wrong = [f"  WRONG: {one}" for one in verdict.problems] + [f"  LATE: {verdict.late}"] * bool(verdict.late)
    return "\n".join([f"{head}, {tail}, {verdict.seconds:.0f} s in all", *wrong])


def main() -> int:
    parser = argparse.ArgumentParser(prog="python -m tests.cluster.soak", description=__doc__)
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--report", type=Path, help="write what came of it to this file")
    given = parser.parse_args()
    with cluster() as stack:
        soak = Soak(stack, given.seed)
        verdicts = asyncio.run(soak.run(given.rounds, lambda one: print(said(one), flush=True)))
    if given.report:
        from tests.cluster.soak_report import report

        given.report.write_text(report(verdicts, given.seed), "utf-8")
    return 1 if any(one.problems or one.late for one in verdicts) else 0


if __name__ == "__main__":
    sys.exit(main())
