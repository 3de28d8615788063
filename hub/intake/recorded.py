"""Recorded deliveries: one raw body a file, or JSONL with ``headers`` and ``body`` (or ``body_base64``) a line.

A line's body is cut out of the text, never parsed and written again: digits, spelling and oddities arrive as they
were recorded. A line that is no recording is a ``BadLine``, and the others still count.
"""

from __future__ import annotations

import base64
import binascii
import re
from collections.abc import Collection, Iterator
from dataclasses import dataclass
from datetime import datetime
from json import JSONDecodeError, JSONDecoder
from pathlib import Path
from typing import Any
from urllib.parse import quote

from hub.model.clock import micros
from hub.model.delivery import Raw

KEYS = frozenset({"headers", "body", "body_base64", "received_at"})
_DECODER = JSONDecoder(parse_int=str, parse_float=str, parse_constant=str)


def _once(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    """An object whose keys are header names: none twice, whatever its case."""
    found: dict[str, Any] = {}
    for name, value in pairs:
        if name.lower() in found:
            raise ValueError(f"header {name!r} stands there twice")
        found[name.lower()] = value
    return found


_HEADERS = JSONDecoder(parse_int=str, parse_float=str, parse_constant=str, object_pairs_hook=_once)
_SPACE = re.compile(r"[ \t\r\n]*")
FILE_NAME, FILE_TIME = "x-file-name", "x-file-time"
_MEDIA_TYPES = {
    ".json": "application/json",
    ".jsonl": "application/x-ndjson",
    ".csv": "text/csv",
    ".xml": "application/xml",
    ".txt": "text/plain",
}


@dataclass(frozen=True, slots=True)
class BadLine:
    """``line`` counts from 1; 0 is the whole file."""

    file: str
    line: int
    reason: str
    message: str


def recorded(file: Path, media_types: Collection[str] = ()) -> Iterator[tuple[int, Raw | BadLine]]:
    """Every recording of a file with its line (0 for a file that is one body).

    ``media_types``: what the connection takes. Where JSON lines are among them, a ``.jsonl`` is such a file itself.
    """
    media_type = _MEDIA_TYPES.get(file.suffix.lower(), "application/json")
    if file.suffix.lower() != ".jsonl" or media_type in media_types:
        yield 0, Raw(file.read_bytes(), {"content-type": media_type, **_file_headers(file)})
        return
    with file.open("rb") as lines:
        for number, line in enumerate(lines, start=1):
            if line.strip():
                yield number, _line(line, str(file), number)


def _file_headers(file: Path) -> dict[str, str]:
    """Name and time of the file, for connectors that keep them (a drop folder does)."""
    return {FILE_NAME: quote(file.name), FILE_TIME: str(file.stat().st_mtime_ns // 1000)}


def _line(line: bytes, file: str, number: int) -> Raw | BadLine:
    try:
        members = _members(line.decode("utf-8-sig"))
        unknown = sorted(members.keys() - KEYS)
        if unknown:
            raise ValueError(f"unknown key {unknown[0]!r}; known: {', '.join(sorted(KEYS))}")
        return _raw(members)
    except (ValueError, RecursionError, binascii.Error) as error:
        return BadLine(file, number, "bad-line", f"no recorded delivery: {error}")


def _members(text: str) -> dict[str, tuple[str, Any]]:
    """The members of one JSON object as (their text, their value)."""
    at = _skip(text, 0)
    if text[at : at + 1] != "{":
        raise ValueError("a line is one JSON object with headers and body")
    members: dict[str, tuple[str, Any]] = {}
    at = _skip(text, at + 1)
    while text[at : at + 1] == '"':
        name, at = _DECODER.raw_decode(text, at)
        at = _expect(text, _skip(text, at), ":")
        start = _skip(text, at)
        value, end = (_HEADERS if name == "headers" else _DECODER).raw_decode(text, start)
        if name in members:
            raise ValueError(f"{name!r} stands there twice")
        members[name] = (text[start:end], value)
        at = _skip(text, end)
        if text[at : at + 1] == "}":
            break
        at = _skip(text, _expect(text, at, ","))
    at = _skip(text, _expect(text, at, "}"))
    if at != len(text):
        raise JSONDecodeError("more text after the object", text, at)
    return members


def _skip(text: str, at: int) -> int:
    found = _SPACE.match(text, at)
    return found.end() if found else at


def _expect(text: str, at: int, mark: str) -> int:
    if text[at : at + 1] != mark:
        raise JSONDecodeError(f"expected {mark}", text, at)
    return at + 1


def _raw(members: dict[str, tuple[str, Any]]) -> Raw:
    headers = members.get("headers", ("", {}))[1]
    if not isinstance(headers, dict) or any(not isinstance(value, str) for value in headers.values()):
        raise ValueError("headers is an object of texts")
    if ("body" in members) == ("body_base64" in members):
        raise ValueError("one of body and body_base64 is needed")
    when = members.get("received_at", ("", None))[1]
    received_at = None if when is None else micros(_instant(str(when)))
    headers.setdefault("content-type", "application/json")
    return Raw(_body(members), headers, received_at)


def _body(members: dict[str, tuple[str, Any]]) -> bytes:
    if "body_base64" in members:
        return base64.b64decode(members["body_base64"][1], validate=True)
    text, value = members["body"]
    if text.startswith('"'):
        return str(value).encode("utf-8", "surrogatepass")
    return text.encode()


def _instant(text: str) -> datetime:
    found = datetime.fromisoformat(text)
    if found.tzinfo is None:
        raise ValueError(f"received_at {text!r} has no zone; write it with Z")
    return found
