"""``hub check [FILE…]``: everything wrong with mapping files, at once, each with its line, why and fix."""

from __future__ import annotations

import sys
from collections.abc import Sequence
from dataclasses import replace
from enum import StrEnum
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from hub.cli.options import HERE, WorkspaceOption

if TYPE_CHECKING:
    from hub.bootstrap import Workspace
    from hub.mapping.build import Built
    from hub.model.diagnostic import Diagnostic


class CheckFormat(StrEnum):
    text = "text"
    json = "json"
    github = "github"
    sarif = "sarif"


CLEAR = "\x1b[2J\x1b[H"


def register(app: typer.Typer) -> None:
    @app.command()
    def check(
        files: Annotated[list[Path] | None, typer.Argument(help="Mapping files; default: the workspace's.")] = None,
        workspace: WorkspaceOption = HERE,
        form: Annotated[CheckFormat, typer.Option("--format", help="How findings are written.")] = CheckFormat.text,
        explain: Annotated[str, typer.Option(metavar="RULE", help="Print what a rule asks for, and why.")] = "",
        thorough: Annotated[bool, typer.Option("--all", help="Also schema values that no row gives.")] = False,
        watch: Annotated[bool, typer.Option("--watch", help="Check again whenever a file changes.")] = False,
    ) -> int:
        """Check mapping files against schemas, connectors and people. Exit 1 when something is wrong."""
        if explain:
            return explain_command(explain)
        if watch:
            return watch_command(workspace, files or (), form)
        return check_command(workspace, files or (), form, thorough=thorough)


def explain_command(rule: str) -> int:
    """The page of one rule."""
    from hub.mapping.check.explain import explain

    print(explain(rule))
    return 0


def watch_command(root: Path, files: Sequence[Path], form: CheckFormat) -> int:
    """Check, and check again after every change, until Ctrl-C."""
    from hub.cli.check_watch import pause, stamps, watch
    from hub.cli.render import explain
    from hub.errors import HubError

    def work() -> None:
        print(CLEAR if sys.stdout.isatty() else "", end="")
        try:
            check_command(root, files, form)
        except HubError as error:  # half a file, half a hub.yaml: the next save may be whole
            explain(error)
        sys.stdout.flush()

    watch(lambda: stamps(root, files), work, pause)
    return 0


def check_command(root: Path, files: Sequence[Path], form: CheckFormat, *, thorough: bool = False) -> int:
    """Check files (or the workspace's own) and print every finding; 0 fine, 1 findings."""
    from hub.bootstrap import open_workspace
    from hub.cli.governed import notes
    from hub.errors import ConfigError, UsageError

    missing = [file for file in files if not file.is_file()]
    if missing:
        raise UsageError(f"there is no file {missing[0]}", fix="hub check [FILE…]")
    built: Sequence[Built] = ()
    try:
        space = open_workspace(root)
        built, findings = check_files(space, files, thorough=thorough)
    except ConfigError as error:  # hub.yaml, people.yaml or a schema: findings like any other
        if not error.findings:
            raise
        findings = list(error.findings)
    show(findings, built, form)
    wrong = any(finding.level == "error" for finding in findings)
    if form is CheckFormat.text and not files and not wrong:
        print("\n".join(notes(space)), end="\n" if notes(space) else "")
    return 1 if wrong else 0


def check_files(
    space: Workspace, files: Sequence[Path], *, thorough: bool = False
) -> tuple[Sequence[Built], list[Diagnostic]]:
    """The files (without any: the workspace's own) as built, and what is wrong with them in this workspace."""
    from hub.mapping.build import build_file
    from hub.mapping.check.run import check_integrations

    built = [build_file(file, space.schemas.newest) for file in files] if files else space.built
    findings = check_integrations(built, replace(space.check_context, thorough=thorough))
    if not any(finding.level == "error" for finding in findings):
        findings += _unloadable(space, built) or _uncovered(space, built)
    return built, findings


def _unloadable(space: Workspace, built: Sequence[Built]) -> list[Diagnostic]:
    """What only making the files ready to run brings out: what passes the check loads."""
    from hub.errors import ConfigError
    from hub.versions import compiled

    found: list[Diagnostic] = []
    for each in built:
        try:
            if each.definition is not None:
                compiled(space, each.definition)
        except ConfigError as error:
            found += error.findings
    return found


def _uncovered(space: Workspace, built: Sequence[Built]) -> list[Diagnostic]:
    """Rows and value-map entries the cases beside a mapping do not use; problems of a cases file itself."""
    from hub.cli.mapping_test import cased
    from hub.errors import ConfigError, HubError
    from hub.mapping.check import uncovered_case
    from hub.mapping.check.checked import Checked

    unused: dict[str, frozenset[str]] = {}
    found: list[Diagnostic] = []
    for each in built:
        try:
            for one in cased(space, [each]):
                unused[one.definition.name] = frozenset(one.run(one.definition).coverage.unused)
        except ConfigError as error:
            found += error.findings
        except HubError:  # a case that cannot run at all: hub mapping test says so
            continue
    context = replace(space.check_context, uncovered=unused)
    return [*found, *uncovered_case.check(Checked(built, context))] if any(unused.values()) else found


def show(findings: Sequence[Diagnostic], built: Sequence[Built], form: CheckFormat) -> None:
    """Print findings; JSON and SARIF are one document, also when there is nothing to say."""
    from hub.cli.render import document
    from hub.mapping.check import render

    match form:
        case CheckFormat.json:
            document(render.rows(findings))
        case CheckFormat.sarif:
            document(render.sarif(findings))
        case CheckFormat.github:
            print(render.github(findings), end="\n" if findings else "")
        case CheckFormat.text:
            print(render.text(findings, _sources(findings, built)))
            if not findings:
                print(f"{len(built)} files checked")


def _sources(findings: Sequence[Diagnostic], built: Sequence[Built]) -> dict[str, str]:
    """Every file findings point into: mappings as they were read, others (hub.yaml, people.yaml, cases) from disk."""
    known = {name: text for file in built for name, text in _texts(file)}
    for name in {finding.place.file for finding in findings} - known.keys():
        file = Path(name)
        if file.is_file():
            known[name] = file.read_bytes().decode("utf-8-sig", "replace")
    return known


def _texts(built: Built) -> list[tuple[str, str]]:
    """The file and the shared files it uses, as findings call them."""
    return [(built.file, built.text), *built.others.items()]
