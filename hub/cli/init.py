"""``hub init``: a new workspace folder, ready for ``hub run``."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from hub.cli.options import Format, FormatOption

HUB_YAML = """\
# This workspace. Everything else has a default; docs/operations.md lists every key.
# 本工作区的设置。其余各项都有默认值；docs/operations.md 列出每一个键。
language: {language}
# on: a mapping version goes live only after the roles in change.review approved it
# on：映射表的新版本须经 change.review 中的角色批准后才生效
governance: off
listen: 127.0.0.1:8700
connections:
  # url: builtin starts a friendly stand-in; write your own address and credentials in its place.
  # url: builtin 启动自带的模拟系统；换成自己的地址和凭证即可接入真实系统。
  # Secrets only by reference: env:NAME, file:path, keyring:service/name. Those in secrets/ were made up by hub init
  # for this workspace alone; the same text goes into the webhook's settings in Jira and Trello.
  # 密钥只写引用：env:名称、file:路径、keyring:服务/名称。secrets/ 里的密钥由 hub init 随机生成，仅供本工作区；
  # 在 Jira、Trello 的 webhook 设置里填同样的内容。
  jira: {{url: builtin, secret: "file:secrets/jira.txt"}}
  trello: {{url: builtin, secret: "file:secrets/trello.txt"}}
  erp: {{url: builtin}}
  mail: {{url: builtin}}
"""
SIGNING = ("jira", "trello")


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

    if language not in ("en", "zh"):
        raise UsageError(f"--language is en or zh, not {language!r}")
    if (folder / "hub.yaml").exists():
        raise UsageError(
            f"{folder} is a workspace already", where=str(folder / "hub.yaml"), fix="choose another folder"
        )
    made = ["hub.yaml"]
    for name in ("mappings", "schemas"):
        (folder / name).mkdir(parents=True, exist_ok=True)
    (folder / "hub.yaml").write_text(HUB_YAML.format(language=language), "utf-8")
    made += [_secret(folder, name) for name in SIGNING if not (folder / "secrets" / f"{name}.txt").exists()]
    if not (folder / ".gitignore").exists():
        (folder / ".gitignore").write_text(".hub/\nsecrets/\n", "utf-8")
        made.append(".gitignore")
    return made + [name for name in _shipped() if _copy(name, folder)]


def _secret(folder: Path, name: str) -> str:
    """A webhook secret nobody else has, readable by its owner alone."""
    import secrets

    file = folder / "secrets" / f"{name}.txt"
    file.parent.mkdir(mode=0o700, exist_ok=True)
    file.touch(mode=0o600)
    file.write_text(f"sample-{secrets.token_urlsafe(24)}\n", "utf-8")
    return str(file.relative_to(folder))


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
