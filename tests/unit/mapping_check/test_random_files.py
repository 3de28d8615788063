"""Whatever a file holds, the check answers: findings with a place, never an exception, never more than a second.

A part of the examples runs with every test; ``HUB_RANDOM_FILES=10000`` (``make soak``) runs them all.
"""

from __future__ import annotations

import os
import time
from collections.abc import Callable
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from hub.mapping.build import TOP_KEYS, build
from hub.mapping.build_loop import LOOP_KEYS, STEP_KEYS
from hub.mapping.build_table import ROW_KEYS, TABLE_KEYS
from hub.mapping.case_file import read_cases
from hub.mapping.check.checked import CheckContext
from hub.mapping.check.run import check_integrations
from hub.mapping.format import formatted

ROOT = Path(__file__).parents[3]
EXAMPLES = int(os.environ.get("HUB_RANDOM_FILES", "450"))
SECONDS_MAX = 1.0
TEXTS = [
    file.read_text("utf-8", "replace")
    for file in [*sorted((ROOT / "tests/cases").rglob("*.yaml")), ROOT / "mappings/rd-close.yaml"]
]
WORDS = (
    *("project", "pm.issue", "erp.asset.create", "jira", "fields.summary", "a.b[0]", "money CNY", "person", "5m"),
    *("ref project", "money", "2026-01-01", "50 CNY", "99 %", "null", "true", "0.5", "UTC", "quarantine", "no"),
    *('project.status == "closed"', "items.map(i, i.quantity * i.price).sum()", "size(items) > 0", "has(a.b)"),
    *("", "~", "[*]", "名称", "\u2028", "\ud7ff", "a" * 300, "((((((((", "1" * 60, "1e999", "!!", "&a", "*a", "%"),
    *("\t", "x =", "shared/x"),
)
KEYS = (*TOP_KEYS, *TABLE_KEYS, *ROW_KEYS, *LOOP_KEYS, *STEP_KEYS, "shared", "link", "at", "of", "role", "over", "by")
Tree = str | list["Tree"] | dict[str, "Tree"]

scalars = st.sampled_from(WORDS) | st.text(max_size=12)
trees: st.SearchStrategy[Tree] = st.recursive(
    scalars,
    lambda inner: (
        st.lists(inner, max_size=4) | st.dictionaries(st.sampled_from(KEYS) | st.text(max_size=5), inner, max_size=5)
    ),
    max_leaves=40,
)


def yaml_of(tree: Tree) -> str:
    """A tree in braces, its words now quoted, now as they are: most of it is YAML, some is not."""
    match tree:
        case dict():
            return "{" + ", ".join(f"{name}: {yaml_of(part)}" for name, part in tree.items()) + "}"
        case list():
            return "[" + ", ".join(yaml_of(part) for part in tree) + "]"
    return tree if len(tree) % 2 else '"' + tree.replace("\\", "").replace('"', "'") + '"'


@st.composite
def from_trees(draw: st.DrawFn) -> str:
    keys = draw(st.lists(st.sampled_from(TOP_KEYS), min_size=1, max_size=6, unique=True))
    return "\n".join(f"{key}: {yaml_of(draw(trees))}" for key in keys) + "\n"


@st.composite
def damaged(draw: st.DrawFn) -> str:
    """A file of the corpus with pieces cut out, doubled, exchanged or overwritten."""
    text = draw(st.sampled_from(TEXTS))
    for _ in range(draw(st.integers(1, 5))):
        start = draw(st.integers(0, max(0, len(text) - 1)))
        end = min(len(text), start + draw(st.integers(0, 40)))
        piece = draw(st.sampled_from(["", text[start:end] * 2, "\n", "  ", ": ", "- ", "{", "}", '"', "'", *WORDS]))
        text = text[:start] + piece + text[end:]
    return text


FILES = from_trees() | damaged() | st.text(alphabet="ab:-{}[],#&*!|>'\"%@` \n\t\\0.é中\x85\x00", max_size=200)
bounded = settings(max_examples=EXAMPLES, deadline=None, suppress_health_check=list(HealthCheck))


def timed(work: Callable[[], object], text: str) -> None:
    start = time.process_time()
    work()
    took = time.process_time() - start
    assert took <= SECONDS_MAX, f"{took:.2f} s for {text!r}"


@bounded
@given(text=FILES)
def test_the_check_answers_for_every_text(text: str) -> None:
    context = _context()

    def work() -> None:
        found = check_integrations([build(text, "t.yaml", context.schemas.newest)], context)
        for each in found:
            assert each.place.line >= 1
            assert each.place.column >= 1
            assert each.message

    timed(work, text)


@bounded
@given(text=FILES)
def test_the_formatter_gives_every_text_back_or_says_why_not(text: str) -> None:
    found = formatted(text, "t.yaml")
    if found.findings:
        assert found.text == text
    else:
        assert formatted(found.text, "t.yaml").text == found.text


@bounded
@given(text=FILES)
def test_a_cases_file_is_read_or_refused_with_findings(text: str) -> None:
    assert read_cases(text, "t.cases.yaml").file == "t.cases.yaml"


@pytest.mark.parametrize("body", [b"\xff\xfe\x00", b"\xed\xa0\x80", b"a: \x80", bytes(range(256))])
def test_bytes_that_are_no_text_are_a_finding(body: bytes) -> None:
    assert build(body, "t.yaml", {}).findings


_CONTEXT: list[CheckContext] = []


@pytest.fixture(autouse=True)
def _workspace(workspace: CheckContext) -> None:
    _CONTEXT[:] = [workspace]


def _context() -> CheckContext:
    return _CONTEXT[0]
