"""``key: {link: …}``: a record is put on the entity its object is linked to, else on the one it matches."""

from __future__ import annotations

from typing import Any

import orjson
import pytest

from hub.engine.conclude import conclude
from hub.engine.facts import Answer, conclude_fact
from hub.engine.prepare import prepare
from hub.engine.transaction import decide_in
from hub.history.memory import Memory as Whole
from hub.loop.world import World
from hub.mapping.apply import apply_rows
from hub.mapping.build import build
from hub.mapping.catalog import Catalog, ConnectionFacts
from hub.mapping.compile import CompileContext, compile_integration
from hub.model.changes import Touched
from hub.model.delivery import Delivery
from hub.model.entity import Entity
from hub.model.fact import LinkDecided
from hub.model.people import People, Person
from hub.model.record import Decoded, Op, Record, Refused
from hub.model.schema import Schema, Schemas
from hub.model.upcast import FieldStep, Upcast
from tests.engine_stage import Memory

TEXT = {"type": ["string", "null"]}
CUSTOMER = {"name": TEXT, "tax_id": TEXT, "city": TEXT, "segment": TEXT}
CONTRACT = {"customer": {**TEXT, "x-type": "ref", "x-entity": "customer"}, "title": TEXT}
SCHEMAS = Schemas(
    {
        ("customer", 1): Schema("customer", 1, {"type": "object", "properties": CUSTOMER}),
        ("contract", 1): Schema("contract", 1, {"type": "object", "properties": CONTRACT}),
    }
)
FILE = """\
integration: t
owner: ops
every: change
systems: {crm: crm, erp: erp}
tables:
- entity: customer
  source: erp.customer
  key: id
  label: code
  fields: [{field: name, from: name}, {field: tax_id, from: tax}, {field: city, from: city}]
- entity: customer
  source: crm.account
  key: {link: id, match: {tax_id: vat, city: town}}
  fields: [{field: segment, from: segment}]
- entity: contract
  source: crm.deal
  key: id
  fields: [{field: customer, from: account, as: ref customer}, {field: title, from: title}]
"""


class Stage:
    """Records of two systems against an in-memory store."""

    def __init__(self, schemas: Schemas = SCHEMAS, file: str = FILE) -> None:
        built = build(file, "t.yaml", SCHEMAS.newest)
        assert built.findings == ()
        assert built.definition is not None
        compiled = compile_integration(built.definition, CompileContext(schemas, People()))
        facts = {name: ConnectionFacts(name, name, {}, refetch=False) for name in ("erp", "crm")}
        self.catalog = Catalog({"t": compiled}, facts, schemas, People())
        self.accounts = compiled.tables[1]
        self.memory: Any = Memory()
        self.position = 0

    def say(self, *said: Record) -> None:
        """One batch of records, each its own delivery."""
        batch, records = [], {}
        for one in said:
            self.position += 1
            connection = one.stream.partition(".")[0]
            batch.append(Delivery(connection, f"r{self.position}", b"{}", {}, 0, position=self.position))
            records[self.position] = one
        found = prepare(batch, self.catalog, lambda one: Decoded((records[one.position],)))
        changes = decide_in(self.memory, found.touched, lambda view: conclude(found, view, 0, self.catalog))
        self.memory.write(changes, 0)

    def link(self, connection: str, key: str, object_id: str) -> None:
        """Somebody says which object an entity is over there."""

        def said(view: Any) -> Any:
            world = World(view, self.catalog, 0)
            world.because("decision")
            world.put_link(connection, "customer", key, object_id)
            return world.changes

        self.memory.write(decide_in(self.memory, Touched(), said), 0)

    def customer(self, key: str) -> Entity:
        found: Entity = self.memory.entities["customer", key]
        return found

    def keys(self) -> list[str]:
        return sorted(key for kind, key in self.memory.entities if kind == "customer")

    def refusals(self) -> list[tuple[str, str, str]]:
        rows = self.memory.quarantines.values()
        return [(row.reason, row.key, row.message) for row in rows if row.closed_at is None]


