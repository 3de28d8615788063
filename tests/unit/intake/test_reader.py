"""Reads the hub asks for: appended as deliveries, tried again, and told to a person when answers make no sense."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from typing import Any

from hub.connector.answers import Found, ReadFailed
from hub.intake.reader import WRONG_ANSWERS_MAX, Answer, Reader
from hub.log.port import Appended
from hub.model.changes import Reading
from tests.stores import StandingClock

ASKED = Reading("jira", "issue", "10041", "close-out-1")


@dataclass
class Stand:
    """A source that answers as told, a log that counts, and what was said to the engine."""

    answer: Any = b"{}"
    appended: int = 0
    told: list[tuple[str, Reading]] = field(default_factory=list)
    clock: StandingClock = field(default_factory=StandingClock)

    def __post_init__(self) -> None:
        said = {name: self._saying(name) for name in ("gone", "refused", "keep")}
        self.reader = Reader(lambda name: self, self, self.clock, feed=self._fed, **said)  # type: ignore[arg-type,return-value]

    def _saying(self, name: str):  # type: ignore[no-untyped-def]
        async def say(reading: Reading) -> None:
            self.told.append((name, reading))

        return say

    async def _fed(self, connection: str) -> None:
        return None

    async def read(self, ref: Any) -> Found | None:
        if isinstance(self.answer, Exception):
            raise self.answer
        return None if self.answer is None else Found("10041", body=self.answer)

    async def append(self, arrivals: Any) -> list[Appended]:
        self.appended += len(arrivals)
        return [Appended(self.appended, "ref")]

    def concluded(self, answer: Answer) -> bool:
        return answer.position <= self.appended

    @property
    def connection(self) -> Any:
        return type("Named", (), {"name": "jira"})

    def keep_headers(self) -> frozenset[str]:
        return frozenset()

    def identify(self, *_: Any) -> None:
        return None


async def rounds(stand: Stand, reading: Reading, times: int) -> None:
    """Each answer is concluded, and the reading is still open: the engine found no such object in it."""
    for _ in range(times):
        await stand.reader.serve([reading], stand.concluded)
        await stand.reader.serve([reading], stand.concluded)


async def test_an_answer_under_way_is_not_asked_for_again() -> None:
    stand = Stand()
    await stand.reader.serve([ASKED], lambda answer: False)
    await stand.reader.serve([ASKED], lambda answer: False)
    assert (stand.appended, stand.told) == (1, [])


async def test_answers_that_cannot_be_understood_are_tried_again_and_then_told_to_a_person() -> None:
    stand = Stand()
    await rounds(stand, ASKED, WRONG_ANSWERS_MAX)
    assert [name for name, _ in stand.told] == ["keep"] * (WRONG_ANSWERS_MAX - 1) + ["refused"]
    assert stand.told[0][1].attempts == 1
    assert stand.told[-1][1].reason == (
        "the answer did not hold the object that was asked for; see hub quarantine list"
    )


async def test_what_nobody_waits_for_is_only_tried_again() -> None:
    stand = Stand()
    await rounds(stand, Reading("jira", "issue", "10041"), WRONG_ANSWERS_MAX + 1)
    assert {name for name, _ in stand.told} == {"keep"}


async def test_a_source_that_is_down_is_tried_again_without_a_person() -> None:
    stand = Stand(answer=ReadFailed("no route"))
    for _ in range(WRONG_ANSWERS_MAX + 3):
        await stand.reader.serve([ASKED], lambda answer: False)
    assert {name for name, _ in stand.told} == {"keep"}


async def test_an_object_that_is_gone_is_told_to_the_loop() -> None:
    stand = Stand(answer=None)
    await stand.reader.serve([ASKED], lambda answer: False)
    assert stand.told == [("gone", ASKED)]


async def test_an_object_asked_for_anew_is_read_at_once() -> None:
    """Two-way fields read the same object before each write."""
    stand = Stand()
    await stand.reader.serve([ASKED], stand.concluded)
    await stand.reader.serve([replace(ASKED, since=ASKED.since + 1)], stand.concluded)
    assert (stand.appended, stand.told) == (2, [])


async def test_answers_are_forgotten_once_they_are_concluded() -> None:
    stand = Stand()
    for number in range(50):
        await stand.reader.serve([replace(ASKED, object=str(number))], stand.concluded)
    assert len(stand.reader._answered) == 1
