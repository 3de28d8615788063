"""The language of hostile profiles: how a target or source misbehaves, as a table of plain values. Pure.

A behaviour says what is done (``DOES``), to which calls, and how often: a share of 1,000, drawn from the seed and the
number of the call, so one seed is one story whoever carries the calls (a simulated network or a real server).
``measure`` is its size: milliseconds, or bytes for a body; ``word`` a header's value. ``times``: at most so often for
one object, else a target that always fails is only a dead one.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from random import Random
from typing import Literal

Calls = Literal["write", "read", "search", "page", "webhook", "every"]
DOES: Mapping[str, str] = {
    "drop-answer": "done, then the connection is cut without an answer",
    "never-arrives": "not done, the connection is cut",
    "late": "hung up on at once, done so many milliseconds later",
    "slow": "done, answered so many milliseconds later",
    "500": "not done, a server error",
    "500-done": "done, then a server error",
    "503-done": "done, then a gateway gives up and says when to come again",
    "429": "not done, too many calls, with an odd Retry-After",
    "storm": "not done, too many calls; nor are the calls after it, as many as the measure says",
    "401": "not done, credentials refused",
    "403": "not done, permission lost",
    "409-done": "done, then refused as being there already",
    "error-inside": "done, answered 200 with an error in place of the object",
    "wrong-id": "done, answered with the id of something else",
    "no-id": "done, answered without an id",
    "truncated": "done, half of the answer's JSON",
    "html": "done, a page in place of JSON",
    "endless": "done, a body that does not end",
    "lag": "what was made less than so many milliseconds ago is not found by searching",
    "unlisted": "what changed less than so many milliseconds ago is on no page yet",
    "drift": "the objects of a page come in another order, one of them twice",
    "forgets-keys": "idempotency keys are forgotten after so many milliseconds",
    "clock": "the system's clock is so many milliseconds off",
    "gone": "from then on an object that was there is not: permission lost, or deleted without a word",
    "twice": "the webhook is sent twice",
    "delayed": "the webhook comes so many milliseconds later: others overtake it",
    "lost": "the webhook is never sent",
}
"""Everything a profile can ask for."""
ALWAYS = 1000


@dataclass(frozen=True, slots=True)
class Behaviour:
    """One line of a profile. ``path``: only calls whose path holds that text."""

    does: str
    calls: Calls
    share: int = ALWAYS
    measure: int = 0
    words: tuple[str, ...] = ()
    times: int = 0
    path: str = ""

    def __post_init__(self) -> None:
        if self.does not in DOES:
            raise ValueError(f"{self.does!r} is no behaviour; known: {', '.join(DOES)}")
        if not 0 < self.share <= ALWAYS:
            raise ValueError(f"{self.does}: a share is 1 to {ALWAYS} of {ALWAYS} calls, got {self.share}")

    def covers(self, calls: str, path: str) -> bool:
        return self.calls in (calls, "every") and self.path in path


@dataclass(frozen=True, slots=True)
class Profile:
    """``connector``: whose system it is; ``quiesce_ms``: after so long nothing that was sent is still done."""

    name: str
    connector: str
    about: Mapping[str, str]
    behaviours: tuple[Behaviour, ...]
    quiesce_ms: int = 2000

    def __post_init__(self) -> None:
        worst = sum(
            max((one.measure for one in self.behaviours if one.does == does), default=0) for does in ("late", "lag")
        )
        if worst >= self.quiesce_ms:
            raise ValueError(f"{self.name}: late and lag together take {worst} ms, the quiesce time is not longer")

    def always(self, does: str) -> int:
        """The measure of something that holds for the whole run, 0 where the profile does not ask for it."""
        return next((one.measure for one in self.behaviours if one.does == does), 0)


@dataclass(frozen=True, slots=True)
class Drawn:
    """What happens to one call."""

    does: str = ""
    measure: int = 0
    word: str = ""


STANDING = frozenset({"lag", "unlisted", "clock", "forgets-keys"})
"""These hold for the whole run; they are not drawn call by call."""


class Dice:
    """Draws what happens to each call of a run; remembers only how often an object was struck."""

    def __init__(self, profile: Profile, seed: int) -> None:
        self.profile, self.seed = profile, seed
        self._struck: dict[tuple[str, str], int] = {}
        self._calls: dict[str, int] = {}
        self._storm, self._storming = 0, Drawn()

    def draw(self, calls: str, path: str, about: str) -> Drawn:
        """What happens to the next call of that kind; ``about`` names the object (a reference, an id, a path)."""
        number = self._calls[calls] = self._calls.get(calls, 0) + 1
        if self._storm and calls != "webhook":
            self._storm -= 1
            return self._storming
        random = Random(f"{self.profile.name}/{self.seed}/{calls}/{number}")
        for one in self.profile.behaviours:
            if one.does in STANDING or not one.covers(calls, path):
                continue
            if random.randrange(ALWAYS) < one.share and self._may(one, about):
                measure = random.randint(1, one.measure) if one.measure else 0
                drawn = Drawn(one.does, measure, random.choice(one.words) if one.words else "")
                if one.does == "storm":
                    self._storm, self._storming = measure, drawn
                return drawn
        return Drawn()

    def _may(self, one: Behaviour, about: str) -> bool:
        struck = self._struck.get((one.calls, about), 0)
        if one.times and struck >= one.times:
            return False
        self._struck[one.calls, about] = struck + 1
        return True
