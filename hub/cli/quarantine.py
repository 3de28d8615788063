"""``hub quarantine list | release | drop``: records set aside, why, and who looks after the row that refused them."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from hub.cli.options import HERE, AsOption, Format, FormatOption, WhyOption, WorkspaceOption

if TYPE_CHECKING:
    from hub.bootstrap import Workspace
    from hub.engine.prepare import Decode
    from hub.engine.release import Ran
    from hub.model.changes import Outcome, Quarantine
    from hub.model.fact import PersonAccepted


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
    def release(
        who: AsOption,
        why: WhyOption,
        identity: Annotated[str, typer.Argument(metavar="[ID]")] = "",
        reason: Annotated[str, typer.Option(metavar="SLUG", help="Every row with this reason, oldest first.")] = "",
        workspace: WorkspaceOption = HERE,
        form: FormatOption = Format.text,
    ) -> None:
        """Run a set-aside record again from its stored bytes, and what is held behind it. Exit 1 while one stays."""
        _release(identity, reason, who, why, workspace, form)

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
    opened.join()
    fact = PersonAccepted(decision_id(), identity, "drop", code, why)
    accepted(asyncio.run(drop(opened.store, opened.catalog, fact, found, opened.clock.now())), identity)
    drained = asyncio.run(_drained(opened, fact, found))
    with opened.store.read() as db:
        after = quarantine_of(db, identity)
    if form is Format.json:
        document(quarantine_json(after or found))
    else:
        print(f"dropped {identity} ({found.reason}), by {code}: {why}")
        for line in _lines(drained):
            print(line)


async def _drained(opened: Workspace, fact: PersonAccepted, row: Quarantine) -> Sequence[Ran]:
    """What was held behind a row that is given up follows at once."""
    from hub.engine.release import drain

    catalog, decode = opened.catalog, _decode(opened)
    try:
        done = await drain(opened.store, opened.log, catalog, decode, fact, row, opened.clock.now())
    finally:
        await opened.close_connectors()
    return done.ran


def _decode(opened: Workspace) -> Decode:
    """Every connection's own decode, as the engine uses it."""
    from hub.engine.settling import Settling

    decoders = {name: opened.connector(name).decode for name in opened.settings.connections}
    return Settling(opened.store, lambda: opened.catalog, decoders, opened.clock).decode


def _release(identity: str, reason: str, who: str, why: str, folder: Path, form: Format) -> None:
    import asyncio

    from hub.bootstrap import open_workspace
    from hub.cli.decisions import person
    from hub.cli.render import document
    from hub.errors import UsageError

    if bool(identity) == bool(reason):
        raise UsageError("say which row: its id, or --reason SLUG for all of a kind", fix="hub quarantine list")
    opened = open_workspace(folder)
    code = person(opened, who)
    opened.join()
    ran = asyncio.run(_released(opened, _rows(opened, identity, reason), code, why))
    if form is Format.json:
        document([_ran_json(one) for one in ran])
    else:
        for line in _lines(ran):
            print(line)
    if not all(one.good for one in ran):
        raise typer.Exit(1)


def _rows(opened: Workspace, identity: str, reason: str) -> list[Quarantine]:
    from hub.errors import NotFound
    from hub.store.queries.records import quarantine_of, quarantined

    with opened.store.read() as db:
        if reason:
            return sorted(
                (one for one in quarantined(db) if one.reason == reason), key=lambda one: (one.position, one.record)
            )
        found = quarantine_of(db, identity)
    if found is None:
        raise NotFound(f"nothing with id {identity} is set aside", fix="hub quarantine list")
    return [found]


async def _released(opened: Workspace, rows: Sequence[Quarantine], code: str, why: str) -> list[Ran]:
    """One decision a row; a row that another one took along is not run twice."""
    from hub.cli.decisions import decision_id
    from hub.engine.release import release
    from hub.errors import UsageError
    from hub.model.fact import PersonAccepted

    catalog, decode = opened.catalog, _decode(opened)
    ran: list[Ran] = []
    try:
        for row in rows:
            if any(one.row.id == row.id for one in ran):
                continue
            fact = PersonAccepted(decision_id(), row.id, "release", code, why)
            done = await release(opened.store, opened.log, catalog, decode, fact, row, opened.clock.now())
            if done.refused and len(rows) == 1:
                raise UsageError(done.refused, where=row.id)
            ran += done.ran
    finally:
        await opened.close_connectors()
    return ran


def _ran_json(one: Ran) -> dict[str, Any]:
    """A row of ``list`` with what became of it."""
    from hub.cli.views import quarantine_json

    outcomes = [{"record": o.record, "table": o.table or None, **_verdict(o)} for o in one.outcomes]
    return {**quarantine_json(one.row), "open": one.row.closed_at is None, "outcomes": outcomes}


def _verdict(outcome: Outcome) -> dict[str, str | None]:
    return {"verdict": outcome.verdict, "reason": outcome.reason or None}


def _lines(ran: Sequence[Ran]) -> Iterator[str]:
    for one in ran:
        said = ", ".join(f"{o.verdict} {o.reason}".rstrip() for o in one.outcomes) or "goes on"
        if one.row.closed_at is None:
            yield f"{one.row.id} stays set aside ({one.row.reason}): {one.row.message}"
        else:
            yield f"{one.row.id} {one.row.key}: {said}"
