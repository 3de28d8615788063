"""The command line: one command a file, each with ``register(app)``. Heavy imports happen inside commands."""

from __future__ import annotations

import sys


def main() -> None:
    """The ``hub`` command."""
    from hub.cli.app import run

    sys.exit(run(sys.argv[1:]))
