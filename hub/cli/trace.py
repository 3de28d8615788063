"""``hub trace KEY``: one object's way, with times, from the bytes that came in to the document read back."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated

import typer

from hub.cli.options import HERE, Format, FormatOption, WorkspaceOption

if TYPE_CHECKING:
    from sqlalchemy import Connection

KeyArgument = Annotated[str, typer.Argument(metavar="KEY", help="A key (jira:10041) or what people type (OPS-41).")]
KindOption = Annotated[str, typer.Option("--kind", help="The entity kind, where a key means several.")]


def register(app: typer.Typer) -> None:
    @app.command()
    def trace(
        key: KeyArgument, kind: KindOption = "", workspace: WorkspaceOption = HERE, form: FormatOption = Format.text
    ) -> None:
        """Show one object's way: delivery, outcome, event, loop, step, effect, read-back."""
        from hub.bootstrap import open_workspace
        from hub.cli.render import document
        from hub.history.trace import tell, trace_json
        from hub.model.clock import iso

        with open_workspace(workspace).store.read() as db:
            kind, key = _one(db, key, kind)
            if form is Format.json:
                document(trace_json(db, kind, key))
                return
            print(f"{kind} {key}")
            for line in tell(db, kind, key):
                print(f"  {iso(line.at)}  {line.station.ljust(10)}  {line.text}")


def _one(db: Connection, key: str, kind: str) -> tuple[str, str]:
    """The one entity that is meant. Raises ``NotFound``, or ``UsageError`` where several are."""
    from hub.errors import NotFound, UsageError
    from hub.store.queries.entities import kinds_of

    found = [pair for pair in kinds_of(db, key) if not kind or pair[0] == kind]
    if not found:
        raise NotFound(f"nothing here has the key or label {key!r}", fix="hub events lists what has come in")
    if len(found) > 1:
        raise UsageError(
            f"{key!r} means several things: {', '.join(' '.join(pair) for pair in found)}", fix="add --kind KIND"
        )
    return found[0]
