"""``hub events``: the facts as decided, JSON lines for machines."""

from __future__ import annotations

from typing import Annotated

import typer

from hub.cli.options import HERE, Format, FormatOption, WorkspaceOption


def register(app: typer.Typer) -> None:
    @app.command()
    def events(
        stream: Annotated[str | None, typer.Option(help="One stream: project/jira:10041.")] = None,
        type_: Annotated[str | None, typer.Option("--type", help="One type; may end in *.")] = None,
        after: Annotated[int, typer.Option(help="Only above this position.")] = 0,
        limit: Annotated[int | None, typer.Option(help="At most this many.")] = None,
        workspace: WorkspaceOption = HERE,
        form: FormatOption = Format.text,
    ) -> None:
        """List events in the order they were decided."""
        from hub.bootstrap import open_workspace
        from hub.cli.render import line
        from hub.cli.views import event_json
        from hub.store.queries.events import events as query

        with open_workspace(workspace).store.read() as db:
            for row in query(db, stream_name=stream, type_=type_, after=after, limit=limit):
                shown = event_json(row)
                if form is Format.json:
                    line(shown)
                else:
                    place = f"{shown['stream']}@{shown['version']}"
                    print(f"{shown['position']:>6}  {shown['recorded']}  {place}  {shown['type']}")
