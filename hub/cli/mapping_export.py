"""``hub mapping export`` and ``import``: the table as an Excel workbook and, edited, back into the YAML file."""

from __future__ import annotations

import difflib
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from hub.cli.options import HERE, Format, FormatOption, WorkspaceOption

if TYPE_CHECKING:
    from hub.bootstrap import Workspace
    from hub.mapping.build import Built
    from hub.mapping.table import IntegrationDef


def register(group: typer.Typer) -> None:
    @group.command("export")
    def export(
        file: Annotated[Path, typer.Argument(metavar="FILE.xlsx", help="The workbook to write.")],
        integration: Annotated[str, typer.Option(help="Which integration; default: the only one.")] = "",
        workspace: WorkspaceOption = HERE,
    ) -> None:
        """Write an integration as an Excel workbook: definitions, sources, owners, value maps."""
        _export(workspace, file, integration)

    @group.command("import")
    def import_(
        file: Annotated[Path, typer.Argument(metavar="FILE.xlsx", help="The edited workbook.")],
        dry_run: Annotated[bool, typer.Option("--dry-run", help="Show the patch, write nothing.")] = False,
        workspace: WorkspaceOption = HERE,
        form: FormatOption = Format.text,
    ) -> int:
        """Bring the edits of a workbook into the mapping file, checked, comments kept. Exit 1 on findings."""
        return _import(workspace, file, dry_run, form)


def _chosen(space: Workspace, name: str) -> Built:
    """The file of an integration. Raises ``NotFound`` or ``UsageError``."""
    from hub.errors import NotFound, UsageError

    known = {one.definition.name: one for one in space.built if one.definition is not None}
    if not name and len(known) != 1:
        raise UsageError("which integration?", fix=f"--integration {' or '.join(sorted(known))}")
    found = known.get(name or next(iter(known)))
    if found is None:
        raise NotFound(f"there is no integration {name!r}", why=f"known: {', '.join(sorted(known))}")
    return found


def _own(built: Built) -> IntegrationDef:
    """The definition over the file's own text, shared files apart."""
    assert built.definition is not None
    return replace(built.definition, source=built.text)


def _export(root: Path, file: Path, name: str) -> None:
    from hub.bootstrap import open_workspace
    from hub.mapping.build_governance import EVERY_WORDS
    from hub.mapping.spreadsheet import sheets
    from hub.mapping.spreadsheet_book import write

    space = open_workspace(root)
    definition = _own(_chosen(space, name))
    cells = sheets(definition)
    roles = sorted({role for person in space.people.all for role in person.roles})
    privacy = sorted({"personal", "finance", "internal", *(row["privacy"] for row in cells.rows.values())} - {""})
    choices = {"owner": roles, "review": roles, "every": [*EVERY_WORDS, "5m"], "privacy": privacy}
    about = {"integration": definition.name, "table": definition.table}
    file.write_bytes(write(cells, about, choices))
    print(f"wrote {file}: {len(cells.rows)} rows, {sum(map(len, cells.values.values()))} value-map entries")


def _import(root: Path, file: Path, dry_run: bool, form: Format) -> int:
    from hub.bootstrap import open_workspace
    from hub.cli.render import document
    from hub.errors import ConfigError, UsageError
    from hub.mapping.spreadsheet_book import parse
    from hub.mapping.spreadsheet_patch import patched

    if not file.is_file():
        raise UsageError(f"there is no file {file}", fix="hub mapping import FILE.xlsx")
    space = open_workspace(root)
    cells, about = parse(file.read_bytes())
    built = _chosen(space, about.get("integration", ""))
    definition = _own(built)
    if about.get("table") != definition.table:
        raise ConfigError(
            f"{definition.name} has changed since the workbook was made",
            where=built.file,
            why=f"the workbook shows {about.get('table', '')[:12]}, the file says {definition.table[:12]}",
            fix="export again and repeat the edits",
        )
    text, done = patched(definition, cells)
    if code := _wrong(space, text, built, form):
        return code
    target = Path(built.file) if Path(built.file).is_file() else space.root / built.file
    if done and not dry_run:
        target.write_bytes(text.encode())
    if form is Format.json:
        said = [{"where": one.where, "before": one.before, "after": one.after} for one in done]
        document({"integration": definition.name, "written": bool(done) and not dry_run, "edits": said})
    else:
        _show(built, text, done=bool(done), written=not dry_run)
    return 0


def _wrong(space: Workspace, text: str, built: Built, form: Format) -> int:
    """Check the patched text as ``hub check`` would; 1 when it must not be written."""
    from hub.cli.check import CheckFormat, show
    from hub.mapping.build import build
    from hub.mapping.check.run import check_integrations
    from hub.mapping.files import folder

    library = folder((space.root / space.settings.mappings), str(Path(built.file).parent))
    new = build(text, built.file, space.schemas.newest, library)
    errors = [one for one in check_integrations([new], space.check_context) if one.level == "error"]
    if errors:
        show(errors, [new], CheckFormat(form.value))
    return 1 if errors else 0


def _show(built: Built, text: str, *, done: bool, written: bool) -> None:
    if not done:
        print("nothing changed")
        return
    lines = (built.text.splitlines(keepends=True), text.splitlines(keepends=True))
    print("".join(difflib.unified_diff(*lines, built.file, built.file, n=0)), end="")
    print(f"wrote {built.file}" if written else "nothing written (--dry-run)")
