"""``hub ingest``: feed recorded deliveries as if they had arrived."""

from __future__ import annotations

from collections.abc import Iterator
from itertools import islice
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from hub.cli.options import HERE, Format, FormatOption, WorkspaceOption

if TYPE_CHECKING:
    from hub.bootstrap import Workspace
    from hub.connector.base import Connector
    from hub.log.port import Arrival

BATCH = 500


def register(app: typer.Typer) -> None:
    @app.command()
    def ingest(
        connection: Annotated[str, typer.Argument(metavar="CONNECTION")],
        files: Annotated[list[Path], typer.Argument(metavar="FILE…", help="One raw body, or .jsonl: one a line.")],
        verify: Annotated[bool, typer.Option("--verify", help="Check signatures as the intake does.")] = False,
        workspace: WorkspaceOption = HERE,
        form: FormatOption = Format.text,
    ) -> None:
        """Feed recorded deliveries of a connection."""
        import asyncio
        import logging

        from hub.bootstrap import open_workspace
        from hub.cli.logs import set_up
        from hub.cli.render import document

        set_up(logging.WARNING)  # to stderr: on stdout there is the one JSON document
        result = asyncio.run(_ingest(open_workspace(workspace), connection, files, verify))
        if form is Format.json:
            document(result)
        else:
            print(f"received {result['received']}, of them duplicate {result['duplicate']}")
            for one in result["refused"]:
                print(f"refused {one['file']}:{one['line']}: {one['message']} [{one['reason']}]")
        if result["refused"]:
            raise typer.Exit(1)


async def _ingest(opened: Workspace, connection: str, files: list[Path], verify: bool) -> dict[str, Any]:
    from hub.errors import UsageError

    connector = opened.connector(connection)
    for file in files:
        if not file.is_file():
            raise UsageError(f"there is no file {file}")
    refused: list[dict[str, Any]] = []
    received = duplicate = 0
    try:
        arrivals = _arrivals(opened, connector, files, verify, refused)
        while batch := list(islice(arrivals, BATCH)):
            appended = await opened.log.append(batch)
            received += len(appended)
            duplicate += sum(one.duplicate for one in appended)
    finally:
        await opened.close()
    return {"received": received, "duplicate": duplicate, "refused": refused}


def _arrivals(
    opened: Workspace, connector: Connector, files: list[Path], verify: bool, refused: list[dict[str, Any]]
) -> Iterator[Arrival]:
    """What may go into the log; the rest goes into ``refused``."""
    from hub.connector.base import Request
    from hub.intake.arrivals import arrival
    from hub.intake.recorded import BadLine, recorded

    url = opened.public_url(connector.connection.name)
    for file in files:
        for line, found in recorded(file, connector.spec.media_types):
            now = opened.clock.now()
            if isinstance(found, BadLine):
                refused.append({"file": str(file), "line": line, "reason": found.reason, "message": found.message})
            elif verify and not connector.verify(Request("POST", url, found.headers, found.body), now):
                message = "the signature is missing or wrong for every secret of this connection"
                refused.append({"file": str(file), "line": line, "reason": "not-authentic", "message": message})
            else:
                yield arrival(connector, found, now, "ingest")
