"""``make up``: the hub on Kafka and PostgreSQL on this machine without containers; the set of docker-compose.yml.

Everything is new at each start: the servers in a temporary folder, the workspace in ``.hub/up``. Ctrl-C, SIGTERM or
the end of whoever started it stops all of it in order. With ``--once`` it sends the sample deliveries, settles, shows
what came of them and stops: exit code 0 when everything is accounted for and each obligation has one document.
"""

from __future__ import annotations

import argparse
import json
import os
import shutil
import signal
import sys
import tempfile
import time
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import NoReturn

from hub.connector.samples import render
from hub.engine.runlock import RunLock
from hub.intake.twins import start_twins, stop_twins
from tests.cluster.child import NoServer
from tests.cluster.stack import ROOT, Stack, standing

PORT = 8700
WORKERS = 2
SOURCES = ("jira", "trello")
SYSTEMS = (*SOURCES, "erp")
SETTLE_SECONDS = 120
ENDS = (signal.SIGTERM, signal.SIGINT)
CONNECTIONS = (
    'jira: {url: builtin, secret: "file:jira.secret"}',
    'trello: {url: builtin, secret: "file:trello.secret"}',
    "erp: {url: builtin}",
    "mail: {url: builtin}",
)


def main() -> int:
    parser = argparse.ArgumentParser(prog="make up", description=__doc__)
    parser.add_argument("--once", action="store_true", help="send the samples, settle, show, stop")
    parser.add_argument("--port", type=int, default=PORT, help="where the intake listens; 0 picks a free one")
    given = parser.parse_args()
    for number in ENDS:  # SIGINT too: who was started in the background ignores it
        signal.signal(number, _interrupt)
    try:
        with _up(given.port) as (stack, twins):
            if given.once:
                return 0 if _works(stack, twins) else 1
            _announce(stack, twins)
            _until_left_alone()
    except KeyboardInterrupt:
        return 0
    except NoServer as error:
        print(f"error: {error}", file=sys.stderr)
        return 3
    return 0


def _interrupt(number: int, frame: object) -> NoReturn:
    """Once: stopping in order takes some seconds, and a second Ctrl-C must not leave anything behind."""
    for one in ENDS:
        signal.signal(one, signal.SIG_IGN)
    raise KeyboardInterrupt


@contextmanager
def _up(port: int) -> Iterator[tuple[Stack, dict[str, str]]]:
    """Everything running; gives it and the addresses of the stand-ins."""
    with tempfile.TemporaryDirectory(prefix="hub-up-", ignore_cleanup_errors=True) as name:
        servers = Path(name)
        servers.chmod(0o755)
        say("starting Kafka and PostgreSQL …")
        with standing(servers, ROOT / ".hub" / "up", durable=True, port=port) as stack:
            stack.configure(CONNECTIONS)
            for source in SOURCES:
                copied = stack.workspace / f"{source}.secret"
                shutil.copy(ROOT / "connectors" / source / "samples" / "secret.txt", copied)
                copied.chmod(0o600)
            stack.prepare()
            lock = RunLock(stack.workspace / ".hub" / "twins")
            lock.take()  # by it the hub's processes know that they need not start stand-ins themselves
            twins = start_twins({system: system for system in SYSTEMS}, lock.folder)
            try:
                say(f"starting the intake and {WORKERS} workers …")
                stack.start_all(WORKERS)
                yield stack, {twin.connection: twin.url for twin in twins}
            finally:
                say("stopping …")
                stack.stop()
                stop_twins(twins)
                lock.release()


def say(text: str) -> None:
    print(text, flush=True)


def _announce(stack: Stack, twins: dict[str, str]) -> None:
    hub, folder = ".venv/bin/hub", stack.workspace.relative_to(ROOT)
    say(f"\nintake       {stack.url}")
    for name, url in twins.items():
        say(f"{name:<12} {url} (stand-in)")
    say(f"kafka        {stack.kafka.bootstrap}")
    say(f"postgresql   {stack.postgres.url(stack.database)}")
    say(f"processes    {', '.join(f'{name} {child.pid}' for name, child in stack.children.items())}")
    say(f"logs         {folder}/*.log")
    say("\nTry:")
    for words in ("status", "doctor", "lag", "topics describe"):
        say(f"  {hub} {words} -w {folder}")
    say("\nCtrl-C ends it.")


def _until_left_alone() -> None:
    """Until a signal comes or the process that started us ends."""
    parent = os.getppid()
    while os.getppid() == parent:
        time.sleep(0.5)


# --- once


def _works(stack: Stack, twins: dict[str, str]) -> bool:
    """The samples through the command line, as a person would; what came of them."""
    for source in SOURCES:
        said = stack.json("ingest", source, str(_story(stack.workspace, source)))
        say(f"{source}: {said['received']} sample deliveries kept in Kafka")
    found = stack.json("settle", "--timeout", str(SETTLE_SECONDS), seconds=SETTLE_SECONDS + 60)
    say(stack.hub("status").rstrip())
    effects = stack.json("effect", "list")
    documents = _counted(twins["erp"])
    ours = {one["reference"] for one in effects if one["action"].startswith("erp.")}
    say(f"the ERP itself counts {sum(documents.values())} documents for {len(ours)} obligations")
    records = found["status"]["records"]
    sound = not records["unaccounted"] and not records["in_flight"]
    return bool(found["settled"] and sound and ours and documents == dict.fromkeys(ours, 1))


def _story(folder: Path, source: str) -> Path:
    """The sample story as recorded deliveries."""
    from base64 import b64encode

    raws = render(ROOT / "connectors" / source / "samples" / "story.jsonl", time.time_ns() // 1000)
    lines = [json.dumps({"headers": dict(raw.headers), "body_base64": b64encode(raw.body).decode()}) for raw in raws]
    file = folder / f"{source}.jsonl"
    file.write_text("\n".join(lines) + "\n", "utf-8")
    return file


def _counted(erp: str) -> dict[str, int]:
    """The ERP's own count of documents, by reference."""
    opener = urllib.request.build_opener(urllib.request.ProxyHandler({}))
    with opener.open(f"{erp}/api/_counts", timeout=30) as answer:
        found: dict[str, int] = json.load(answer)["references"]
    return found


if __name__ == "__main__":
    sys.exit(main())
