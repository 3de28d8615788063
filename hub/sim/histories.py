"""A run written down: its deliveries, its facts with their times, its mapping, and what was decided (I9).

Stored histories replay under the code of every later day: they must give the same decisions, or the change that
makes them differ says so. Only what an operator would call a decision is compared, not the form it is stored in.
"""

from __future__ import annotations

import base64
import shutil
import sqlite3
from collections.abc import Collection
from contextlib import closing
from dataclasses import asdict
from pathlib import Path
from random import Random
from typing import Any

import orjson

from hub.bootstrap import open_workspace
from hub.mapping.catalog import Catalog
from hub.model import fact as facts
from hub.model.effect import EffectState
from hub.sim import replay
from hub.sim.clockwork import SimClock, VirtualLoop
from hub.sim.faults import drawn
from hub.sim.process import HUB_YAML, INTEGRATIONS, ROOT, SECRET
from hub.sim.storage import SimStore, fresh, rows
from hub.sim.world import World, playing
from hub.store.documents import load_effect, load_instance

_FACTS = {one.__name__: one for one in (facts.EffectMoved, facts.TimerDue, facts.ReadFailed, facts.PersonDecided)}


def recorded(seed: int, kinds: Collection[str]) -> dict[str, Any]:
    """Run a seed and write it down."""
    with playing(seed, drawn(Random(f"{seed}/faults"), kinds)) as world:
        outcome = world.run(timeline=False)
        if outcome.violation is not None:
            raise outcome.violation
        return _document(world)


def _document(world: World) -> dict[str, Any]:
    names = [column[1] for column in rows(world.db, "PRAGMA table_info(delivery)")]
    deliveries = rows(world.db, "SELECT * FROM delivery ORDER BY position")
    return {
        "mappings": {name: (ROOT / "mappings" / f"{name}.yaml").read_text("utf-8") for name in INTEGRATIONS},
        "people": (ROOT / "people.yaml").read_text("utf-8"),
        "deliveries": [dict(zip(names, map(_plain, row), strict=True)) for row in deliveries],
        "journal": [[_said(what), now] for what, now, _ in world.journal.kept],
        "decided": decided(world.db),
    }


def _plain(value: Any) -> Any:
    return {"base64": base64.b64encode(value).decode()} if isinstance(value, bytes) else value


def _said(what: Any) -> Any:
    return list(what) if isinstance(what, tuple) else {"fact": type(what).__name__, **asdict(what)}


def decided(db: sqlite3.Connection) -> dict[str, Any]:
    """Entities, closings, documents and outcomes: what somebody outside could notice."""
    effects = [load_effect(one) for (one,) in rows(db, "SELECT document FROM effect ORDER BY key")]
    loops = [load_instance(one) for (one,) in rows(db, "SELECT document FROM loop ORDER BY id")]
    entities = rows(db, "SELECT kind, key, label, state FROM entity ORDER BY kind, key")
    found = {
        "entities": [[*row[:3], orjson.loads(row[3])] for row in entities],
        "effects": [[e.key, e.step, e.item, e.action, e.payload, e.state.value, e.reason] for e in effects],
        "loops": [[i.id, i.state.value, {step.name: step.state.value for step in i.steps}] for i in loops],
        "outcomes": rows(db, "SELECT position, record, table_name, verdict, reason FROM outcome ORDER BY 1, 2, 3"),
    }
    said: dict[str, Any] = orjson.loads(orjson.dumps(found))
    return said


def replayed(document: dict[str, Any], folder: Path) -> dict[str, Any]:
    """What the code of today decides on the same deliveries and facts, under the mapping of then."""
    db, catalog = fresh(), _catalog(document, folder)
    for row in document["deliveries"]:
        names = ", ".join(row)
        db.execute(
            f"INSERT INTO delivery ({names}) VALUES ({', '.join('?' * len(row))})", [*map(_value, row.values())]
        )
    journal = replay.Journal([(_meant(what), now, catalog) for what, now in document["journal"]])
    with closing(VirtualLoop()) as loop:
        store = SimStore(
            db, SimClock(loop), lambda flush: flush(), lambda db, concluded: None, lambda committed: None
        )
        replay._conclude(store, journal)
    return decided(db)


def _value(value: Any) -> Any:
    return base64.b64decode(value["base64"]) if isinstance(value, dict) else value


def _meant(what: Any) -> Any:
    if isinstance(what, list):
        return tuple(what)
    said = dict(what)
    made = _FACTS[said.pop("fact")]
    if "to" in said:
        said["to"] = EffectState(said["to"])
    return made(**said)


def _catalog(document: dict[str, Any], folder: Path) -> Catalog:
    """The workspace of then: its mapping and people, the schemas of today (an old version of one is never edited)."""
    (folder / "mappings").mkdir(parents=True)
    for name, text in document["mappings"].items():
        (folder / "mappings" / f"{name}.yaml").write_text(text, "utf-8")
    (folder / "people.yaml").write_text(document["people"], "utf-8")
    (folder / "secret").write_text(SECRET, "utf-8")
    shutil.copytree(ROOT / "schemas", folder / "schemas")
    text = HUB_YAML.replace(f"{ROOT}/people.yaml", "people.yaml").replace(f"{ROOT}/schemas", "schemas")
    (folder / "hub.yaml").write_text(text, "utf-8")
    opened = open_workspace(folder)
    catalog = opened.catalog
    opened.store.close()
    return catalog
