"""Links resolve, command lines parse, both READMEs say the same things, the version is one version."""

from __future__ import annotations

import re
import shlex
import tomllib
from itertools import zip_longest

import pytest

from hub.health.words import MEASURES, STATES, say
from tests.docs.manual import ROOT, leaves, page, tree

PAGES = sorted(
    file.relative_to(ROOT).as_posix()
    for pattern in ("*.md", "docs/**/*.md", "connectors/*/README.md")
    for file in ROOT.glob(pattern)
)
LINK = re.compile(r"\[[^\]]*\]\(([^)\s]+)\)")
FENCE = re.compile(r"^```(\w*)\n(.*?)^```$", re.M | re.S)
COMMANDS = {path: one for path, one in leaves(tree())}


def prose(text: str) -> str:
    """A page without its fenced blocks."""
    return FENCE.sub("", text)


def headings(text: str) -> list[str]:
    return re.findall(r"^#+ (.+)$", prose(text), re.M)


def anchor(heading: str) -> str:
    """A heading as an anchor, the way forges make it."""
    return re.sub(r"[^\w\- ]", "", heading.lower()).replace(" ", "-")


@pytest.mark.parametrize("name", PAGES)
def test_every_link_inside_the_repository_leads_somewhere(name: str) -> None:
    broken = []
    for link in LINK.findall(prose((ROOT / name).read_text("utf-8"))):
        target, _, place = link.partition("#")
        if re.match(r"[a-z]+:", target):
            continue
        file = (ROOT / name).parent / target if target else ROOT / name
        if not file.exists() or (place and place not in map(anchor, headings(file.read_text("utf-8")))):
            broken.append(link)

    assert broken == []


def examples(text: str) -> list[str]:
    """Command lines of a page: whole lines of blocks, and code spans, that start with ``hub``."""
    lines = [line for _, block in FENCE.findall(text) for line in block.splitlines()]
    spans = re.findall(r"`([^`\n]+)`", prose(text))
    found = (re.fullmatch(r"(?:\$ )?(?:\.venv/bin/)?(hub [a-z].*)", line.strip()) for line in (*lines, *spans))
    return [re.split(r"\s+#|\s+&&\s+|\s+[|>]\s+", match[1])[0] for match in found if match]


@pytest.mark.parametrize("name", PAGES)
def test_every_command_line_of_a_page_parses(name: str) -> None:
    wrong = [line for line in examples((ROOT / name).read_text("utf-8")) if not parses(line)]

    assert wrong == [], "no such command, option or number of arguments"


def parses(line: str) -> bool:
    """Whether words and options are those of a command; groups (``hub mapping …``) pass when they exist."""
    words = shlex.split(line)
    path = next((tuple(words[:n]) for n in (3, 2) if tuple(words[:n]) in COMMANDS), None)
    if path is None:
        return any(tuple(words) == one[: len(words)] for one in COMMANDS)
    if "--help" in words:
        return True
    command = COMMANDS[path]
    known = {flag: one for one in command.params if one.param_type_name == "option" for flag in one.opts}
    rest = iter(words[len(path) :])
    arguments = 0
    for word in rest:
        if word.startswith("-"):
            option = known.get(word)
            if option is None or not (option.is_flag or next(rest, None)):
                return False
        elif not word.startswith("[") and word != "…":
            arguments += 1
    taken = [one for one in command.params if one.param_type_name == "argument"]
    return arguments <= len(taken) or any(one.nargs == -1 for one in taken)


def test_a_wrong_command_line_would_be_found() -> None:
    assert not parses("hub loop aprove OPS-41")
    assert not parses("hub health --fromat json")
    assert not parses("hub status a b")
    assert not parses("hub trace --kind")
    assert parses('hub loop approve OPS-41 --as E1003 --why "within budget"')


def test_both_readmes_have_the_same_sections_and_blocks() -> None:
    english, chinese = (ROOT / name for name in ("README.md", "README.zh-CN.md"))
    shape = [
        ([len(mark) for mark in re.findall(r"^(#+) ", prose(text), re.M)], [kind for kind, _ in FENCE.findall(text)])
        for text in (english.read_text("utf-8"), chinese.read_text("utf-8"))
    ]

    assert shape[0] == shape[1]


def test_both_readmes_show_the_same_commands() -> None:
    pairs = zip_longest(*(examples((ROOT / name).read_text("utf-8")) for name in ("README.md", "README.zh-CN.md")))

    assert [(one, other) for one, other in pairs if one != other] == []


def test_the_changelog_knows_the_version() -> None:
    version = tomllib.loads((ROOT / "pyproject.toml").read_text("utf-8"))["project"]["version"]
    told = re.findall(r"^## (?:\[)?([\w.]+)", (ROOT / "CHANGELOG.md").read_text("utf-8"), re.M)
    released = [one for one in told if one != "Unreleased"]

    assert told, "the changelog has no sections"
    assert not released or released[0] == version


def test_the_index_names_every_page() -> None:
    text = page("README.md")
    pages = {file.name for file in (ROOT / "docs").glob("*.md")} - {"README.md"}

    assert {name for name in pages if f"({name})" not in text} == set()


def test_the_glossary_uses_the_report_s_chinese_words() -> None:
    text = page("glossary.md")

    for name in ("consistency", "automation", "freshness", "lag"):
        assert say(MEASURES[name].title, "zh") in text
    for name in ("history", "MISMATCH"):
        assert say(STATES[name], "zh") in text


def test_the_glossary_explains_each_word_once() -> None:
    words = re.findall(r"^\| ([^|]+) \| [^|]+ \| [^|]+ \| [^|]* \|$", page("glossary.md"), re.M)
    words = [word for word in words if word not in ("word", "---")]

    assert len(words) > 50
    assert sorted(words) == sorted(set(words))
