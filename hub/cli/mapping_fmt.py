"""``hub mapping fmt [--check] [FILE…]``: mapping files and cases in the one layout; what they mean stays."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from hub.cli.options import HERE, WorkspaceOption

if TYPE_CHECKING:
    from hub.model.diagnostic import Diagnostic

CASES = ".cases.yaml"


def register(group: typer.Typer) -> None:
    @group.command("fmt")
    def fmt(
        files: Annotated[list[Path] | None, typer.Argument(help="Default: all of the mappings folder.")] = None,
        check: Annotated[bool, typer.Option("--check", help="Only say which files would change.")] = False,
        workspace: WorkspaceOption = HERE,
    ) -> int:
        """Write mapping files in the canonical layout. Exit 1 when --check finds one that is not."""
        return mapping_fmt(workspace, files or (), check=check)


def mapping_fmt(root: Path, files: Sequence[Path], *, check: bool) -> int:
    """Format files (or the workspace's own); 0 fine, 1 when a file is no YAML, or with ``check`` would change."""
    from hub.mapping.format import formatted

    wrong: list[Diagnostic] = []
    changed: list[Path] = []
    chosen = _files(root, files)
    for file in chosen:
        source = file.read_bytes().decode("utf-8-sig")
        found = formatted(source, str(file), mapping=not file.name.endswith(CASES))
        wrong += found.findings
        if found.text != source:
            changed.append(file)
            if not check:
                file.write_text(found.text, "utf-8", newline="\n")
    _tell(chosen, changed, wrong, check=check)
    return 1 if wrong or (check and changed) else 0


def _files(root: Path, files: Sequence[Path]) -> list[Path]:
    from hub.errors import UsageError
    from hub.settings import load_settings

    missing = [file for file in files if not file.is_file()]
    if missing:
        raise UsageError(f"there is no file {missing[0]}", fix="hub mapping fmt [FILE…]")
    return list(files) or sorted((root / load_settings(root).mappings).rglob("*.yaml"))


def _tell(chosen: Sequence[Path], changed: Sequence[Path], wrong: Sequence[Diagnostic], *, check: bool) -> None:
    from hub.cli.render import finding_text

    for finding in wrong:
        print(finding_text(finding))
    for file in changed:
        print(f"{'would change' if check else 'formatted'} {file}")
    if not changed and not wrong:
        print(f"{len(chosen)} files are in the canonical layout")
