"""``hub mapping impact A B``: what the recorded history would have become under another version."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from contextlib import contextmanager
from enum import StrEnum
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from hub.cli.options import HERE, WorkspaceOption

if TYPE_CHECKING:
    from hub.bootstrap import Workspace
    from hub.history.impact import Advance
    from hub.mapping.table import IntegrationDef


class ImpactFormat(StrEnum):
    text = "text"
    json = "json"
    html = "html"


def register(group: typer.Typer) -> None:
    @group.command("impact")
    def impact(
        before: Annotated[str, typer.Argument(metavar="A", help="A file, active, or the beginning of a hash.")],
        after: Annotated[str, typer.Argument(metavar="B", help="The same: the version that would be live.")],
        since: Annotated[str, typer.Option(metavar="DATE", help="Deliveries received from then on.")] = "",
        jobs: Annotated[int, typer.Option(min=0, help="Processes; 0: one per core.")] = 0,
        form: Annotated[ImpactFormat, typer.Option("--format", help="text, json or html.")] = ImpactFormat.text,
        language: Annotated[str, typer.Option("--language", help="zh or en (default: the workspace's).")] = "",
        workspace: WorkspaceOption = HERE,
    ) -> int:
        """Run both versions over all recorded deliveries; say what would differ. Exit 1 when something does."""
        return impact_command(workspace, (before, after), since, jobs, form, language)


def impact_command(
    root: Path, names: tuple[str, str], since: str, jobs: int, form: ImpactFormat, language: str = ""
) -> int:
    from hub.bootstrap import open_workspace
    from hub.cli.mapping_versions import versions
    from hub.cli.render import document
    from hub.history import impact_text

    space = open_workspace(root)
    before, after = versions(space, *names)
    with progress() as advance:
        said = predicted(space, before, after, since=_since(since), jobs=jobs, advance=advance)
    match form:
        case ImpactFormat.json:
            document(said)
        case ImpactFormat.html:
            print(impact_text.page(said, language or space.settings.language))
        case ImpactFormat.text:
            print("\n".join(impact_text.lines(said, language or space.settings.language)))
    return 1 if differs(said) else 0


def predicted(
    space: Workspace,
    before: IntegrationDef,
    after: IntegrationDef,
    *,
    since: int = 0,
    jobs: int = 0,
    advance: Advance | None = None,
) -> dict[str, Any]:
    """What would differ, as the report says it."""
    from hub.cli.mapping_versions import Opening
    from hub.history.impact import impact, quiet
    from hub.history.impact_report import report

    opening = Opening(space.root.absolute(), before.source, after.source, since)
    return report(impact(opening, jobs=jobs, advance=advance or quiet), before, after)


def differs(said: dict[str, Any]) -> bool:
    parts = ("records", "entities", "loops", "steps", "documents")
    return bool(said["outcomes"]) or any(said[name]["differ"] for name in parts)


def _since(text: str) -> int:
    from datetime import UTC, datetime

    from hub.errors import UsageError
    from hub.model.clock import micros

    if not text:
        return 0
    try:
        found = datetime.fromisoformat(text)
    except ValueError as error:
        raise UsageError(f"{text!r} is no date", fix="write 2026-01-31 or 2026-01-31T08:00:00Z") from error
    return micros(found if found.tzinfo else found.replace(tzinfo=UTC))


@contextmanager
def progress() -> Iterator[Advance]:
    """A progress bar on a terminal; nothing where output is piped."""
    from hub.history.impact import quiet

    if not sys.stderr.isatty():
        yield quiet
        return
    from rich.console import Console
    from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn

    columns = (TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn(), TimeRemainingColumn())
    with Progress(*columns, console=Console(stderr=True), transient=True) as bar:
        tasks: dict[str, Any] = {}

        def advance(stage: str, done: int, total: int) -> None:
            task = tasks.setdefault(stage, None)
            if task is None:
                task = tasks[stage] = bar.add_task(stage, total=total)
            bar.update(task, completed=done, total=total)

        yield advance
