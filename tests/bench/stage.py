"""Real processes for the end-to-end benches: an ERP that notes arrivals, ``hub run`` on a workspace, the peer."""

from __future__ import annotations

import asyncio
import json
import os
import sqlite3
import subprocess
import sys
import time
import urllib.request
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

from tests.bench.story import SECRET

ROOT = Path(__file__).parents[2]
START_SECONDS = 30.0
HUB_YAML = """\
listen: 127.0.0.1:0
rate: 1000000
people: {root}/people.yaml
schemas: {root}/schemas
connections:
  jira: {{url: builtin, secret: "file:secret", refetch: off}}
  erp: {{url: "{erp}", allow: ["{erp}"]}}
"""
LOOP = """\
loops:
- loop: close-out
  title: {en: bench, zh: 测速}
  for: project
  when: 'project.status == "closed" && project.outcome == "delivered"'
  starts: {at: 2026-01-01, of: project.closed_at}
  once: life
  settle: 0s
  steps:
  - step: asset
    do: erp.asset.create
    with:
    - {field: name, from: project.name}
    - {field: category, from: project.deliverable}
    - {field: value, from: project.actual_cost}
    - {field: in_use, value: 'day(closing.at)'}
    expect: {value: 'project.actual_cost'}
"""


@contextmanager
def process(*words: str, cwd: Path) -> Iterator[subprocess.Popen[bytes]]:
    environ = {**os.environ, "PYTHONPATH": str(ROOT)}
    with (cwd / "bench.log").open("ab") as log:
        child = subprocess.Popen([sys.executable, "-m", *words], cwd=cwd, env=environ, stdout=log, stderr=log)
    try:
        yield child
    finally:
        child.terminate()
        child.wait(20)


def wait_for(ready: Path, child: subprocess.Popen[bytes], folder: Path) -> str:
    """The address a child wrote once it listens."""
    until = time.monotonic() + START_SECONDS
    while time.monotonic() < until and child.poll() is None:
        try:
            if url := json.loads(ready.read_bytes()).get("url"):
                return str(url)
        except (OSError, ValueError):
            pass
        time.sleep(0.02)
    raise SystemExit(f"{child.args}: does not serve\n{(folder / 'bench.log').read_text('utf-8')[-2000:]}")


@contextmanager
def erp(folder: Path) -> Iterator[str]:
    ready = folder / "erp.json"
    with process("tests.bench.erp_clock", str(ready), cwd=folder) as child:
        yield wait_for(ready, child, folder)


@contextmanager
def hub(folder: Path, erp_url: str) -> Iterator[str]:
    """``hub run`` on a workspace whose only loop creates one asset, read back, for every closed project."""
    (folder / "mappings").mkdir()
    tables = (ROOT / "mappings" / "rd-close.yaml").read_text("utf-8").partition("\nloops:\n")[0]
    (folder / "mappings" / "rd-close.yaml").write_text(f"{tables}\n{LOOP}", "utf-8")
    (folder / "secret").write_text(SECRET, "utf-8")
    (folder / "hub.yaml").write_text(HUB_YAML.format(root=ROOT, erp=erp_url), "utf-8")
    with process("hub.cli", "run", "-w", str(folder), cwd=folder) as child:
        yield wait_for(folder / ".hub" / "run.json", child, folder)


@contextmanager
def by_hand(folder: Path, erp_url: str) -> Iterator[str]:
    ready = folder / "by_hand.json"
    with process("tests.bench.by_hand_service", erp_url, str(ready), cwd=folder) as child:
        yield wait_for(ready, child, folder)


def read_note(folder: Path) -> dict[str, object]:
    """What the serving hub says about itself: process, address, twins."""
    found: dict[str, object] = json.loads((folder / ".hub" / "run.json").read_bytes())
    return found


def arrivals(erp_url: str) -> dict[str, int]:
    """Document name -> when its request arrived at the ERP."""
    with urllib.request.urlopen(f"{erp_url}/_bench/arrivals") as answer:
        found: dict[str, int] = json.load(answer)
    return found


def confirmed(folder: Path) -> dict[str, int]:
    """Project id -> when its document was read back as expected (the hub's own record of it)."""
    with sqlite3.connect(f"file:{folder}/.hub/hub.db?mode=ro", uri=True) as db:
        rows = db.execute("SELECT subject, settled_at FROM effect WHERE state = 'CONFIRMED'").fetchall()
    return {subject.rpartition(":")[2]: at for subject, at in rows}


async def send(url: str, requests: Sequence[bytes], connections: int, per_second: float = 0.0) -> list[int]:
    """Send all, over that many connections; gives when each was due (paced) or sent, in microseconds.

    Paced, a request's clock starts when it was due, so a server that falls behind is not flattered.
    """
    times = [0] * len(requests)
    began, start = time.time_ns() // 1000, time.monotonic()
    host, _, port = url.removeprefix("http://").partition(":")

    async def client(first: int) -> None:
        reader, writer = await asyncio.open_connection(host, int(port))
        for place in range(first, len(requests), connections):
            if per_second:
                await asyncio.sleep(max(0.0, start + place / per_second - time.monotonic()))
            times[place] = began + int(place / per_second * 1e6) if per_second else time.time_ns() // 1000
            writer.write(requests[place])
            head = await reader.readuntil(b"\r\n\r\n")
            if not head.startswith(b"HTTP/1.1 200"):
                raise SystemExit(head.decode())
        writer.close()

    await asyncio.gather(*map(client, range(connections)))
    return times
