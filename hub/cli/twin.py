"""``hub twin serve SYSTEM``: a stand-in server of a system, by itself, to look at or to test against.

Friendly as it comes with its connector, or hostile with ``--profile``: then it loses answers, commits late, lies, and
counts its own documents per reference.
"""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer


def register(app: typer.Typer) -> None:
    twin = typer.Typer(no_args_is_help=True, help="Stand-in servers of other systems.")
    app.add_typer(twin, name="twin")

    @twin.command()
    def serve(
        system: Annotated[str, typer.Argument(metavar="[SYSTEM]", help="erp, jira or trello.")] = "",
        profile: Annotated[str, typer.Option(help="A hostile one: erp-hostile, tryton-hostile …")] = "",
        seed: Annotated[int, typer.Option(min=0, help="What a hostile one draws its misdeeds from.")] = 0,
        hub: Annotated[str, typer.Option(help="Where a hostile source sends its webhooks.")] = "",
        secret_file: Annotated[Path | None, typer.Option(help="What it signs them with.")] = None,
        port: Annotated[int, typer.Option(help="0 picks a free one.")] = 8720,
        state: Annotated[Path | None, typer.Option(help="File to keep its state in; else nothing is kept.")] = None,
        ready_file: Annotated[Path | None, typer.Option(help="Gets {url, pid} as JSON once it listens.")] = None,
    ) -> None:
        """Serve a system's twin until Ctrl-C."""
        if profile:
            secret = secret_file.read_text("utf-8").strip() if secret_file else ""
            _hostile(profile, seed, port, state, ready_file, hub, secret)
        else:
            _friendly(system, port, state, ready_file)


def _hostile(name: str, seed: int, port: int, state: Path | None, ready: Path | None, hub: str, secret: str) -> None:
    from hub.errors import UsageError
    from hub.sim.profiles import PROFILES
    from hub.sim.serve import serve_profile

    if name not in PROFILES:
        raise UsageError(f"there is no profile {name!r}", where="--profile", fix=f"one of: {', '.join(PROFILES)}")
    serve_profile(PROFILES[name], seed, port, state, ready, hub, secret)


def _friendly(system: str, port: int, state: Path | None, ready: Path | None) -> None:
    from importlib import import_module

    from hub.connector.registry import SHIPPED, spec_of
    from hub.errors import UsageError

    if not system or not spec_of(system).has_twin:
        having = ", ".join(name for name in SHIPPED if spec_of(name).has_twin)
        raise UsageError(f"{system or 'no system'} has no twin", fix=f"one of: {having}; or --profile NAME")
    words = ["--port", str(port)]
    words += ["--state", str(state)] if state else []
    words += ["--ready-file", str(ready)] if ready else []
    import_module(f"connectors.{system}.twin").main(words)
