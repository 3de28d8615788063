"""The intake over real HTTP and a real store: every refusal of a hostile or hurried world, and the order of a 200."""

from __future__ import annotations

import asyncio
import sqlite3
from collections.abc import AsyncIterator, Iterator
from io import BytesIO
from pathlib import Path

import aiohttp
import orjson
import pytest
import structlog

from connectors.jira.connector import JiraConnector
from connectors.trello.connector import TrelloConnector
from hub.cli.logs import set_up
from hub.connector.base import Connection, Connector, Request
from hub.connector.http import Http
from hub.intake.gate import Gate, Limits
from hub.intake.webhook import WebhookServer
from hub.log.sql import SqlLog
from hub.store.open import open_store
from hub.store.sqlite import SqliteStore

NOW = 1_767_225_600_000_000
SECRET = "a sample secret of this test"
TOKEN = "t" * 22
BODY = b'{"webhookEvent": "jira:issue_updated", "issue": {"id": "1", "fields": {}}}'
JSON = "application/json"


class FixedClock:
    def now(self) -> int:
        return NOW


class Disk:
    """What the log is told about free space."""

    free = 500 << 30

    def __call__(self, path: str) -> tuple[int, int]:
        return self.free, 500 << 30


class Unsigned(JiraConnector):
    """A source that cannot sign."""

    spec = JiraConnector.spec.__class__(name="form", title="Form", settings=(), streams=JiraConnector.spec.streams)

    def verify(self, request: Request, now: int) -> bool:
        return True


def connector(kind: type[Connector], name: str, **secrets: tuple[str, ...]) -> Connector:
    return kind(Connection(name, {"url": "", "allow": []}, secrets), Http(""))


class Intake:
    """A listening server over a store in a temporary folder."""

    def __init__(self, store: SqliteStore, disk: Disk, limits: Limits | None = None) -> None:
        self.store, self.disk = store, disk
        jira = connector(JiraConnector, "jira", secret=(SECRET,))
        trello = connector(TrelloConnector, "trello", secret=(SECRET,))
        gates = {
            "jira": Gate("jira", jira, "http://hub/in/jira"),
            "trello": Gate("trello", trello, "http://hub/in/trello"),
            "form": Gate("form", connector(Unsigned, "form"), "http://hub/in/form", TOKEN.encode()),
            "shut": Gate("shut", jira, "http://hub/in/shut", closed="secret: env:X is missing"),
        }
        self.jira = jira
        self.server = WebhookServer(gates, SqlLog(store, disk), FixedClock(), limits=limits)

    async def __aenter__(self) -> Intake:
        self.port = await self.server.start("127.0.0.1", 0)
        self.http = aiohttp.ClientSession(f"http://127.0.0.1:{self.port}", skip_auto_headers={"Content-Type"})
        return self

    async def __aexit__(self, *_: object) -> None:
        await self.http.close()
        await self.server.stop()

    def signed(self, body: bytes = BODY) -> dict[str, str]:
        return {"content-type": JSON, **self.jira.sign(SECRET, "http://hub/in/jira", body)}

    async def send(
        self, path: str = "/in/jira", body: bytes = BODY, headers: object = None, method: str = "POST"
    ) -> tuple[int, str, dict[str, str]]:
        given = self.signed(body) if headers is None else headers
        async with self.http.request(method, path, data=BytesIO(body), headers=given) as answer:  # type: ignore[arg-type]
            return answer.status, await answer.text(), {k.lower(): v for k, v in answer.headers.items()}

    def kept(self) -> int:
        """Deliveries in the database file, as a connection of our own sees them: only what is committed."""
        with sqlite3.connect(self.store.path) as db:
            return int(db.execute("SELECT count(*) FROM delivery").fetchone()[0])


@pytest.fixture
def store(tmp_path: Path) -> Iterator[SqliteStore]:
    with open_store(f"sqlite:///{tmp_path}/hub.db", FixedClock()) as opened:
        yield opened


