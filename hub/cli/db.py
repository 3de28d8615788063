"""``hub db version | migrate | copy``: the schema of the store; an embedded hub moved to PostgreSQL."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from hub.cli.options import HERE, Format, FormatOption, WorkspaceOption

if TYPE_CHECKING:
    from hub.bootstrap import Workspace


def register(app: typer.Typer) -> None:
    group = typer.Typer(help="The database behind the workspace.", no_args_is_help=True)
    app.add_typer(group, name="db")

    @group.command("version")
    def version(workspace: WorkspaceOption = HERE, form: FormatOption = Format.text) -> int:
        """Print at which schema the database is, and which one this hub works with. Exit 1 where they differ."""
        return _shown(_version(_opened(workspace)), form)

    @group.command("migrate")
    def migrate(workspace: WorkspaceOption = HERE, form: FormatOption = Format.text) -> int:
        """Bring the database to this hub's schema, as its next start would."""
        opened = _opened(workspace)
        opened.store.close()
        return _shown(_version(opened), form)

    @group.command("copy")
    def copy(
        source: Annotated[str, typer.Argument(metavar="SQLITE_URL", help="sqlite:.hub/hub.db")],
        target: Annotated[str, typer.Argument(metavar="PG_URL", help="postgresql://user@host:5432/database")],
        password: Annotated[str, typer.Option("--password", metavar="REFERENCE", help="env:NAME or file:PATH")] = "",
        workspace: WorkspaceOption = HERE,
        form: FormatOption = Format.text,
    ) -> int:
        """Move a stopped hub's database into an empty PostgreSQL database; the file stays as it is."""
        return _copy(workspace, source, target, password, form)


def _opened(root: Path) -> Workspace:
    from hub.bootstrap import open_workspace

    return open_workspace(root)


def _version(opened: Workspace) -> dict[str, Any]:
    """What lies there, without changing it."""
    from hub.cli.mapping_show import store_exists
    from hub.store.migrations import HEAD

    found = None if not store_exists(opened) else _revision(opened)
    return {"store": _where(opened), "schema": found, "hub": HEAD, "current": found == HEAD}


def _where(opened: Workspace) -> str:
    if not opened.settings.in_postgres:
        return str(opened.database)
    from hub.store.connecting_postgres import Address

    return Address(opened.settings.store).shown


def _revision(opened: Workspace) -> str | None:
    from contextlib import closing

    from hub.store import hot_sqlite
    from hub.store.migrations import revision

    if not opened.settings.in_postgres:
        with closing(hot_sqlite.connect_reader(opened.database)) as file:
            return revision(file)
    from hub.store.connecting_postgres import Address, reader

    with closing(reader(Address(opened.settings.store, opened.store_password))) as db:
        return revision(db)


def _shown(said: dict[str, Any], form: Format) -> int:
    from hub.cli.render import document

    if form is Format.json:
        document(said)
    else:
        print(f"{said['store']}: schema {said['schema'] or 'none yet'}; this hub works with {said['hub']}")
        if not said["current"]:
            print("hub db migrate, or the next start, brings it there")
    return 0 if said["current"] else 1


def _copy(root: Path, source: str, target: str, password: str, form: Format) -> int:
    from hub.cli.render import document
    from hub.engine.runlock import AlreadyServed, RunLock
    from hub.errors import UsageError
    from hub.references import resolve
    from hub.store.connecting_postgres import Address
    from hub.store.copying import copy

    opened = _opened(root)
    lock = RunLock(opened.state)
    try:
        lock.take()
    except AlreadyServed as error:
        why = "what it would still write to the file would be missing in the copy"
        raise UsageError("the hub is running", why=why, fix="stop hub run, copy, and start it again") from error
    try:
        secret = resolve(password, opened.root, opened.environ) if password else opened.store_password
        rows = copy(_file(opened, source), _address(target), secret, opened.clock)
    finally:
        lock.release()
    if form is Format.json:
        document({"target": Address(target).shown, "rows": rows})
    else:
        print(f"{sum(rows.values())} rows in {len(rows)} tables are in {Address(target).shown}; the seal holds")
        print(
            f"write store: {Address(target).shown} in hub.yaml before the next start, and keep the file as a backup"
        )
    return 0


def _file(opened: Workspace, source: str) -> Path:
    from hub.errors import UsageError

    if not source.startswith("sqlite:"):
        raise UsageError(f"{source} is no SQLite file", fix="hub db copy sqlite:.hub/hub.db postgresql://…")
    return (opened.root / source.partition(":")[2].removeprefix("///")).absolute()


def _address(target: str) -> str:
    from hub.errors import UsageError
    from hub.settings import PASSWORD_INSIDE, POSTGRES

    if not target.startswith(POSTGRES):
        raise UsageError("the target is no PostgreSQL address", fix="postgresql://user@host:5432/database")
    if PASSWORD_INSIDE.search(target):
        raise UsageError("a password stands in the address", fix="give it by reference: --password env:NAME")
    return target
