"""Durable webhooks a second, 32 connections of another process.

Beside the same server that stores nothing, and the same server before a plain group commit (``plain_log``).
"""

from __future__ import annotations

import asyncio
import hashlib
import hmac
import multiprocessing
import statistics
import tempfile
import time
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import orjson

from connectors.jira.connector import JiraConnector
from hub.bootstrap import SystemClock
from hub.cli.run import run_loop
from hub.connector.base import Connection
from hub.connector.http import Http
from hub.engine.embedded import tune
from hub.intake.gate import Gate
from hub.intake.webhook import WebhookServer
from hub.log.port import Appended, Arrival
from hub.log.sql import SqlLog
from hub.model.delivery import Delivery
from hub.store.open import open_store
from tests.bench.plain_log import PlainLog
from tests.bench.row import Row

CONNECTIONS = 32
SECONDS = 5.0
SECRET = "a sample secret of the bench"


class NoLog:
    """Stores nothing: the raw limit of the HTTP side."""

    async def append(self, arrivals: Sequence[Arrival]) -> Sequence[Appended]:
        return [Appended(1, "") for _ in arrivals]

    def read(self, after: int, limit: int) -> Sequence[Delivery]:
        return ()

    def get(self, position: int) -> Delivery | None:
        return None


def body_of(number: int) -> bytes:
    fields = {f"customfield_{place}": f"value {place}" for place in range(10_000, 10_080)}
    return orjson.dumps({"webhookEvent": "jira:issue_updated", "issue": {"id": str(number), "fields": fields}})


def request_of(number: int) -> bytes:
    body = body_of(number)
    signature = hmac.new(SECRET.encode(), body, hashlib.sha256).hexdigest()
    head = (
        f"POST /in/jira HTTP/1.1\r\nhost: hub\r\ncontent-type: application/json\r\ncontent-length: {len(body)}\r\n"
        f"x-atlassian-webhook-identifier: {number}\r\nx-hub-signature: sha256={signature}\r\n\r\n"
    )
    return head.encode() + body


async def _client(port: int, first: int, until: float, waits: list[float]) -> None:
    reader, writer = await asyncio.open_connection("127.0.0.1", port)
    number = first
    while time.monotonic() < until:
        sent = time.perf_counter()
        writer.write(request_of(number))
        head = await reader.readuntil(b"\r\n\r\n")
        assert head.startswith(b"HTTP/1.1 200"), head
        waits.append(time.perf_counter() - sent)
        number += 1
    writer.close()


def _load(port: int, pipe: Any) -> None:
    """The other process."""

    async def work() -> None:
        waits: list[float] = []
        started = time.monotonic()
        until = started + SECONDS
        await asyncio.gather(*(_client(port, place * 10_000_000, until, waits) for place in range(CONNECTIONS)))
        p99 = statistics.quantiles(waits, n=100)[98] * 1000
        pipe.send((len(waits) / (time.monotonic() - started), p99))

    run_loop(work())


async def _serve(log: Any) -> tuple[float, float]:
    connector = JiraConnector(Connection("jira", {}, {"secret": (SECRET,)}), Http(""))
    gate = Gate("jira", connector, "http://hub/in/jira")
    server = WebhookServer({"jira": gate}, log, SystemClock(), rate=10_000_000)
    port = await server.start("127.0.0.1", 0)
    here, there = multiprocessing.get_context("spawn").Pipe()
    process = multiprocessing.get_context("spawn").Process(target=_load, args=(port, there))
    process.start()
    try:
        return await asyncio.get_running_loop().run_in_executor(None, here.recv)  # type: ignore[no-any-return]
    finally:
        process.join()
        await server.stop()


def rows() -> list[Row]:
    """Requests a second and p99 in milliseconds, durable and without storing."""
    tune()
    raw, raw_p99 = run_loop(_serve(NoLog()))
    with (
        tempfile.TemporaryDirectory() as folder,
        open_store(f"sqlite:///{Path(folder) / 'hub.db'}", SystemClock()) as store,
    ):
        durable, p99 = run_loop(_serve(SqlLog(store)))
        commits = store.commits
    plain = _plain(), "same server, bodies only"
    name, limit = "webhook accepted = flushed, 32 connections", "same server, nothing stored"
    shared = f"{durable * SECONDS / commits:.0f} a commit"
    return [
        Row("webhook", name, durable, "requests/s", raw, limit, 9_000, shared),
        Row("webhook", f"{name}: p99", p99, "ms", raw_p99, limit, 15),
        Row("webhook", "the same beside a plain group commit", durable, "requests/s", *plain),
    ]


def _plain() -> float:
    with tempfile.TemporaryDirectory() as folder:
        log = PlainLog(Path(folder) / "plain.db")
        try:
            return run_loop(_serve(log))[0]
        finally:
            log.close()