def erp(number: str, tax: str = "9131", city: str = "Jinan", at: int = 1, op: Op = "snapshot") -> Record:
    data = {"id": number, "code": f"C-{number}", "name": "Acme", "tax": tax, "city": city}
    return Record("erp.customer", number, at, data, op)


def crm(number: str, vat: Any = "9131", town: str = "Jinan", at: int = 2, op: Op = "snapshot", **data: Any) -> Record:
    return Record("crm.account", number, at, {"id": number, "vat": vat, "town": town, "segment": "key", **data}, op)


def test_a_record_is_put_on_the_one_entity_that_matches_and_the_link_is_kept() -> None:
    stage = Stage()
    stage.say(erp("7"), crm("a1"))
    assert stage.keys() == ["erp:7"]
    assert stage.customer("erp:7").state == {"name": "Acme", "tax_id": "9131", "city": "Jinan", "segment": "key"}
    assert stage.memory.links["crm", "customer", "erp:7"] == "a1"


def test_every_field_of_match_must_agree_and_an_empty_one_matches_nobody() -> None:
    stage = Stage()
    stage.say(erp("7"), crm("a1", town="Lanzhou"), crm("a2", vat=None))
    assert stage.keys() == ["crm:a1", "crm:a2", "erp:7"]


def test_once_linked_nobody_asks_match_again() -> None:
    stage = Stage()
    stage.say(erp("7"), crm("a1"))
    stage.say(crm("a1", vat="other", at=3, segment="small"))
    assert stage.keys() == ["erp:7"]
    assert stage.customer("erp:7").state["segment"] == "small"


def test_a_link_somebody_made_counts_before_match() -> None:
    stage = Stage()
    stage.say(erp("7"), erp("8", tax="9999"))
    stage.link("crm", "erp:8", "a1")
    stage.say(crm("a1"))
    assert stage.customer("erp:8").state["segment"] == "key"
    assert stage.customer("erp:7").state["segment"] is None


def test_several_matches_set_the_record_aside_and_a_link_settles_it() -> None:
    stage = Stage()
    stage.say(erp("7"), erp("8"), crm("a1"))
    reason, key, message = stage.refusals()[0]
    assert (reason, key) == ("ambiguous-link", "crm:a1")
    assert message == "key: tax_id 9131, city Jinan matches erp:7, erp:8"
    stage.link("crm", "erp:8", "a1")
    stage.say(crm("a1", at=3))
    assert stage.refusals() == []
    assert stage.customer("erp:8").state["segment"] == "key"


def test_two_objects_never_share_an_entity_by_match() -> None:
    stage = Stage()
    stage.say(erp("7"), crm("a1"), crm("a2"))
    assert [(reason, key) for reason, key, _ in stage.refusals()] == [("ambiguous-link", "crm:a2")]
    assert stage.memory.links["crm", "customer", "erp:7"] == "a1"


def test_several_links_to_one_object_set_the_record_aside() -> None:
    stage = Stage()
    stage.say(erp("7"), erp("8", tax="9"))
    stage.link("crm", "erp:7", "a1")
    stage.link("crm", "erp:8", "a1")
    stage.say(crm("a1"))
    assert stage.refusals() == [("ambiguous-link", "crm:a1", "key: crm a1 is linked to erp:7, erp:8")]


def test_a_match_that_turns_up_later_takes_over_what_the_record_had_of_its_own() -> None:
    stage = Stage()
    stage.say(crm("a1"))
    assert stage.keys() == ["crm:a1"]
    stage.say(erp("7"))
    stage.say(crm("a1", at=3))
    assert stage.customer("crm:a1").deleted
    assert stage.customer("erp:7").state["segment"] == "key"
    gone = next(orjson.loads(one.data) for one in stage.memory.events if one.type == "customer.deleted")
    assert (gone["key"], gone["merged_into"]) == ("crm:a1", "erp:7")


