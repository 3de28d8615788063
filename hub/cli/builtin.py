"""The built-in twins of a workspace, started as child processes for as long as a command needs them."""

from __future__ import annotations

import time
from contextlib import AsyncExitStack
from typing import TYPE_CHECKING

from hub.engine.runlock import AlreadyServed, RunLock
from hub.intake.twins import START_SECONDS, start_twins, stop_twins

if TYPE_CHECKING:
    from hub.bootstrap import Workspace


def start_builtin(workspace: Workspace, stack: AsyncExitStack) -> dict[str, str]:
    """Start the twin of each ``url: builtin``; connection -> address. The caller holds the run lock."""
    connections = workspace.settings.connections
    wanted = {
        name: found.connector
        for name, found in connections.items()
        if found.builtin and workspace.specs[name].has_twin
    }
    twins = start_twins(wanted, workspace.state / "twins")
    stack.callback(stop_twins, twins)
    workspace.forget_connectors()
    return {twin.connection: twin.url for twin in twins}


def shared_twins(workspace: Workspace, stack: AsyncExitStack) -> dict[str, str]:
    """As ``start_builtin``, among several processes: the first one starts them, the others hear where they listen."""
    names = [
        name for name, one in workspace.settings.connections.items() if one.builtin and workspace.specs[name].has_twin
    ]
    lock = RunLock(workspace.state / "twins")
    try:
        lock.take()
    except AlreadyServed:
        workspace.forget_connectors()
        return {name: _listening(workspace, name) for name in names}
    stack.callback(lock.release)
    return start_builtin(workspace, stack)


def _listening(workspace: Workspace, name: str) -> str:
    """Where another process's twin listens; it may be starting just now."""
    until = time.monotonic() + START_SECONDS
    while not (url := workspace.twin_url(name)) and time.monotonic() < until:
        time.sleep(0.05)
    return url


def reachable(workspace: Workspace, stack: AsyncExitStack) -> None:
    """Have the twins running: the serving process has, else they are started and nobody serves meanwhile."""
    if workspace.settings.log == "kafka":
        shared_twins(workspace, stack)
        return
    lock = RunLock(workspace.state)
    try:
        lock.take()
    except AlreadyServed:
        return
    stack.callback(lock.release)
    start_builtin(workspace, stack)
