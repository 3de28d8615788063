"""Payloads recorded by others (HUB_RECORDINGS=DIR): each gets records, a skip or a rejection, never an exception."""

from __future__ import annotations

import json
import os
from pathlib import Path

import pytest

from connectors.jira import decode as jira
from connectors.trello import decode as trello
from hub.model.record import Decoded, Rejected
from hub.model.source_json import parse

GIVEN = os.environ.get("HUB_RECORDINGS", "")
WRAPPED = {"body", "response"}
REASON = "HUB_RECORDINGS names no folder of recorded payloads"
pytestmark = pytest.mark.skipif(not GIVEN, reason=REASON)


def _files(system: str) -> list[Path]:
    folder = Path(GIVEN) / system
    return sorted(path for path in folder.iterdir() if path.name != "SOURCES.md") if GIVEN else []


def _body(path: Path) -> bytes:
    """The body alone, where a recording holds a whole request or answer; else the file's bytes."""
    raw = path.read_bytes()
    data = parse(raw)
    if isinstance(data, dict) and not isinstance(data, Rejected):
        for name in WRAPPED & data.keys():
            if name == "body" and isinstance(data[name], str):
                return data[name].encode()
            return json.dumps(json.loads(raw)[name]).encode()
    return raw


def _has_one_outcome(decoded: Decoded) -> bool:
    return bool(decoded.records) + bool(decoded.skipped) + (decoded.rejected is not None) == 1


@pytest.mark.parametrize("path", _files("jira"), ids=lambda path: path.name)
def test_every_recorded_jira_body_has_an_outcome(path: Path) -> None:
    body = _body(path)

    decoded = jira.decode(body)

    assert _has_one_outcome(decoded)
    assert not path.name.startswith(("webhook-", "hookshot-", "talk-")) or decoded.records, decoded.rejected
    if decoded.records and decoded.records[0].source.isdigit():  # one recording holds a placeholder
        assert jira.route(body)


@pytest.mark.parametrize("path", _files("trello"), ids=lambda path: path.name)
def test_every_recorded_trello_body_has_an_outcome(path: Path) -> None:
    body = _body(path)

    decoded = trello.decode(body)
    trello.identify(body)

    assert _has_one_outcome(decoded)
    if decoded.records and body.lstrip()[:1] == b"{":
        assert trello.route(body) == decoded.records[-1].source
    if "Card" in path.name:
        assert decoded.records, decoded.rejected
