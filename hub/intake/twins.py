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
import sys
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
STOP_SECONDS = 5.0
FEED_BATCH = 500
_DIE_WITH_PARENT = 1
"""PR_SET_PDEATHSIG of Linux; elsewhere twins end when the host stops cleanly."""


@dataclass(slots=True)
class Twin:
    """One running child."""

    connection: str
    url: str
    process: asyncio.subprocess.Process

    async def stop(self) -> None:
        if self.process.returncode is None:
            self.process.terminate()
        try:
            async with asyncio.timeout(STOP_SECONDS):
                await self.process.wait()
        except TimeoutError:
            self.process.kill()
            await self.process.wait()


async def start_twin(connection: str, system: str, folder: Path) -> Twin:
    """Start the twin of a connector; returns when it listens. Raises ``RetryableError`` when it does not."""
    folder.mkdir(parents=True, exist_ok=True)
    ready = folder / f"{connection}.json"
    for port in (_port_of(ready), 0):
        ready.unlink(missing_ok=True)
        process = await _spawn(connection, system, folder, ready, port)
        url = await _wait_for(ready, process)
        if url:
            return Twin(connection, url, process)
    raise RetryableError(
        f"the built-in twin of {connection} did not start",
        where=f"python -m connectors.{system}.twin",
        fix=f"read {folder / connection}.log",
    )


def _port_of(ready: Path) -> int:
    try:
        return urlsplit(orjson.loads(ready.read_bytes())["url"]).port or 0
    except (OSError, ValueError, KeyError):
        return 0


async def _spawn(connection: str, system: str, folder: Path, ready: Path, port: int) -> asyncio.subprocess.Process:
    words = ["-m", f"connectors.{system}.twin", "--port", str(port)]
    words += ["--state", str(folder / f"{connection}.db"), "--ready-file", str(ready)]
    with (folder / f"{connection}.log").open("ab") as log:
        return await asyncio.create_subprocess_exec(
            sys.executable,
            *words,
            stdin=asyncio.subprocess.DEVNULL,
            stdout=log,
            stderr=log,
            preexec_fn=_die_with_parent,
        )


def _die_with_parent() -> None:
    """In the child, before it becomes the twin: a SIGKILL of the host must not leave it behind."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    if sys.platform == "linux":
        ctypes.CDLL(None).prctl(_DIE_WITH_PARENT, signal.SIGTERM)


async def _wait_for(ready: Path, process: asyncio.subprocess.Process) -> str:
    """The address once the ready file is there; empty when the child ended or took too long."""
    ending = asyncio.create_task(process.wait())
    try:
        async with asyncio.timeout(START_SECONDS):
            while not ready.exists() and not ending.done():
                await asyncio.wait((ending,), timeout=0.02)
    except TimeoutError:
        process.kill()
        await ending
    if not ending.done():
        ending.cancel()
    return str(orjson.loads(ready.read_bytes())["url"]) if ready.exists() else ""


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
