"""Records that break the mapper: while the bug is there they are set aside with what comes behind them (I11, F21).

The bug is fixed when peace begins; then people run the records again (``people.tidy``).
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

from hub.engine import conclude
from hub.sim.network import Violation
from hub.sim.patching import put
from hub.sim.scenario import Delivery
from hub.sim.storage import rows

if TYPE_CHECKING:
    from hub.sim.world import World

_LANES = (
    "SELECT o.record, d.body FROM outcome o JOIN delivery d ON d.position = o.position"
    " JOIN quarantine q ON q.position = o.position AND q.record = o.record WHERE q.reason IN ('exception', 'behind')"
)


class Poison:
    """Which bodies break the mapper."""

    def __init__(self, world: World) -> None:
        self.world = world
        self.bodies: set[bytes] = set()
        self.objects: set[str] = set()
        self.struck = False

    def add(self, delivery: Delivery) -> None:
        """This body, however often it comes, breaks a rule of ours."""
        if delivery.connection == "jira":
            self.bodies.add(delivery.body)
            self.objects.add(delivery.about)

    @contextmanager
    def planted(self) -> Iterator[None]:
        whole = conclude.record

        def record(world: Any, item: Any) -> None:
            if self.bodies and not self.world.schedule.off and item.delivery.body in self.bodies:
                self.struck = True
                raise ZeroDivisionError("a bug in a rule")
            whole(world, item)

        with put(conclude, "record", record):
            yield

    def strays(self) -> Violation | None:
        """I11: nobody but the poisoned objects waits behind a bug."""
        for _, body in rows(self.world.db, _LANES):
            if not any(f'"id":"{name}"'.encode() in bytes(body) for name in self.objects):
                return Violation("I11", "a record waits behind a bug of another object")
        return None
