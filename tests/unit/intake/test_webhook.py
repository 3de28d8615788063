"""What the webhook server admits, what it refuses, and that it answers only after the commit."""

from __future__ import annotations

import asyncio
import hashlib
import hmac
from collections.abc import AsyncIterator, Mapping, Sequence

import aiohttp
import pytest

from hub.connector.base import Connection, Connector, Request
from hub.connector.http import Http
from hub.connector.spec import ConnectorSpec
from hub.errors import RetryableError
from hub.intake.gate import Allowance, Gate
from hub.intake.webhook import WebhookServer
from hub.log.port import Appended, Arrival
from hub.model.clock import Micros
from hub.model.delivery import Delivery
from hub.model.record import Decoded

NOW = 1_767_225_600_000_000
SECRET = b"a sample secret"
TOKEN = "tokentokentokentokentoken"


class Signed(Connector):
    spec = ConnectorSpec("signed", "Signed", (), signed=True, methods=frozenset({"HEAD"}), body_bytes_max=1000)

    def verify(self, request: Request, now: Micros) -> bool:
        given = request.headers.get("x-signature", "").encode("utf-8", "surrogateescape")
        right = hmac.new(SECRET, request.body, hashlib.sha256).hexdigest().encode()
        return hmac.compare_digest(given, right) and "x-signature" not in request.repeated

    def identify(self, headers: Mapping[str, str], body: bytes) -> str | None:
        return headers.get("x-id")

    def decode(self, headers: Mapping[str, str], body: bytes) -> Decoded:
        return Decoded()


class Unsigned(Signed):
    spec = ConnectorSpec("unsigned", "Unsigned", ())

    def verify(self, request: Request, now: Micros) -> bool:
        return True


class FixedClock:
    def now(self) -> Micros:
        return NOW


class Steady:
    """Seconds that pass when the test says so."""

    def __init__(self) -> None:
        self.seconds = 1000.0

    def __call__(self) -> float:
        return self.seconds


class HeldLog:
    """A log whose commits happen when the test says so; callers that wait share one."""

    def __init__(self) -> None:
        self.waiting: list[tuple[Arrival, asyncio.Future[None]]] = []
        self.committed: list[Arrival] = []
        self.commits = 0
        self.changed = asyncio.Event()
        self.at_once = True
        self.full = False

    async def append(self, arrivals: Sequence[Arrival]) -> Sequence[Appended]:
        if self.full:
            raise RetryableError("the disk is nearly full", retry_after=7)
        if not self.at_once:
            done = asyncio.get_running_loop().create_future()
            self.waiting.append((arrivals[0], done))
            self.changed.set()
            await done
        self.committed += arrivals
        return [Appended(len(self.committed), "ref") for _ in arrivals]

    async def reached(self, count: int) -> None:
        while len(self.waiting) < count:
            self.changed.clear()
            await self.changed.wait()

    def commit(self) -> None:
        self.commits += 1
        for _, done in self.waiting:
            done.set_result(None)
        self.waiting.clear()

    def read(self, after: int, limit: int) -> Sequence[Delivery]:
        return ()

    def get(self, position: int) -> Delivery | None:
        return None


def connector(kind: type[Connector]) -> Connector:
    return kind(Connection(kind.spec.name, {}), Http(""))


def signature(body: bytes) -> str:
    return hmac.new(SECRET, body, hashlib.sha256).hexdigest()


class Intake:
    """A running server and a client, as one thing a test can post to."""

    def __init__(
        self, log: HeldLog, server: WebhookServer, session: aiohttp.ClientSession, port: int, steady: Steady
    ) -> None:
        self.log, self.server, self.session, self.port, self.steady = log, server, session, port, steady

    def url(self, path: str) -> str:
        return f"http://127.0.0.1:{self.port}{path}"

    async def post(self, path: str = "/in/signed", body: bytes = b"{}", **headers: str) -> int:
        sent = {"content-type": "application/json", "x-signature": signature(body)}
        sent.update({name.replace("_", "-"): value for name, value in headers.items()})
        async with self.session.post(self.url(path), data=body, headers=sent) as answer:
            self.words, self.headers = await answer.text(), answer.headers
            return answer.status


@pytest.fixture
async def intake() -> AsyncIterator[Intake]:
    log = HeldLog()
    gates = {
        "signed": Gate("signed", connector(Signed), "http://hub/in/signed"),
        "unsigned": Gate("unsigned", connector(Unsigned), "http://hub/in/unsigned", TOKEN.encode()),
        "tokenless": Gate("tokenless", connector(Unsigned), "http://hub/in/tokenless"),
        "secretless": Gate("secretless", connector(Signed), "", closed="secret env:X is missing or empty"),
    }
    steady = Steady()
    server = WebhookServer(gates, log, FixedClock(), rate=1000, steady=steady)
    port = await server.start("127.0.0.1", 0)
    async with aiohttp.ClientSession() as session:
        yield Intake(log, server, session, port, steady)
    await server.stop()


