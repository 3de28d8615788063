"""``hub loop list | show`` and people's decisions about closed loops: ``approve waive retry fix done cancel``."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from hub.cli.options import HERE, AsOption, Format, FormatOption, WhyOption, WorkspaceOption

if TYPE_CHECKING:
    from hub.bootstrap import Workspace
    from hub.model.fact import Choice, PersonDecided
    from hub.model.instance import Instance

IdArgument = Annotated[
    str, typer.Argument(metavar="ID[/STEP[/ITEM]]", help="A loop's id, the beginning of it, or its subject's label.")
]


def register(app: typer.Typer) -> None:
    loop = typer.Typer(no_args_is_help=True, help="Closed loops.")
    app.add_typer(loop, name="loop")

    @loop.command("list")
    def list_(
        state: Annotated[list[str] | None, typer.Option(help="Only in this state (may be repeated).")] = None,
        workspace: WorkspaceOption = HERE,
        form: FormatOption = Format.text,
    ) -> None:
        """List loops, oldest first."""
        _list(workspace, form, state or [])

    @loop.command()
    def show(loop: IdArgument, workspace: WorkspaceOption = HERE, form: FormatOption = Format.text) -> None:
        """Show one loop: its steps, obligations and what it waits for."""
        from hub.bootstrap import open_workspace
        from hub.cli.decisions import which_loop

        opened = open_workspace(workspace)
        _show(opened, which_loop(opened, loop.partition("/")[0]).id, form)

    _decisions(loop)


def _decisions(loop: typer.Typer) -> None:
    @loop.command()
    def approve(
        loop: IdArgument,
        who: AsOption,
        why: WhyOption,
        workspace: WorkspaceOption = HERE,
        form: FormatOption = Format.text,
    ) -> None:
        """Approve what waits for approval: what you saw is what is sent."""
        _decide(workspace, form, loop, "approve", who, why)

    @loop.command()
    def waive(
        loop: IdArgument,
        who: AsOption,
        why: WhyOption,
        workspace: WorkspaceOption = HERE,
        form: FormatOption = Format.text,
    ) -> None:
        """Let an obligation go: it will not be done, and the reason is kept."""
        _decide(workspace, form, loop, "waive", who, why)

    @loop.command()
    def retry(
        loop: IdArgument,
        who: AsOption,
        why: WhyOption,
        workspace: WorkspaceOption = HERE,
        form: FormatOption = Format.text,
    ) -> None:
        """Try a refused or stuck obligation again; what only waits for its next attempt is tried now."""
        _decide(workspace, form, loop, "retry", who, why)

    @loop.command()
    def fix(
        loop: IdArgument,
        who: AsOption,
        why: WhyOption,
        workspace: WorkspaceOption = HERE,
        form: FormatOption = Format.text,
    ) -> None:
        """Plan what the target refused anew, from data that was put right: a revision with its own key."""
        _decide(workspace, form, loop, "fix", who, why)

    @loop.command()
    def done(
        loop: IdArgument,
        who: AsOption,
        why: WhyOption,
        number: Annotated[str, typer.Option(help="The number of the document that stands for it.")],
        workspace: WorkspaceOption = HERE,
        form: FormatOption = Format.text,
    ) -> None:
        """Say an obligation was done by hand: the document is read before it counts."""
        _decide(workspace, form, loop, "done", who, why, number)

    @loop.command()
    def cancel(
        loop: IdArgument,
        who: AsOption,
        why: WhyOption,
        workspace: WorkspaceOption = HERE,
        form: FormatOption = Format.text,
    ) -> None:
        """End a closing: what was done is undone in reverse order, what was not sent never is."""
        _decide(workspace, form, loop, "cancel", who, why)


def _decide(folder: Path, form: Format, words: str, choice: Choice, who: str, why: str, number: str = "") -> None:
    import asyncio

    from hub.bootstrap import open_workspace
    from hub.cli.decisions import decide, decision_id, person, which_loop
    from hub.errors import UsageError
    from hub.model.fact import PersonDecided

    if not why.strip():
        raise UsageError("a decision needs its reason", fix='--why "…"')
    opened = open_workspace(folder)
    name, step, item = [*words.split("/", 2), "", ""][:3]
    instance = which_loop(opened, name)
    fact = PersonDecided(decision_id(), instance.id, choice, person(opened, who), why, step, item, number)
    if number:
        fact = asyncio.run(_with_document(opened, instance, fact))
    decide(opened, fact)
    _show(opened, instance.id, form)


async def _with_document(opened: Workspace, instance: Instance, fact: PersonDecided) -> PersonDecided:
    """Read the document the person names: only what the target shows counts."""
    from dataclasses import replace

    from hub.connector.answers import ReadFailed, Unauthorized
    from hub.effect.executor import read_document
    from hub.errors import RetryableError, UsageError

    loop = opened.catalog.loop(instance.integration, instance.loop, instance.logic)
    step = next((one.definition for one in loop.steps if one.definition.name == fact.step), None) if loop else None
    if step is None:
        raise UsageError("say which step the document stands for", fix=f"hub loop done {instance.id}/STEP --number …")
    try:
        found = await read_document(opened.connector, step.connection, step.action, fact.number)
    except (ReadFailed, Unauthorized) as error:
        raise RetryableError(f"{step.connection} cannot be read now: {error}", fix="try again") from error
    finally:
        await opened.close_connectors()
    if found is None:
        raise UsageError(f"{step.connection} has no document {fact.number}", why="a document counts once it is read")
    return replace(
        fact,
        remote_id=found.remote_id,
        number=found.number or fact.number,
        url=found.url,
        document_state=found.state,
        document=found.document,
    )


def _list(folder: Path, form: Format, states: list[str]) -> None:
    from hub.bootstrap import open_workspace
    from hub.cli.render import document, table
    from hub.cli.views import label_of, loop_json, timers_by_loop
    from hub.store.queries.loops import instances

    with open_workspace(folder).store.read() as db:
        timers = timers_by_loop(db)
        shown = [
            loop_json(one, timers.get(one.id, ()), label_of(db, one.subject_kind, one.subject))
            for one in instances(db, states=states)
        ]
    if form is Format.json:
        document(shown)
        return
    rows = [(one["id"], one["label"], one["state"], _steps(one), _waits(one), one["due"]) for one in shown]
    table(("loop", "subject", "state", "steps", "waits for", "due"), rows, empty="no loops yet")


def _show(opened: Workspace, identity: str, form: Format) -> None:
    from hub.cli.render import document
    from hub.cli.views import label_of, loop_whole
    from hub.store.queries import loops

    with opened.store.read() as db:
        found = loops.instance(db, identity)
        assert found is not None
        label = label_of(db, found.subject_kind, found.subject)
        shown = loop_whole(found, loops.timers(db, loop_id=identity), label)
    document(shown) if form is Format.json else _print(shown)


def _print(shown: dict[str, Any]) -> None:
    from hub.cli.render import table

    state = "being taken back" if shown["phase"] == "undoing" and shown["state"] == "running" else shown["state"]
    print(f"{shown['id']}  {shown['label'] or shown['subject']}  {state}")
    rows = [(o["step"], o["item"], o["state"], o["number"], o["reason"]) for o in shown["obligations"]]
    planned = {o["step"] for o in shown["obligations"]}
    rows += [(name, "", state, "", "") for name, state in shown["steps"].items() if name not in planned]
    table(("step", "item", "state", "document", "reason"), rows, empty="no steps yet")
    for name in shown["overdue"]:
        print(f"overdue: {name or 'the loop itself'}")
    for one in shown["waiting_for"]:
        print(f"waits: {one['kind']} {one['ref']} {one['who'] or ''} {one['message'] or ''}".rstrip())


def _steps(shown: dict[str, Any]) -> str:
    return " ".join(f"{name}:{state}" for name, state in shown["steps"].items())


def _waits(shown: dict[str, Any]) -> str:
    late = [f"overdue {name or 'as a whole'}" for name in shown["overdue"]]
    return "; ".join([*late, *(f"{one['kind']} {one['who'] or one['ref']}" for one in shown["waiting_for"])])