def test_what_named_the_own_entity_names_the_linked_one_from_then_on() -> None:
    stage = Stage()
    deal = Record("crm.deal", "d1", 1, {"id": "d1", "account": "a1", "title": "Laser"})
    stage.say(crm("a1"), deal)
    assert stage.memory.entities["contract", "crm:d1"].state["customer"] == "crm:a1"
    stage.say(erp("7"))
    stage.say(crm("a1", at=3))
    assert stage.memory.entities["contract", "crm:d1"].state["customer"] == "erp:7"
    stage.say(Record("crm.deal", "d2", 1, {"id": "d2", "account": "a1", "title": "Lens"}))
    assert stage.memory.entities["contract", "crm:d2"].state["customer"] == "erp:7"


def test_a_deletion_reaches_the_linked_entity_and_a_first_one_matches_nobody() -> None:
    stage = Stage()
    stage.say(erp("7"), crm("a9", op="delete"))
    assert not stage.customer("erp:7").deleted
    stage.say(crm("a1"))
    stage.say(crm("a1", at=5, op="delete"))
    assert stage.customer("erp:7").deleted
    stage.say(crm("a1", at=6))
    assert not stage.customer("erp:7").deleted
    assert stage.keys() == ["crm:a9", "erp:7"]


def test_what_is_older_than_the_own_entity_s_last_word_stays_older_after_the_move() -> None:
    stage = Stage()
    stage.say(erp("7"), crm("a1", at=9))
    stage.say(crm("a1", at=3, segment="old"))
    assert stage.customer("erp:7").state["segment"] == "key"


def test_the_generated_code_says_what_finds_the_entity_as_the_exact_code_does() -> None:
    stage = Stage()
    for record in (crm("a1"), crm("a2", vat=None), crm("a3", op="delete"), Record("crm.account", "x", 1, {})):
        assert stage.accounts.apply(record) == apply_rows(stage.accounts.plan, record)  # type: ignore[arg-type]
    assert isinstance(stage.accounts.apply(Record("crm.account", "x", 1, {})), Refused)


@pytest.mark.parametrize("size", [1, 7, 500])
def test_the_borders_of_batches_decide_nothing(size: int) -> None:
    said = [
        record
        for n in range(20)
        for record in (
            crm(f"a{n}", vat=str(n), at=n),
            erp(f"{n}", tax=str(n), at=n),
            Record("crm.deal", f"d{n}", n, {"id": f"d{n}", "account": f"a{n}", "title": "Laser"}),
            crm(f"a{n}", vat=str(n), at=n + 30, segment="late"),
        )
    ]
    stage = Stage()
    for start in range(0, len(said), size):
        stage.say(*said[start : start + size])
    whole = Stage()
    whole.say(*said)
    assert [(one.id, one.data) for one in stage.memory.events] == [(one.id, one.data) for one in whole.memory.events]
    assert stage.memory.entities == whole.memory.entities
    assert stage.memory.links == whole.memory.links
    assert len(stage.keys()) == 40


# --- what a person says of a link


class Decided(Stage):
    """The same two systems on a memory that knows people's decisions too."""

    def __init__(self) -> None:
        super().__init__()
        people = People([Person("E1", "Ops", roles=frozenset({"ops"})), Person("E2", "Somebody")])
        old = self.catalog
        self.catalog = Catalog(old.integrations, old.connections, old.schemas, people)
        self.memory = Whole()
        self.decisions = 0

    def say(self, *said: Record) -> None:
        for one in said:
            self.position += 1
            delivery = Delivery(one.stream.partition(".")[0], f"r{self.position}", b"", {}, 0, position=self.position)
            found = prepare([delivery], self.catalog, lambda _, one=one: Decoded((one,)))  # type: ignore[misc]
            self.memory.take(conclude(found, self.memory, 0, self.catalog))

    def decide(self, object_id: str, who: str = "E1") -> Answer:
        self.decisions += 1
        said = ("customer", "erp:7", "crm", object_id, who, "it is not them")
        fact = LinkDecided(f"d{self.decisions}", *said)
        changes, answer = conclude_fact(fact, self.memory, 5, self.catalog)
        if answer:
            self.memory.take(changes)
        return answer