async def test_a_signed_delivery_is_stored_with_its_id_and_kept_headers_and_answered_200(intake: Intake) -> None:
    assert await intake.post(body=b'{"a": 1}', x_id="7", authorization="Bearer s") == 200
    (stored,) = intake.log.committed
    assert (stored.body, stored.source_id, stored.origin, stored.received_at) == (b'{"a": 1}', "7", "webhook", NOW)
    assert stored.headers == {"content-type": "application/json"}


async def test_the_answer_waits_for_the_commit(intake: Intake) -> None:
    intake.log.at_once = False
    asking = asyncio.create_task(intake.post())
    await intake.log.reached(1)
    assert not asking.done()
    assert not intake.log.committed
    intake.log.commit()
    assert await asking == 200


async def test_concurrent_requests_share_a_commit(intake: Intake) -> None:
    intake.log.at_once = False
    asking = [asyncio.create_task(intake.post(body=str(number).encode())) for number in range(20)]
    await intake.log.reached(20)
    intake.log.commit()
    assert await asyncio.gather(*asking) == [200] * 20
    assert intake.log.commits == 1


@pytest.mark.parametrize("bad", ["", "0" * 64, "é" * 64, "00"])
async def test_a_wrong_signature_gets_401_in_the_same_words_and_leaves_only_a_count(intake: Intake, bad: str) -> None:
    assert await intake.post(x_signature=bad) == 401
    assert intake.words == "not authorized"
    assert not intake.log.committed
    assert intake.server.counts["signed", "401"] == 1


async def test_a_signature_given_twice_gets_401(intake: Intake) -> None:
    headers = [("content-type", "application/json"), ("x-signature", "0"), ("x-signature", signature(b"{}"))]
    async with intake.session.post(intake.url("/in/signed"), data=b"{}", headers=headers) as answer:
        assert answer.status == 401


async def test_a_body_larger_than_declared_limit_gets_413(intake: Intake) -> None:
    assert await intake.post(body=b"x" * 1001) == 413
    assert not intake.log.committed


async def test_a_body_that_grows_too_large_while_read_gets_413(intake: Intake) -> None:
    async def parts() -> AsyncIterator[bytes]:
        for _ in range(20):
            yield b"x" * 100

    headers = {"content-type": "application/json"}
    async with intake.session.post(intake.url("/in/signed"), data=parts(), headers=headers) as answer:
        assert answer.status == 413


@pytest.mark.parametrize(
    ("headers", "status"),
    [
        ({"content_type": "text/plain"}, 415),
        ({"content_encoding": "gzip"}, 415),
        ({"content_type": "application/json; charset=utf-8"}, 200),
    ],
)
async def test_media_types_and_compression_are_checked(intake: Intake, headers: dict[str, str], status: int) -> None:
    assert await intake.post(**headers) == status


async def test_other_methods_get_405_and_are_told_which(intake: Intake) -> None:
    async with intake.session.put(intake.url("/in/signed"), data=b"") as answer:
        assert (answer.status, answer.headers["Allow"]) == (405, "HEAD, POST")
    async with intake.session.get(intake.url("/in/unsigned/" + TOKEN)) as answer:
        assert answer.status == 405


async def test_a_handshake_by_head_is_answered(intake: Intake) -> None:
    async with intake.session.head(intake.url("/in/signed")) as answer:
        assert answer.status == 200


async def test_an_unknown_connection_gets_404(intake: Intake) -> None:
    assert await intake.post("/in/nobody") == 404
    assert await intake.post("/in/signed/extra") == 404
    assert await intake.post("/elsewhere") == 404


async def test_a_source_that_cannot_sign_needs_its_token_in_the_path(intake: Intake) -> None:
    assert await intake.post(f"/in/unsigned/{TOKEN}") == 200
    assert await intake.post("/in/unsigned/wrong") == 401
    assert await intake.post("/in/unsigned") == 401


async def test_a_connection_without_its_secret_or_token_refuses_and_the_others_run(intake: Intake) -> None:
    assert await intake.post("/in/secretless") == 503
    assert await intake.post("/in/tokenless") == 503
    assert await intake.post("/in/signed") == 200


async def test_a_log_that_cannot_take_it_means_503_with_retry_after(intake: Intake) -> None:
    intake.log.full = True
    assert await intake.post() == 503
    assert intake.headers["Retry-After"] == "7"


async def test_refused_requests_use_up_an_address_and_then_get_429_before_verification(intake: Intake) -> None:
    statuses = await asyncio.gather(*(intake.post(x_signature="bad") for _ in range(300)))
    assert set(statuses) == {401, 429}
    assert await intake.post() == 429
    intake.steady.seconds += 1
    assert await intake.post() == 200


def test_authentic_bursts_within_the_rate_pass_and_the_allowance_comes_back() -> None:
    allowance = Allowance(100, 100)
    assert all(allowance.take("a", 0.0) for _ in range(100))
    assert not allowance.take("a", 0.0)
    assert allowance.take("b", 0.0)
    assert allowance.take("a", 1.0)


async def test_what_is_wrong_with_an_authentic_body_is_not_the_intakes_business(intake: Intake) -> None:
    assert await intake.post(body=b'{"a": NaN, \x00') == 200
