"""``hub reconcile INTEGRATION``: what each target holds under our references today, against what we made there.

Reads the targets and writes nothing to them. Exit code 1 while a difference is open.
"""

from __future__ import annotations

import asyncio
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from hub.cli.options import HERE, Format, FormatOption, WorkspaceOption

if TYPE_CHECKING:
    from hub.bootstrap import Workspace
    from hub.effect.reconcile import Reconciled
    from hub.model.effect import Effect
    from hub.model.finding import Finding
    from hub.store.findings import Kept


def register(app: typer.Typer) -> None:
    @app.command()
    def reconcile(
        integration: Annotated[str, typer.Argument(help="Name of the integration.")],
        accept: Annotated[str, typer.Option(help="A finding's id: the target is right as it is.")] = "",
        who: Annotated[str, typer.Option("--as", help="Who accepts: a person of people.yaml.")] = "",
        why: Annotated[str, typer.Option("--why", help="Why the target is right.")] = "",
        workspace: WorkspaceOption = HERE,
        form: FormatOption = Format.text,
    ) -> None:
        """Compare every document we made with what the target holds now; adopt what was lost sight of."""
        opened = _opened(integration, workspace)
        if accept:
            _accept(opened, integration, accept, who, why)
        done = asyncio.run(_run(opened, integration))
        _report(opened, integration, done, form)


def _opened(integration: str, folder: Path) -> Workspace:
    from hub.bootstrap import open_workspace
    from hub.errors import NotFound

    opened = open_workspace(folder)
    if integration not in opened.definitions:
        names = ", ".join(sorted(opened.definitions))
        raise NotFound(f"there is no integration {integration!r}", why=f"there are: {names}")
    return opened


def _accept(opened: Workspace, integration: str, identity: str, who: str, why: str) -> None:
    from hub.cli.decisions import person
    from hub.errors import NotFound, UsageError
    from hub.store.findings import accept

    if not who or not why.strip():
        raise UsageError("accepting a difference needs --as PERSON and --why TEXT", why="an auditor will ask")
    code, now = person(opened, who), opened.clock.now()
    opened.join()
    kept = opened.store.write_now(lambda transaction: accept(transaction, integration, identity, code, why, now))
    if kept is None:
        raise NotFound(f"there is no finding {identity}", fix=f"hub reconcile {integration}")


async def _run(opened: Workspace, integration: str) -> Reconciled:
    from contextlib import AsyncExitStack

    from hub.cli.builtin import reachable
    from hub.effect.reconcile import Reconciliation
    from hub.store.queries.loops import effects

    opened.join()
    with opened.store.read() as db:
        everybody = effects(db)
    # What a two-way field holds is judged whenever its record is heard: an older update is no document to compare.
    mine = [one for one in everybody if one.integration == integration and not one.is_update]
    look = Reconciliation(opened.catalog, opened.connector, opened.facts, opened.clock, "reconcile")
    async with AsyncExitStack() as stack:
        reachable(opened, stack)
        stack.push_async_callback(opened.close_connectors)
        done = await look.run(mine, everybody)
    await asyncio.to_thread(_remember, opened, integration, done, everybody)
    return done


def _remember(opened: Workspace, integration: str, done: Reconciled, everybody: Sequence[Effect]) -> None:
    """Keep what was seen; a double stops the sending (I3, I16), and the audit says what was adopted (I13)."""
    from hub.model.changes import Audit, Changes
    from hub.model.halt import Halt
    from hub.store.findings import remember
    from hub.store.halts import halt
    from hub.store.port import Transaction

    now, known = opened.clock.now(), {one.key: one for one in everybody}
    seen = {one.id: (one, _owner(opened, integration, one, known)) for one in done.findings}
    unasked = [f"{connection}.{action}" for connection, action in done.problems]
    doubles = [one.reference for one in done.findings if one.kind == "double"]
    adopted = [
        Audit(now, "hub", "effect adopt", one.effect.key, f"{one.found.number or one.found.remote_id} stands", "SENT")
        for one in done.adopted
    ]

    def write(transaction: Transaction) -> None:
        remember(transaction, integration, seen, unasked, now)
        if adopted:
            transaction.write(Changes(audits=adopted), now)
        if doubles:
            words = f"I3: {len(doubles)} references have more than one live document (hub reconcile {integration})"
            halt(transaction, Halt(integration, "invariant", words, now, "hub"))

    opened.store.write_now(write)


def _owner(opened: Workspace, integration: str, finding: Finding, known: Mapping[str, Effect]) -> str:
    """Who answers for the field: the owner of the row that filled it, else the integration's."""
    effect = known.get(finding.effect)
    definition = opened.definitions[integration]
    if effect is None:
        return definition.owner
    step = effect.step.partition("/")[0]
    rows = [row for loop in definition.loops for one in loop.steps if one.name == step for row in one.payload]
    owner = next((row.governance.owner for row in rows if row.field == finding.field), "")
    return owner or definition.owner


def _report(opened: Workspace, integration: str, done: Reconciled, form: Format) -> None:
    from hub.cli.render import document
    from hub.store.findings import findings

    with opened.store.read() as db:
        kept = findings(db, integration)
    if form is Format.json:
        document(_json(integration, done, kept))
    else:
        _text(integration, done, kept)
    if kept or done.problems:
        raise typer.Exit(1)


def _json(integration: str, done: Reconciled, kept: Sequence[Kept]) -> dict[str, Any]:
    return {
        "integration": integration,
        "checked": done.checked,
        "adopted": [
            {"effect": one.effect.key, "number": one.found.number or one.found.remote_id} for one in done.adopted
        ],
        "findings": [finding_json(one) for one in kept],
        "counted": [".".join(place) for place in done.by_count],
        "read_one_by_one": [".".join(place) for place in done.by_reading],
        "not_asked": {".".join(place): words for place, words in sorted(done.problems.items())},
    }


def finding_json(one: Kept) -> dict[str, Any]:
    """One difference with its three values."""
    from hub.model.clock import iso

    found = one.finding
    return {
        "id": found.id,
        "kind": found.kind,
        "action": f"{found.connection}.{found.action}",
        "documents": list(found.documents),
        "effect": found.effect or None,
        "field": found.field or None,
        "meant": found.meant,
        "confirmed": found.confirmed,
        "now": found.now,
        "owner": one.owner,
        "since": iso(one.since),
    }


_WORDS = {
    "double": "{n} live documents for one obligation: {documents}. Keep one; sending has stopped until hub resume",
    "stray": "{documents} carries a reference of ours, and no effect here stands for it",
    "gone": "{documents} is not there any more",
    "changed": "{documents} {field}: meant {meant}, read back {confirmed}, now {now}",
}


def _text(integration: str, done: Reconciled, kept: Sequence[Kept]) -> None:
    from hub.model.compare import shown

    print(
        f"{integration}: {done.checked} documents compared, {len(done.adopted)} adopted, {len(kept)} differences open"
    )
    for one in kept:
        found = one.finding
        values = {name: shown(getattr(found, name)) for name in ("meant", "confirmed", "now")}
        words = _WORDS[found.kind].format(
            n=len(found.documents), documents=", ".join(found.documents), field=found.field, **values
        )
        print(f"  {found.connection}.{found.action} {words} (owner {one.owner})\n    id {found.id}")
    for place in done.by_reading:
        print(f"  {'.'.join(place)} can only be read one by one: a double or a stray there would not be seen")
    for place, why in sorted(done.problems.items()):
        print(f"  {'.'.join(place)} could not be asked: {why}")
    if kept:
        print(f"the target is right? hub reconcile {integration} --accept ID --as PERSON --why TEXT")
