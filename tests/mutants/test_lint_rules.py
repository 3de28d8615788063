"""Rules no linter of the shelf knows, held over the text of the product. ``HUB_PLANTED`` edits the text first."""

from __future__ import annotations

import ast
import os
from pathlib import Path

import pytest

from tests.mutants.planted import PLANTED

ROOT = Path(__file__).parents[2]
_SIGNERS = [*sorted((ROOT / "connectors").glob("*/connector.py")), ROOT / "hub/intake/gate.py"]
_SECRET_WORDS = ("expected", "signature", "digest", "token", "given")


def _text(file: Path) -> str:
    text, bug = file.read_text("utf-8"), PLANTED.get(os.environ.get("HUB_PLANTED", ""))
    return text.replace(bug.old, bug.new) if bug is not None and bug.file == str(file.relative_to(ROOT)) else text


@pytest.mark.parametrize("file", _SIGNERS, ids=lambda file: str(file.relative_to(ROOT)))
def test_what_is_secret_is_compared_in_constant_time(file: Path) -> None:
    wrong = [
        f"{file.name}:{node.lineno}"
        for function in ast.walk(ast.parse(_text(file)))
        if isinstance(function, ast.FunctionDef) and function.name in ("verify", "right_path")
        for node in ast.walk(function)
        if isinstance(node, ast.Compare) and isinstance(node.ops[0], ast.Eq | ast.NotEq)
        for side in (node.left, *node.comparators)
        if isinstance(side, ast.Name) and side.id in _SECRET_WORDS
    ]
    assert not wrong
