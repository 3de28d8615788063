"""Records that find their entity by link or match leave the same bytes however the log is cut, and replayed."""

from __future__ import annotations

import asyncio
from pathlib import Path
from random import Random
from typing import Any

import orjson
import pytest

from hub.engine.advance import Engine
from hub.log.port import Arrival
from hub.log.sql import SqlLog
from hub.model.record import Decoded, Record
from hub.store import hot_sqlite
from tests.engine_stage import T0
from tests.integration.test_same_bytes import BATCHES, _rows
from tests.stores import StandingClock, temp_store
from tests.unit.engine.test_linked_records import Stage

CUSTOMERS = 25


@pytest.fixture(autouse=True)
def no_flush(monkeypatch: pytest.MonkeyPatch) -> None:
    """Durability is proven elsewhere; here a thousand commits need not reach the disk."""
    quick = tuple(one.replace("synchronous = FULL", "synchronous = OFF") for one in hot_sqlite.PRAGMAS)
    monkeypatch.setattr(hot_sqlite, "PRAGMAS", quick)


def story(seed: int) -> list[tuple[str, bytes]]:
    """(connection, body): customers of two systems in any order, some alike, some deleted, some late."""
    chance, said = Random(seed), []
    for at in range(400):
        number = str(chance.randrange(CUSTOMERS))
        tax = str(chance.randrange(int(CUSTOMERS * 0.8)))
        when = at - 20 * (chance.random() < 0.1)
        op = "delete" if chance.random() < 0.04 else "snapshot"
        match chance.randrange(3):
            case 0:
                data = {"id": number, "code": f"C-{number}", "name": f"n{at}", "tax": tax, "city": "Jinan"}
                said.append(("erp", _body("erp.customer", number, when, data, op)))
            case 1:
                data = {"id": f"a{number}", "vat": tax, "town": "Jinan", "segment": f"s{at}"}
                said.append(("crm", _body("crm.account", f"a{number}", when, data, op)))
            case _:
                data = {"id": f"d{number}", "account": f"a{number}", "title": f"t{at}"}
                said.append(("crm", _body("crm.deal", f"d{number}", when, data, "snapshot")))
    return said


def _body(stream: str, source: str, at: int, data: dict[str, Any], op: str) -> bytes:
    return orjson.dumps([stream, source, T0 + at * 1_000_000, data, op])


def decode(headers: object, body: bytes) -> Decoded:
    stream, source, at, data, op = orjson.loads(body)
    return Decoded((Record(stream, source, at, data, op),))


def digest(said: list[tuple[str, bytes]], limit: int, folder: Path) -> tuple[str, dict[str, int]]:
    folder.mkdir()
    catalog = Stage().catalog
    with temp_store(folder, StandingClock(T0 + 10**12)) as store:
        log = SqlLog(store)
        engine = Engine(store, log, lambda: catalog, {"crm": decode, "erp": decode}, store.clock)
        asyncio.run(_settled(engine, log, said, limit))
        with store.reader() as db:
            counted = {
                "merged": "SELECT count(*) FROM event WHERE CAST(data AS TEXT) LIKE '%merged_into%'",
                "linked": "SELECT count(*) FROM link WHERE connection = 'crm' AND key LIKE 'erp:%'",
                "ambiguous": "SELECT count(*) FROM quarantine WHERE reason = 'ambiguous-link'",
            }
            return _rows(db), {name: db.execute(sql).fetchone()[0] for name, sql in counted.items()}


async def _settled(engine: Engine, log: SqlLog, said: list[tuple[str, bytes]], limit: int) -> None:
    await log.append([Arrival(at, body, {}, T0 + n, "webhook") for n, (at, body) in enumerate(said)])
    while await engine.step(limit):
        pass


@pytest.mark.parametrize("seed", [1, 2])
def test_the_borders_of_batches_and_running_it_again_change_no_byte(seed: int, tmp_path: Path) -> None:
    said = story(seed)
    found = {limit: digest(said, limit, tmp_path / str(limit)) for limit in BATCHES}
    again = digest(said, 7, tmp_path / "again")
    assert len({one for one, _ in (*found.values(), again)}) == 1, found
    assert all(count > 0 for count in again[1].values()), again
