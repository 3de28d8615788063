"""``hub effect list``: every intended outside write and what became of it."""

from __future__ import annotations

from typing import Annotated

import typer

from hub.cli.options import HERE, Format, FormatOption, WorkspaceOption


def register(app: typer.Typer) -> None:
    effect = typer.Typer(no_args_is_help=True, help="Outside writes.")
    app.add_typer(effect, name="effect")

    @effect.command("list")
    def list_(
        state: Annotated[list[str] | None, typer.Option(help="Only in this state (may be repeated).")] = None,
        integration: Annotated[str | None, typer.Option(help="Only of this integration.")] = None,
        workspace: WorkspaceOption = HERE,
        form: FormatOption = Format.text,
    ) -> None:
        """List effects in the order they were planned."""
        from hub.bootstrap import open_workspace
        from hub.cli.render import document, table
        from hub.cli.views import effect_json
        from hub.store.queries.loops import effects, instances

        opened = open_workspace(workspace)
        with opened.store.read() as db:
            found = effects(db, states=[one.upper() for one in state or ()], integration=integration)
            names = {one.id: one.loop for one in instances(db, integration=integration)}
        shown = [effect_json(one, names) for one in found]
        if form is Format.json:
            document(shown)
            return
        columns = ("state", "action", "subject", "step", "number", "attempts", "reason")
        rows = ([one[name] for name in columns] for one in shown)
        table(columns, rows, empty="no effects yet")
