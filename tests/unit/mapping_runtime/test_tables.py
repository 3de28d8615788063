"""Compiled tables: what each row construct does to a record, and generated code held against row-by-row meaning."""

from decimal import Decimal
from typing import Any

import orjson
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from hub.errors import ConfigError
from hub.mapping.apply import apply_rows
from hub.mapping.build import build
from hub.mapping.compile import CompileContext, compile_integration
from hub.mapping.compiled import CompiledTable
from hub.mapping.lineage import explain
from hub.model.people import People, Person
from hub.model.record import Mapped, Record, Refused
from hub.model.schema import Schema, Schemas

MONEY, TEXT = {"x-type": "money"}, {"type": ["string", "null"]}
LINE = {"type": "object", "properties": {"product": TEXT, "price": MONEY, "note": TEXT}}
PROPERTIES: dict[str, Any] = {
    "name": TEXT,
    "status": TEXT,
    "budget": MONEY,
    "effort": {"x-type": "decimal"},
    "count": {"type": ["integer", "null"]},
    "open": {"type": ["boolean", "null"]},
    "closed_at": {"x-type": "instant"},
    "manager": {"x-type": "person"},
    "parent": {"x-type": "ref", "x-entity": "thing"},
    "lines": {"type": "array", "items": LINE},
    "address": {"type": "object", "properties": {"city": TEXT, "zip": TEXT}},
    "tags": {"type": "array"},
}
SCHEMAS = Schemas({("thing", 1): Schema("thing", 1, {"type": "object", "properties": PROPERTIES})})
PEOPLE = People([Person("E1", "Ann", accounts={"jira": ("acc1",)})])
HEAD = """\
integration: t
owner: ops@example.com
every: change
zone: Asia/Shanghai
systems: {pm: jira}
tables:
- entity: thing
  source: pm.issue
  key: id
  label: key
  owner: pmo
"""


def table(*rows: str, only: str = "", key: str = "id") -> CompiledTable:
    text = HEAD.replace("key: id", f"key: {key}") + (f"  only: '{only}'\n" if only else "") + "  fields:\n"
    built = build(text + "".join(f"  - {row}\n" for row in rows), "t.yaml", {"thing": 1})
    assert not built.findings
    assert built.definition is not None
    return compile_integration(built.definition, CompileContext(SCHEMAS, PEOPLE)).tables[0]


def record(op: Any = "snapshot", **data: Any) -> Record:
    return Record("issue", "1", 0, {"id": "1", "key": "OPS-1", **data}, op)


def fields(compiled: CompiledTable, op: Any = "snapshot", **data: Any) -> Any:
    found = compiled.apply(record(op, **data))
    assert isinstance(found, Mapped), found
    return found.fields


def refused(compiled: CompiledTable, op: Any = "snapshot", **data: Any) -> Refused:
    found = compiled.apply(record(op, **data))
    assert isinstance(found, Refused), found
    return found


NAME = "{field: name, from: f.name}"


def test_absent_says_nothing_and_null_empties() -> None:
    compiled = table(NAME)
    assert fields(compiled) == {}
    assert fields(compiled, f={}) == {}
    assert fields(compiled, f="text") == {}
    assert fields(compiled, f=None) == {"name": None}
    assert fields(compiled, f={"name": None}) == {"name": None}
    assert fields(compiled, f={"name": "x"}) == {"name": "x"}


def test_a_list_of_paths_takes_the_first_filled() -> None:
    compiled = table("{field: name, from: [a, b, c]}")
    assert fields(compiled, a=None, b="", c="x") == {"name": "x"}
    assert fields(compiled, a="", b=None) == {"name": ""}
    assert fields(compiled, b=None) == {"name": None}
    assert fields(compiled) == {}


