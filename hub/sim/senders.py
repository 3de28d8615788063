"""The two sources' senders: each webhook until it is answered, more than once, late, forged, or with a stolen id.

What a source does with its secret is here too: it is changed while both sides do not know it at the same moment.
"""

from __future__ import annotations

import asyncio
from dataclasses import replace
from random import Random
from typing import TYPE_CHECKING

from hub.sim.network import Violation
from hub.sim.process import SECRET
from hub.sim.scenario import Change, Delivery

if TYPE_CHECKING:
    from hub.sim.world import World

ANSWER_SECONDS = 10.0
"""How long a source waits for our 200; then it sends again."""
AGAIN_SECONDS = (5, 20, 60, 300, 600)
FLOOD = 40
LATER_SECONDS = (10.0, 3_600.0, 10_000.0, 10_000.0, 250_000.0)
"""How long after it was first sent a delivery is sent again by a source that forgot having done so."""


class Senders:
    """``tell`` is called once for each thing that happened in a source."""

    def __init__(self, world: World) -> None:
        self.world = world
        self.random = Random(f"{world.seed}/senders")
        self.pending = 0
        self.acknowledged: list[Delivery] = []
        self.forged: list[Delivery] = []
        self.conflicts: list[Delivery] = []
        self.current = SECRET
        self.known: tuple[str, ...] = (SECRET,)
        self._secrets = 0

    # --- secrets

    def rotate(self, seconds: float) -> None:
        """A new secret: now at the hub, which keeps the old one for a while; at the source sooner or later."""
        self._secrets += 1
        new = f"{SECRET} {self._secrets}"
        self.known = (new, *self.known)
        loop = self.world.loop
        loop.call_later(seconds * self.random.random(), self._sign_with, new)
        loop.call_later(seconds, self._forget)

    def _sign_with(self, secret: str) -> None:
        self.current = secret

    def _forget(self) -> None:
        self.known = self.known[:1]
        self.current = self.known[0]

    # --- telling

    def tell(self, delivery: Delivery) -> None:
        """Each source sends until it is answered; what is lost is never sent (only what can be polled gets lost)."""
        world = self.world
        fault = world.schedule.take("webhook", "webhook", delivery.number)
        kind, value = (fault.kind, float(fault.value)) if fault else ("", 0.0)
        if kind == "lost" and delivery.connection == "jira":
            return
        delay = value if kind == "delayed" else world.random.uniform(0.01, 1.5)
        stolen = kind == "conflict" and delivery.connection == "jira"
        world.spawn(self._conflict(delivery, delay) if stolen else self._send(delivery, delay))
        if kind == "twice":
            for _ in range(1 + int(value) % 3):
                world.spawn(self._send(delivery, world.random.uniform(0.0, value)))
        elif kind == "forged":
            self.forged.append(delivery)
            world.spawn(self._forge(delivery))
        elif kind == "replayed":
            self._replay(delivery)
        elif kind == "poison":
            world.poison.add(delivery)
        elif kind == "flood" and delivery.connection == "jira":
            self._flood(delivery)

    def _replay(self, delivery: Delivery) -> None:
        """The same again, up to fifty times, hours or days later."""
        late = self.random.choice(LATER_SECONDS)
        for _ in range(self.random.choice((1, 5, 50))):
            self.world.spawn(self._send(delivery, late + self.random.uniform(0.0, 30.0)))

    def _flood(self, delivery: Delivery) -> None:
        """Somebody's script writes one issue forty times within a second; the hub knows nothing of the field."""
        world = self.world
        for number in range(FLOOD):
            change = Change(world.loop.time(), delivery.about, "expense", {"customfield_19999": number})
            world.spawn(self._send(world.sources.do(change), self.random.random()))

    async def _send(self, delivery: Delivery, delay: float) -> None:
        self.pending += 1
        try:
            await asyncio.sleep(delay)
            tries = 0
            while await self._offer(delivery, self._signed(delivery, self.current)) != 200:
                await asyncio.sleep(AGAIN_SECONDS[min(tries, len(AGAIN_SECONDS) - 1)])
                tries += 1
            self.acknowledged.append(delivery)
        finally:
            self.pending -= 1

    async def _conflict(self, delivery: Delivery, delay: float) -> None:
        """Once a delivery is acknowledged, another body comes under its id, signed like any other."""
        await self._send(delivery, delay)
        other = replace(delivery, body=delivery.body + b"\n")
        self.conflicts.append(other)
        await self._send(other, 1.0)

    async def _forge(self, delivery: Delivery) -> None:
        """Somebody without the secret sends a body that looks right."""
        false = replace(delivery, body=delivery.body + b" ")
        status = await self._offer(false, self._signed(false, "another secret"))
        if status not in (0, 401):
            raise Violation("I14", f"a forged body was answered {status}", delivery.about)

    def _signed(self, delivery: Delivery, secret: str) -> dict[str, str]:
        life = self.world.life
        if life is None:
            return dict(delivery.headers)
        gate = life.gates[delivery.connection]
        return {**delivery.headers, **gate.connector.sign(secret, gate.url, delivery.body)}

    async def _offer(self, delivery: Delivery, headers: dict[str, str]) -> int:
        """One request; 0 when nobody answers."""
        life = self.world.life
        if life is None:
            return 0
        task = life.spawn(life.receive(delivery, headers))
        await asyncio.wait({task}, timeout=ANSWER_SECONDS)
        if not task.done() or task.cancelled() or task.exception():
            return 0
        return int(task.result())
