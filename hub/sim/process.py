"""One life of the hub: the product's own roles, wired by the product, over the simulated ports. It ends by a crash.

A crash drops every object of this life; the next one opens the same database file. What the old one's tasks still try
to do meets dead ports.
"""

from __future__ import annotations

import asyncio
import shutil
import sqlite3
from collections.abc import Callable, Coroutine, Mapping
from contextlib import AsyncExitStack
from dataclasses import replace
from functools import cache, partial
from pathlib import Path
from random import Random
from typing import Any

from hub.bootstrap import Workspace, open_workspace
from hub.cli.serving import Serving
from hub.connector import registry
from hub.connector.base import Request
from hub.intake.gate import Gate
from hub.intake.webhook import Refused, WebhookServer
from hub.log.port import Arrival
from hub.log.sql import SqlLog
from hub.mapping.catalog import Catalog
from hub.mapping.compiled import CompiledIntegration
from hub.model import boundary as boundaries
from hub.model.clock import NEVER, SECOND, Micros
from hub.model.effect import EffectState
from hub.sim.clockwork import SimClock
from hub.sim.network import Call, HubSide, Network, SimHttp
from hub.sim.scenario import Delivery
from hub.sim.storage import Crash, SimStore, scratch
from hub.sim.targets import plain_text
from hub.store.documents import forget, load_effect

ROOT = Path(__file__).parents[2]
SECRET = "a secret of the simulation"
POLL = "10m"
PEACE_POLL: Micros = 6 * 3600 * SECOND
HUB_YAML = f"""\
people: {ROOT}/people.yaml
schemas: {ROOT}/schemas
mappings: mappings
connections:
  jira:
    {{url: "http://jira.invalid", allow: ["http://jira.invalid"], secret: "file:secret", api_token: "file:secret",
     poll: {POLL}}}
  trello: {{url: "http://trello.invalid", allow: ["http://trello.invalid"], secret: "file:secret", poll: off}}
  erp: {{url: "http://erp.invalid", allow: ["http://erp.invalid"]}}
"""
INTEGRATIONS = ("rd-close", "event-budget")
EDITED = "Edited: "
EDIT = ("{field: text, from: expense.text}", f"{{field: text, value: '\"{EDITED}\" + expense.text'}}")
"""What the other version of the mapping says differently: a loop keeps the one it began with (I10)."""
FLUSHES = (0.004, 0.04, 0.12)
"""Disks, good and bad ones: the slower, the more callers share a commit."""
TICK = 0.1
"""How long the watch lets commits gather before it looks what is due next, as the product does."""


@cache
def workspace() -> Workspace:
    """The workspace every run uses: the shipped mappings, compiled once per process."""
    opened = open_workspace(_folder("workspace"))
    opened.catalog  # noqa: B018 - compiled here, once
    return opened


def _folder(name: str) -> Path:
    """A workspace with the integrations the scenario plays; those of other systems have nobody to answer them."""
    folder = scratch() / name
    (folder / "mappings").mkdir(parents=True)
    for integration in INTEGRATIONS:
        shutil.copy(ROOT / "mappings" / f"{integration}.yaml", folder / "mappings")
    (folder / "hub.yaml").write_text(HUB_YAML, "utf-8")
    (folder / "secret").write_text(SECRET, "utf-8")
    return folder


@cache
def catalogs() -> tuple[Catalog, Catalog, Catalog]:
    """The shipped mapping; the same once it has been edited and put back; the edit. The last two know each other."""
    first = workspace().catalog
    folder = _folder("edited")
    file = folder / "mappings" / "rd-close.yaml"
    text = file.read_text("utf-8")
    assert EDIT[0] in text
    file.write_text(text.replace(*EDIT), "utf-8")
    second = open_workspace(folder).catalog
    return first, _after(first, second), _after(second, first)


def _after(one: Catalog, before: Catalog) -> Catalog:
    """A version in force after another one, whose closings still run."""
    earlier = (before.integrations["rd-close"],)
    return replace(one, older=_older(before), earlier=earlier, _tables={}, _loops={})


