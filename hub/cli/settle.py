"""``hub settle``: work until nothing is due; then say what everything left is waiting for."""

from __future__ import annotations

import asyncio
import logging
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from hub.cli.options import HERE, Format, FormatOption, WorkspaceOption

if TYPE_CHECKING:
    from hub.bootstrap import Workspace
    from hub.cli.roles import Roles
    from hub.cli.serving import Serving
    from hub.cli.working import Working

LOOK_SECONDS = 0.05
QUIET_LOOKS = 3
"""A served workspace is settled when it looks so that many times in a row."""


def register(app: typer.Typer) -> None:
    @app.command()
    def settle(
        timeout: Annotated[float, typer.Option(help="Seconds to wait for what is due in time.")] = 30.0,
        workspace: WorkspaceOption = HERE,
        form: FormatOption = Format.text,
    ) -> None:
        """Work until nothing is due; on a served workspace wait for the server."""
        found = settle_workspace(workspace, timeout)
        if form is Format.json:
            from hub.cli.render import document

            document(found)
        else:
            _show(found)


def settle_workspace(folder: Path, timeout: float) -> dict[str, Any]:
    """The JSON of design §9.1."""
    from hub.bootstrap import open_workspace
    from hub.cli.logs import set_up
    from hub.cli.run import run_loop
    from hub.engine.runlock import AlreadyServed

    set_up(logging.WARNING)  # to stderr: on stdout there is the one JSON document
    opened = open_workspace(folder)
    try:
        return run_loop(_alone(opened, timeout))
    except AlreadyServed:
        return run_loop(_beside(opened, timeout))


async def _alone(opened: Workspace, timeout: float) -> dict[str, Any]:
    async with _process(opened) as process:
        settled = await until_settled(process, timeout)
        return result(opened, settled, dict(process.executor.paused))


def _process(opened: Workspace) -> Serving | Working:
    """Whoever does the work of this workspace when nobody serves it. Raises ``AlreadyServed``."""
    if opened.settings.log != "kafka":
        from hub.cli.serving import Serving

        return Serving(opened, listen=False)
    from hub.cli.working import Working
    from hub.engine.runlock import AlreadyServed

    if opened.served:
        raise AlreadyServed({})
    return Working(opened, ("engine", "effects", "poll", "publish"))


async def until_settled(serving: Roles, timeout: float) -> bool:
    """Let the host work. True when nothing is left that it could do itself, now or later."""
    loop = asyncio.get_running_loop()
    deadline = loop.time() + timeout
    while (left := deadline - loop.time()) > 0:
        try:
            async with asyncio.timeout(left):
                await serving.host.idle()
        except TimeoutError:
            return False
        due = due_in(serving.workspace, left)
        if due is None:
            return True
        if due > left:
            return False
        await asyncio.sleep(min(max(due, 0.005), left))
    return False


def due_in(opened: Workspace, patience: float) -> float | None:
    """Seconds until the hub can do something by itself, None when it never can.

    Polling does not count; limits and schedules do where they fall due within ``patience`` seconds.
    """
    from hub.model.clock import SECOND
    from hub.store.queries.loops import next_work

    store, now = opened.store, opened.clock.now()
    if _unconcluded(opened):
        return 0.0
    due = store.next_due()
    if due is not None and due > now + int(patience * SECOND):
        with store.read() as db:
            due = next_work(db)
    return None if due is None else max(0.0, (due - now) / SECOND)


def _unconcluded(opened: Workspace) -> bool:
    """Whether deliveries wait for the engine."""
    if opened.settings.log == "kafka":
        outside = opened.outside()
        return bool(outside.count or outside.problem)
    from hub.engine.advance import CONSUMER, PARTITION

    return opened.log.end() > opened.store.checkpoint(CONSUMER, PARTITION)


async def _beside(opened: Workspace, timeout: float) -> dict[str, Any]:
    """Another process serves: look until it has nothing left to do."""
    loop = asyncio.get_running_loop()
    deadline = loop.time() + timeout
    quiet, due = 0, None
    while quiet < QUIET_LOOKS and (left := deadline - loop.time()) > 0:
        due = due_in(opened, left)
        rests = (due is None or due > left) and not _sending(opened)
        quiet = quiet + 1 if rests else 0
        await asyncio.sleep(LOOK_SECONDS)
    try:
        return result(opened, quiet >= QUIET_LOOKS and due is None, {})
    finally:
        await opened.close()


def _sending(opened: Workspace) -> bool:
    """Whether a request is on its way now: due again only when its claim ends, yet about to be answered."""
    from hub.store.queries.loops import effects

    with opened.store.read() as db:
        return bool(effects(db, states=["SENDING"]))


def result(opened: Workspace, settled: bool, paused: dict[str, str]) -> dict[str, Any]:
    from hub.cli.status import status_json
    from hub.cli.waiting import waiting

    with opened.store.read() as db:
        open_now = waiting(db, paused)
    return {"settled": settled, "waiting": open_now, "status": status_json(opened)}


def _show(found: dict[str, Any]) -> None:
    from hub.cli.render import table

    print("settled" if found["settled"] else "not settled: time is up or something is due later")
    rows = [(one["kind"], one["ref"], one["who"], one["since"], one["message"]) for one in found["waiting"]]
    table(("waits for", "what", "who", "since", ""), rows, empty="nothing waits")
