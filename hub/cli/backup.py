"""``hub backup DIR``: copy the database and the workspace's files while the hub runs, check the copy, put one back.

A restored workspace sends nothing until somebody has looked (``hub reconcile``, ``hub resume``), and asks every
target before it makes a document it may have made already.
"""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from hub.cli.options import HERE, Format, FormatOption, WorkspaceOption

if TYPE_CHECKING:
    from hub.bootstrap import Workspace


def register(app: typer.Typer) -> None:
    @app.command()
    def backup(
        folder: Annotated[Path, typer.Argument(metavar="DIR", help="The backup: a folder.")],
        check: Annotated[
            bool, typer.Option("--check", help="Look whether a backup is sound; write nothing.")
        ] = False,
        restore: Annotated[bool, typer.Option("--restore", help="Put a backup back into the workspace.")] = False,
        who: Annotated[str, typer.Option("--as", help="Who restores: a person of people.yaml.")] = "",
        why: Annotated[str, typer.Option("--why", help="The reason; it is kept.")] = "",
        workspace: WorkspaceOption = HERE,
        form: FormatOption = Format.text,
    ) -> int:
        """Copy the workspace and its database while it runs, and check the copy; --restore puts one back."""
        from hub.cli.backup_folder import check as checked
        from hub.errors import UsageError

        if check and restore:
            raise UsageError("--check or --restore, not both")
        if restore:
            return _restore(folder, workspace, who, why, form)
        manifest = {} if check else _make(workspace, folder)
        return _shown(folder, manifest, checked(folder), form)


def _make(root: Path, folder: Path) -> dict[str, Any]:
    from importlib.metadata import version

    from hub.bootstrap import open_workspace
    from hub.cli.backup_folder import make
    from hub.errors import NotFound
    from hub.model.clock import iso

    opened = open_workspace(root)
    database = _database(opened)
    if not database.exists():
        raise NotFound("there is no database yet", where=str(database), fix="hub run makes one")
    inside, outside = _names(opened)
    about = {"made_at": iso(opened.clock.now()), "hub": version("projops-hub"), "outside": outside}
    return make(opened.root, database, inside, folder, about)


def _database(opened: Workspace) -> Path:
    from hub.errors import UsageError

    if not opened.settings.store.startswith("sqlite"):
        raise UsageError(
            "hub backup copies an SQLite file",
            where="hub.yaml store",
            why="a database server has its own way to make a consistent copy",
            fix="pg_dump --format=custom, and copy hub.yaml, mappings/, schemas/ and people.yaml",
        )
    return opened.database


def _names(opened: Workspace) -> tuple[list[Path], list[str]]:
    """The workspace's files relative to it, and those that lie elsewhere."""
    root = opened.root.resolve()
    inside, outside = [], []
    for file in _files(opened):
        if file.is_relative_to(root):
            inside.append(file.relative_to(root))
        else:
            outside.append(str(file))
    return inside, outside


def _files(opened: Workspace) -> Iterator[Path]:
    settings = opened.settings
    for name in ("hub.yaml", settings.people, settings.mappings, settings.schemas):
        place = (opened.root / name).resolve()
        if place.is_dir():
            yield from sorted(one for one in place.rglob("*") if one.is_file())
        elif place.exists():
            yield place


def _shown(folder: Path, manifest: dict[str, Any], problems: list[dict[str, str]], form: Format) -> int:
    from hub.cli.backup_folder import read_manifest
    from hub.cli.render import document

    held = manifest or read_manifest(folder)
    if form is Format.json:
        said = {name: held[name] for name in ("made_at", "hub", "rows", "head", "outside")}
        document({"folder": str(folder), "ok": not problems, "problems": problems, **said})
        return 1 if problems else 0
    for one in problems:
        print(f"{folder}: {one['place']}: {one['what']}")
    if not problems:
        rows = held["rows"]
        print(f"{folder}: a sound backup of {held['made_at']}")
        print(f"  {rows['delivery']} deliveries, {rows['event']} events, {rows['effect']} effects")
        print(f"  head {held['head']['hash']}" if held["head"] else "  nothing was sealed yet")
    for name in held["outside"]:
        print(f"  not in it, because it lies outside the workspace: {name}")
    return 1 if problems else 0


# --- put it back


def _restore(folder: Path, root: Path, who: str, why: str, form: Format) -> int:
    from hub.cli.backup_folder import check, put_files, read_manifest
    from hub.cli.render import document
    from hub.engine.runlock import AlreadyServed, RunLock
    from hub.errors import UsageError

    if not who or not why.strip():
        raise UsageError("restoring needs --as PERSON and --why TEXT", why="an auditor will ask")
    manifest = read_manifest(folder)
    if problems := check(folder):
        return _shown(folder, manifest, problems, form)
    root.mkdir(parents=True, exist_ok=True)
    lock = RunLock(root / ".hub")
    try:
        lock.take()
    except AlreadyServed as error:
        raise UsageError(f"process {error.note.get('pid', '?')} serves the workspace", fix="stop it first") from error
    try:
        brought, kept = put_files(folder, root)
        aside, stopped = _put_back(folder, root, who, why, manifest["made_at"])
    finally:
        lock.release()
    said = {"restored": manifest["made_at"], "files": brought, "kept": kept, "aside": aside, "stopped": stopped}
    if form is Format.json:
        document(said)
    else:
        _say(said)
    return 0


def _put_back(folder: Path, root: Path, who: str, why: str, taken_at: str) -> tuple[str, list[str]]:
    """The copy, told that it is one, in the database's place; gives where the old one lies, and who is halted."""
    from hub.bootstrap import open_workspace
    from hub.cli.backup_folder import DATABASE, put_database
    from hub.cli.decisions import person
    from hub.errors import FatalError
    from hub.store.backup import copy, folded, restored
    from hub.store.open import open_store

    opened = open_workspace(root)
    database, code, now = _database(opened), person(opened, who), opened.clock.now()
    names = sorted(opened.definitions)
    database.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
    draft = database.with_name(f"{database.name}.restoring")
    for end in ("", "-wal", "-shm"):
        draft.with_name(draft.name + end).unlink(missing_ok=True)
    copy(folder / DATABASE, draft)
    with open_store(f"sqlite:///{draft}", opened.clock) as store:
        store.write_now(lambda transaction: restored(transaction, names, taken_at, code, why, now))
    if not folded(draft):
        raise FatalError("the restored copy could not be written out whole", where=str(draft), fix="restore again")
    return put_database(draft, database, f"before-{now}"), names


def _say(said: dict[str, Any]) -> None:
    print(f"restored the backup of {said['restored']}")
    if said["aside"]:
        print(f"  what was there before lies beside it: {said['aside']}")
    for name in said["kept"]:
        print(f"  {name} differs from the backup and stays as it is")
    print(f"  nothing is sent for {', '.join(said['stopped']) or 'any integration'} until hub resume")
    print("next: hub settle, then for each integration hub reconcile NAME and hub resume NAME --as PERSON --why TEXT")
