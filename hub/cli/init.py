"""``hub init``: a new workspace folder, ready for ``hub run``."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from hub.cli.options import Format, FormatOption

HUB_YAML = """\
# This workspace. Everything else has a default; docs/operations.md lists every key.
language: {language}
governance: off            # on: a mapping version goes live only after the roles in change.review approved it
listen: 127.0.0.1:8700
connections:
  # url: builtin starts a friendly stand-in; write your own address and credentials in its place.
  # Secrets only by reference: env:NAME, file:path, keyring:service/name
  jira: {{url: builtin, secret: env:HUB_JIRA_SECRET}}
  trello: {{url: builtin, secret: env:HUB_TRELLO_SECRET}}
  erp: {{url: builtin}}
  mail: {{url: builtin}}
"""


def register(app: typer.Typer) -> None:
    @app.command()
    def init(
        folder: Annotated[Path, typer.Argument(metavar="DIR", help="The new workspace.")] = Path(),
        language: Annotated[str, typer.Option(help="en or zh: the language of messages to people.")] = "en",
        form: FormatOption = Format.text,
    ) -> None:
        """Make a workspace: hub.yaml, mappings/, schemas/, people.yaml."""
        from hub.cli.render import document

        made = make_workspace(folder, language)
        if form is Format.json:
            document({"workspace": str(folder), "made": made})
            return
        for name in made:
            print(f"made {folder / name}")
        print(f"next: hub check -w {folder} && hub run -w {folder}")


def make_workspace(folder: Path, language: str) -> list[str]:
    """Write what is not there yet; gives what was written. Never touches an existing file."""
    from hub.errors import UsageError

    if (folder / "hub.yaml").exists():
        raise UsageError(
            f"{folder} is a workspace already", where=str(folder / "hub.yaml"), fix="choose another folder"
        )
    made = ["hub.yaml"]
    for name in ("mappings", "schemas"):
        (folder / name).mkdir(parents=True, exist_ok=True)
    (folder / "hub.yaml").write_text(HUB_YAML.format(language=language), "utf-8")
    return made + [name for name in _shipped() if _copy(name, folder)]


def _root() -> Path:
    """Where the shipped examples lie: beside the package, in a checkout."""
    return Path(__file__).parents[2]


def _shipped() -> list[str]:
    root = _root()
    patterns = ("schemas/*/*.json", "mappings/*.yaml", "people.yaml")
    return [str(file.relative_to(root)) for pattern in patterns for file in sorted(root.glob(pattern))]


def _copy(name: str, folder: Path) -> bool:
    target = folder / name
    if target.exists():
        return False
    target.parent.mkdir(parents=True, exist_ok=True)
    target.write_bytes((_root() / name).read_bytes())
    return True
