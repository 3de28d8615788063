"""``hub mapping test``: the cases beside each mapping; ``--update`` after a diff, ``--mutate`` to test the cases."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from hub.cli.options import HERE, Format, FormatOption, WorkspaceOption

if TYPE_CHECKING:
    from hub.bootstrap import Workspace
    from hub.mapping.build import Built
    from hub.mapping.case_file import CaseFile
    from hub.mapping.cases import CasesReport
    from hub.mapping.mutate import Mutant
    from hub.mapping.table import IntegrationDef

    Run = Callable[[CaseFile, IntegrationDef], CasesReport]

CASES = ".cases.yaml"
MAPPINGS = "Mapping files; default: the workspace's."
PASSES = 3
"""A case that says otherwise whether a loop fires may only then have to say what is missing, and then the steps."""
Ask = Callable[[str], bool]


def register(group: typer.Typer) -> None:
    @group.command("test")
    def test(
        files: Annotated[list[Path] | None, typer.Argument(help=MAPPINGS)] = None,
        update: Annotated[bool, typer.Option("--update", help="Let cases say what came out, after a diff.")] = False,
        yes: Annotated[bool, typer.Option("--yes", help="With --update: do not ask.")] = False,
        mutate: Annotated[bool, typer.Option("--mutate", help="Make mistakes: do the cases notice?")] = False,
        survivors: Annotated[int, typer.Option(help="With --mutate: how many unnoticed ones are fine.")] = 0,
        workspace: WorkspaceOption = HERE,
        form: FormatOption = Format.text,
    ) -> int:
        """Run *.cases.yaml beside the mappings. Exit 1 when a case fails or a mistake goes unnoticed."""
        if mutate:
            return mutate_command(workspace, files or (), form, survivors)
        if update:
            return update_command(workspace, files or (), (lambda question: True) if yes else typer.confirm)
        return mapping_test_command(workspace, files or (), form)


@dataclass(frozen=True, slots=True)
class Cased:
    """A mapping with the cases beside it."""

    file: Path
    definition: IntegrationDef
    run: Callable[[IntegrationDef], CasesReport]
    """Compile a definition (this one, or one with a mistake) and run the cases on it."""
    with_text: Callable[[str], CasesReport]
    """Run another text of the cases file."""


def mapping_test_command(root: Path, files: Sequence[Path], form: Format) -> int:
    """Check, compile and run; what does not pass the check is not run."""
    from hub.cli.render import document
    from hub.mapping import cases_render

    cased = _checked(root, files, form)
    if cased is None:
        return 1
    reports = [each.run(each.definition) for each in cased]
    document(cases_render.rows(reports)) if form is Format.json else print(cases_render.text(reports))
    return 1 if any(report.failed for report in reports) else 0


def update_command(root: Path, files: Sequence[Path], ask: Ask) -> int:
    """Show what would change in the cases, ask, write; 1 where a case fails for another reason or nobody agreed."""
    from hub.mapping.case_update import lasting, updated

    cased, left = _checked(root, files, Format.text), 0
    if cased is None:
        return 1
    for each in cased:
        report = each.run(each.definition)
        if not report.failed:
            print(f"{each.file}: {len(report.results)} cases hold")
            continue
        source = text = each.file.read_text("utf-8")
        for _ in range(PASSES):
            text = updated(text, report)
            report = each.with_text(text)
        print(_diff(source, text, str(each.file)), end="")
        if text != source and ask(f"write {each.file}?"):
            each.file.write_text(text, "utf-8", newline="\n")
        else:
            left += 1
        for result in lasting(report):
            left += 1
            print(f"{result.case.place}: still fails: {result.case.name}: {'; '.join(result.problems)}")
    return 1 if left else 0


def _diff(before: str, after: str, file: str) -> str:
    import difflib

    lines = difflib.unified_diff(before.splitlines(True), after.splitlines(True), file, f"{file} (updated)", n=1)
    return "".join(lines)


def mutate_command(root: Path, files: Sequence[Path], form: Format, allowed: int) -> int:
    """Print every mistake no case notices; 1 when there are more than ``allowed``, or the cases fail as they are."""
    from hub.cli.render import document
    from hub.mapping.mutate import mutants, survivors

    cased = _checked(root, files, form)
    if cased is None:
        return 1
    found: list[tuple[Cased, int, tuple[Mutant, ...]]] = []
    for each in cased:
        if each.run(each.definition).failed:
            print(f"{each.file}: cases fail; run hub mapping test first")
            return 1
        made = list(mutants(each.definition))
        found.append((each, len(made), survivors(made, _passes(each))))
    document([_mutation(*one) for one in found]) if form is Format.json else _print(found)
    return 1 if sum(len(alive) for _, _, alive in found) > allowed else 0


def _passes(cased: Cased) -> Callable[[IntegrationDef], bool]:
    from hub.errors import HubError

    def passes(definition: IntegrationDef) -> bool:
        try:
            return not cased.run(definition).failed
        except HubError:  # it does not even compile: noticed
            return False

    return passes


def _mutation(cased: Cased, made: int, alive: Sequence[Mutant]) -> dict[str, Any]:
    rows = [{"line": one.place.line, "column": one.place.column, "mistake": one.words} for one in alive]
    return {"integration": cased.definition.name, "mistakes": made, "noticed": made - len(alive), "unnoticed": rows}


def _print(found: Sequence[tuple[Cased, int, Sequence[Mutant]]]) -> None:
    for cased, made, alive in found:
        for one in alive:
            print(f"{one.place}: no case notices: {one.words}")
        print(f"{cased.definition.name}: {made - len(alive)} of {made} mistakes noticed")


def _checked(root: Path, files: Sequence[Path], form: Format) -> list[Cased] | None:
    """The mappings that have cases; None (and every finding printed) where the check says no."""
    from hub.bootstrap import open_workspace
    from hub.cli.check import CheckFormat, check_files, show
    from hub.errors import UsageError

    missing = [file for file in files if not file.is_file()]
    if missing:
        raise UsageError(f"there is no file {missing[0]}", fix="hub mapping test [FILE…]")
    space = open_workspace(root)
    built, findings = check_files(space, [file for file in files if not file.name.endswith(CASES)])
    if any(finding.level == "error" for finding in findings):
        show(findings, built, CheckFormat(form.value))
        return None
    return list(cased(space, built))


def cased(space: Workspace, built: Sequence[Built]) -> Iterator[Cased]:
    """Every mapping that has a cases file beside it. Raises ``ConfigError`` for a cases file that is wrong."""
    from hub.errors import ConfigError
    from hub.mapping.case_file import read_cases

    for each in built:
        mapping = Path(each.file) if Path(each.file).is_file() else space.root / each.file
        file = mapping.with_name(mapping.name.removesuffix(".yaml") + CASES)
        if each.definition is None or not file.is_file():
            continue
        cases = read_cases(file.read_bytes(), str(file))
        if cases.findings:
            raise ConfigError(f"{file}: {len(cases.findings)} problems", cases.findings, where=str(file))
        yield _cased(file, each.definition, cases, _runner(space, file))


def _cased(file: Path, definition: IntegrationDef, cases: CaseFile, run: Run) -> Cased:
    from hub.mapping.case_file import read_cases

    return Cased(
        file,
        definition,
        run=lambda other: run(cases, other),
        with_text=lambda text: run(read_cases(text, str(file)), definition),
    )


def _runner(space: Workspace, file: Path) -> Run:
    from hub.mapping.cases import run_cases
    from hub.mapping.compile import CompileContext, compile_integration

    actions = {(name, action.name): action for name, spec in space.specs.items() for action in spec.actions}
    context = CompileContext(space.schemas, space.people, actions)

    def run(cases: CaseFile, definition: IntegrationDef) -> CasesReport:
        return run_cases(
            cases,
            compile_integration(definition, context),
            schemas=space.schemas,
            decode=lambda connection, headers, body: space.connector(connection).decode(headers, body),
            read_file=lambda name: _body(file.parent / name),
            action_of=lambda connection, action: actions.get((connection, action)),
        )

    return run


def _body(file: Path) -> bytes:
    from hub.errors import NotFound

    if not file.is_file():
        raise NotFound(f"there is no file {file}", why="a case hands it over as a delivery")
    return file.read_bytes()
