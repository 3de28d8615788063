"""The built-in twins of a workspace, started as child processes for as long as a command needs them."""

from __future__ import annotations

from contextlib import AsyncExitStack
from typing import TYPE_CHECKING

from hub.engine.runlock import AlreadyServed, RunLock
from hub.intake.twins import start_twins, stop_twins

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


def reachable(workspace: Workspace, stack: AsyncExitStack) -> None:
    """Have the twins running: the serving process has, else they are started and nobody serves meanwhile."""
    lock = RunLock(workspace.state)
    try:
        lock.take()
    except AlreadyServed:
        return
    stack.callback(lock.release)
    start_builtin(workspace, stack)
