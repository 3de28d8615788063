"""How results and errors look: JSON for machines, tables for people; errors say where, what, why, fix on stderr."""

from __future__ import annotations

import sys
from collections.abc import Iterable, Mapping, Sequence
from decimal import Decimal
from typing import Any

import orjson

from hub.errors import ConfigError, HubError
from hub.model.diagnostic import Diagnostic
from hub.model.values import decimal_text


def document(value: Any) -> None:
    """Exactly one JSON document on stdout."""
    line(value, orjson.OPT_INDENT_2 if sys.stdout.isatty() else 0)


def line(value: Any, option: int = 0) -> None:
    """One JSON value and a newline on stdout."""
    data = orjson.dumps(value, default=_json, option=option | orjson.OPT_APPEND_NEWLINE)
    sys.stdout.buffer.write(data)
    sys.stdout.flush()


def _json(value: object) -> object:
    if isinstance(value, Decimal):
        return decimal_text(value)
    raise TypeError(f"{type(value).__name__} has no JSON form")


def table(columns: Sequence[str], rows: Iterable[Sequence[object]], *, empty: str) -> None:
    """A table for people; tab-separated and without a heading when piped."""
    found = [["" if cell is None else str(cell) for cell in row] for row in rows]
    if not sys.stdout.isatty():
        for row in found:
            print("\t".join(row))
        return
    if not found:
        print(empty)
        return
    from rich.console import Console
    from rich.table import Table

    shown = Table(*columns, box=None, pad_edge=False, header_style="bold")
    for row in found:
        shown.add_row(*row)
    Console().print(shown, markup=False)


def pairs(values: Mapping[str, object]) -> None:
    """Names and values, one a line."""
    width = max((len(name) for name in values), default=0)
    for name, value in values.items():
        print(f"{name.ljust(width)}  {'—' if value is None else value}")


def explain(error: HubError) -> None:
    """An expected error, for people, on stderr."""
    if isinstance(error, ConfigError) and error.findings:
        for finding in error.findings:
            print(finding_text(finding), file=sys.stderr)
        print(f"error: {error.what} [{error.slug}]", file=sys.stderr)
    else:
        print(error, file=sys.stderr)


def finding_text(finding: Diagnostic) -> str:
    """``file:line:column: error: message [rule]`` with why and fix below."""
    lines = [f"{finding.place}: {finding.level}: {finding.message} [{finding.rule}]"]
    lines += [f"  {name}: {text}" for name, text in (("why", finding.why), ("fix", finding.fix)) if text]
    return "\n".join(lines)
