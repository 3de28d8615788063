"""``hub mapping test`` runs the cases beside each mapping; ``hub mapping show`` prints what a table says."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from importlib import import_module
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from hub.cli.options import HERE, Format, FormatOption, WorkspaceOption

if TYPE_CHECKING:
    from hub.bootstrap import Workspace
    from hub.mapping.cases import CasesReport
    from hub.mapping.table import IntegrationDef, Row, TableDef

CASES = ".cases.yaml"
PARTS = ("mapping_diff", "mapping_impact", "mapping_fmt", "mapping_schema")
"""Modules of this room whose commands stand in this group, in the order ``hub mapping --help`` lists them."""


def register(app: typer.Typer) -> None:
    group = typer.Typer(help="Mapping files: run their cases, show what they say.", no_args_is_help=True)
    app.add_typer(group, name="mapping")

    @group.command("test")
    def test(
        files: Annotated[list[Path] | None, typer.Argument(help="Mapping files; default: the workspace's.")] = None,
        workspace: WorkspaceOption = HERE,
        form: FormatOption = Format.text,
    ) -> int:
        """Run *.cases.yaml beside the mappings. Exit 1 when a case fails."""
        return mapping_test_command(workspace, files or (), form)

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


def mapping_test_command(root: Path, files: Sequence[Path], form: Format) -> int:
    """Check, compile and run; what does not pass the check is not run."""
    from hub.bootstrap import open_workspace
    from hub.cli.check import CheckFormat, check_files, show
    from hub.cli.render import document
    from hub.errors import UsageError
    from hub.mapping import cases_render

    missing = [file for file in files if not file.is_file()]
    if missing:
        raise UsageError(f"there is no file {missing[0]}", fix="hub mapping test [FILE…]")
    space = open_workspace(root)
    built, findings = check_files(space, [file for file in files if not file.name.endswith(CASES)])
    if any(finding.level == "error" for finding in findings):
        show(findings, built, CheckFormat(form.value))
        return 1
    reports = [
        report
        for each in built
        if each.definition is not None
        for report in _reports(space, _path(space, each.file), each.definition)
    ]
    document(cases_render.rows(reports)) if form is Format.json else print(cases_render.text(reports))
    return 1 if any(report.failed for report in reports) else 0


def _path(space: Workspace, name: str) -> Path:
    """The file a finding names: as given, or seen from the workspace."""
    return Path(name) if Path(name).is_file() else space.root / name


def _reports(space: Workspace, mapping: Path, definition: IntegrationDef) -> Iterator[CasesReport]:
    """The report of the cases file beside a mapping, where there is one."""
    from hub.errors import ConfigError
    from hub.mapping.case_file import read_cases
    from hub.mapping.cases import run_cases
    from hub.mapping.compile import CompileContext, compile_integration

    file = mapping.with_name(mapping.name.removesuffix(".yaml") + CASES)
    if not file.is_file():
        return
    cases = read_cases(file.read_bytes(), str(file))
    if cases.findings:
        raise ConfigError(f"{file}: {len(cases.findings)} problems", cases.findings, where=str(file))
    actions = {(name, action.name): action for name, spec in space.specs.items() for action in spec.actions}
    compiled = compile_integration(definition, CompileContext(space.schemas, space.people, actions))
    yield run_cases(
        cases,
        compiled,
        schemas=space.schemas,
        decode=lambda connection, headers, body: space.connector(connection).decode(headers, body),
        read_file=lambda name: (file.parent / name).read_bytes(),
        action_of=lambda connection, action: actions.get((connection, action)),
    )


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
