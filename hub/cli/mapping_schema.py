"""``hub mapping schema``: the JSON Schema that editors use, with the names this workspace knows."""

from __future__ import annotations

import asyncio
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from hub.cli.options import HERE, WorkspaceOption

if TYPE_CHECKING:
    from hub.bootstrap import Workspace

PATIENCE_SECONDS = 5


def register(group: typer.Typer) -> None:
    @group.command("schema")
    def schema(
        output: Annotated[
            Path | None, typer.Option("-o", "--output", metavar="FILE", help="Write it there instead of stdout.")
        ] = None,
        offline: Annotated[
            bool, typer.Option("--offline", help="Do not ask the systems for their own fields.")
        ] = False,
        workspace: WorkspaceOption = HERE,
    ) -> int:
        """Print a JSON Schema for editors: keys, entities, streams, actions, roles, and the systems' own fields."""
        return mapping_schema(workspace, output, offline=offline)


def mapping_schema(root: Path, output: Path | None, *, offline: bool = True) -> int:
    """The schema of this workspace's mapping files, to stdout or into a file."""
    import orjson

    from hub.bootstrap import open_workspace
    from hub.cli.render import document
    from hub.mapping.editor import LINE, editor_schema

    space = open_workspace(root)
    fields = _documented(space)
    if not offline:
        asyncio.run(_tell(space, fields))
    found = editor_schema(space.check_context, list(space.definitions.values()), fields)
    if output is None:
        document(found)
        return 0
    output.parent.mkdir(parents=True, exist_ok=True)
    output.write_bytes(orjson.dumps(found, option=orjson.OPT_INDENT_2 | orjson.OPT_APPEND_NEWLINE))
    print(f"wrote {output}; first line of a mapping file: {LINE.format('PATH/TO/' + output.name)}")
    return 0


Fields = dict[tuple[str, str], dict[str, str]]
"""(connection, stream) -> path -> what it is"""


def _documented(space: Workspace) -> Fields:
    """The fields each connector documents, whatever site it talks to."""
    every = ((name, stream) for name in space.settings.connections for stream in space.specs[name].streams)
    return {(name, one.name): {field.path: field.about for field in one.fields} for name, one in every if one.fields}


async def _tell(space: Workspace, fields: Fields) -> None:
    """Add the fields of the systems that answer; the others are named on stderr."""
    try:
        for name in space.settings.connections:
            problem = space.problem_of_calls(name) or await _ask(space, name, fields)
            if problem:
                print(f"{name}: its own fields are left out: {problem}", file=sys.stderr)
    finally:
        await space.close_connectors()


async def _ask(space: Workspace, name: str, fields: Fields) -> str:
    """Ask one system for the fields of its streams; the problem in words where it does not tell them."""
    from hub.connector.answers import ReadFailed, Throttled, Unauthorized

    try:
        async with asyncio.timeout(PATIENCE_SECONDS):
            for stream in space.specs[name].streams:
                for one in await space.connector(name).fields(stream.name):
                    fields.setdefault((name, stream.name), {})[one.path] = one.about
    except TimeoutError:
        return f"no answer within {PATIENCE_SECONDS} s"
    except (ReadFailed, Throttled, Unauthorized) as error:
        return str(error)
    return ""
