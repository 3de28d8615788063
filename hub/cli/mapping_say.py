"""What integrations say, row by row: the listing of ``hub mapping show``."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from hub.cli.options import Format

if TYPE_CHECKING:
    from hub.bootstrap import Workspace
    from hub.mapping.table import IntegrationDef, Row, TableDef


def say(space: Workspace, integration: str, form: Format) -> int:
    """Print what mapping files say, row by row."""
    from hub.cli.render import document
    from hub.errors import NotFound

    known = list(space.definitions.values())
    chosen = [each for each in known if integration in ("", each.name)]
    if not chosen:
        names = ", ".join((*space.schemas.kinds, *(one.name for one in known)))
        raise NotFound(f"there is no entity and no integration {integration!r}", why=f"known: {names}")
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
