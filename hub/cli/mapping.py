"""``hub mapping``: the group of everything about mapping files; ``show`` prints what they say."""

from __future__ import annotations

from importlib import import_module
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from hub.cli.options import HERE, Format, FormatOption, WorkspaceOption

if TYPE_CHECKING:
    from hub.mapping.table import IntegrationDef, Row, TableDef

PARTS = ("mapping_test", "mapping_diff", "mapping_impact", "mapping_fmt", "mapping_schema")
"""Modules of this room whose commands stand in this group, in the order ``hub mapping --help`` lists them."""


def register(app: typer.Typer) -> None:
    group = typer.Typer(help="Mapping files: run their cases, show what they say.", no_args_is_help=True)
    app.add_typer(group, name="mapping")

    @group.command("show")
    def show(
        integration: Annotated[str, typer.Argument(help="Name of an integration; default: all.")] = "",
        workspace: WorkspaceOption = HERE,
        form: FormatOption = Format.text,
    ) -> int:
        """Print each row with source, converter, owner and meaning, and the two hashes."""
        return mapping_show(workspace, integration, form)

    for name in PARTS:
        import_module(f"hub.cli.{name}").register(group)


def mapping_show(root: Path, integration: str, form: Format) -> int:
    """Print what mapping files say, row by row."""
    from hub.bootstrap import open_workspace
    from hub.cli.render import document
    from hub.errors import NotFound

    space = open_workspace(root)
    known = list(space.definitions.values())
    chosen = [each for each in known if integration in ("", each.name)]
    if not chosen:
        raise NotFound(f"there is no integration {integration!r}", why=f"known: {', '.join(d.name for d in known)}")
    if form is Format.json:
        document([_json(each) for each in chosen])
    else:
        for each in chosen:
            _print(each)
    return 0


def _json(definition: IntegrationDef) -> dict[str, Any]:
    return {
        "integration": definition.name,
        "title": dict(definition.title),
        "owner": definition.owner,
        "logic": definition.logic,
        "table": definition.table,
        "tables": [
            {"entity": t.entity, "stream": t.stream, "rows": [_row(row) for row in t.rows]} for t in definition.tables
        ],
        "loops": [
            {"loop": loop.name, "for": loop.entity, "steps": [step.name for step in loop.steps]}
            for loop in definition.loops
        ],
    }


def _row(row: Row) -> dict[str, Any]:
    told = row.governance
    return {
        "field": row.field,
        "from": _source(row),
        "as": f"{row.convert.name} {row.convert.argument}".strip() if row.convert else "",
        "owner": told.owner,
        "every": told.every,
        "privacy": told.privacy,
        "means": dict(told.means),
    }


def _source(row: Row) -> str:
    if row.value is not None:
        return row.value.text
    if row.has_const:
        return f"const {row.const}"
    return " | ".join(path.text for path in row.sources)


def _print(definition: IntegrationDef) -> None:
    from hub.cli.render import table

    print(
        f"{definition.name}  logic {definition.logic[:12]}  table {definition.table[:12]}  owner {definition.owner}"
    )
    for each in definition.tables:
        print(f"\n{each.entity} ← {each.stream}  {_only(each)}".rstrip())
        cells = [_row(row) for row in each.rows]
        heads = ("field", "from", "as", "owner", "every", "means")
        lines = [[cell[head] for head in heads[:-1]] + [" / ".join(cell["means"].values())] for cell in cells]
        table(heads, lines, empty="no rows")
    for loop in definition.loops:
        print(f"\nloop {loop.name} for {loop.entity}: {', '.join(step.name for step in loop.steps)}")


def _only(found: TableDef) -> str:
    return f"only {found.only.text}" if found.only else ""
