"""Random batches with bugs, refused values, held lanes, releases and give-ups: nothing is lost, and a replay agrees.

Real store, log and engine. After every operation the balance of I2 holds; the same operations on a fresh store with
other borders of batches give the same events, entities and effects; with the tables put right from the start the
entities end the same as after releasing everything.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from random import Random
from typing import Any

import orjson
import pytest

from hub.engine.advance import Engine
from hub.engine.facts import apply_now, drop
from hub.engine.release import drain, release
from hub.log.port import Arrival
from hub.log.sql import SqlLog
from hub.mapping.catalog import Catalog
from hub.model.changes import Quarantine
from hub.model.delivery import Delivery
from hub.model.effect import EffectState
from hub.model.fact import EffectMoved, Fact, PersonAccepted, PersonDecided
from hub.model.instance import LoopState
from hub.model.record import Decoded
from hub.store import hot_sqlite
from hub.store.queries import entities, events, loops, records, status
from tests.engine_stage import T0, catalog_of, closed, decode, expense, item, project, rd_close, rec
from tests.stores import StandingClock, temp_store

SEEDS = range(4)
OPERATIONS = 40
Operation = tuple[Any, ...]


def tolerant() -> Catalog:
    """The tables after somebody put them right: ``boom`` and ``bad`` are texts like others."""
    strict = rd_close()

    def right(one: Any) -> Any:
        def apply(record: Any) -> Any:
            plain = {name: "right" if value in ("boom", "bad") else value for name, value in record.data.items()}
            return one.apply(replace(record, data=plain))

        return replace(one, apply=apply)

    return catalog_of(replace(strict, tables=tuple(right(one) for one in strict.tables)))


def story(seed: int, *, wrong: bool = True) -> list[Operation]:
    """What happens, by chance but always the same for a seed."""
    chance = Random(seed)
    told: list[Operation] = []
    for moment in range(OPERATIONS):
        body = _record(chance, moment + 1, wrong)
        told.append(("in", "broken" if wrong and chance.random() < 0.04 else body))
        roll = chance.random()
        if roll < 0.5:
            told.append(("step",))
        if roll < 0.2:
            told.append(("erp",))
        if wrong and roll > 0.6:
            told.append(("release", chance.randrange(99), chance.random() < 0.5))
        if wrong and roll > 0.97:
            told.append(("drop", chance.randrange(99)))
        if roll > 0.9:
            told.append(("late", chance.random() < 0.5))
    return [*told, ("step",), ("erp",)]


def _record(chance: Random, moment: int, wrong: bool) -> list[dict[str, Any]]:
    text = chance.choice(["boom", "bad"]) if wrong and chance.random() < 0.3 else f"t{moment}"
    number = chance.randrange(1, 4)
    target = chance.choice([f"jira:{chance.randrange(1, 3)}", f"OPS-{chance.randrange(1, 3)}"])
    kind = chance.randrange(6)
    if kind == 0:
        return [project(str(number), at=moment, name=text)]
    if kind == 1:
        return [closed(str(number), at=moment, name=text, deliverable=chance.choice(["software", "equipment"]))]
    if kind == 2:
        return [rec("project", str(number), moment, {"name": text, "status": "active"}, "partial")]
    if kind == 3:
        return [item(str(10 + number), at=moment, product=text, project=target)]
    return [
        expense(str(20 + number), at=moment, text=text, project=target),
        expense(str(30 + number), at=moment, text=f"u{moment}", project=target),
    ]


class Hub:
    """Store, log and engine, driven one operation at a time."""

    def __init__(self, folder: Path, limit: int, catalog: Catalog) -> None:
        folder.mkdir(exist_ok=True)
        self.clock = StandingClock(T0 + 10**12)
        self.store = temp_store(folder, self.clock)
        self.log = SqlLog(self.store)
        self.limit, self.catalog, self.right = limit, catalog, tolerant()
        self.engine = Engine(self.store, self.log, lambda: self.catalog, {"jira": self._records}, self.clock)
        self.decisions = 0

    def _records(self, headers: Mapping[str, str], body: bytes) -> Decoded:
        return decode(Delivery("jira", "", body, headers, 0, "webhook"))

    async def do(self, operation: Operation) -> None:
        name, *words = operation
        self.clock.advance(1)
        await getattr(self, f"_{name}")(*words)

    async def _in(self, body: Any) -> None:
        arrival = Arrival("jira", orjson.dumps(body), {}, self.clock.now(), "webhook")
        await self.log.append([arrival])

    async def _step(self) -> None:
        while await self.engine.step(self.limit):
            pass

    async def _erp(self) -> None:
        for effect in self.effects("PLANNED"):
            for to in (EffectState.SENDING, EffectState.SENT, EffectState.CONFIRMED):
                if to is not EffectState.CONFIRMED or effect.connection == "erp":
                    version = next(one.version for one in self.effects() if one.key == effect.key)
                    self.fact(EffectMoved(effect.key, version, to, remote_id=effect.key[:6], read_back=effect.expect))

    async def _release(self, which: int, right: bool) -> None:
        rows = self.rows()
        if rows:
            row = rows[which % len(rows)]
            fact = PersonAccepted(self.decision(), row.id, "release", "E3", "try")
            catalog = self.right if right else self.catalog
            now = self.clock.now()
            await release(self.store, self.log, catalog, self.engine.decode, fact, row, now)

    async def _drop(self, which: int) -> None:
        rows = [row for row in self.rows() if row.reason != "behind"]
        if rows:
            row, now = rows[which % len(rows)], self.clock.now()
            fact = PersonAccepted(self.decision(), row.id, "drop", "E3", "not ours")
            assert await drop(self.store, self.catalog, fact, row, now)
            await drain(self.store, self.log, self.catalog, self.engine.decode, fact, row, now)

    async def _late(self, pay: bool) -> None:
        with self.store.read() as db:
            asked = [(one.id, key) for one in loops.instances(db) for key in one.late]
        for loop, key in asked:
            self.fact(PersonDecided(self.decision(), loop, "approve" if pay else "waive", "E3", "so", "late", key))

    def fact(self, fact: Fact) -> None:
        apply_now(self.store, self.catalog, fact, self.clock.now())

    def decision(self) -> str:
        self.decisions += 1
        return f"decision-{self.decisions}"

    # --- looking

    def rows(self) -> list[Quarantine]:
        with self.store.read() as db:
            found = records.quarantined(db)
        return sorted(found, key=lambda one: (one.position, one.record, one.table))

    def effects(self, state: str = "") -> list[Any]:
        with self.store.read() as db:
            found = loops.effects(db, states=[state] if state else [])
        return sorted(found, key=lambda one: one.key)

    def check(self) -> None:
        with self.store.read() as db:
            told = status.records(db)
        parts = [told[name] for name in ("applied", "unchanged", "stale", "held", "in_flight")]
        parts += [sum(told[name].values()) for name in ("skipped", "quarantined")]
        assert told["unaccounted"] == 0, told
        assert told["received"] == sum(parts), told

    def entities(self) -> dict[str, Any]:
        with self.store.read() as db:
            every = [one for kind in ("project", "purchase_item", "expense") for one in entities.entities(db, kind)]
        return {one.stream: (one.label, dict(one.state)) for one in every}

    def everything(self) -> tuple[Any, ...]:
        with self.store.read() as db:
            happened = [tuple(sorted((k, v) for k, v in one.items() if k != "position")) for one in events.events(db)]
            instances = sorted(loops.instances(db), key=lambda one: one.id)
        sent = [(one.key, orjson.dumps(one.payload), one.state) for one in self.effects()]
        return happened, self.entities(), sent, instances, [(row.id, row.reason) for row in self.rows()]


@pytest.fixture(autouse=True)
def no_flush(monkeypatch: pytest.MonkeyPatch) -> None:
    """Durability is proven elsewhere; here a thousand commits need not reach the disk."""
    quick = tuple(one.replace("synchronous = FULL", "synchronous = OFF") for one in hot_sqlite.PRAGMAS)
    monkeypatch.setattr(hot_sqlite, "PRAGMAS", quick)


async def told(hub: Hub, operations: list[Operation]) -> Hub:
    for operation in operations:
        await hub.do(operation)
        if operation[0] != "in":
            hub.check()
    return hub


@pytest.mark.parametrize("seed", SEEDS)
async def test_the_balance_holds_and_a_replay_with_other_batches_gives_the_same(tmp_path: Path, seed: int) -> None:
    operations = story(seed)
    first = await told(Hub(tmp_path / "a", 500, catalog_of()), operations)
    again = await told(Hub(tmp_path / "b", 1 + seed % 3, catalog_of()), operations)
    ones, twos = first.everything(), again.everything()
    for one, two in zip(ones, twos, strict=True):
        assert one == two
    first.store.close()
    again.store.close()


@pytest.mark.parametrize("seed", SEEDS)
async def test_what_was_released_ends_where_it_would_have_ended_without_the_bug(tmp_path: Path, seed: int) -> None:
    operations = [one for one in story(seed) if one[0] not in ("drop", "late", "erp") and one[1:] != ("broken",)]
    late = await told(Hub(tmp_path / "a", 500, catalog_of()), operations)
    for _ in range(len(late.rows())):
        await late.do(("release", 0, True))
        late.check()
    assert late.rows() == []
    early = await told(Hub(tmp_path / "b", 500, tolerant()), [one for one in operations if one[0] != "release"])
    assert late.entities() == early.entities()
    paid = {one.key for one in late.effects() if one.step == "reimburse"}
    with late.store.read() as db:
        going = [one for one in loops.instances(db) if one.state is not LoopState.CANCELLED]
        taken = [(part.item, one.subject) for one in going for step in one.steps for part in step.obligations]
    assert len(paid) == len({item for item, _ in taken if item}), "one expense, one payment"
    late.store.close()
    early.store.close()
