"""Findings for people (with the line and a caret), for scripts, for GitHub annotations and for SARIF viewers."""

from __future__ import annotations

import unicodedata
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from hub.mapping.check.explain import page_of
from hub.model.diagnostic import Diagnostic

Sources = Mapping[str, str]
"""File name as findings call it -> its text."""

_SARIF = "https://json.schemastore.org/sarif-2.1.0.json"
_LEVELS = {"error": "error", "warning": "warning", "info": "note"}
_GITHUB = {"error": "error", "warning": "warning", "info": "notice"}


def text(findings: Sequence[Diagnostic], sources: Sources) -> str:
    """Every finding with its line, a caret, why and fix; a summary last."""
    blocks = [_block(finding, sources) for finding in findings]
    return "\n\n".join([*blocks, summary(findings)]) if blocks else summary(findings)


def _block(finding: Diagnostic, sources: Sources) -> str:
    lines = [f"{finding.place}: {finding.level}: {finding.message} [{finding.rule}]", *_excerpt(finding, sources)]
    lines += [f"  {name}: {words}" for name, words in (("why", finding.why), ("fix", finding.fix)) if words]
    return "\n".join(lines)


def _excerpt(finding: Diagnostic, sources: Sources) -> list[str]:
    place = finding.place
    lines = sources.get(place.file, "").splitlines()
    if not 0 < place.line <= len(lines):
        return []
    line = lines[place.line - 1].replace("\t", " ")
    before, marked = line[: place.column - 1], line[place.column - 1 : max(place.end_column - 1, place.column)]
    number = str(place.line)
    margin = " " * max(3, len(number) + 1)
    caret = " " * width(before) + "^" + "~" * max(0, width(marked) - 1)
    return [f"{margin}|", f"{number.rjust(len(margin) - 1)} | {line}", f"{margin}| {caret}"]


def width(words: str) -> int:
    """Columns on a terminal: wide characters (中文) take two."""
    return sum(2 if unicodedata.east_asian_width(letter) in "WF" else 1 for letter in words)


def summary(findings: Iterable[Diagnostic]) -> str:
    """``2 errors, 1 warning``, or that all is well."""
    counted = Counter(finding.level for finding in findings)
    parts = [f"{n} {level}{'' if n == 1 else 's'}" for level, n in sorted(counted.items())]
    return ", ".join(parts) or "no problems"


def rows(findings: Iterable[Diagnostic]) -> list[dict[str, Any]]:
    """The machine contract of ``hub check`` (design §9.1)."""
    return [
        {
            "file": finding.place.file,
            "line": finding.place.line,
            "column": finding.place.column,
            "end_column": finding.place.end_column,
            "rule": finding.rule,
            "level": finding.level,
            "message": finding.message,
            "why": finding.why,
            "fix": finding.fix,
        }
        for finding in findings
    ]


def github(findings: Iterable[Diagnostic]) -> str:
    """One workflow command a finding: GitHub shows them at the lines of a pull request."""
    return "\n".join(_annotation(finding) for finding in findings)


def _annotation(finding: Diagnostic) -> str:
    place = finding.place
    where = f"file={_property(place.file)},line={place.line},col={place.column},endColumn={place.end_column}"
    words = " | ".join(
        part for part in (finding.message, finding.why, f"fix: {finding.fix}" if finding.fix else "") if part
    )
    return f"::{_GITHUB[finding.level]} {where},title={_property(finding.rule)}::{_data(words)}"


def _data(words: str) -> str:
    return words.replace("%", "%25").replace("\r", "%0D").replace("\n", "%0A")


def _property(words: str) -> str:
    return _data(words).replace(":", "%3A").replace(",", "%2C")


def sarif(findings: Sequence[Diagnostic]) -> dict[str, Any]:
    """SARIF 2.1.0: one run, with the rules that found something."""
    used = sorted({finding.rule for finding in findings})
    driver = {"name": "hub check", "rules": [_sarif_rule(name) for name in used]}
    results = [_sarif_result(finding) for finding in findings]
    run = {"tool": {"driver": driver}, "columnKind": "unicodeCodePoints", "results": results}
    return {"$schema": _SARIF, "version": "2.1.0", "runs": [run]}


def _sarif_rule(name: str) -> dict[str, Any]:
    page = page_of(name)
    return {"id": name, "shortDescription": {"text": page.splitlines()[0]}, "fullDescription": {"text": page}}


def _sarif_result(finding: Diagnostic) -> dict[str, Any]:
    place = finding.place
    region = {
        "startLine": place.line,
        "startColumn": place.column,
        "endColumn": max(place.end_column, place.column + 1),
    }
    words = "\n".join(part for part in (finding.message, finding.why, finding.fix) if part)
    location = {"physicalLocation": {"artifactLocation": {"uri": place.file}, "region": region}}
    level = _LEVELS[finding.level]
    return {"ruleId": finding.rule, "level": level, "message": {"text": words}, "locations": [location]}