def test_paths_with_indexes_and_every_element() -> None:
    compiled = table("{field: name, from: 'm[0]'}", "{field: tags, from: 'm2[*].t[\"两 词\"]'}")
    data = {"m": ["x", "y"], "m2": [{"t": {"两 词": 1}}, {"t": None}, {}]}
    assert fields(compiled, **data) == {"name": "x", "tags": [1, None]}
    assert fields(compiled, m=[]) == {}
    assert fields(compiled, m=None, m2=None) == {"name": None, "tags": None}


def test_required_refuses_a_snapshot_without_a_value_but_not_a_partial_one() -> None:
    compiled = table("{field: name, from: name, required: true}")
    for data in ({}, {"name": None}, {"name": ""}):
        found = refused(compiled, **data)
        assert (found.rejected.reason, found.rejected.owner, found.key, found.label) == (
            "missing-field", "pmo", "jira:1", "OPS-1",
        )  # fmt: skip
        assert found.rejected.place is not None
        assert found.rejected.place.line == 13
    assert fields(compiled, "partial") == {}
    assert refused(compiled, "partial", name=None).rejected.reason == "missing-field"


def test_values_compare_canonical_text_and_null_skips_the_map() -> None:
    compiled = table('{field: name, from: v, values: {"1.5": a, "true": b, x: c}, otherwise: quarantine}')
    assert [fields(compiled, v=v)["name"] for v in (Decimal("1.50"), True, "x", None)] == ["a", "b", "c", None]
    found = refused(compiled, v="y").rejected
    assert (found.reason, found.row) == ("unknown-value", "t/thing/pm.issue.name")
    assert '"y"' in found.message
    assert refused(compiled, v={"a": 1}).rejected.reason == "unknown-value"


@pytest.mark.parametrize(("otherwise", "value"), [("keep", "y"), ('"null"', None), ("{const: z}", "z")])
def test_otherwise_says_what_an_unknown_value_becomes(otherwise: str, value: Any) -> None:
    compiled = table(f"{{field: name, from: v, values: {{x: c}}, otherwise: {otherwise}}}")
    assert fields(compiled, v="y") == {"name": value}


def test_default_fills_what_is_empty_but_a_partial_record_says_nothing() -> None:
    compiled = table("{field: name, from: v, default: d}")
    assert [fields(compiled, **data) for data in ({}, {"v": None}, {"v": ""})] == [{"name": "d"}] * 3
    assert fields(compiled, "partial") == {}


def test_the_order_is_default_then_values_then_as() -> None:
    compiled = table('{field: budget, from: v, default: none, values: {none: "0", big: "1,000"}, as: money CNY}')
    assert fields(compiled)["budget"] == {"amount": "0.00", "currency": "CNY"}
    assert fields(compiled, v="big")["budget"] == {"amount": "1000.00", "currency": "CNY"}


def test_const_and_expressions_become_canonical() -> None:
    compiled = table(
        "{field: name, const: fixed}",
        "{field: effort, value: 'a * 2.5'}",
        "{field: open, value: 'filled(s)'}",
        "{field: budget, value: 'a * b', as: money CNY}",
    )
    assert fields(compiled, a=2, b=3) == {
        "name": "fixed", "effort": "5", "open": False, "budget": {"amount": "6.00", "currency": "CNY"},
    }  # fmt: skip


def test_an_expression_that_gives_nothing_refuses_with_its_reason() -> None:
    assert refused(table("{field: effort, value: 'a * 2'}")).rejected.reason == "absent-name"


def test_without_as_nothing_is_reinterpreted() -> None:
    for row, value in (("name", 5), ("count", "5"), ("open", "yes"), ("budget", 5), ("effort", "5"), ("tags", "x")):
        assert refused(table(f"{{field: {row}, from: v}}"), v=value).rejected.reason == "wrong-type"
    assert fields(table("{field: tags, from: v}"), v=[Decimal("1.50"), {"a": Decimal(2)}]) == {
        "tags": ["1.5", {"a": "2"}]
    }


