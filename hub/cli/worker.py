"""``hub worker``: one of any number of processes that serve a workspace on Kafka and PostgreSQL."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from hub.cli.options import HERE, WorkspaceOption

if TYPE_CHECKING:
    from hub.bootstrap import Workspace
    from hub.cli.working import Working


def register(app: typer.Typer) -> None:
    @app.command()
    def worker(
        parts: Annotated[
            str, typer.Option(help="What it does: intake, engine, effects, publish, poll; separated by commas.")
        ] = "intake,engine,effects,publish,poll",
        slot: Annotated[
            str,
            typer.Option(envvar="HUB_SLOT", help="A name that stays over restarts: its partitions wait 20 s for it."),
        ] = "",
        workspace: WorkspaceOption = HERE,
    ) -> None:
        """Serve the workspace together with other workers (log: kafka)."""
        raise typer.Exit(serve(workspace, parts, slot))


def serve(folder: Path, parts: str, slot: str) -> int:
    """Runs until SIGTERM or SIGINT: 0; 1 where it cannot start, or cannot go on."""
    from hub.bootstrap import open_workspace
    from hub.cli.logs import set_up
    from hub.cli.working import PARTS, Working
    from hub.errors import UsageError

    wanted = [one.strip() for one in parts.split(",") if one.strip()]
    if unknown := sorted(set(wanted) - set(PARTS)):
        raise UsageError(f"there is no part {unknown[0]!r}", fix=f"parts are {', '.join(PARTS)}")
    set_up()
    opened = open_workspace(folder)
    _reach_brokers(opened)
    working = Working(opened, wanted, slot)
    working.say = lambda line: print(line, flush=True)
    working.prepare()  # what is wrong with the workspace is said plainly, before there is a service tree around it
    return _hosted(working)


def _reach_brokers(opened: Workspace) -> None:
    """A worker that starts without brokers would look alive and do nothing. Raises ``ConfigError``."""
    from hub.errors import ConfigError, RetryableError
    from hub.log.administration import administration

    kafka = opened.kafka
    try:
        with administration(kafka.access) as brokers:
            layouts = brokers.layouts([topic.name for topic in kafka.wanted()])
    except RetryableError as error:
        raise ConfigError(
            f"no broker answers: {error.what}",
            where="hub.yaml kafka.bootstrap",
            why="a worker starts only where it can read",
            fix="start the brokers, or correct kafka.bootstrap; a supervisor starts the worker again",
        ) from error
    if missing := sorted({topic.name for topic in kafka.wanted()} - layouts.keys()):
        raise ConfigError(
            f"the brokers have no topic {', '.join(missing)}",
            where="hub.yaml kafka",
            why="the worker reads topics as they were planned, it makes none",
            fix="run: hub topics apply",
        )


def _hosted(working: Working) -> int:
    """Under Faust: its process, its signals, its service tree."""
    import faust

    from hub.cli.run import loop_factory
    from hub.engine.kafka_worker import app_of

    kafka = working.workspace.kafka
    name = f"{working.workspace.settings.kafka.group}-control-{working.slot or working.holder}"
    folder = working.workspace.state / "faust"
    folder.mkdir(mode=0o700, parents=True, exist_ok=True)
    app = app_of(kafka.access, name, kafka.topics.control, working, folder)
    host = faust.Worker(app, loop=loop_factory()(), override_logging=False, quiet=True)
    host.spinner = None  # it would draw on stdout
    try:
        host.execute_from_commandline()
    except SystemExit as ended:
        code = ended.code
    return code if isinstance(code, int) else 1
