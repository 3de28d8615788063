"""The command tree, and what an exception becomes: words on stderr, and an exit code.

0 fine, 1 findings, 2 usage, 3 failure (design §9).
"""

from __future__ import annotations

import sys
from collections.abc import Sequence
from importlib import import_module
from typing import cast

import typer
from typer.main import get_command

from hub.errors import HubError

COMMANDS = (
    "init",
    "run",
    "worker",
    "check",
    "ingest",
    "settle",
    "status",
    "events",
    "entity",
    "effect",
    "loop",
    "preflight",
    "pause",
    "replay",
    "quarantine",
    "reconcile",
    "trace",
    "health",
    "prove",
    "verify",
    "mapping",
    "connector",
    "topics",
    "lag",
    "sim",
    "twin",
    "backup",
    "db",
    "doctor",
    "version",
)
"""Modules of this room, in the order ``hub --help`` lists them."""


def build() -> typer.Typer:
    """All commands, registered."""
    app = typer.Typer(
        name="hub",
        help="Keep project management and operations systems telling one story.",
        no_args_is_help=True,
        add_completion=False,
        rich_markup_mode=None,
        pretty_exceptions_enable=False,
    )
    for name in COMMANDS:
        import_module(f"hub.cli.{name}").register(app)
    return app


_USAGE = cast(type[Exception], typer.BadParameter.__base__)
"""What the command parser raises for a wrong command line, wherever this version of Typer keeps it."""


def run(arguments: Sequence[str]) -> int:
    """Run one command line; gives the exit code."""
    command = get_command(build())
    try:
        result = command.main(args=list(arguments), prog_name="hub", standalone_mode=False)
    except _USAGE as error:
        error.show(sys.stderr)  # type: ignore[attr-defined]
        return 2
    except typer.Exit as done:
        return done.exit_code
    except (typer.Abort, KeyboardInterrupt):
        return 3
    except HubError as error:
        from hub.cli.render import explain

        explain(error)
        return error.exit_code
    except BrokenPipeError:
        return 0
    return result if isinstance(result, int) else 0
