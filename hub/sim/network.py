"""Between the hub and its targets: delays, losses and lies by the schedule, and the checks only a network can make.

What the hub calls is the SDK's own client with the one method replaced that touches a socket, so every verdict is the
product's. A call that is on its way stays on its way when the hub dies.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from email.utils import formatdate
from heapq import heappop, heappush
from random import Random

import aiohttp
import orjson

from hub.connector.http import TOTAL_SECONDS, Http
from hub.model.clock import SECOND
from hub.model.record import Json
from hub.sim.clockwork import SimClock, VirtualLoop
from hub.sim.faults import Fault, Schedule
from hub.sim.storage import Crash
from hub.sim.targets import Erp, Target, json_bytes, reference_in

Reply = tuple[int, dict[str, str], bytes]
NOBODYS = "999999"
"""The id a lying answer names."""
SearchPaths = {"erp": "external_ref", "jira": "orderBy", "trello": "filter"}
"""The parameter by which a search for our reference is told from other reads."""


class Violation(Exception):
    """An invariant is broken. ``name`` is its number, ``about`` the object concerned."""

    def __init__(self, name: str, words: str, about: str = "") -> None:
        super().__init__(f"{name}: {words}")
        self.name, self.words, self.about = name, words, about

    def __reduce__(self) -> tuple[type[Violation], tuple[str, str, str]]:
        return Violation, (self.name, self.words, self.about)


@dataclass(slots=True)
class Known:
    """What the network knows about the writes of one reference (I6)."""

    doubtful: bool = False
    """The hub cannot know what became of its last call, and has not looked since."""
    path: str = ""


@dataclass(slots=True)
class Call:
    """One call on its way."""

    hub: HubSide
    number: int
    connection: str
    method: str
    path: str
    params: Mapping[str, str]
    headers: Mapping[str, str]
    body: Json
    answer: asyncio.Future[Reply]
    write: bool
    reference: str = ""


class Network:
    """Carries calls. ``intent`` is asked about every write before its first byte counts (I5)."""

    def __init__(self, loop: asyncio.AbstractEventLoop, clock: SimClock, schedule: Schedule, random: Random) -> None:
        self._loop, self._clock, self._schedule, self._random = loop, clock, schedule, random
        self.targets: dict[str, Target] = {}
        self.counts: dict[tuple[str, str], int] = {}
        self.known: dict[tuple[str, str], Known] = {}
        self.flying: set[int] = set()
        self.trace: list[str] = []
        self.calls = 0
        self.lied: set[str] = set()
        """References of documents whose answer named another document: the hub confirms none of them."""
        self._coming: list[tuple[float, int, Callable[[], None]]] = []
        self._set = 0
        self.broken: Callable[[Violation], None] = lambda violation: None

    def send(self, call: Call) -> None:
        """A call leaves the hub."""
        family = "write" if call.write else "read"
        key = (call.connection, family)
        nth = self.counts[key] = self.counts.get(key, -1) + 1
        fault = self._schedule.take(family, call.connection, nth)
        self.calls += 1
        self.trace.append(f"{self._clock.true()} {call.method} {call.connection}{call.path} {fault or ''}")
        if call.write:
            self._check_write(call)
        self.flying.add(call.number)
        self._carry(call, fault, nth)

    def _check_write(self, call: Call) -> None:
        if problem := call.hub.intent(call):
            self.broken(Violation("I5", problem, call.reference))
        known = self.known.setdefault((call.connection, call.reference), Known())
        if known.doubtful:
            self.broken(
                Violation(
                    "I6",
                    f"{call.reference[:16]} was sent again without a look after an unclear result",
                    call.reference,
                )
            )
        known.doubtful, known.path = True, call.path

    def _carry(self, call: Call, fault: Fault | None, nth: int) -> None:
        there, back = self._random.uniform(0.002, 0.05), self._random.uniform(0.002, 0.05)
        kind = fault.kind.removeprefix("read-") if fault else ""
        value = fault.value if fault else 0
        if kind == "refused":
            self._later(there, lambda: self._fail(call, aiohttp.ConnectionTimeoutError("refused")))
        elif kind in ("never-arrives", "timeout"):
            self._later(TOTAL_SECONDS, lambda: self._fail(call, TimeoutError()))
        elif kind == "late":  # we are hung up on at once; the target goes on working
            self._later(there, lambda: self._fail(call, aiohttp.ServerDisconnectedError()))
            self.flying.add(-call.number - 1)
            self._later(there + value, lambda: self._do_late(call))
        elif kind in ("500", "502", "503-wait", "429-odd", "429", "401"):
            status = int(kind[:3])
            headers = {"retry-after": fault.word} if fault and fault.word else {}
            self._later(there + back, lambda: self._reply(call, (status, headers, b'{"error":"not now"}')))
        else:
            slow = value if kind == "slow" else 0
            self._later(there, lambda: self._arrive(call, kind, back + slow, nth))

    def _later(self, seconds: float, what: Callable[[], None]) -> None:
        when = self._loop.time() + seconds
        self._set += 1
        heappush(self._coming, (when, self._set, what))
        self._loop.call_at(when, self._arrived)

    def _arrived(self) -> None:
        """Everything that was to happen until now, in its order."""
        while self._coming and self._coming[0][0] <= self._loop.time():
            heappop(self._coming)[2]()

    def alone(self, loop: VirtualLoop, seconds: float) -> None:
        """The hub stands still for so long; targets and the network do not."""
        until = loop.time() + seconds
        while self._coming and self._coming[0][0] <= until:
            loop.jump(self._coming[0][0])
            self._arrived()
        loop.jump(until)

    def _do(self, call: Call, nth: int = -1) -> tuple[int, Json]:
        target = self.targets[call.connection]
        if isinstance(target, Erp):
            target.alter_next = call.write and self._schedule.take("altered", "erp", nth) is not None
        return target.answer(call.method, call.path, call.params, call.headers, call.body)

    def _do_late(self, call: Call) -> None:
        self.flying.discard(-call.number - 1)
        self.trace.append(f"{self._clock.true()} late {call.connection} {self._do(call)[0]}")

    def _arrive(self, call: Call, kind: str, back: float, nth: int) -> None:
        """The target does it; then something may happen to its answer."""
        status, said = self._do(call, nth)
        data = json_bytes(said)
        reply: Reply = (
            status,
            {"content-type": "application/json", "date": formatdate(self._clock.true() / SECOND, usegmt=True)},
            data,
        )
        if kind == "drop-answer":
            self._later(back, lambda: self._fail(call, aiohttp.ServerDisconnectedError()))
            return
        if kind == "503-done":
            reply = (503, {"retry-after": "7"}, b"a gateway gave up")
        elif kind == "500-done":
            reply = (500, {}, b"oops")
        elif kind == "html":
            reply = (200, {}, b"<!doctype html><title>Sign in</title>")
        elif kind == "no-id":
            reply = (200, {}, b'{"state":"ok"}')
        elif kind == "error-inside":
            reply = (200, {}, b'{"error":{"code":17,"message":"could not be saved"}}')
        elif kind == "wrong-id" and isinstance(said, dict) and "id" in said:
            reply = (status, {}, json_bytes({**said, "id": NOBODYS, "number": f"XX-{NOBODYS}"}))
            self.lied.add(call.reference)
        elif kind == "truncated":
            reply = (status, {}, data[: max(1, len(data) // 2)])
        self._later(back, lambda: self._reply(call, reply))

    def _reply(self, call: Call, reply: Reply) -> None:
        self.flying.discard(call.number)
        if call.hub.dead or call.answer.done():
            return
        self._learn(call, reply)
        call.answer.set_result(reply)

    def _fail(self, call: Call, error: BaseException) -> None:
        self.flying.discard(call.number)
        if call.hub.dead or call.answer.done():
            return
        if call.write and isinstance(error, aiohttp.ConnectionTimeoutError):
            self.known[call.connection, call.reference].doubtful = False
        call.answer.set_exception(error)

    def _learn(self, call: Call, reply: Reply) -> None:
        """What this answer tells the hub about a write: its own, or one it looked for."""
        status, _, data = reply
        if call.write:
            clear = (200 <= status < 300 and b'"id"' in data and data[-1:] == b"}") or status in (429, 401, 409, 422)
            if clear:
                self.known[call.connection, call.reference].doubtful = False
        elif status == 200 and (sought := call.params.get(SearchPaths.get(call.connection, ""))) and _whole(data):
            for (connection, reference), known in self.known.items():
                if connection == call.connection and (
                    reference == sought if connection == "erp" else known.path.startswith(call.path)
                ):
                    known.doubtful = False


def _whole(data: bytes) -> bool:
    try:
        orjson.loads(data)
    except orjson.JSONDecodeError:
        return False
    return True


class HubSide:
    """What the network may ask of the process that calls: whether it lives, and what it has committed."""

    dead = False

    def intent(self, call: Call) -> str:
        """Why this write may not be sent, or empty."""
        raise NotImplementedError


class SimHttp(Http):
    """The SDK's client over the simulated network."""

    def attach(self, hub: HubSide, network: Network, connection: str, clock: SimClock) -> SimHttp:
        self._hub, self._network, self._name, self._sim_clock = hub, network, connection, clock
        self._clock = clock.seconds
        self._writing = False
        return self

    async def write(self, method: str, path: str, **more: object) -> object:  # type: ignore[override]
        self._writing = True
        return await super().write(method, path, **more)  # type: ignore[arg-type]

    async def _call(
        self,
        method: str,
        path: str,
        params: Mapping[str, str] | None,
        headers: Mapping[str, str] | None,
        body: bytes | None,
    ) -> Reply:
        writing, self._writing = self._writing, False
        if self._hub.dead:
            raise Crash
        given = None if body is None else orjson.loads(body)
        answer: asyncio.Future[Reply] = asyncio.get_running_loop().create_future()
        sent = {name.lower(): value for name, value in (headers or {}).items()}
        call = Call(
            self._hub, self._network.calls, self._name, method, path, params or {}, sent, given, answer, writing
        )
        if writing:
            call.reference = reference_in(self._name, given)
        self._network.send(call)
        return await answer

    async def close(self) -> None:
        """There is nothing to close."""
