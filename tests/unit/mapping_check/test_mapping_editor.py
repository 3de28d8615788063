"""The JSON Schema for editors: shipped files and the good corpus follow it, typing errors do not."""

from __future__ import annotations

from collections.abc import Iterator
from decimal import Decimal
from pathlib import Path
from typing import Any

import jsonschema_rs
import orjson
import pytest

from hub.cli.mapping_schema import mapping_schema
from hub.mapping.build import build
from hub.mapping.build_loop import LOOP_KEYS, STEP_KEYS
from hub.mapping.build_table import ROW_KEYS, SHARED_KEYS, TABLE_KEYS
from hub.mapping.check.checked import CheckContext
from hub.mapping.editor import LINE, editor_schema
from hub.mapping.form import Form
from hub.mapping.rates import RATES_KEYS
from hub.mapping.read import Mapping, Node, Scalar, Sequence, read

ROOT = Path(__file__).parents[3]
GOOD = [
    *sorted((ROOT / "tests/cases/ok").glob("*.yaml")),
    *(file for file in sorted((ROOT / "mappings").glob("*.yaml")) if not file.name.endswith(".cases.yaml")),
]


def plain(node: Node | None) -> Any:
    match node:
        case Scalar(value=value):
            return float(value) if isinstance(value, Decimal) else value
        case Sequence(items=items):
            return [plain(item) for item in items]
        case Mapping(pairs=pairs):
            return {name: plain(value) for name, (_, value) in pairs.items()}
    return None


def problems(text: str, workspace: CheckContext) -> list[str]:
    validator = jsonschema_rs.Draft7Validator(editor_schema(workspace))
    return [error.message for error in validator.iter_errors(plain(read(text, "t.yaml")[0]))]


@pytest.mark.parametrize("file", GOOD, ids=lambda file: file.stem)
def test_what_the_check_accepts_the_editor_accepts(file: Path, workspace: CheckContext) -> None:
    assert problems(file.read_text("utf-8"), workspace) == []


@pytest.mark.parametrize(
    ("name", "word"),
    [
        ("unknown-key", "form"),
        ("unknown-field", "managr"),
        ("unknown-entity", "projet"),
        ("unknown-value-target-status", "finished"),
        ("unknown-key-step", "udno"),
        ("unknown-system-connection", "jria"),
    ],
)
def test_an_editor_marks_typing_errors_while_they_are_typed(name: str, word: str, workspace: CheckContext) -> None:
    found = problems((ROOT / f"tests/cases/err/{name}.yaml").read_text("utf-8"), workspace)
    assert any(word in message for message in found), found


def test_every_key_of_the_grammar_is_in_the_schema(workspace: CheckContext) -> None:
    parts = editor_schema(workspace)["definitions"]
    for name, keys in (("table", TABLE_KEYS), ("row", ROW_KEYS), ("loop", LOOP_KEYS), ("step", STEP_KEYS)):
        assert set(parts[name]["properties"]) == set(keys)


def test_streams_and_actions_complete_with_their_alias(workspace: CheckContext) -> None:
    parts = editor_schema(workspace)["definitions"]
    assert "jira.issue" in parts["table"]["properties"]["source"]["anyOf"][0]["enum"]
    assert "erp.asset.create" in parts["step"]["properties"]["do"]["anyOf"][0]["enum"]


def test_the_command_writes_the_schema_of_the_workspace(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    file = tmp_path / "mapping.schema.json"
    assert mapping_schema(ROOT, file) == 0
    assert (
        "pm.issue"
        in orjson.loads(file.read_bytes())["definitions"]["table"]["properties"]["source"]["anyOf"][0]["enum"]
    )
    assert LINE.format("PATH/TO/mapping.schema.json") in capsys.readouterr().out


class Asked:
    """Every set of keys a form was asked to know while the corpus was read."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch) -> None:
        self.keys: dict[frozenset[str], str] = {}
        begun = Form.__init__

        def noting(form: Form, findings: Any, node: Any, what: str, known: tuple[str, ...]) -> None:
            self.keys.setdefault(frozenset(known), what)
            begun(form, findings, node, what, known)

        monkeypatch.setattr(Form, "__init__", noting)


FILES_OF_THEIR_OWN = [frozenset(SHARED_KEYS), frozenset(RATES_KEYS)]


def objects(part: Any) -> Iterator[dict[str, Any]]:
    """Every object of a schema that takes certain keys only."""
    if isinstance(part, dict):
        if part.get("additionalProperties") is False:
            yield part["properties"]
        for one in part.values():
            yield from objects(one)
    elif isinstance(part, list):
        for one in part:
            yield from objects(one)


def test_the_editor_knows_every_key_the_grammar_knows_and_says_what_it_takes(
    workspace: CheckContext, monkeypatch: pytest.MonkeyPatch
) -> None:
    asked = Asked(monkeypatch)
    for file in [*GOOD, *sorted((ROOT / "tests/cases/err").glob("*.yaml"))]:
        build(file.read_bytes(), file.name, workspace.schemas.newest)
    known = {frozenset(one): one for one in objects(editor_schema(workspace))}
    missing = {what: sorted(keys) for keys, what in asked.keys.items() if keys not in {*known, *FILES_OF_THEIR_OWN}}
    assert missing == {}
    blank = sorted({name for one in known.values() for name, part in one.items() if part == {}} - {"const"})
    assert blank == []


@pytest.mark.parametrize(
    ("row", "sound"),
    [
        ("{field: budget, lookup: {entity: supplier, by: tax_id, from: fields.t, take: key}}", True),
        ("{field: budget, lookup: {entity: supplier, by: taxid, from: fields.t}}", False),
        ("{field: budget, lookup: {entity: supplier, from: fields.t}}", False),
        ("{field: name, from: a, prefer: [erp, jira]}", True),
        ("{field: name, from: a, prefer: [a.b]}", False),
        ("{field: budget, from: a, rates: rates/treasury, dated: fields.day}", True),
        ("{field: budget, from: a, rates: treasury, dated: fields.day}", False),
        ("{field: name, from: a, sync: {to: jira.issue, path: fields.summary, conflict: newest}}", True),
        ("{field: name, from: a, sync: {to: jira.issue, path: fields.summary, conflict: never}}", False),
        ("{field: name, from: a, sync: {to: jira.issue}}", False),
        ("{field: status, from: a, use: shared/jira-status}", True),
        ("{use: shared/jira-dates}", True),
        ("{use: jira-dates}", False),
        ("{from: a}", False),
    ],
)
def test_inside_of_rows_that_look_up_prefer_convert_write_back_and_share(
    row: str, sound: bool, workspace: CheckContext
) -> None:
    table = f"tables: [{{entity: project, source: jira.issue, key: id, fields: [{row}]}}]"
    found = problems(f"integration: a\nsystems: {{}}\n{table}\n", workspace)
    assert (found == []) is sound, found
