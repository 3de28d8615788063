"""Which role a worker turns under which lease, and what it does while its database is away."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Iterable, Mapping
from typing import TYPE_CHECKING

import structlog

from hub.engine.embedded import Turn, Watched
from hub.engine.leading import Leading
from hub.engine.transaction import Guard
from hub.errors import RetryableError
from hub.intake.reader import Answer
from hub.model.clock import NEVER, SECOND, Clock, Micros

if TYPE_CHECKING:
    from hub.store.port import Store

REST_SECONDS = 1.0
REMEMBERED: Micros = 3_600 * SECOND
EFFECT, POLL = "effect/", "poll/"
READ_ANSWERS = (
    "SELECT position, connection, cause, received_at FROM delivery WHERE position > ? AND origin = 'read'"
    " ORDER BY position"
)
logger = structlog.get_logger()


class Connections:
    """Implements ``hub.effect.executor.Leased``: one lease a connection."""

    def __init__(self, leading: Leading) -> None:
        self._leading = leading

    def holds(self, connection: str) -> bool:
        return self._leading.holds(EFFECT + connection)

    def guard(self, connection: str) -> Guard:
        return self._leading.guard(EFFECT + connection)


def lease_of(role: str) -> str:
    """The lease under which a role turns; empty where every worker turns it."""
    if role.startswith("poll "):
        return POLL + role.removeprefix("poll ").partition(".")[0]
    return "" if role in ("executor", "files") else role


def patient(role: str, turn: Turn, leading: Leading) -> Turn:
    """Turns where the lease is held; a database or broker that is away makes it rest, not end."""
    lease = lease_of(role)

    async def go() -> int:
        if lease and not leading.holds(lease):
            return 0
        try:
            return await turn()
        except RetryableError as error:
            logger.warning("role waits", action="role.waits", role=role, why=error.what)
            await asyncio.sleep(REST_SECONDS)
            return 0

    return go


class LeasedDues:
    """What is due among the roles of this worker; nothing while the database does not answer."""

    def __init__(
        self, dues: Watched, roles: Iterable[str], leading: Leading, own: Callable[[], Mapping[str, Micros]]
    ) -> None:
        """``own``: dues that stand nowhere in the store."""
        self._dues, self._roles, self._leading, self._own = dues, frozenset(roles), leading, own

    async def data_version(self) -> int:
        return 0

    def dues(self) -> Mapping[str, Micros]:
        try:
            found = {**self._dues.dues(), **self._own()}
        except RetryableError:
            found = {}
        return {role: found.get(role, NEVER) if self._is_mine(role) else NEVER for role in self._roles}

    def _is_mine(self, role: str) -> bool:
        lease = lease_of(role)
        return not lease or self._leading.holds(lease)


class Landed:
    """Which answers to reads the engine has concluded: an answer is in the store exactly when it is."""

    def __init__(self, store: Store, clock: Clock, after: int) -> None:
        self._store, self._clock, self._at = store, clock, after
        self._found: dict[tuple[str, str, Micros], None] = {}

    def look(self) -> None:
        """Take in what was landed since the last look; what is older than an hour is forgotten."""
        with self._store.reader() as db:
            for position, connection, cause, received_at in db.execute(READ_ANSWERS, (self._at,)):
                self._at = position
                self._found[connection, cause, received_at] = None
        oldest = self._clock.now() - REMEMBERED
        for place in [one for one in self._found if one[2] < oldest]:
            del self._found[place]

    def has(self, answer: Answer) -> bool:
        place = (answer.connection, answer.cause, answer.received_at)
        return place in self._found or answer.received_at < self._clock.now() - REMEMBERED