@pytest.fixture
async def intake(store: SqliteStore) -> AsyncIterator[Intake]:
    async with Intake(store, Disk()) as running:
        yield running


async def test_a_200_means_another_process_can_already_read_the_delivery(intake: Intake) -> None:
    status, _, _ = await intake.send()
    assert (status, intake.kept()) == (200, 1)


async def test_requests_at_the_same_time_are_all_kept_by_fewer_commits(intake: Intake, store: SqliteStore) -> None:
    bodies = [BODY.replace(b'"1"', str(number).encode()) for number in range(64)]
    before = store.commits
    answers = await asyncio.gather(*(intake.send(body=body) for body in bodies))
    assert 1 <= store.commits - before < 64
    assert {status for status, _, _ in answers} == {200}
    assert intake.kept() == 64


async def test_every_reason_for_a_401_gets_the_same_words_and_keeps_nothing(intake: Intake) -> None:
    right = intake.signed()
    name = next(key for key in right if key != "content-type")
    wrong: list[object] = [
        {"content-type": JSON},
        {**right, name: "sha256=" + "0" * 64},
        {**right, name: right[name][:-1]},
        {**right, name: "é" * 40},
        {**right, name: ""},
        [("content-type", JSON), (name, right[name]), (name, right[name])],
    ]
    answers = [await intake.send(headers=headers) for headers in wrong]
    answers.append(await intake.send("/in/form/wrong", headers={"content-type": JSON}))
    answers.append(await intake.send("/in/form", headers={"content-type": JSON}))
    assert {(status, words) for status, words, _ in answers} == {(401, "not authorized")}
    assert intake.kept() == 0


async def test_a_body_changed_on_its_way_is_not_authentic(intake: Intake) -> None:
    status, _, _ = await intake.send(body=BODY + b" ", headers=intake.signed(BODY))
    assert status == 401


async def test_the_token_of_the_path_lets_an_unsigned_source_in(intake: Intake) -> None:
    status, _, _ = await intake.send(f"/in/form/{TOKEN}", headers={"content-type": JSON})
    assert (status, intake.kept()) == (200, 1)


async def test_unknown_connections_and_paths_get_404(intake: Intake) -> None:
    for path in ("/in/nobody", "/in", "/", "/in/jira/more", "/in/%2e%2e/jira", "/metrics"):
        assert (await intake.send(path))[0] == 404, path


async def test_wrong_methods_get_405_with_the_right_ones_named(intake: Intake) -> None:
    status, _, headers = await intake.send(method="GET")
    assert (status, headers["allow"]) == (405, "POST")
    status, _, headers = await intake.send("/in/trello", method="DELETE")
    assert (status, headers["allow"]) == (405, "HEAD, POST")


async def test_trello_asks_by_head_before_it_sends(intake: Intake) -> None:
    assert (await intake.send("/in/trello", b"", {}, "HEAD"))[0] == 200
    assert (await intake.send("/in/jira", b"", {}, "HEAD"))[0] == 405


async def test_a_body_that_says_it_is_too_large_is_refused_before_it_is_read(intake: Intake) -> None:
    status, words, headers = await intake.send(body=b"x" * (1024 * 1024 + 1))
    assert (status, words, headers["connection"]) == (413, "body too large", "close")


async def test_a_body_that_does_not_say_its_size_is_refused_while_it_is_read(intake: Intake) -> None:
    sent = 0

    async def endless() -> AsyncIterator[bytes]:
        nonlocal sent
        while True:
            sent += 64 * 1024
            yield b"x" * (64 * 1024)

    try:
        async with intake.http.post("/in/jira", data=endless(), headers={"content-type": JSON}) as answer:
            assert answer.status == 413
    except aiohttp.ClientError:
        pass  # the connection was closed while this side was still writing
    assert sent < 32 * 1024 * 1024
    assert intake.server.counts["jira", "413"] == 1
    assert intake.kept() == 0


