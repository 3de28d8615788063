"""``hub mapping schema``: the JSON Schema that editors use, with the names this workspace knows."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from hub.cli.options import HERE, WorkspaceOption


def register(group: typer.Typer) -> None:
    @group.command("schema")
    def schema(
        output: Annotated[
            Path | None, typer.Option("-o", "--output", metavar="FILE", help="Write it there instead of stdout.")
        ] = None,
        workspace: WorkspaceOption = HERE,
    ) -> int:
        """Print a JSON Schema of mapping files for editors: keys, entities, fields, streams, actions, roles."""
        return mapping_schema(workspace, output)


def mapping_schema(root: Path, output: Path | None) -> int:
    """The schema of this workspace's mapping files, to stdout or into a file."""
    import orjson

    from hub.bootstrap import open_workspace
    from hub.cli.render import document
    from hub.mapping.editor import LINE, editor_schema

    space = open_workspace(root)
    found = editor_schema(space.check_context, list(space.definitions.values()))
    if output is None:
        document(found)
        return 0
    output.parent.mkdir(parents=True, exist_ok=True)
    output.write_bytes(orjson.dumps(found, option=orjson.OPT_INDENT_2 | orjson.OPT_APPEND_NEWLINE))
    print(f"wrote {output}; first line of a mapping file: {LINE.format('PATH/TO/' + output.name)}")
    return 0
