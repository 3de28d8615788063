"""``hub mapping diff A B``: two versions compared by meaning, row by row."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from hub.cli.options import HERE, Format, FormatOption, WorkspaceOption


def register(group: typer.Typer) -> None:
    @group.command("diff")
    def diff(
        before: Annotated[str, typer.Argument(metavar="A", help="A file, active, or the beginning of a hash.")],
        after: Annotated[str, typer.Argument(metavar="B", help="The same.")],
        workspace: WorkspaceOption = HERE,
        form: FormatOption = Format.text,
    ) -> int:
        """Compare two versions by meaning: rows, values, conditions, steps, owners. Exit 1 when they differ."""
        return diff_command(workspace, before, after, form)


def diff_command(root: Path, one: str, other: str, form: Format) -> int:
    from hub.bootstrap import open_workspace
    from hub.cli.mapping_versions import versions
    from hub.cli.render import document
    from hub.mapping.difference import difference, lines, rows

    before, after = versions(open_workspace(root), one, other)
    found = difference(before, after)
    if form is Format.json:
        logic = before.logic != after.logic
        document({"integration": after.name, "same": not found, "logic_differs": logic, "changes": rows(found)})
    else:
        print("\n".join(lines(found)) if found else "the same meaning")
    return 1 if found else 0
