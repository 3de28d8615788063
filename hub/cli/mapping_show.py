"""``hub mapping show [INTEGRATION | ENTITY] [--row F]``: rows with what they inherit, who reads them, what came."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from hub.cli.options import HERE, Format, FormatOption, WorkspaceOption

if TYPE_CHECKING:
    from hub.bootstrap import Workspace
    from hub.mapping.table import IntegrationDef, Row, TableDef

VALUES_MAX = 5
ENTITIES_MAX = 500
"""How many of the newest entities are looked at for values."""


def register(group: typer.Typer) -> None:
    @group.command("show")
    def show(
        name: Annotated[str, typer.Argument(help="An entity or an integration; default: all.")] = "",
        row: Annotated[str, typer.Option("--row", metavar="FIELD", help="Only this field.")] = "",
        workspace: WorkspaceOption = HERE,
        form: FormatOption = Format.text,
    ) -> int:
        """Print rows with source, owner and meaning; of an entity also readers, last values and refusals."""
        return show_command(workspace, name, row, form)


def show_command(root: Path, name: str, row: str, form: Format) -> int:
    """An entity's rows, or what integrations say."""
    from hub.bootstrap import open_workspace
    from hub.cli.mapping_say import say
    from hub.cli.render import document
    from hub.errors import UsageError

    space = open_workspace(root)
    if name not in space.schemas.kinds:
        if row:
            raise UsageError("--row needs an entity", fix=f"hub mapping show {space.schemas.kinds[0]} --row {row}")
        return say(space, name, form)
    shown = entity_rows(space, name, row)
    document(shown) if form is Format.json else _print(shown)
    return 0


def entity_rows(space: Workspace, kind: str, field: str) -> dict[str, Any]:
    """Every row that feeds the entity (or one field of it), with its lineage both ways."""
    from hub.errors import NotFound

    definitions = list(space.definitions.values())
    pairs = [(d, t) for d in definitions for t in d.tables if t.entity == kind]
    rows = [(d, t, row) for d, t in pairs for row in t.rows if field in ("", row.field)]
    if field and not rows:
        known = ", ".join(sorted({row.field for _, table in pairs for row in table.rows})) or "none"
        raise NotFound(f"no row fills {kind}.{field}", why=f"rows of {kind}: {known}")
    seen = _Seen(space, kind)
    return {"entity": kind, "rows": [_row(space, definitions, one, seen) for one in rows]}


def _row(
    space: Workspace, definitions: Sequence[IntegrationDef], found: tuple[IntegrationDef, TableDef, Row], seen: _Seen
) -> dict[str, Any]:
    from hub.mapping.readers import readers

    definition, table, row = found
    name, told = f"{table.name}.{row.field}", row.governance
    schema = space.schemas.get(table.entity, table.version or None)
    return {
        "row": name,
        "place": str(row.place),
        "field": row.field,
        "type": schema.x_type(row.field) if schema and row.field in schema.fields else "",
        **_says(row),
        "required": row.required,
        "owner": told.owner,
        "every": told.every,
        "privacy": told.privacy,
        "review": list(told.review or definition.review),
        "zone": row.zone,
        "means": dict(told.means),
        "comes_from": {"connection": table.connection, "stream": table.stream, "paths": _paths(row)},
        "read_by": [
            {"integration": one.integration, "where": one.where, "text": one.text, "place": str(one.place)}
            for one in readers(definitions, table.entity, row.field)
        ],
        "seen": seen.values(row.field),
        "quarantined": seen.quarantined.get(name, 0),
    }


def _says(row: Row) -> dict[str, Any]:
    """What the row itself says, key by key as in the file; what it does not say is left out."""
    convert = f"{row.convert.name} {row.convert.argument}".strip() if row.convert else ""
    values = None if row.values is None else dict(row.values)
    otherwise = None if row.values is None else row.otherwise.kind
    said = {
        "from": [path.text for path in row.sources],
        "value": row.value.text if row.value else "",
        "const": row.const,
        "default": row.default,
        "values": values,
        "otherwise": otherwise,
        "as": convert,
    }
    return {key: value for key, value in said.items() if value not in (None, "", [])}


def _paths(row: Row) -> list[str]:
    """The source paths of a row and of the rows inside it."""
    own = [path.text for path in row.sources]
    each = [row.each[1].text] if row.each else []
    return [*own, *each, *(path for inner in row.rows for path in _paths(inner))]


class _Seen:
    """What the store knows; nothing where there is no store yet."""

    def __init__(self, space: Workspace, kind: str) -> None:
        self.states: list[tuple[str, Mapping[str, Any]]] = []
        self.quarantined: Mapping[str, int] = Counter()
        if not store_exists(space):
            return
        from hub.store.queries.entities import newest
        from hub.store.queries.records import quarantined_by_row

        with space.store.read() as db:
            self.states = [(one.label or one.key, one.state) for one in newest(db, kind, ENTITIES_MAX)]
            self.quarantined = quarantined_by_row(db)

    def values(self, field: str) -> list[dict[str, Any]]:
        """The newest different values, each with an entity that has it and how many do."""
        found: dict[str, dict[str, Any]] = {}
        for label, state in self.states:
            value = state.get(field)
            if value is not None:
                entry = found.setdefault(repr(value), {"value": value, "of": label, "n": 0})
                entry["n"] += 1
        return list(found.values())[:VALUES_MAX]


def store_exists(space: Workspace) -> bool:
    """Whether the hub ever ran here: looking must not make a database."""
    kind, _, path = space.settings.store.partition(":")
    return kind != "sqlite" or (space.root / path.removeprefix("///")).is_file()


def _print(shown: Mapping[str, Any]) -> None:
    for number, row in enumerate(shown["rows"]):
        if number:
            print()
        print(f"{shown['entity']}.{row['field']}  {row['type']}  {row['place']}")
        for name, words in _lines(row):
            print(f"  {name.ljust(11)} {words}")


def _words(value: Any) -> str:
    """A value for people: money as one word."""
    if isinstance(value, dict) and value.keys() == {"amount", "currency"}:
        return f"{value['amount']} {value['currency']}"
    return str(value)


def _lines(row: Mapping[str, Any]) -> Iterator[tuple[str, str]]:
    paths = " | ".join(row["comes_from"]["paths"]) or row.get("value") or f"const {row.get('const')}"
    yield "from", f"{row['comes_from']['stream']}  {paths}"
    for key in ("default", "as"):
        if key in row:
            yield key, str(row[key])
    if "values" in row:
        listed = ", ".join(f"{source} → {target}" for source, target in row["values"].items())
        yield "values", f"{listed}; otherwise {row['otherwise']}"
    if row["means"]:
        yield "means", " / ".join(row["means"].values())
    privacy = f", privacy {row['privacy']}" if row["privacy"] else ""
    required = ", required" if row["required"] else ""
    yield (
        "owner",
        f"{row['owner']}, every {row['every']}{privacy}{required}, review {', '.join(row['review']) or '—'}",
    )
    for reader in row["read_by"]:
        yield "read by", f"{reader['where']}: {reader['text']}  ({reader['place']})"
    for value in row["seen"]:
        yield "seen", f"{_words(value['value'])}  ({value['of']}, {value['n']} in all)"
    if row["quarantined"]:
        yield "quarantine", f"{row['quarantined']} records wait because of this row: hub quarantine list"
