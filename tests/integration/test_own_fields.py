"""Editors complete with the fields of the very system: ``hub mapping schema`` asks those that answer."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest
from aiohttp import web
from aiohttp.test_utils import TestServer

from connectors.jira.connector import JiraConnector
from hub.connector.answers import ReadFailed
from hub.connector.base import Connection
from hub.connector.http import Http
from tests.integration.bad_input_bodies import purchase
from tests.integration.bad_input_stage import Stage, run_command_line, staged

ROWS = [
    {"id": "summary", "name": "Summary", "custom": False, "schema": {"type": "string"}},
    {"id": "customfield_10310", "name": "报销金额", "custom": True, "schema": {"type": "number"}},
    {"name": "a field without an id"},
    "no field at all",
]


@pytest.fixture
async def stage(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> AsyncIterator[Stage]:
    async with staged(tmp_path, monkeypatch) as made:
        yield made


def paths_of(schema: dict[str, Any], source: str) -> dict[str, str]:
    """path -> description offered for the rows of a table of that stream."""
    for part in schema["definitions"]["table"]["allOf"]:
        if source in part["if"]["properties"].get("source", {}).get("enum", ()):
            read = part["then"]["properties"]["fields"]["items"]["properties"]["from"]
            return {one["const"]: one["description"] for one in read["anyOf"] if "const" in one}
    return {}


async def offered(stage: Stage, *words: str) -> dict[str, str]:
    """The paths offered for issues, by the command as another process would run it."""
    file = stage.folder / "schema.json"
    command = ("mapping", "schema", *words, "-o", str(file), "-w", str(stage.folder))
    code, _, complaint = await asyncio.to_thread(run_command_line, command)
    assert (code, complaint) == (0, "")
    return paths_of(json.loads(file.read_bytes()), "pm.issue")


async def test_the_schema_offers_documented_paths_and_the_fields_the_system_tells_of(stage: Stage) -> None:
    before = await offered(stage, "--offline")
    assert "fields.summary" in before
    assert "fields.customfield_10301" not in before
    await stage.give(purchase(10042, 10041))
    await stage.settle(hours=0.01)
    await stage.serving.feeder.feed("jira")
    after = await offered(stage)
    assert {"fields.customfield_10301", *before} <= after.keys()


async def test_a_sites_fields_have_the_names_people_gave_them() -> None:
    async def fields(request: web.Request) -> web.Response:
        return web.json_response(ROWS)

    app = web.Application()
    app.router.add_get("/rest/api/3/field", fields)
    async with TestServer(app) as server:
        url = str(server.make_url("")).rstrip("/")
        jira = JiraConnector(Connection("jira", {"url": url}), Http(url, allow=[url]))
        told = {one.path: (one.about, one.type) for one in await jira.fields("issue")}
        await jira.http.close()
    assert told == {"fields.summary": ("Summary", "string"), "fields.customfield_10310": ("报销金额", "number")}
    assert await jira.fields("comment") == ()


async def test_a_system_that_does_not_answer_is_named_and_left_out() -> None:
    url = "http://127.0.0.1:9"
    jira = JiraConnector(Connection("jira", {"url": url}), Http(url, allow=[url]))
    with pytest.raises(ReadFailed):
        await jira.fields("issue")
    await jira.http.close()
