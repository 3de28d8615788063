"""What the writer remembers of entities holds only as long as it is what the file says."""

from __future__ import annotations

from pathlib import Path

import pytest

from hub.model.changes import Changes, Touched
from hub.model.entity import Entity, Mark, SourceMarks
from hub.store import hot_sqlite
from hub.store.kept import Kept
from hub.store.port import Transaction
from hub.store.sqlite import SqliteStore
from tests.stores import temp_store

PLACE = "project", "jira:1"


def entity(version: int, name: str = "P") -> Entity:
    return Entity(*PLACE, "OPS-1", version, {"name": name}, {"jira/1": SourceMarks(Mark(version, version))})


def put(store: SqliteStore, one: Entity) -> None:
    store.write_now(lambda t: t.write(Changes(entities={PLACE: one}), 0))


def look(store: SqliteStore) -> Entity | None:
    return store.write_now(lambda t: t.load(Touched(entities=frozenset({PLACE}))).entity(*PLACE))


def test_an_entity_written_is_read_as_it_was_written(tmp_path: Path) -> None:
    with temp_store(tmp_path) as store:
        put(store, one := entity(1))

        assert look(store) is one
    with temp_store(tmp_path) as again:
        assert look(again) == one


def test_what_another_process_wrote_is_seen_by_the_next_transaction(tmp_path: Path) -> None:
    with temp_store(tmp_path) as store, temp_store(tmp_path) as other:
        put(store, entity(1))
        assert look(other) == entity(1)

        put(other, entity(2, "theirs"))

        assert look(store) == entity(2, "theirs")


def test_what_was_rolled_back_is_not_remembered(tmp_path: Path) -> None:
    def fails(t: Transaction) -> None:
        t.write(Changes(entities={PLACE: entity(2)}), 0)
        assert t.load(Touched(entities=frozenset({PLACE}))).entity(*PLACE) == entity(2)
        raise ValueError("a bug")

    with temp_store(tmp_path) as store:
        put(store, entity(1))

        with pytest.raises(ValueError, match="a bug"):
            store.write_now(fails)

        assert look(store) == entity(1)


def test_what_a_failed_commit_wrote_is_not_remembered(tmp_path: Path) -> None:
    def thrown_away(t: Transaction) -> None:
        t.write(Changes(entities={PLACE: entity(2)}), 0)
        t.db.execute("CREATE TEMP TABLE parent (id INTEGER PRIMARY KEY)")  # type: ignore[attr-defined]
        t.db.execute(  # type: ignore[attr-defined]
            "CREATE TEMP TABLE child (id REFERENCES parent (id) DEFERRABLE INITIALLY DEFERRED)"
        )
        t.db.execute("INSERT INTO child VALUES (7)")  # type: ignore[attr-defined]

    with temp_store(tmp_path) as store:
        put(store, entity(1))
        store._writer._db.execute("PRAGMA foreign_keys = ON")

        with pytest.raises(Exception, match="FOREIGN KEY"):
            store.write_now(thrown_away)

        assert look(store) == entity(1)


def test_the_oldest_are_forgotten_when_there_are_too_many(tmp_path: Path) -> None:
    kept = Kept(bytes_max=100)
    one, two, three = (("project", str(n)) for n in range(3))

    kept.keep({one: (entity(1), 40), two: (entity(2), 40)})
    kept.keep({one: (entity(3), 50)})
    kept.keep({three: (entity(4), 30)})

    assert (kept.get(one), kept.get(two), kept.get(three)) == (entity(3), None, entity(4))


def test_nothing_is_kept_across_a_foreign_commit(tmp_path: Path) -> None:
    with temp_store(tmp_path) as store:
        db = hot_sqlite.connect_writer(tmp_path / "hub.db")
        kept = Kept()
        kept.check(db)
        kept.keep({PLACE: (entity(1), 10)})
        kept.check(db)
        assert kept.get(PLACE) == entity(1)

        put(store, entity(2))
        kept.check(db)

        assert kept.get(PLACE) is None
        db.close()