def test_what_a_person_unlinked_is_not_matched_again() -> None:
    stage = Decided()
    stage.say(erp("7"), crm("a1"))
    assert stage.decide("")
    stage.say(crm("a1", at=9, segment="small"))
    assert stage.customer("erp:7").state["segment"] == "key"
    assert stage.customer("crm:a1").state["segment"] == "small"
    stage.say(crm("a2", at=9))
    assert stage.keys() == ["crm:a1", "crm:a2", "erp:7"]
    assert stage.decide("a2")
    stage.say(crm("a2", at=10, segment="large"))
    assert stage.customer("erp:7").state["segment"] == "large"


def test_only_who_answers_for_an_entity_says_what_it_is() -> None:
    stage = Decided()
    stage.say(erp("7"), crm("a1"))
    for object_id in ("", "a2"):
        assert stage.decide(object_id, "E2").message == "Somebody may not say what erp:7 is; who may: ops"
    assert stage.memory.links["crm", "customer", "erp:7"] == "a1"


# --- a schema has moved on since the file was written

LOOKS_UP = """\
- entity: contract
  source: erp.contract
  key: id
  fields:
  - {field: title, lookup: {entity: customer, by: tax_id, from: tax, take: tax_id}, otherwise: quarantine}
"""


def test_a_file_from_before_a_field_was_renamed_finds_its_entities_all_the_same() -> None:
    fields = {"vat_id" if name == "tax_id" else name: said for name, said in CUSTOMER.items()}
    steps = {name: FieldStep("tax_id" if name == "vat_id" else name) for name in fields}
    newer = Schema("customer", 2, {"type": "object", "properties": fields})
    known = {(one.kind, one.version): one for one in (*SCHEMAS.all, newer)}
    stage = Stage(Schemas(known, {("customer", 2): Upcast("customer", 2, steps, tuple(CUSTOMER))}), FILE + LOOKS_UP)
    stage.say(erp("7"), crm("a1"))
    assert stage.keys() == ["erp:7"]
    assert stage.customer("erp:7").state["vat_id"] == "9131"
    stage.say(Record("erp.contract", "5", 3, {"id": "5", "tax": "9131"}))
    assert stage.refusals() == []
    assert stage.memory.entities["contract", "erp:5"].state["title"] == "9131"


# --- one visible name in two systems

TWO = """\
integration: t
owner: ops
every: change
systems: {crm: crm, erp: erp}
tables:
- entity: customer
  source: erp.customer
  key: id
  label: code
  fields: [{field: name, from: name}]
- entity: customer
  source: crm.account
  key: id
  label: code
  fields: [{field: name, from: name}]
- entity: contract
  source: erp.contract
  key: id
  fields: [{field: customer, from: cust, as: ref customer}]
"""


def test_a_visible_name_means_the_one_of_its_own_system_where_several_have_it() -> None:
    for order in (("erp.customer", "crm.account"), ("crm.account", "erp.customer")):
        stage = Stage(file=TWO)
        for stream in order:
            stage.say(Record(stream, "7", 1, {"id": "7", "code": "C-1", "name": stream}))
        stage.say(Record("erp.contract", "5", 3, {"id": "5", "cust": "C-1"}))
        assert stage.memory.entities["contract", "erp:5"].state["customer"] == "erp:7"


def test_a_visible_name_that_only_another_system_has_is_found_there() -> None:
    stage = Stage(file=TWO)
    stage.say(Record("crm.account", "7", 1, {"id": "7", "code": "C-1", "name": "a"}))
    stage.say(Record("erp.contract", "5", 3, {"id": "5", "cust": "C-1"}))
    assert stage.memory.entities["contract", "erp:5"].state["customer"] == "crm:7"
