"""``hub twin serve SYSTEM``: a friendly stand-in server of a system, by itself, to look at or to test against."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer


def register(app: typer.Typer) -> None:
    twin = typer.Typer(no_args_is_help=True, help="Stand-in servers of other systems.")
    app.add_typer(twin, name="twin")

    @twin.command()
    def serve(
        system: Annotated[str, typer.Argument(metavar="SYSTEM", help="erp, jira or trello.")],
        port: Annotated[int, typer.Option(help="0 picks a free one.")] = 8720,
        state: Annotated[Path | None, typer.Option(help="File to keep its state in; else nothing is kept.")] = None,
        ready_file: Annotated[Path | None, typer.Option(help="Gets {url, pid} as JSON once it listens.")] = None,
    ) -> None:
        """Serve a system's friendly twin until Ctrl-C."""
        from importlib import import_module

        from hub.connector.registry import SHIPPED, spec_of
        from hub.errors import UsageError

        if not spec_of(system).has_twin:
            having = ", ".join(name for name in SHIPPED if spec_of(name).has_twin)
            raise UsageError(f"{system} has no twin", fix=f"one of: {having}")
        words = ["--port", str(port)]
        words += ["--state", str(state)] if state else []
        words += ["--ready-file", str(ready_file)] if ready_file else []
        import_module(f"connectors.{system}.twin").main(words)
