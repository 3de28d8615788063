"""Files somebody edits while the hub runs: checked, reported and offered; live only when they are activated.

``people.yaml`` and schemas are no mapping versions: a change of them that reads well is taken over at once, as every
command of another process does.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import TYPE_CHECKING

import structlog

from hub.cli.check_watch import Stamps, stamps
from hub.cli.governed import notes
from hub.errors import ConfigError
from hub.model.clock import SECOND, Clock, Micros

if TYPE_CHECKING:
    from hub.bootstrap import Workspace

LOOK: Micros = SECOND
"""How often the files are looked at."""
logger = structlog.get_logger()


class Edits:
    """``turn`` is a role of the host; ``reload`` takes people and schemas over, ``say`` tells whoever watches."""

    def __init__(
        self, space: Workspace, clock: Clock, reload: Callable[[], Awaitable[bool]], say: Callable[[str], None]
    ) -> None:
        self._space, self._clock, self._reload, self._say = space, clock, reload, say
        self._seen = self._stamps()
        self.due: Micros = clock.now() + LOOK

    def _stamps(self) -> Stamps:
        settings = self._space.settings
        return stamps(self._space.root, (), (settings.people, settings.mappings, settings.schemas))

    async def turn(self) -> int:
        """Look, and tell what changed; gives 1 when somebody edited something."""
        if self.due > self._clock.now():
            return 0
        self.due = self._clock.now() + LOOK
        found, before = self._stamps(), self._seen
        if found == before:
            return 0
        self._seen = found
        changed = sorted(path for path in {*found, *before} if found.get(path) != before.get(path))
        await self._edited(changed)
        return 1

    async def _edited(self, changed: list[Path]) -> None:
        logger.info("files edited", action="mapping.edited", files=[path.name for path in changed])
        mappings = self._space.root / self._space.settings.mappings
        if any(path.name != "hub.yaml" and not path.is_relative_to(mappings) for path in changed):
            await self._reload()
        if any(path.name == "hub.yaml" for path in changed):
            self._tell(("hub.yaml was edited: the hub takes it at its next start",))
        self._tell(tuple(await asyncio.to_thread(self._offer)))

    def _offer(self) -> list[str]:
        """What the files say now against what runs. In a thread: a large table takes a third of a second."""
        try:
            return notes(self._space.unread())
        except ConfigError as error:
            return [f"{error.what}; the hub goes on with what it runs; see: hub check"]

    def _tell(self, lines: tuple[str, ...]) -> None:
        for line in lines:
            logger.warning("mapping offered", action="mapping.offered", offer=line)
            self._say(line)
