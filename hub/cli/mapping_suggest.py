"""``hub mapping suggest CONNECTION.STREAM --entity E``: rows proposed from recorded deliveries."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from hub.cli.options import HERE, Format, FormatOption, WorkspaceOption

if TYPE_CHECKING:
    from hub.bootstrap import Workspace
    from hub.model.record import Record

ENTITIES_MAX = 2_000
"""So many entities of another system are looked at."""


def register(group: typer.Typer) -> None:
    @group.command("suggest")
    def suggest(
        stream: Annotated[str, typer.Argument(metavar="CONNECTION.STREAM", help="What the samples come from.")],
        entity: Annotated[str, typer.Option(help="The entity kind to fill.")],
        samples: Annotated[int, typer.Option(min=2, help="Records to look at; half of them are held out.")] = 400,
        currency: Annotated[str, typer.Option(help="The currency of amounts that name none.")] = "CNY",
        workspace: WorkspaceOption = HERE,
        form: FormatOption = Format.text,
    ) -> None:
        """Propose rows from names, types and values, also those another system has; each with its hit rate."""
        _suggest(workspace, stream, entity, samples, currency, form)


def _suggest(root: Path, stream: str, entity: str, samples: int, currency: str, form: Format) -> None:
    from hub.bootstrap import open_workspace
    from hub.cli.render import document
    from hub.errors import NotFound
    from hub.mapping.compile import CompileContext
    from hub.mapping.suggest import suggest

    space = open_workspace(root)
    connection, _, name = stream.partition(".")
    if entity not in space.schemas.kinds:
        raise NotFound(f"there is no schema of {entity!r}", why=f"known: {', '.join(sorted(space.schemas.kinds))}")
    records = _records(space, connection, name, samples)
    if len(records) < 2:
        raise NotFound(f"no recorded {stream} to learn from", fix=f"hub ingest {connection} FILE")
    known = _known(space, entity, connection)
    context = CompileContext(space.schemas, space.people)
    found = suggest(records, entity, connection, context, currency, known)
    if form is Format.json:
        document([{"field": s.field, "row": s.row, "hit": s.hit, "of": s.of, "by": s.by} for s in found])
        return
    for one in found:
        print(f"{one.row}  # {one.hit} of {one.of} held-out records{_SAID[one.by]}")
    print(f"# {len(records)} records of {stream}; a row is a proposal until somebody has read it")


_SAID = {"name": "", "value": ", as the other system says"}


def _known(space: Workspace, kind: str, connection: str) -> list[Mapping[str, Any]]:
    """What other systems say of entities of that kind, label included."""
    from hub.store.queries.entities import newest

    with space.store.read() as db:
        found = newest(db, kind, ENTITIES_MAX)
    return [
        {**one.state, "label": one.label}
        for one in found
        if any(not name.startswith(f"{connection}/") for name in one.marks)
    ]


def _records(space: Workspace, connection: str, stream: str, samples: int) -> list[Record]:
    """The newest records of that stream, oldest first."""
    from hub.cli.mapping_versions import decoder

    decode = decoder(space)
    found: list[Record] = []
    for position in range(space.log.end(), 0, -1):
        delivery = space.log.get(position)
        if delivery is None or delivery.connection != connection:
            continue
        found += [one for one in decode(delivery).records if one.stream.removeprefix(f"{connection}.") == stream]
        if len(found) >= samples:
            break
    return found[samples - 1 :: -1] if len(found) >= samples else found[::-1]
