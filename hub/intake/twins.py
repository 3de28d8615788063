"""Built-in twins: the friendly stand-ins of ``url: builtin``, as child processes of the host that die with it.

A twin keeps its state in ``.hub/twins/<connection>.db`` and its port from run to run, so addresses in documents stay
true. Twins of sources learn what objects look like from our own log (``Feeder``), so a read answers with the
newest body the deliveries gave. It must not know what a twin does; only its command line.
"""

from __future__ import annotations

import asyncio
import base64
import ctypes
import signal
import subprocess
import sys
import time
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import urlsplit

import aiohttp
import orjson

from hub.errors import RetryableError
from hub.log.port import Log
from hub.model.delivery import Delivery

START_SECONDS = 15.0
STOP_SECONDS = 2.0
"""What all of them together get to end by themselves; then they are killed, by their ids."""
FEED_BATCH = 500
_DIE_WITH_PARENT = 1
"""PR_SET_PDEATHSIG of Linux; elsewhere twins end when the host stops cleanly."""


@dataclass(slots=True)
class Twin:
    """One running child; ``url`` is empty until ``wait``."""

    connection: str
    folder: Path
    process: subprocess.Popen[bytes]
    url: str = ""

    def wait(self) -> bool:
        """Wait until it listens; False when it ended or took too long instead."""
        ready, until = self.folder / f"{self.connection}.json", time.monotonic() + START_SECONDS
        while not ready.exists():
            if self.process.poll() is not None or time.monotonic() > until:
                self.stop()
                return False
            time.sleep(0.01)
        self.url = str(orjson.loads(ready.read_bytes())["url"])
        return True

    def stop(self) -> None:
        stop_twins([self])


def start_twins(systems: Mapping[str, str], folder: Path) -> list[Twin]:
    """Start the twin of each connection -> connector, side by side. Raises ``RetryableError`` when one does not."""
    folder.mkdir(mode=0o700, parents=True, exist_ok=True)
    twins = [_start(name, system, folder, _port_of(folder / f"{name}.json")) for name, system in systems.items()]
    try:
        for place, twin in enumerate(twins):
            if not twin.wait():
                twins[place] = _another(twin, systems[twin.connection], folder)
    except BaseException:  # Ctrl-C as well: no child stays behind
        stop_twins(twins)
        raise
    return twins


def _another(twin: Twin, system: str, folder: Path) -> Twin:
    """Once more on any free port: somebody else may have taken the old one."""
    again = _start(twin.connection, system, folder, 0)
    if not again.wait():
        raise RetryableError(
            f"the built-in twin of {twin.connection} did not start",
            where=f"python -m connectors.{system}.twin",
            fix=f"read {folder / twin.connection}.log",
        )
    return again


def stop_twins(twins: Iterable[Twin]) -> None:
    """Ask all of them to end, wait for each; whoever is still there after ``STOP_SECONDS`` is killed."""
    running = [twin.process for twin in twins if twin.process.poll() is None]
    for process in running:
        process.terminate()
    until = time.monotonic() + STOP_SECONDS
    for process in running:
        try:
            process.wait(max(0.0, until - time.monotonic()))
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()


def _port_of(ready: Path) -> int:
    try:
        return urlsplit(orjson.loads(ready.read_bytes())["url"]).port or 0
    except (OSError, ValueError, KeyError):
        return 0


def _start(connection: str, system: str, folder: Path, port: int) -> Twin:
    """Start one child (from the main thread: the death signal is tied to the thread that starts it)."""
    ready = folder / f"{connection}.json"
    ready.unlink(missing_ok=True)
    words = [sys.executable, "-m", f"connectors.{system}.twin", "--port", str(port)]
    words += ["--state", str(folder / f"{connection}.db"), "--ready-file", str(ready)]
    with (folder / f"{connection}.log").open("ab") as log:
        process = subprocess.Popen(
            words,
            stdin=subprocess.DEVNULL,
            stdout=log,
            stderr=log,
            start_new_session=True,
            preexec_fn=_die_with_parent,
        )
    return Twin(connection, folder, process)


def _die_with_parent() -> None:
    """In the child, before it becomes the twin: a SIGKILL of the host must not leave it behind."""
    if sys.platform == "linux":
        ctypes.CDLL(None).prctl(_DIE_WITH_PARENT, signal.SIGTERM)


class Feeder:
    """Tells source twins what the log holds, before they are asked to read."""

    def __init__(self, log: Log, twins: Mapping[str, str]) -> None:
        self._log = log
        self._twins = twins
        """connection -> address, of the twins that take deliveries"""
        self._told: dict[str, int] = {}
        self._locks = {connection: asyncio.Lock() for connection in twins}
        self._session: aiohttp.ClientSession | None = None

    async def feed(self, connection: str) -> None:
        """Bring the connection's twin up to date; nothing to do for other connections."""
        if connection not in self._twins:
            return
        async with self._locks[connection]:
            after = self._told.get(connection)
            if after is None:
                after = await self._position(connection)
            while batch := self._log.read(after, FEED_BATCH):
                await self._tell(connection, [one for one in batch if one.connection == connection])
                after = batch[-1].position
            self._told[connection] = after

    async def _position(self, connection: str) -> int:
        async with self._open().get(f"{self._twins[connection]}/_twin/position") as answer:
            return int((await answer.json())["position"])

    async def _tell(self, connection: str, deliveries: Iterable[Delivery]) -> None:
        body = [
            {
                "position": one.position,
                "headers": dict(one.headers),
                "body_base64": base64.b64encode(one.body).decode(),
            }
            for one in deliveries
            if one.origin != "read"
        ]
        if not body:
            return
        data = orjson.dumps(body)
        headers = {"content-type": "application/json"}
        url = f"{self._twins[connection]}/_twin/deliveries"
        async with self._open().post(url, data=data, headers=headers) as answer:
            if answer.status >= 300:
                raise RetryableError(f"the twin of {connection} answered {answer.status} when told of deliveries")

    def _open(self) -> aiohttp.ClientSession:
        if self._session is None:
            self._session = aiohttp.ClientSession(trust_env=False)
        return self._session

    async def close(self) -> None:
        if self._session is not None:
            await self._session.close()
