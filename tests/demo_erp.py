"""``make demo-erp``: one whole loop in a real Tryton, told step by step.

A project is closed in Jira (its built-in twin); the hub creates, submits and approves a purchase requisition in
Tryton, reads it back and comments on the issue. Needs a package registry the first time (about a minute).
"""

from __future__ import annotations

import shutil
import sys
import time
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from tests.tryton_loop import ITEMS, deliveries, hub_json, make_workspace
from tests.tryton_server import REQUIREMENT, NoTryton, Tryton, home, prepare, running

PROJECT = "OPS-41"


def main() -> int:
    try:
        say("1", f"installing {REQUIREMENT} and a small company, once, in {home()} …")
        prepare(home())
        folder = home() / "demo"
        shutil.rmtree(folder, ignore_errors=True)
        with running(folder / "tryton") as tryton:
            say("2", f"Tryton runs at {tryton.url}, database {tryton.database}")
            good = show(folder / "workspace", tryton)
            wait_for_people()
            return 0 if good else 1
    except NoTryton as error:
        print(f"error: {error}\n  fix: give pip a package registry it can reach, then try again", file=sys.stderr)
        return 3


def say(number: str, text: str) -> None:
    print(f"{number:>2}  {text}", flush=True)


def show(root: Path, tryton: Tryton) -> bool:
    """The loop; True when everything is confirmed and Tryton itself counts one document."""
    make_workspace(root, tryton)
    received = hub_json(root, "ingest", "jira", deliveries(root, datetime.now(UTC)))
    say("3", f"Jira tells that {PROJECT} was closed; it needs " + ", ".join(f"{n} × {code}" for code, n, _ in ITEMS))
    print(f"      {received['received']} deliveries kept, {received['duplicate']} duplicates")
    started = time.monotonic()
    settled = hub_json(root, "settle", "--timeout", "90")
    effects = {effect["step"]: effect for effect in hub_json(root, "effect", "list")}
    say("4", f"the hub worked for {time.monotonic() - started:.1f} s; each call was committed before it was sent:")
    for step, effect in effects.items():
        print(f"      {step:<20} {effect['state']:<10} {effect['number'] or ''}")
    return settled["settled"] and told(root, tryton, effects)


def told(root: Path, tryton: Tryton, effects: dict[str, dict[str, Any]]) -> bool:
    """What stands in Tryton, by its own account, and where to look further."""
    first = effects["purchase/1-create"]
    found = tryton.requisitions(f"[hub:{first['key']}]")
    say("5", f"Tryton itself counts {len(found)} requisition with our reference:")
    for document in found:
        amount = document["total_amount"]["decimal"]
        print(f"      number {document['number']}, {document['state']}, total {amount}: {document['description']}")
    body = effects["tell"]["payload"]["body"] if "tell" in effects else "(not written)"
    say("6", f"the comment on {PROJECT}: {body}")
    where_to_look(root, tryton, first["remote_id"])
    return len(found) == 1 and {effect["state"] for effect in effects.values()} == {"CONFIRMED"}


def where_to_look(root: Path, tryton: Tryton, number: str) -> None:
    address = tryton.url.removeprefix("http://")
    say("7", "where to look:")
    print(f"      the whole way   .venv/bin/hub trace {PROJECT} -w {root}")
    print(f'      the document    curl -H "authorization: bearer $(cat {root}/tryton.key)" \\')
    url = f"{tryton.url}/{tryton.database}/rest/model/purchase.requisition/{number}?f=number&f=state"
    print(f"                        '{url}'")
    print(f"      Tryton's client server {address}, database {tryton.database}, user admin,")
    print(f"                        password in {tryton.password}")


def wait_for_people() -> None:
    """Tryton stays up for somebody at a terminal; a script is not kept waiting."""
    if sys.stdin.isatty() and sys.stdout.isatty():
        print("\nTryton keeps running until you press Enter.", flush=True)
        sys.stdin.readline()


if __name__ == "__main__":
    sys.exit(main())