def test_money_takes_its_currency_from_a_path() -> None:
    compiled = table("{field: budget, from: v, as: money, currency: c}")
    assert fields(compiled, v=5, c="usd") == {"budget": {"amount": "5.00", "currency": "USD"}}
    assert refused(compiled, v=5).rejected.reason == "bad-currency"
    assert refused(compiled, v="5 EUR", c="USD").rejected.reason == "currency-mismatch"


def test_private_values_are_not_shown() -> None:
    found = refused(table("{field: budget, from: v, as: money CNY, privacy: finance}"), v="secret 77").rejected
    assert "secret" not in found.message
    assert "77" not in found.message


def test_a_refused_record_still_names_the_refs_it_could_map() -> None:
    compiled = table("{field: budget, from: v, as: money CNY}", "{field: parent, from: p, as: ref thing}")
    found = refused(compiled, v="abc", p="OPS-9")
    assert found.refs == {"parent": ("thing", "jira:OPS-9")}


def test_refs_are_named_where_present() -> None:
    compiled = table("{field: parent, from: p, as: ref thing}")
    assert compiled.apply(record(p="7")) == Mapped(
        "thing", "jira:1", "OPS-1", {"parent": "jira:7"}, {"parent": "thing"}
    )
    assert compiled.apply(record()) == Mapped("thing", "jira:1", "OPS-1", {}, {})


LINES = (
    "{field: lines, each: {l: items}, fields: [{field: product, from: l.p, required: true}, "
    "{field: price, from: l.price, as: money CNY}, {field: note, from: top}]}"
)


def test_nested_rows_with_each_make_one_object_per_element() -> None:
    found = fields(table(LINES), items=[{"p": "A", "price": 5}, {"p": "B"}], top="n")
    assert found == {
        "lines": [
            {"product": "A", "price": {"amount": "5.00", "currency": "CNY"}, "note": "n"},
            {"product": "B", "price": None, "note": "n"},
        ]
    }
    assert fields(table(LINES), items=None) == {"lines": None}
    assert fields(table(LINES)) == {}
    assert refused(table(LINES), items=[{}]).rejected.reason == "missing-field"
    assert refused(table(LINES), items="x").rejected.reason == "wrong-type"


def test_nested_rows_without_each_make_one_object() -> None:
    compiled = table("{field: address, fields: [{field: city, from: a.city}, {field: zip, from: a.zip}]}")
    assert fields(compiled, a={"city": "X"}) == {"address": {"city": "X", "zip": None}}
    assert fields(compiled) == {}


def test_the_key_is_the_connection_and_the_id_or_the_natural_key() -> None:
    assert table(NAME).apply(record()).key == "jira:1"
    assert table(NAME).apply(Record("issue", "1", 0, {"id": 10041})).key == "jira:10041"
    assert table(NAME, key="{shared: id}").apply(record()).key == "1"
    for bad in (None, "", True, {}):
        found = table(NAME).apply(Record("issue", "1", 0, {"id": bad}))
        assert isinstance(found, Refused)
        assert (found.key, found.rejected.reason) == (None, "missing-key")


def test_a_delete_reads_only_key_and_label() -> None:
    compiled = table("{field: name, from: name, required: true}")
    assert compiled.apply(record("delete")) == Mapped("thing", "jira:1", "OPS-1", {}, {})


def test_only_accepts_what_it_says_and_nothing_when_a_name_is_absent() -> None:
    compiled = table(NAME, only='f.type in ["Epic", "史诗"] || k == 1')
    assert compiled.accepts(record(f={"type": "史诗"}))
    assert compiled.accepts(record(k=1))
    assert not compiled.accepts(record(f={"type": "Bug"}))
    assert not compiled.accepts(record())
    assert not compiled.accepts(record(f=None))


def test_lineage_names_the_row_and_the_path_that_was_filled() -> None:
    compiled = table("{field: name, from: [a, b]}", "{field: count, from: c, default: 7}")
    found = explain(compiled, record(b="x"), "name")
    assert found is not None
    assert (found.how, found.path, found.place.line, found.value) == ("from", "b", 13, "x")
    default = explain(compiled, record(), "count")
    assert default is not None
    assert (default.how, default.value) == ("default", 7)


