"""``hub doctor``: is everything this hub needs there and as it must be? Each line ok, warn or fail, with the fix.

It changes nothing: no schema is brought up, no topic made, no document sent. What each part asks is beside it, in
``doctor_workspace``, ``doctor_store`` and ``doctor_kafka``.
"""

from __future__ import annotations

import asyncio
from collections import Counter
from collections.abc import Callable, Iterable, Iterator
from pathlib import Path
from typing import TYPE_CHECKING

import typer

from hub.cli.options import HERE, Format, FormatOption, WorkspaceOption

if TYPE_CHECKING:
    from hub.bootstrap import Workspace
    from hub.cli.doctor_line import Line
    from hub.errors import ConfigError


def register(app: typer.Typer) -> None:
    @app.command()
    def doctor(workspace: WorkspaceOption = HERE, form: FormatOption = Format.text) -> int:
        """Check everything the hub needs and say how to fix what is wrong. Exit 1 when something is."""
        from hub.cli.render import document

        lines = []
        for line in diagnose(workspace):
            lines.append(line)
            if form is Format.text:
                print(line, flush=True)
        levels = Counter(line.level for line in lines)
        if form is Format.json:
            document({"ok": not levels["fail"], "lines": [line._asdict() for line in lines]})
        else:
            print(f"{levels['ok']} ok, {levels['warn']} warn, {levels['fail']} fail")
        return 1 if levels["fail"] else 0


def diagnose(folder: Path) -> Iterator[Line]:
    """Every line, as soon as it is known. Where hub.yaml cannot be read, its problems are all there is to say."""
    from hub.bootstrap import open_workspace
    from hub.cli.doctor_line import Line
    from hub.errors import ConfigError

    try:
        opened = open_workspace(folder)
    except ConfigError as error:
        yield from _problems(error)
        return
    yield Line("settings", "ok", f"hub.yaml of {opened.root.absolute()}")
    try:
        for group in _groups(opened):
            yield from _safely(opened, group)
    finally:
        asyncio.run(opened.close())


def _problems(error: ConfigError) -> Iterator[Line]:
    from hub.cli.doctor_line import Line

    if not error.findings:
        yield Line("settings", "fail", error.what, error.fix)
    for finding in error.findings:
        yield Line("settings", "fail", f"{finding.place}: {finding.message}", finding.fix or "see docs/operations.md")


Group = Callable[["Workspace"], Iterable["Line"]]


def _groups(opened: Workspace) -> Iterator[tuple[str, Group]]:
    """(what a failure of the whole group is called, the group), cheap and local ones first."""
    from hub.cli import doctor_kafka, doctor_store, doctor_workspace

    yield "mappings", doctor_workspace.mappings
    yield "secrets", doctor_workspace.secrets
    yield "disk", doctor_workspace.disk
    yield "store", doctor_store.store
    if opened.settings.log == "kafka":
        yield "kafka", doctor_kafka.kafka
        yield "offsets", doctor_kafka.offsets
        yield "workers", doctor_kafka.workers
    else:
        yield "serving", doctor_workspace.serving
    yield "connections", doctor_workspace.connections


def _safely(opened: Workspace, named: tuple[str, Group]) -> Iterator[Line]:
    """The group's lines; what it raises is a line too, and the next group still runs."""
    from hub.cli.doctor_line import Line
    from hub.errors import HubError

    name, group = named
    try:
        yield from group(opened)
    except HubError as error:
        yield Line(name, "fail", error.what, error.fix)
