"""``hub entity show KIND KEY``: what is true of one thing now, and who said it; people's decisions beside it."""

from __future__ import annotations

from typing import Annotated, Any

import typer

from hub.cli.entity_decisions import add
from hub.cli.options import HERE, Format, FormatOption, WorkspaceOption


def register(app: typer.Typer) -> None:
    entity = typer.Typer(no_args_is_help=True, help="Canonical things as they stand.")
    app.add_typer(entity, name="entity")

    @entity.command()
    def show(
        kind: Annotated[str, typer.Argument(metavar="KIND", help="project, expense …")],
        key: Annotated[str, typer.Argument(metavar="KEY", help="Its key or label.")],
        workspace: WorkspaceOption = HERE,
        form: FormatOption = Format.text,
    ) -> None:
        """Show one entity."""
        from hub.bootstrap import open_workspace
        from hub.cli.render import document
        from hub.cli.views import entity_json
        from hub.errors import NotFound
        from hub.store.queries.entities import entity_of

        with open_workspace(workspace).store.read() as db:
            found = entity_of(db, kind, key)
            if found is None:
                raise NotFound(f"there is no {kind} {key}", why="no record with that key or label has been applied")
            shown = entity_json(db, found)
        document(shown) if form is Format.json else print_entity(shown)

    @entity.command("list")
    def list_(
        kind: Annotated[str, typer.Argument(metavar="KIND")],
        workspace: WorkspaceOption = HERE,
        form: FormatOption = Format.text,
    ) -> None:
        """List the entities of a kind."""
        from hub.bootstrap import open_workspace
        from hub.cli.render import document, table
        from hub.store.queries.entities import entities

        with open_workspace(workspace).store.read() as db:
            found = [
                {"key": one.key, "label": one.label, "version": one.version, "deleted": one.deleted}
                for one in entities(db, kind)
            ]
        if form is Format.json:
            document(found)
        else:
            table(
                ("key", "label", "version"), [(o["key"], o["label"], o["version"]) for o in found], empty="none yet"
            )

    add(entity)


def print_entity(shown: dict[str, Any]) -> None:
    """For people."""
    from hub.cli.render import table
    from hub.history.impact_text import words_of

    print(f"{shown['kind']} {shown['label'] or ''} ({shown['key']}), version {shown['version']}")
    rows = []
    for name, value in shown["state"].items():
        said = shown["fields"].get(name) or {}
        rows.append((name, None if value is None else words_of(value), said.get("source"), said.get("at")))
    table(("field", "value", "said by", "at"), rows, empty="no fields")
    for connection, identity in shown["links"].items():
        print(f"in {connection}: {identity}")
    for name, one in shown["conflicts"].items():
        said = ", ".join(f"{connection} says {value}" for connection, value in one["said"].items())
        print(f"to decide: {name}: {one['why'] or said}")
