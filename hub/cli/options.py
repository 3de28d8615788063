"""Options that mean the same for every command: ``-w DIR``, ``--format``, ``--as``, ``--why``."""

from __future__ import annotations

from enum import StrEnum
from pathlib import Path
from typing import Annotated

import typer


class Format(StrEnum):
    text = "text"
    json = "json"


WorkspaceOption = Annotated[
    Path, typer.Option("-w", "--workspace", metavar="DIR", help="The workspace folder (default: here).")
]
FormatOption = Annotated[Format, typer.Option("--format", help="text for people, json for machines.")]
AsOption = Annotated[str, typer.Option("--as", metavar="PERSON", help="Who decides: employee code, mail or account.")]
WhyOption = Annotated[str, typer.Option("--why", metavar="TEXT", help="The reason, kept for ever.")]
HERE = Path()
