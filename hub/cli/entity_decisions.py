"""``hub entity link | unlink | resolve``: people say which object an entity is, and whose value of a field holds."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from hub.cli.options import HERE, AsOption, Format, FormatOption, WhyOption, WorkspaceOption

if TYPE_CHECKING:
    from hub.bootstrap import Workspace
    from hub.model.entity import Entity
    from hub.model.fact import Fact

KindArgument = Annotated[str, typer.Argument(metavar="KIND", help="project, expense …")]
KeyArgument = Annotated[str, typer.Argument(metavar="KEY", help="Its key or label.")]
ConnectionArgument = Annotated[str, typer.Argument(metavar="CONNECTION", help="A connection of hub.yaml.")]
ObjectArgument = Annotated[str, typer.Argument(metavar="ID", help="The object's id in that system.")]
FieldArgument = Annotated[str, typer.Argument(metavar="FIELD", help="A field with sync.")]
TakeOption = Annotated[
    str, typer.Option("--take", metavar="CONNECTION", help="Whose value holds; hub: what the hub holds.")
]


def add(entity: typer.Typer) -> None:
    """The decisions, beside ``show`` and ``list``."""

    @entity.command()
    def link(
        kind: KindArgument,
        key: KeyArgument,
        connection: ConnectionArgument,
        identity: ObjectArgument,
        who: AsOption,
        why: WhyOption,
        workspace: WorkspaceOption = HERE,
        form: FormatOption = Format.text,
    ) -> None:
        """Say which object of a system an entity is; the object is read, then two-way fields are written."""
        _link(workspace, form, kind, key, connection, identity, who, why)

    @entity.command()
    def unlink(
        kind: KindArgument,
        key: KeyArgument,
        connection: ConnectionArgument,
        who: AsOption,
        why: WhyOption,
        workspace: WorkspaceOption = HERE,
        form: FormatOption = Format.text,
    ) -> None:
        """Take an entity's link to a system away: nothing more is written to that object, no match makes it again."""
        _link(workspace, form, kind, key, connection, "", who, why)

    @entity.command()
    def resolve(
        kind: KindArgument,
        key: KeyArgument,
        field: FieldArgument,
        take: TakeOption,
        who: AsOption,
        why: WhyOption,
        workspace: WorkspaceOption = HERE,
        form: FormatOption = Format.text,
    ) -> None:
        """Decide a field that two systems changed, or that could not be written: whose value holds."""
        from hub.cli.decisions import decision_id, person
        from hub.model.fact import FieldResolved

        opened, found = _open(workspace, kind, key)
        code = person(opened, who)
        _decide(opened, FieldResolved(decision_id(), kind, found.key, field, take, code, why), found, form)


def _link(
    workspace: Path, form: Format, kind: str, key: str, connection: str, identity: str, who: str, why: str
) -> None:
    from hub.cli.decisions import decision_id, person
    from hub.model.fact import LinkDecided

    opened, found = _open(workspace, kind, key)
    code = person(opened, who)
    _decide(opened, LinkDecided(decision_id(), kind, found.key, connection, identity, code, why), found, form)


def _open(workspace: Path, kind: str, key: str) -> tuple[Workspace, Entity]:
    from hub.bootstrap import open_workspace
    from hub.errors import NotFound
    from hub.store.queries.entities import entity_of

    opened = open_workspace(workspace)
    with opened.store.read() as db:
        found = entity_of(db, kind, key)
    if found is None:
        raise NotFound(f"there is no {kind} {key}", why="no record with that key or label has been applied")
    return opened, found


def _decide(opened: Workspace, fact: Fact, found: Entity, form: Format) -> None:
    from hub.cli.decisions import decide
    from hub.cli.entity import print_entity
    from hub.cli.render import document
    from hub.cli.views import entity_json
    from hub.store.queries.entities import entity_of

    opened.join()
    decide(opened, fact)
    with opened.store.read() as db:
        shown = entity_json(db, entity_of(db, found.kind, found.key) or found)
    document(shown) if form is Format.json else print_entity(shown)
