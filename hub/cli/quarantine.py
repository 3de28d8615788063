"""``hub quarantine list | drop``: records set aside, why, and who looks after the row that refused them."""

from __future__ import annotations

import asyncio
from pathlib import Path
from typing import Annotated

import typer

from hub.cli.options import HERE, AsOption, Format, FormatOption, WhyOption, WorkspaceOption


def register(app: typer.Typer) -> None:
    quarantine = typer.Typer(no_args_is_help=True, help="Records set aside.")
    app.add_typer(quarantine, name="quarantine")

    @quarantine.command("list")
    def list_(workspace: WorkspaceOption = HERE, form: FormatOption = Format.text) -> None:
        """List what is set aside and still open."""
        from hub.bootstrap import open_workspace
        from hub.cli.render import document, table
        from hub.cli.views import quarantine_json
        from hub.store.queries.records import quarantined

        with open_workspace(workspace).store.read() as db:
            found = [quarantine_json(one) for one in quarantined(db)]
        if form is Format.json:
            document(found)
            return
        columns = ("id", "connection", "reason", "row", "owner", "message", "since")
        table(columns, ([one[name] for name in columns] for one in found), empty="nothing is set aside")

    @quarantine.command()
    def drop(
        identity: Annotated[str, typer.Argument(metavar="ID")],
        who: AsOption,
        why: WhyOption,
        workspace: WorkspaceOption = HERE,
        form: FormatOption = Format.text,
    ) -> None:
        """Give a set-aside record up: it will never be applied. Who and why are kept."""
        _drop(identity, who, why, workspace, form)


def _drop(identity: str, who: str, why: str, folder: Path, form: Format) -> None:
    from hub.bootstrap import open_workspace
    from hub.cli.decisions import accepted, decision_id, person
    from hub.cli.render import document
    from hub.cli.views import quarantine_json
    from hub.engine.facts import drop
    from hub.errors import NotFound
    from hub.model.fact import PersonAccepted
    from hub.store.queries.records import quarantine_of

    opened = open_workspace(folder)
    with opened.store.read() as db:
        found = quarantine_of(db, identity)
    if found is None:
        raise NotFound(f"nothing with id {identity} is set aside", fix="hub quarantine list")
    code = person(opened, who)
    fact = PersonAccepted(decision_id(), identity, "drop", code, why)
    accepted(asyncio.run(drop(opened.store, opened.catalog, fact, found, opened.clock.now())), identity)
    with opened.store.read() as db:
        after = quarantine_of(db, identity)
    if form is Format.json:
        document(quarantine_json(after or found))
    else:
        print(f"dropped {identity} ({found.reason}), by {code}: {why}")
