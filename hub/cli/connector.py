"""``hub connector list | show | probe``: what a system offers, what its records hold, whether it answers."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated, Any

import typer

from hub.cli.options import HERE, Format, FormatOption, WorkspaceOption

if TYPE_CHECKING:
    from hub.bootstrap import Workspace
    from hub.connector.spec import ConnectorSpec, StreamSpec

NameArgument = Annotated[str, typer.Argument(metavar="NAME", help="jira, or a stream: jira.issue, pm.issue.")]


def register(app: typer.Typer) -> None:
    connector = typer.Typer(no_args_is_help=True, help="Systems the hub can talk to.")
    app.add_typer(connector, name="connector")

    @connector.command("list")
    def list_(workspace: WorkspaceOption = HERE, form: FormatOption = Format.text) -> None:
        """List the connections of the workspace."""
        from hub.bootstrap import open_workspace
        from hub.cli.render import document, table

        opened = open_workspace(workspace)
        rows = [_row(opened, name) for name in opened.settings.connections]
        if form is Format.json:
            document(rows)
            return
        columns = ("connection", "connector", "url", "streams", "actions", "intake")
        table(columns, ([row[name] for name in columns] for row in rows), empty="no connections in hub.yaml")

    @connector.command()
    def show(name: NameArgument, workspace: WorkspaceOption = HERE, form: FormatOption = Format.text) -> None:
        """Show a connector's settings, streams and actions, or what a stream's records hold."""
        _show(name, workspace, form)

    @connector.command()
    def probe(name: NameArgument, workspace: WorkspaceOption = HERE, form: FormatOption = Format.text) -> None:
        """Ask a system whether it answers and accepts our credentials. Changes nothing."""
        import asyncio

        from hub.bootstrap import open_workspace
        from hub.cli.render import document

        found = asyncio.run(_probe(open_workspace(workspace), name))
        if form is Format.json:
            document({"connection": name, "ok": found.ok, "detail": found.detail, "fix": found.fix})
        else:
            print(
                f"{name}: {'ok' if found.ok else 'not ok'}: {found.detail}"
                + (f"\n  fix: {found.fix}" if found.fix else "")
            )
        if not found.ok:
            raise typer.Exit(1)


async def _probe(opened: Workspace, name: str) -> Any:
    try:
        return await opened.connector(name).probe()
    finally:
        await opened.close()


def _row(opened: Workspace, name: str) -> dict[str, object]:
    settings, spec = opened.settings.connections[name], opened.specs[name]
    return {
        "connection": name,
        "connector": settings.connector,
        "url": settings.url,
        "streams": " ".join(stream.name for stream in spec.streams),
        "actions": " ".join(action.name for action in spec.actions),
        "intake": opened.problem(name) or ("open" if spec.streams else ""),
    }


def _show(name: str, folder: Any, form: Format) -> None:
    from hub.bootstrap import open_workspace
    from hub.cli.render import document
    from hub.errors import NotFound

    opened = open_workspace(folder)
    connection, _, stream_name = name.partition(".")
    spec = _spec(opened, connection)
    if not stream_name:
        document(_spec_json(spec)) if form is Format.json else _print_spec(spec)
        return
    stream = spec.stream(stream_name)
    if stream is None:
        known = ", ".join(found.name for found in spec.streams) or "none"
        raise NotFound(f"{connection} has no stream {stream_name!r}", why=f"its streams: {known}")
    document(_stream_json(stream)) if form is Format.json else _print_stream(connection, stream)


def _spec(opened: Workspace, name: str) -> ConnectorSpec:
    """The SPEC behind a connection, a mapping's alias of one, or a connector's own name."""
    from hub.connector import registry

    for definition in opened.definitions.values():
        name = definition.systems.get(name, name)
    return opened.specs[name] if name in opened.specs else registry.spec_of(name)


def _spec_json(spec: ConnectorSpec) -> dict[str, Any]:
    return {
        "name": spec.name,
        "title": spec.title,
        "settings": [
            {"name": s.name, "type": s.type, "about": s.about, "secret": s.secret, "required": s.required}
            for s in spec.settings
        ],
        "streams": [_stream_json(stream) for stream in spec.streams],
        "actions": [
            {
                "name": a.name,
                "title": dict(a.title),
                "weight": a.weight,
                "class": a.target.value,
                "carrier": a.carrier,
            }
            for a in spec.actions
        ],
    }


def _stream_json(stream: StreamSpec) -> dict[str, Any]:
    fields = [{"path": f.path, "type": f.type, "about": f.about, "sensitive": f.sensitive} for f in stream.fields]
    return {"name": stream.name, "about": stream.about, "names": list(stream.names), "fields": fields}


def _print_spec(spec: ConnectorSpec) -> None:
    from hub.cli.render import table

    print(f"{spec.name}: {spec.title}\n\nsettings (hub.yaml)")
    table(
        ("setting", "type", "about", "example"),
        [(s.name, "secret" if s.secret else s.type, s.about, s.example) for s in spec.settings],
        empty="  none",
    )
    print("\nstreams")
    table(("stream", "about"), [(stream.name, stream.about) for stream in spec.streams], empty="  none")
    print("\nactions")
    rows = [(a.name, a.title.get("en", a.name), a.weight, f"class {a.target.value}", a.carrier) for a in spec.actions]
    table(("action", "title", "weight", "class", "our reference"), rows, empty="  none")


def _print_stream(connection: str, stream: StreamSpec) -> None:
    from hub.cli.render import table

    print(f"{connection}.{stream.name}: {stream.about}\nnames: {', '.join(stream.names)}\n")
    rows = [(f.path, f.type, f.about, "wants privacy:" if f.sensitive else "") for f in stream.fields]
    table(("path", "type", "about", ""), rows, empty="no documented fields")
