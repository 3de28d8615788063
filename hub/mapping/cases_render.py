"""What the cases of a mapping found, for people and for scripts."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from hub.mapping.cases import CasesReport

UNUSED_SHOWN = 8


def text(reports: Sequence[CasesReport]) -> str:
    """Failed cases with their place and every difference; then cases and coverage per file."""
    lines: list[str] = []
    for report in reports:
        for result in report.failed:
            lines.append(f"{result.case.place}: error: case fails: {result.case.name} [case]")
            lines += [f"  why: {problem}" for problem in result.problems]
        lines += _totals(report)
    return "\n".join(lines) or "no cases files"


def _totals(report: CasesReport) -> list[str]:
    covered, held = report.coverage, len(report.results) - len(report.failed)
    rows = f"{len(covered.rows_used & covered.rows)} of {len(covered.rows)} rows"
    entries = f"{len(covered.entries_used & covered.entries)} of {len(covered.entries)} value-map entries"
    lines = [f"{report.file.file}: {held} of {len(report.results)} cases hold; {rows}, {entries} used"]
    if covered.unused:
        more = len(covered.unused) - UNUSED_SHOWN
        rest = f" and {more} more" if more > 0 else ""
        lines.append(f"  not used by any case: {', '.join(covered.unused[:UNUSED_SHOWN])}{rest}")
    return lines


def rows(reports: Sequence[CasesReport]) -> list[dict[str, Any]]:
    """One object a file."""
    return [
        {
            "file": report.file.file,
            "integration": report.file.integration,
            "cases": [
                {"case": result.case.name, "line": result.case.place.line, "problems": list(result.problems)}
                for result in report.results
            ],
            "rows": {"all": len(report.coverage.rows), "used": len(report.coverage.rows_used)},
            "entries": {"all": len(report.coverage.entries), "used": len(report.coverage.entries_used)},
            "unused": list(report.coverage.unused),
        }
        for report in reports
    ]
