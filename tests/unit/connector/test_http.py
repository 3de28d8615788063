"""The client keeps the ambiguity table and the outbound policy against a server that misbehaves."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from decimal import Decimal
from typing import Any

import pytest
from aiohttp import web
from aiohttp.test_utils import TestServer

from hub.connector.answers import (
    AlreadyThere,
    Ambiguous,
    NotSent,
    ReadFailed,
    RefusedByTarget,
    Throttled,
    Unauthorized,
)
from hub.connector.http import READ_BYTES_MAX, Http, as_numbers
from hub.connector.verdict import retry_after

SECRET = "very-secret-token-77"


@asynccontextmanager
async def served(handler: Any, **options: Any) -> AsyncIterator[Http]:
    app = web.Application()
    app.router.add_route("*", "/{tail:.*}", handler)
    server = TestServer(app)
    await server.start_server()
    url = str(server.make_url("")).rstrip("/")
    http = Http(url, allow=[url], secrets=[SECRET], **options)
    try:
        yield http
    finally:
        await http.close()
        await server.close()


def says(status: int, body: bytes = b"{}", **headers: str) -> Any:
    async def handler(request: web.Request) -> web.Response:
        return web.Response(status=status, body=body, headers={k.replace("_", "-"): v for k, v in headers.items()})

    return handler


@pytest.mark.parametrize(
    ("status", "body", "headers", "expected"),
    [
        (400, b"{}", {}, RefusedByTarget),
        (404, b"{}", {}, RefusedByTarget),
        (413, b"{}", {}, RefusedByTarget),
        (422, b"{}", {}, RefusedByTarget),
        (409, b"{}", {}, AlreadyThere),
        (401, b"{}", {}, Unauthorized),
        (403, b"{}", {}, Unauthorized),
        (429, b"{}", {}, Throttled),
        (503, b"{}", {"retry_after": "3"}, Throttled),
        (503, b"{}", {}, Ambiguous),
        (503, b"{}", {"retry_after": "whenever"}, Ambiguous),
        (500, b"{}", {}, Ambiguous),
        (502, b"{}", {}, Ambiguous),
        (504, b"{}", {}, Ambiguous),
        (408, b"{}", {}, Ambiguous),
        (302, b"", {"location": "http://169.254.169.254/"}, Ambiguous),
        (200, b"<html>hello</html>", {}, Ambiguous),
        (200, b'{"a": 1, "a": 2}', {}, Ambiguous),
        (201, b'{"cut', {}, Ambiguous),
        (200, b'{"n": NaN}', {}, Ambiguous),
        (200, b"x" * (READ_BYTES_MAX + 1), {}, Ambiguous),
        (500, b"x" * (READ_BYTES_MAX + 1), {}, Ambiguous),
    ],
    ids=lambda value: str(value)[:20],
)
async def test_each_answer_to_a_write_has_its_verdict(
    status: int, body: bytes, headers: dict[str, str], expected: type[Exception]
) -> None:
    async with served(says(status, body, **headers)) as http:
        with pytest.raises(expected):
            await http.write("POST", "/x", json={})


@pytest.mark.parametrize(("status", "not_done"), [(429, True), (503, False)])
async def test_what_a_system_documents_of_its_429_is_not_believed_of_a_503(status: int, not_done: bool) -> None:
    async with served(says(status, retry_after="3")) as http:
        with pytest.raises(Throttled) as told:
            await http.write("POST", "/x", json={}, not_done_429=True)
    assert told.value.not_done is not_done


@pytest.mark.parametrize("method", ["POST", "PUT", "DELETE", "PATCH"])
async def test_a_broken_connection_is_ambiguous_and_never_sent_again_by_itself(method: str) -> None:
    seen: list[str] = []

    async def hang_up(request: web.Request) -> web.Response:
        seen.append(request.method)
        assert request.transport is not None
        request.transport.abort()
        return web.Response()

    async with served(hang_up) as http:
        with pytest.raises(Ambiguous):
            await http.write(method, "/x", json={})
    assert seen == [method]


async def test_no_answer_in_time_is_ambiguous() -> None:
    release = asyncio.Event()

    async def wait(request: web.Request) -> web.Response:
        await release.wait()
        return web.Response()

    async with served(wait, total_seconds=0.2) as http:
        with pytest.raises(Ambiguous, match="no answer in time"):
            await http.write("POST", "/x", json={})
        release.set()


async def test_a_name_that_leads_inside_is_refused_before_a_byte_leaves() -> None:
    http = Http("https://localhost:9")
    with pytest.raises(NotSent, match="not public"):
        await http.write("POST", "/x", json={})
    await http.close()


async def test_a_path_that_leaves_the_host_is_refused() -> None:
    async with served(says(200)) as http:
        for path in ("https://evil.example.com/x", "x"):
            with pytest.raises(NotSent):
                await http.write("POST", path)


async def test_proxy_variables_are_ignored(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("HTTP_PROXY", "http_proxy", "ALL_PROXY"):
        monkeypatch.setenv(name, "http://127.0.0.1:1")
    async with served(says(200, b'{"a": 1}')) as http:
        assert (await http.write("POST", "/x")).json == {"a": 1}


async def test_numbers_never_become_floats() -> None:
    async def echo(request: web.Request) -> web.Response:
        return web.Response(body=await request.read())

    async with served(echo) as http:
        sent = {"amount": Decimal("12345678901234567.89")}
        assert (await http.write("POST", "/", json=sent)).json == {"amount": "12345678901234567.89"}
        assert (await http.write("POST", "/", json=sent, default=as_numbers)).json == sent


async def test_secrets_never_show_in_words() -> None:
    async def echo(request: web.Request) -> web.Response:
        return web.Response(status=422, text=f"bad: {dict(request.headers)} password=hunter2-long")

    async with served(echo) as http:
        with pytest.raises(RefusedByTarget) as caught:
            await http.write("POST", "/x", headers={"authorization": f"Bearer {SECRET}", "x-other": SECRET})
    assert SECRET not in str(caught.value)
    assert "hunter2-long" not in str(caught.value)
    assert len(caught.value.words) <= 500


@pytest.mark.parametrize(
    ("status", "expected"), [(500, ReadFailed), (429, ReadFailed), (302, ReadFailed), (401, Unauthorized)]
)
async def test_each_answer_to_a_read_has_its_verdict(status: int, expected: type[Exception]) -> None:
    async with served(says(status)) as http:
        with pytest.raises(expected):
            await http.read("/x")


async def test_404_reads_as_none() -> None:
    async with served(says(404)) as http:
        assert await http.read("/x") is None


async def test_an_empty_good_answer_has_no_json() -> None:
    async with served(says(204, b"")) as http:
        assert (await http.write("DELETE", "/x")).json is None


@pytest.mark.parametrize(
    ("value", "seconds"),
    [
        ("7", 7.0),
        ("0", 0.0),
        ("999999999999", 3600.0),
        ("-5", None),
        ("soon", None),
        ("", None),
        ("٣", None),
        ("Thu, 01 Jan 1970 00:01:40 GMT", 10.0),
        ("Thu, 01 Jan 1970 00:00:01 GMT", None),
        ("Fri, 31 Dec 2099 23:59:59 GMT", 3600.0),
    ],
)
def test_retry_after_is_read_in_both_forms_and_capped(value: str, seconds: float | None) -> None:
    assert retry_after(value, now=90.0) == seconds
