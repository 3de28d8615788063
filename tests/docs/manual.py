"""What the manual must say, read from the code: rows of its generated tables, slugs, actions, names.

``python -m tests.docs.manual`` writes the generated tables anew; their heads and everything around them are kept.
"""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator
from functools import cache
from pathlib import Path
from typing import Any

from typer.main import get_command

from hub.cli.app import build
from hub.connector import registry
from hub.connector.spec import Setting
from hub.health.words import MEASURES

ROOT = Path(__file__).parents[2]
DOCS = ROOT / "docs"
SLUG = re.compile(r"[a-z]+(?:[-_][a-z]+)*")
SAYS_NO = frozenset({"Rejected", "Unconvertible", "ExpressionError", "fail", "_refuse", "_Broken"})
"""Calls whose literal words are reasons people see."""


def page(name: str) -> str:
    return (DOCS / name).read_text("utf-8")


def section(text: str, title: str) -> str:
    """The part of a page under the heading of that title, with what is below it."""
    head = re.search(rf"^(#+) {re.escape(title)}$", text, re.M)
    assert head, f"the page has no heading {title!r}"
    after = text[head.end() :]
    following = re.search(rf"^#{{1,{len(head[1])}}} ", after, re.M)
    return after[: following.start()] if following else after


def first_cells(text: str) -> set[str]:
    """The words in backticks of the first cell of every table row."""
    return {word for cell in re.findall(r"^\| ([^|]+) \|", text, re.M) for word in re.findall(r"`([^`]+)`", cell)}


# --- commands


def leaves(command: Any, path: tuple[str, ...] = ("hub",)) -> Iterator[tuple[tuple[str, ...], Any]]:
    """Every command that does something, with its words."""
    inner = getattr(command, "commands", None)
    if not inner:
        yield path, command
        return
    for name, one in inner.items():
        yield from leaves(one, (*path, name))


@cache
def tree() -> Any:
    return get_command(build())


def command_rows() -> list[str]:
    """The command table: words and arguments, options of its own, what it does."""
    return [
        f"| `{' '.join((*path, *_arguments(one)))}` | {_options(one)} | {(one.help or '').splitlines()[0]} |"
        for path, one in leaves(tree())
    ]


def _arguments(command: Any) -> list[str]:
    return [str(one.metavar or one.name).upper() for one in command.params if one.param_type_name == "argument"]


def _options(command: Any) -> str:
    names = [one.opts[-1] for one in command.params if one.param_type_name == "option" and one.name != "workspace"]
    return " ".join(f"`{name}`" for name in names) or "—"


# --- settings of connectors


def connector_rows() -> list[str]:
    return [
        f"| `{name}` | `{one.name}` | {one.type}{', secret' if one.secret else ''} | {_default(one)} | {one.about} |"
        for name in sorted(registry.SHIPPED)
        for one in registry.spec_of(name).settings
    ]


def _default(setting: Setting) -> str:
    if setting.default in (None, "", ()):
        return "required" if setting.required else "—"
    return f"`{setting.default}`"


# --- words in the code


def sources() -> Iterator[tuple[Path, ast.Module]]:
    for folder in ("hub", "connectors"):
        for file in sorted((ROOT / folder).rglob("*.py")):
            yield file, ast.parse(file.read_text("utf-8"))


@cache
def calls() -> tuple[tuple[Path, str, ast.Call], ...]:
    """Every call in the code by the last word of what is called."""
    return tuple(
        (file, getattr(node.func, "id", getattr(node.func, "attr", "")), node)
        for file, tree in sources()
        for node in ast.walk(tree)
        if isinstance(node, ast.Call)
    )


def reasons() -> set[str]:
    """Every reason slug a record, delivery or recorded line can get."""
    found: set[str] = set()
    for _, name, call in calls():
        if name == "Decoded":
            found |= {word for one in call.keywords if one.arg == "skipped" for word in _words(one.value)}
        elif name == "Quarantine":
            found |= {word for one in call.keywords if one.arg == "reason" for word in _words(one.value)}
        elif name == "BadLine":
            found |= {word for one in call.args[2:3] for word in _words(one)}
        elif name in SAYS_NO and call.args:
            found |= set(_words(call.args[0]))
    return {word for word in found if SLUG.fullmatch(word)}


def _words(node: ast.expr) -> list[str]:
    """The literal texts an expression can give."""
    match node:
        case ast.Constant(value=str(text)):
            return [text]
        case ast.BoolOp(values=parts):
            return [word for part in parts for word in _words(part)]
        case ast.IfExp(body=yes, orelse=no):
            return _words(yes) + _words(no)
        case _:
            return []


def log_actions() -> set[str]:
    """Every ``action=`` of a log line; what is put together at run time ends in ``*``."""
    found: set[str] = set()
    for _, _, call in calls():
        if getattr(getattr(call.func, "value", None), "id", "") == "logger":
            for one in call.keywords:
                if one.arg == "action":
                    found.add(_pattern(one.value))
    return found


def _pattern(node: ast.expr) -> str:
    match node:
        case ast.Constant(value=str(text)):
            return text
        case ast.JoinedStr(values=[ast.Constant(value=str(text)), *_]):
            return f"{text}*"
        case _:
            raise AssertionError(f"an action nobody can search for: {ast.unparse(node)}")


def waiting_kinds() -> set[str]:
    """Every kind some code makes, literally."""
    return {
        word
        for _, name, call in calls()
        if name == "Waiting" and call.args
        for word in _words(call.args[0])
        if SLUG.fullmatch(word)
    }


def error_slugs() -> set[str]:
    return {
        str(node.value.value)
        for _, tree in sources()
        for node in ast.walk(tree)
        if isinstance(node, ast.Assign)
        and isinstance(node.targets[0], ast.Name)
        and node.targets[0].id == "slug"
        and isinstance(node.value, ast.Constant)
    }


def boundaries() -> set[str]:
    """The named crash boundaries the code passes."""
    return {call.args[0].value for _, name, call in calls() if name == "boundary"}  # type: ignore[attr-defined]


# --- reliability


def action_rows() -> list[str]:
    """Each action of a target with its class, quiesce time and the life of its key."""
    return [
        f"| `{name}.{one.name}` | {one.target.value} | {one.quiesce_seconds} s"
        f" | {f'{one.key_life_seconds // 86400} d' if one.target.value == 'A' else '—'} |"
        for name in sorted(registry.SHIPPED)
        for one in registry.spec_of(name).actions
    ]


def measure_rows() -> list[str]:
    return [f"| `{name}` | {words.formula['en']} |" for name, words in MEASURES.items()]


# --- generated tables

TABLES = {
    "settings": ("operations.md", connector_rows),
    "commands": ("operations.md", command_rows),
    "actions": ("reliability.md", action_rows),
    "measures": ("reliability.md", measure_rows),
}
HEAD = r"<!-- generated: {} -->\n\n\|[^\n]*\n\|[-|]+\n"


def generated(name: str) -> list[str]:
    """The rows of a generated table as the page has them."""
    text = page(TABLES[name][0])
    found = re.search(HEAD.format(name) + r"(.*?)\n\n<!-- end -->", text, re.S)
    assert found, f"{TABLES[name][0]} has no table marked {name}"
    return found[1].splitlines()


def write_tables() -> None:
    for name, (file, rows) in TABLES.items():
        old, new = "\n".join(generated(name)), "\n".join(rows())
        (DOCS / file).write_text(page(file).replace(old, new), "utf-8")


if __name__ == "__main__":
    write_tables()