def test_a_file_that_cannot_run_is_refused_with_every_place() -> None:
    with pytest.raises(ConfigError) as caught:
        table(
            "{field: name, from: a, as: shout}",
            "{field: count, value: 'a +'}",
            "{field: budget, const: abc, as: money CNY}",
        )
    assert [(one.place.line, one.rule) for one in caught.value.findings] == [
        (13, "unknown-converter"), (14, "expression-syntax"), (15, "bad-money"),
    ]  # fmt: skip


def test_the_generated_source_can_be_read() -> None:
    source = table(NAME).source
    assert "def apply(record):" in source
    assert "# 13: name" in source


EVERYTHING = table(
    "{field: name, from: [a.b, a, 'l[0]'], required: true}",
    "{field: status, from: a.c, values: {x: X, '1': one}, otherwise: keep, as: text}",
    "{field: budget, from: m, as: money CNY}",
    "{field: effort, from: n, as: decimal, default: 1}",
    "{field: count, from: n, as: integer}",
    "{field: open, from: a.b.c, as: bool}",
    "{field: closed_at, from: s, as: instant}",
    "{field: manager, from: a.who, as: person}",
    "{field: parent, from: a.c, as: ref thing}",
    "{field: lines, each: {x: l}, fields: [{field: product, from: x.b}, {field: note, from: a.b, default: d}, "
    "{field: price, from: x, as: money CNY}]}",
    "{field: address, fields: [{field: city, from: s}, {field: zip, value: 'string(n)'}]}",
)
LEAVES = st.one_of(
    st.none(), st.booleans(), st.integers(-5, 5), st.decimals(-9, 9, places=1),
    st.sampled_from(["", " x ", "x", "1", "12,000", "¥3万", "acc1", "2026-01-05T10:00:00.000+0800", "2026-02-30"]),
)  # fmt: skip
VALUES = st.recursive(
    LEAVES,
    lambda inner: st.one_of(
        st.lists(inner, max_size=3),
        st.dictionaries(st.sampled_from(["b", "c", "who", "accountId"]), inner, max_size=3),
    ),
    max_leaves=6,
)
DATA = st.dictionaries(st.sampled_from(["a", "m", "n", "s", "l", "id", "key"]), VALUES, max_size=7)


@settings(max_examples=600, deadline=None)
@given(DATA, st.sampled_from(["snapshot", "partial", "delete"]), st.booleans())
def test_generated_code_says_exactly_what_the_rows_say(data: dict[str, Any], op: Any, named: bool) -> None:
    one = Record("issue", "1", 0, {**data, "id": "1"} if named else data, op)
    found = EVERYTHING.apply(one)
    plan: Any = EVERYTHING.plan
    assert found == apply_rows(plan, one)
    if isinstance(found, Mapped):
        assert orjson.loads(orjson.dumps(dict(found.fields))) == found.fields


ODD = (True, None, "", "1.50", "-0.0", 10**18, -(10**18), 2**63, -(2**63), Decimal("-0.00"), Decimal("1E+2"))
NUMBERS = st.one_of(
    st.decimals(allow_nan=False, allow_infinity=False, places=2, min_value=-(10**20), max_value=10**20),
    st.decimals(allow_nan=False, allow_infinity=False, places=1),
    st.decimals(),
    st.integers(),
    st.sampled_from(ODD),
)
NUMERIC = table(
    "{field: budget, from: b, as: money CNY}",
    "{field: effort, from: e, as: decimal}",
    "{field: count, from: c, as: integer}",
)


@settings(max_examples=300, deadline=None)
@given(NUMBERS, st.sampled_from("bec"))
def test_numbers_spelled_out_in_the_generated_code_are_what_the_converters_make_of_them(value: Any, at: str) -> None:
    one = record(**{at: value})
    plan: Any = NUMERIC.plan
    assert NUMERIC.apply(one) == apply_rows(plan, one)
