"""Two systems feed one entity by a natural key: whose value counts, and that both objects are linked to it."""

from __future__ import annotations

from typing import Any

from hub.engine.conclude import conclude
from hub.engine.prepare import prepare
from hub.engine.transaction import decide_in
from hub.mapping.build import build
from hub.mapping.catalog import Catalog, ConnectionFacts
from hub.mapping.compile import CompileContext, compile_integration
from hub.model.changes import Changes
from hub.model.delivery import Delivery
from hub.model.people import People
from hub.model.record import Decoded, Record
from hub.model.schema import Schema, Schemas
from tests.engine_stage import Memory

TEXT = {"type": ["string", "null"]}
SCHEMAS = Schemas({("customer", 1): Schema("customer", 1, {"type": "object", "properties": {"name": TEXT}})})
FILE = """\
integration: t
owner: ops
every: change
systems: {crm: crm, erp: erp}
tables:
- {entity: customer, source: crm.account, key: {shared: tax}, fields: [{field: name, from: n, prefer: [erp, crm]}]}
- {entity: customer, source: erp.customer, key: {shared: tax}, fields: [{field: name, from: n, prefer: [erp, crm]}]}
"""


def catalog() -> Catalog:
    built = build(FILE, "t.yaml", SCHEMAS.newest)
    assert built.findings == ()
    assert built.definition is not None
    compiled = compile_integration(built.definition, CompileContext(SCHEMAS, People()))
    facts = {name: ConnectionFacts(name, name, {}, refetch=False) for name in ("crm", "erp")}
    return Catalog({"t": compiled}, facts, SCHEMAS, People())


def delivery(position: int, connection: str) -> Delivery:
    return Delivery(connection, f"r{position}", b"{}", {}, 0, position=position)


def concluded(*said: tuple[str, str, str]) -> Changes:
    """(connection, object, name) in the order of the log."""
    batch = [delivery(at, connection) for at, (connection, _, _) in enumerate(said, 1)]
    streams = {"crm": "crm.account", "erp": "erp.customer"}
    records = {
        at: Record(streams[c], o, at, {"tax": "91310000", "n": name}) for at, (c, o, name) in enumerate(said, 1)
    }
    found = prepare(batch, catalog(), lambda one: Decoded((records[one.position],)))
    memory: Any = Memory()
    return decide_in(memory, found.touched, lambda view: conclude(found, view, 0, catalog()))


def test_the_preferred_system_s_name_stays_and_the_other_fills_first() -> None:
    changes = concluded(("crm", "a1", "Acme"), ("erp", "c7", "ACME Ltd"), ("crm", "a1", "Acme Inc"))
    entity = changes.entities["customer", "91310000"]
    assert entity.state["name"] == "ACME Ltd"
    assert [one.verdict for one in changes.outcomes] == ["applied", "applied", "unchanged"]


def test_every_object_that_feeds_the_entity_is_linked_to_it_even_when_it_changes_nothing() -> None:
    changes = concluded(("erp", "c7", "ACME Ltd"), ("crm", "a1", "Acme"))
    assert changes.links == {("erp", "customer", "91310000", "c7"), ("crm", "customer", "91310000", "a1")}
