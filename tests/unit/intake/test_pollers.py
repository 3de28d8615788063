"""A poller's round: every page kept before its cursor, quiet rounds noted, failures further and further apart."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import pytest

from hub.connector.answers import ReadFailed, Throttled, Unauthorized
from hub.connector.base import Connection, Connector, Page
from hub.connector.http import Http
from hub.connector.spec import ConnectorSpec, StreamSpec
from hub.errors import RetryableError
from hub.intake.pollers import BACKOFF_SECONDS, PAGES_MAX, Poller
from hub.log.port import Appended, Arrival
from hub.model.clock import SECOND, Micros
from hub.model.delivery import Delivery, Raw
from hub.model.record import Decoded

EVERY = 60 * SECOND


class Source(Connector):
    """Answers polls from a script."""

    spec = ConnectorSpec("source", "Source", (), (StreamSpec("issue", "", (), polled=True),))

    def __init__(self, *script: Page | Exception) -> None:
        super().__init__(Connection("source", {}), Http(""))
        self.script = list(script)
        self.asked: list[str] = []

    async def poll(self, stream: str, cursor: str) -> Page:
        self.asked.append(cursor)
        answer = self.script.pop(0) if len(self.script) > 1 else self.script[0]
        if isinstance(answer, Exception):
            raise answer
        return answer

    def decode(self, headers: Mapping[str, str], body: bytes) -> Decoded:
        return Decoded()


class Clock:
    time: Micros = 1_000 * SECOND

    def now(self) -> Micros:
        return self.time


class Journal:
    """Log and cursors as one list of what happened in which order."""

    def __init__(self) -> None:
        self.happened: list[tuple[str, object]] = []
        self.bodies: set[bytes] = set()
        self.cursor = ""
        self.full = False

    async def append(self, arrivals: Sequence[Arrival]) -> Sequence[Appended]:
        if self.full:
            raise RetryableError("the disk is nearly full", retry_after=7)
        self.happened.append(("kept", [one.body for one in arrivals]))
        known = [one.body in self.bodies for one in arrivals]
        self.bodies |= {one.body for one in arrivals}
        return [Appended(1, "ref", duplicate=one) for one in known]

    def read(self, after: int, limit: int) -> Sequence[Delivery]:
        return ()

    def get(self, position: int) -> Delivery | None:
        return None

    async def put(self, connection: str, stream: str, cursor: str, at: Micros) -> None:
        self.happened.append(("cursor", (cursor, at)))
        self.cursor = cursor


class Cursors:
    def __init__(self, journal: Journal) -> None:
        self.journal = journal
        self.put = journal.put

    async def get(self, connection: str, stream: str) -> str:
        return self.journal.cursor


def page(*bodies: bytes, cursor: str, more: bool = False) -> Page:
    return Page(tuple(Raw(body, {}) for body in bodies), cursor, more)


async def round_of(poller: Poller, journal: Journal, clock: Clock) -> int:
    return await poller.round(journal, Cursors(journal), clock, lambda: None)


def polled(*script: Page | Exception) -> Poller:
    return Poller(Source(*script), "issue", EVERY)


async def test_a_page_is_kept_before_its_cursor_is_written() -> None:
    journal, clock = Journal(), Clock()
    poller = polled(page(b"1", b"2", cursor="a", more=True), page(b"3", cursor="b"))
    assert await round_of(poller, journal, clock) == 3
    assert journal.happened == [
        ("kept", [b"1", b"2"]),
        ("cursor", ("a", clock.time)),
        ("kept", [b"3"]),
        ("cursor", ("b", clock.time)),
    ]
    assert poller.due == clock.time + EVERY


async def test_a_round_that_brings_nothing_is_noted_with_its_time() -> None:
    journal, clock = Journal(), Clock()
    poller = polled(page(cursor="a"))
    await round_of(poller, journal, clock)
    clock.time += EVERY
    assert await round_of(poller, journal, clock) == 0
    assert journal.happened == [("cursor", ("a", clock.time - EVERY)), ("cursor", ("a", clock.time))]


async def test_the_next_round_goes_on_from_the_cursor() -> None:
    journal, clock = Journal(), Clock()
    poller = polled(page(b"1", cursor="a"), page(b"1", cursor="b"))
    await round_of(poller, journal, clock)
    assert await round_of(poller, journal, clock) == 0
    assert isinstance(poller.connector, Source)
    assert poller.connector.asked == ["", "a"]


@pytest.mark.parametrize("error", [ReadFailed("502"), Unauthorized("401"), RetryableError("busy"), KeyError("a bug")])
async def test_a_failing_source_is_asked_later_and_later_and_at_once_forgiven(error: Exception) -> None:
    journal, clock = Journal(), Clock()
    poller = polled(*[error] * 6, page(cursor="a"))
    waits = []
    for _ in range(6):
        assert await round_of(poller, journal, clock) == 0
        waits.append((poller.due - clock.time) // SECOND)
        assert poller.problem
    assert waits == [*BACKOFF_SECONDS, BACKOFF_SECONDS[-1]]
    assert journal.happened == []
    await round_of(poller, journal, clock)
    assert (poller.failures, poller.problem, poller.due) == (0, "", clock.time + EVERY)


async def test_a_source_that_says_when_is_asked_then_but_within_the_hour() -> None:
    for said, wait in ((90.0, 90), (1e9, 3600)):
        poller, clock = polled(Throttled("429", said, not_done=True)), Clock()
        await round_of(poller, Journal(), clock)
        assert poller.due == clock.time + wait * SECOND


async def test_what_the_log_could_not_take_is_asked_for_again_from_the_same_cursor() -> None:
    journal, clock = Journal(), Clock()
    journal.full = True
    poller = polled(page(b"1", cursor="a"))
    await round_of(poller, journal, clock)
    assert (journal.cursor, poller.due) == ("", clock.time + 7 * SECOND)
    journal.full = False
    assert await round_of(poller, journal, clock) == 1


async def test_a_source_that_always_has_more_is_left_for_the_next_round() -> None:
    poller, journal = polled(page(cursor="a", more=True)), Journal()
    await round_of(poller, journal, Clock())
    assert len(journal.happened) == PAGES_MAX