@pytest.mark.parametrize(
    "headers",
    [
        {},
        {"content-type": "text/html"},
        {"content-type": "application/xml"},
        {"content-type": JSON, "content-encoding": "gzip"},
    ],
)
async def test_other_media_types_and_compression_get_415(intake: Intake, headers: dict[str, str]) -> None:
    assert (await intake.send(headers={**intake.signed(), "content-type": "", **headers}))[0] == 415


async def test_an_address_that_keeps_getting_it_wrong_gets_429_and_is_told_when(intake: Intake) -> None:
    answers = await asyncio.gather(*(intake.send(headers={"content-type": JSON}) for _ in range(260)))
    last, _, headers = await intake.send()
    assert {status for status, _, _ in answers} == {401, 429}
    assert (last, headers["retry-after"]) == (429, "1")


async def test_a_full_disk_means_503_and_room_again_means_200(store: SqliteStore) -> None:
    disk = Disk()
    disk.free = 1 << 20
    async with Intake(store, disk) as intake:
        status, _, headers = await intake.send()
        assert status == 503
        assert int(headers["retry-after"]) >= 1
        assert intake.kept() == 0
    async with Intake(store, Disk()) as intake:
        assert (await intake.send())[0] == 200


async def test_a_connection_without_its_secret_takes_nothing_and_says_try_later(intake: Intake) -> None:
    status, _, headers = await intake.send("/in/shut")
    assert (status, headers["retry-after"]) == (503, "5")


async def test_a_head_that_does_not_arrive_closes_the_connection(store: SqliteStore) -> None:
    async with Intake(store, Disk(), Limits(header_seconds=0.5)) as intake:
        reader, writer = await asyncio.open_connection("127.0.0.1", intake.port)
        writer.write(b"POST /in/jira HTTP/1.1\r\nHost: hub\r\nX-Slow: ")
        async with asyncio.timeout(5):
            assert await reader.read() == b""
        writer.close()
        assert (await intake.send())[0] == 200


async def test_a_body_that_does_not_arrive_gets_408_and_keeps_nothing(store: SqliteStore) -> None:
    async with Intake(store, Disk(), Limits(body_seconds=0.5)) as intake:
        reader, writer = await asyncio.open_connection("127.0.0.1", intake.port)
        head = "POST /in/jira HTTP/1.1\r\nHost: hub\r\nContent-Type: application/json\r\nContent-Length: 100\r\n\r\n{"
        writer.write(head.encode())
        async with asyncio.timeout(5):
            assert (await reader.readline()).startswith(b"HTTP/1.1 408")
        writer.close()
        assert intake.kept() == 0


async def test_more_requests_under_way_than_allowed_get_503(store: SqliteStore) -> None:
    async with Intake(store, Disk(), Limits(concurrent_max=2)) as intake:
        head = "POST /in/jira HTTP/1.1\r\nHost: hub\r\nContent-Type: application/json\r\nContent-Length: 100\r\n\r\n{"
        held = []
        for _ in range(2):
            _, writer = await asyncio.open_connection("127.0.0.1", intake.port)
            writer.write(head.encode())
            held.append(writer)
        async with asyncio.timeout(5):
            while (await intake.send())[0] != 503:
                continue  # the two are on their way
        for writer in held:
            writer.close()
        async with asyncio.timeout(5):
            while (await intake.send())[0] != 200:
                continue


async def test_a_bug_of_ours_is_answered_with_an_id_that_the_log_explains_and_with_nothing_else(
    intake: Intake, monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]
) -> None:
    def broken(self: object, headers: object, body: bytes) -> str:
        raise KeyError(body.decode())

    monkeypatch.setattr(JiraConnector, "identify", broken)
    set_up()
    status, words, _ = await intake.send()
    structlog.reset_defaults()
    (line,) = capfd.readouterr().err.splitlines()
    logged = orjson.loads(line)
    assert (status, words) == (500, f"internal error {logged['id']}")
    assert (logged["action"], logged["connection"], logged["error"]) == ("intake.bug", "jira", "KeyError")
    assert logged["places"][-1].endswith(" broken")
    assert "issue_updated" not in line
    assert (intake.kept(), intake.server.counts["jira", "500"]) == (0, 1)
