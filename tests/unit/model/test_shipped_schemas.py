"""The shipped canonical schemas: complete, in two languages, of known types, their refs leading somewhere."""

from __future__ import annotations

from pathlib import Path

import jsonschema_rs
import pytest

from hub.errors import ConfigError
from hub.model.schema import Schema, load_schemas, x_type

FOLDER = Path(__file__).parents[3] / "schemas"
SCHEMAS = load_schemas(FOLDER)
KINDS = ("budget", "campaign", "customer", "employee", "expense", "project", "purchase_item", "settlement")
X_TYPES = {"money", "decimal", "instant", "date", "person", "ref"}
VALID = {
    "money": {"amount": "1.50", "currency": "CNY"},
    "decimal": "1.5",
    "instant": "2026-01-05T01:02:03.000Z",
    "date": "2026-01-05",
    "person": "E1001",
    "ref": "jira:1",
    "integer": 1,
    "boolean": True,
    "array": ["a"],
}


def schema(kind: str) -> Schema:
    found = SCHEMAS.get(kind)
    assert found is not None
    return found


def test_the_canonical_entities_are_there() -> None:
    assert {*KINDS, "goods_receipt", "invoice", "supplier", "task"} <= set(SCHEMAS.kinds)


@pytest.mark.parametrize("kind", SCHEMAS.kinds)
def test_a_schema_is_a_json_schema_with_titles_in_both_languages(kind: str) -> None:
    document = dict(schema(kind).document)
    jsonschema_rs.validator_for(document)
    assert set(document["x-title"]) == {"en", "zh"}
    assert document["description"]
    for name, part in schema(kind).fields.items():
        assert set(part["x-title"]) == {"en", "zh"}, name
        assert part["description"].endswith((".", "…")), name


@pytest.mark.parametrize("kind", SCHEMAS.kinds)
def test_fields_have_known_types_and_refs_lead_to_a_schema(kind: str) -> None:
    for name, part in schema(kind).fields.items():
        assert part.get("x-type", "money") in X_TYPES, name
        if part.get("x-type") == "ref":
            assert part["x-entity"] in SCHEMAS.kinds, name


@pytest.mark.parametrize("kind", SCHEMAS.kinds)
def test_every_field_may_be_empty_and_takes_canonical_values(kind: str) -> None:
    found = schema(kind)
    assert found.is_valid(found.empty)
    full = dict(found.empty)
    for name, part in found.fields.items():
        rows = part.get("items", {}).get("type") == "object"
        given = next((one for one in part.get("enum", ()) if one), None) or VALID.get(x_type(part), "CNY")
        given = [{"product": "SENSOR-T", "quantity": "1.5"}] if rows else given
        full[name] = given
    assert found.problem(full) == ""
    assert not found.is_valid({**full, "surprise": 1})


def test_an_operator_adds_optional_fields_in_extra_json(tmp_path: Path) -> None:
    (tmp_path / "task").mkdir()
    (tmp_path / "task/v1.json").write_bytes((FOLDER / "task/v1.json").read_bytes())
    (tmp_path / "task/extra.json").write_text(
        '{"properties": {"line": {"type": ["string", "null"], "title": "line"}}}'
    )
    found = load_schemas(tmp_path).get("task")
    assert found is not None
    assert "line" in found.fields
    assert found.is_valid({**found.empty, "line": "L1"})


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("{", "cannot be read"),
        ("{}", "cannot be read"),
        ('{"properties": {"name": {"type": "integer"}}}', "name"),
        ('{"properties": {"line": {"type": "string"}}, "required": ["line"]}', "required"),
    ],
)
def test_an_extra_json_that_changes_what_is_given_is_refused(tmp_path: Path, text: str, words: str) -> None:
    (tmp_path / "task").mkdir()
    (tmp_path / "task/v1.json").write_bytes((FOLDER / "task/v1.json").read_bytes())
    (tmp_path / "task/extra.json").write_text(text)
    with pytest.raises(ConfigError) as refused:
        load_schemas(tmp_path)
    assert words in str(refused.value)