def _older(other: Catalog) -> Callable[[str, str], CompiledIntegration | None]:
    def find(name: str, logic: str) -> CompiledIntegration | None:
        found = other.integrations.get(name)
        return found if found is not None and found.definition.logic == logic else None

    return find


class Secrets(dict[str, tuple[str, ...]]):
    """A connection's secrets; the one webhooks are signed with is what the hub knows at this moment."""

    def __init__(self, given: Mapping[str, tuple[str, ...]], senders: Any) -> None:
        super().__init__(given)
        self._senders = senders

    def get(self, name: str, default: Any = None) -> Any:
        return self._senders.known if name == "secret" else super().get(name, default)


class Life(HubSide):
    """One process: starts with ``start``, ends with ``die``."""

    def __init__(
        self, number: int, db: sqlite3.Connection, clock: SimClock, network: Network, random: Random, hooks: Hooks
    ) -> None:
        self.number, self.clock, self.hooks = number, clock, hooks
        self.loop = asyncio.get_running_loop()
        self.changed = asyncio.Event()
        self.tasks: list[asyncio.Task[Any]] = []
        self._delays = random
        forget()
        self.store = SimStore(db, clock, self._later, self._committed, hooks.settled, hooks.trouble)
        self.workspace = self._workspace(network)
        self.serving = Serving(self.workspace, listen=False, chance=random.random, steady=self.loop.time)
        self.serving._make_roles(AsyncExitStack())
        self.serving.executor._worker = f"life-{number}"
        self.host = self.serving.host
        self.gates = {name: self._gate(name) for name in ("jira", "trello")}
        self.server = WebhookServer(self.gates, self.workspace.log, clock, wake=partial(self.host.ring, "engine"))

    def _workspace(self, network: Network) -> Workspace:
        made = workspace()
        own = Workspace(made.root, made.settings, self.clock, made.environ)
        connectors = {}
        for name, settings in made.settings.connections.items():
            http = SimHttp(settings.url, allow=list(settings.allow)).attach(self, network, name, self.clock)
            connection = made.connection(name)
            if "secret" in connection.secrets:
                connection = replace(connection, secrets=Secrets(connection.secrets, self.hooks.senders))
            connectors[name] = registry.create(settings.connector, connection, http)
        given = ("specs", "schemas", "people", "connection_facts")
        own.__dict__.update({name: getattr(made, name) for name in given})
        own.__dict__["catalog"] = catalogs()[self.hooks.versions[-1]]
        own.__dict__.update(store=self.store, log=SqlLog(self.store, self.hooks.space), _connectors=connectors)
        return own

    def take(self, version: int) -> None:
        """Another version of the mapping is in force from now on."""
        self.workspace.adopt(catalogs()[version])

    def at_peace(self) -> None:
        """No webhook gets lost any more: the next poll finds what was, the ones after it would find nothing."""
        for poller in self.serving.pollers:
            poller.every = PEACE_POLL

    def _gate(self, name: str) -> Gate:
        return Gate(name, self.workspace.connector(name), f"https://hub.invalid/in/{name}")

    # --- living

    def start(self) -> None:
        """Start every role; time matters through ``_watch``."""
        self.host.ring_all()
        for role in self.host.roles:
            self.spawn(self.host._run(role))
        self.spawn(self._watch())

    def spawn(self, work: Coroutine[Any, Any, Any]) -> asyncio.Task[Any]:
        task = self.loop.create_task(work)
        self.tasks.append(task)
        task.add_done_callback(self._ended)
        return task

    def _ended(self, task: asyncio.Task[Any]) -> None:
        error = None if task.cancelled() else task.exception()
        if error is not None and not self.dead and not isinstance(error, Crash):
            self.hooks.failed(error)

    async def _watch(self) -> None:
        """Ring when something falls due: the host's own watch, told of commits instead of asking every 0.1 s."""
        dues, again = self.serving.dues, TICK
        while True:
            self.changed.clear()
            due, now = min(dues.dues().values(), default=NEVER), self.clock.now()
            if due <= now:
                self.host.wake()
                await asyncio.sleep(again)
                again = min(2 * again, 1.0)  # what stays due waits for a lane: its landing rings by itself
                continue
            again = TICK
            wait = min(3600.0, (due - now) / SECOND)
            try:
                async with asyncio.timeout(wait):
                    await self.changed.wait()
                await asyncio.sleep(TICK)
            except TimeoutError:
                continue

    def _later(self, flush: Callable[[], None]) -> None:
        self.loop.call_later(self._delays.uniform(0.0003, self.hooks.flush), flush)

    def _committed(self, db: Any, concluded: bool) -> None:
        self.changed.set()
        self.hooks.committed(db, concluded)

    def busy(self) -> bool:
        return any(role.busy for role in self.host.roles) or bool(self.serving.executor._flying)

    def next_due(self) -> Micros | None:
        """When the hub can do something by itself, polling apart; now, while deliveries wait."""
        due = self.store.next_due()
        return None if due is None or due >= NEVER else due

    # --- intake

    async def receive(self, delivery: Delivery, headers: dict[str, str]) -> int:
        """One webhook request in the intake's order; gives the status. Storing and its answer are the server's."""
        gate = self.gates[delivery.connection]
        boundaries.boundary("B1")
        if not gate.connector.verify(Request("POST", gate.url, headers, delivery.body), self.clock.now()):
            return 401
        boundaries.boundary("B2")
        kept = {name: headers[name] for name in gate.keep if name in headers}
        source_id = gate.connector.identify(headers, delivery.body)
        try:
            await self.server._store(
                gate, Arrival(gate.name, delivery.body, kept, self.clock.now(), "webhook", source_id)
            )
        except Refused as refused:
            return refused.status
        self.store.check()
        return 200

    # --- what the network asks

    def intent(self, call: Call) -> str:
        """I5: what is sent stands committed, is claimed, and says the same."""
        with self.store.reader() as db:
            text = "SELECT document FROM effect WHERE connection = ? AND substr(reference, 1, ?) = ?"
            found = db.execute(text, (call.connection, len(call.reference) or 1, call.reference or "-")).fetchall()
        effects = [load_effect(document) for (document,) in found]
        sending = [one for one in effects if one.state is EffectState.SENDING]
        if not sending:
            states = ", ".join(one.state.value for one in effects) or "no intent"
            return f"{call.method} {call.path} was sent without a committed claim ({states})"
        said = {name: value for name, value in call.body.items() if name != "external_ref"}
        if call.connection != "erp":
            said = {"body": plain_text(call.connection, call.body)}
        if any(sending[0].payload.get(name) != value for name, value in said.items()):
            return f"{call.method} {call.path} says something else than its intent"
        return ""

    # --- dying

    def die(self) -> None:
        """The power is gone."""
        self.dead = self.store.dead = True
        for task in asyncio.all_tasks(self.loop):
            if task.get_name().startswith("world"):
                continue
            task.cancel()


class Hooks:
    """What a life tells the world, and asks it."""

    flush = FLUSHES[0]
    """The slowest flush of this run's disk, in seconds."""

    def failed(self, error: BaseException) -> None:
        """A role ended with an exception: in the product the host stops."""

    def committed(self, db: Any, concluded: bool) -> None:
        """A group was committed; ``concluded``: not of deliveries alone."""

    versions: list[int]
    """Which of the two versions of the mapping was in force, oldest first."""
    senders: Any

    def settled(self, committed: bool) -> None:
        """A group was committed or is gone, whoever lives to hear of it."""

    def trouble(self) -> list[str]:
        """What goes wrong with the next commits of the database."""
        return []

    def space(self, folder: str) -> tuple[int, int]:
        """Free and total bytes of the disk."""
        return 1 << 50, 1 << 50
