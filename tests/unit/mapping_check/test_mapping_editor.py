"""The JSON Schema for editors: shipped files and the good corpus follow it, typing errors do not."""

from __future__ import annotations

from decimal import Decimal
from pathlib import Path
from typing import Any

import jsonschema_rs
import orjson
import pytest

from hub.cli.mapping_schema import mapping_schema
from hub.mapping.build_loop import LOOP_KEYS, STEP_KEYS
from hub.mapping.build_table import ROW_KEYS, TABLE_KEYS
from hub.mapping.check.checked import CheckContext
from hub.mapping.editor import LINE, editor_schema
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
