"""``hub run``: serve the workspace until Ctrl-C. One process; SQLite; twins of ``url: builtin`` beside it."""

from __future__ import annotations

import asyncio
import signal
from collections.abc import Callable, Coroutine
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, TypeVar

import typer

from hub.cli.options import HERE, WorkspaceOption

if TYPE_CHECKING:
    from hub.cli.serving import Serving

T = TypeVar("T")


def register(app: typer.Typer) -> None:
    @app.command()
    def run(
        demo: Annotated[
            bool, typer.Option("--demo", help="The main job on sample deliveries, in .hub/demo/.")
        ] = False,
        once: Annotated[bool, typer.Option("--once", help="With --demo: stop when it is done.")] = False,
        workspace: WorkspaceOption = HERE,
    ) -> None:
        """Serve the workspace: intake, engine, executor, pollers, twins."""
        if demo:
            from hub.cli.demo import run_demo

            raise typer.Exit(run_demo(workspace, once))
        serve(workspace)


def serve(folder: Path) -> None:
    from hub.bootstrap import open_workspace
    from hub.engine.runlock import AlreadyServed
    from hub.errors import UsageError

    try:
        run_loop(_serve(folder))
    except AlreadyServed as error:
        where = f"{open_workspace(folder).state / 'run.lock'}, process {error.note.get('pid', 'unknown')}"
        raise UsageError(
            "the workspace is being served already", where=where, fix="stop that process first"
        ) from error


async def _serve(folder: Path) -> None:
    from hub.bootstrap import open_workspace
    from hub.cli.logs import set_up
    from hub.cli.serving import Serving

    set_up()
    async with Serving(open_workspace(folder), listen=True) as serving:
        stop_on_signals(serving)
        announce(serving)
        serving.say = lambda line: print(line, flush=True)
        await until_stopped(serving)


def announce(serving: Serving) -> None:
    from hub.cli.governed import notes

    print(f"serving at {serving.url}", flush=True)
    for name, url in serving.twins.items():
        print(f"built-in {name} at {url}", flush=True)
    for note in notes(serving.workspace):
        print(note, flush=True)
    for name, gate in serving.server.gates.items():
        print(f"intake {name}: {(gate.closed and 'closed: ' + gate.closed) or 'open'}", flush=True)


def stop_on_signals(serving: Serving) -> None:
    """From here on SIGINT and SIGTERM are the ordinary end, exit 0."""
    for number in (signal.SIGINT, signal.SIGTERM):
        asyncio.get_running_loop().add_signal_handler(number, serving.host.stopping.set)


async def until_stopped(serving: Serving) -> None:
    """Until SIGINT or SIGTERM; a host that had to stop raises why."""
    stop_on_signals(serving)
    await serving.host.stopping.wait()
    if serving.host.failure:
        raise serving.host.failure


def run_loop(work: Coroutine[Any, Any, T]) -> T:
    """Run on uvloop where it is installed (it halves the cost of a webhook); a signal ends it in good order."""
    with asyncio.Runner(loop_factory=loop_factory()) as runner:
        try:
            return runner.run(_until_terminated(work))
        except asyncio.CancelledError as error:
            raise KeyboardInterrupt from error


def loop_factory() -> Callable[[], asyncio.AbstractEventLoop]:
    try:
        from uvloop import new_event_loop
    except ModuleNotFoundError:
        return asyncio.new_event_loop
    return new_event_loop


async def _until_terminated(work: Coroutine[Any, Any, T]) -> T:
    """SIGTERM is a cancel, as SIGINT is: what was started (twins too) is stopped before the command returns."""
    task = asyncio.current_task()
    assert task is not None
    asyncio.get_running_loop().add_signal_handler(signal.SIGTERM, task.cancel)
    return await work
