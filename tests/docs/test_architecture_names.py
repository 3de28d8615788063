"""The architecture page names files and functions that exist."""

from __future__ import annotations

import ast
import re
from functools import cache
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
PAGE = ROOT / "docs" / "architecture.md"
TEXT = PAGE.read_text("utf-8")
CODE = re.compile(r"`([^`\n]+)`")
FILE = re.compile(r"(?:hub|connectors|tests)(?:/[\w.-]+)+/?")
NAME = re.compile(r"[a-z_]+(?:\.[A-Za-z_]+)+")

SPANS = sorted(set(CODE.findall(TEXT)))
FILES = [span for span in SPANS if FILE.fullmatch(span)]
STEMS = {Path(file).stem: [other for other in FILES if Path(other).stem == Path(file).stem] for file in FILES}
NAMES = [
    span for span in SPANS if NAME.fullmatch(span) and span.partition(".")[0] in STEMS and not span.endswith(".py")
]


@cache
def defined(file: str) -> frozenset[str]:
    """Every name a module defines at its top, and every method and field of its classes as ``Class.name``."""
    found: set[str] = set()
    for node in ast.parse((ROOT / file).read_text("utf-8")).body:
        found |= {name for name in bound(node)}
        if isinstance(node, ast.ClassDef):
            found |= {f"{node.name}.{name}" for inner in node.body for name in bound(inner)}
    return frozenset(found)


def bound(node: ast.stmt) -> list[str]:
    match node:
        case ast.FunctionDef(name=name) | ast.AsyncFunctionDef(name=name) | ast.ClassDef(name=name):
            return [name]
        case ast.Assign(targets=targets):
            return [target.id for target in targets if isinstance(target, ast.Name)]
        case ast.AnnAssign(target=ast.Name(id=name)):
            return [name]
        case _:
            return []


@pytest.mark.parametrize("file", FILES)
def test_a_named_file_or_folder_exists(file: str) -> None:
    assert (ROOT / file).exists(), f"docs/architecture.md names {file}"


@pytest.mark.parametrize("name", NAMES)
def test_a_named_function_exists_in_a_file_the_page_names(name: str) -> None:
    stem, _, inner = name.partition(".")
    files = [file for file in STEMS[stem] if file.endswith(".py")]

    assert any(inner in defined(file) for file in files), f"docs/architecture.md names {name}; looked in {files}"


def test_the_page_names_enough_to_follow_the_event() -> None:
    assert len(FILES) > 30
    assert len(NAMES) > 40


def test_the_room_table_lists_every_room_of_the_package() -> None:
    rooms = {f"hub/{folder.name}" for folder in (ROOT / "hub").iterdir() if (folder / "__init__.py").exists()}

    assert rooms - set(re.findall(r"^\| `(hub/\w+)`", TEXT, re.M)) == set()
