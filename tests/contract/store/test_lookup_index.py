"""Fields that lookups find entities by: entities from before the lookup are found too, once, texts only."""

from __future__ import annotations

from hub.model.changes import Changes, Touched
from hub.model.entity import Entity
from hub.store.port import Store
from hub.store.queries import entities


def supplier(number: int, tax: object) -> Entity:
    return Entity("supplier", f"erp:{number}", f"S-{number}", 1, {"tax_id": tax, "project": "jira:1"})


def test_entities_from_before_a_lookup_are_found_by_it(store: Store) -> None:
    found = [supplier(1, "9131"), supplier(2, "9132"), supplier(3, None), supplier(4, 9131)]
    changes = Changes(
        entities={(one.kind, one.key): one for one in found}, refs={("supplier", "erp:1"): {"project": "jira:1"}}
    )
    store.write_now(lambda t: t.write(changes, 0))
    assert store.write_now(lambda t: t.index({"supplier": ("tax_id",)})) == 2
    assert store.write_now(lambda t: t.index({"supplier": ("tax_id",)})) == 0
    asked = Touched(referring=frozenset({("supplier", "tax_id", "9131")}))
    view = store.write_now(lambda t: t.load(asked))
    assert [one.key for one in view.referring("supplier", "tax_id", "9131")] == ["erp:1"]
    with store.read() as db:
        assert entities.refs_of(db, "supplier", "erp:1") == {"project": "jira:1", "tax_id": "9131"}
