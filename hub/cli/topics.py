"""``hub topics``: which topics the hub needs, whether the brokers have them, and making it so."""

from __future__ import annotations

import time
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from hub.cli.options import HERE, Format, FormatOption, WorkspaceOption

if TYPE_CHECKING:
    from hub.log.administration import Administration, Change
    from hub.log.topics import Topic

Repartition = Annotated[
    bool,
    typer.Option(
        "--repartition", help="Add partitions too: stop intake and drain first, keys go to other partitions."
    ),
]
LOOKS, LOOK_SECONDS = 50, 0.1
FIX = {
    "apply": "hub topics apply",
    "repartition": "drain the topic, then hub topics apply --repartition",
    "hand": "reassign or recreate the topic by hand, or say in hub.yaml what it is",
}


def register(app: typer.Typer) -> None:
    topics = typer.Typer(help="The topics in Kafka: plan, apply, describe.", no_args_is_help=True)
    app.add_typer(topics, name="topics")

    @topics.command()
    def plan(workspace: WorkspaceOption = HERE, form: FormatOption = Format.text) -> None:
        """Show what is different from what the hub needs; exit 1 when something is."""
        changes = planned(workspace)
        show(changes, form)
        raise typer.Exit(1 if changes else 0)

    @topics.command()
    def apply(
        repartition: Repartition = False, workspace: WorkspaceOption = HERE, form: FormatOption = Format.text
    ) -> None:
        """Create what is missing and set what is different; exit 1 when something is left."""
        done, left = applied(workspace, repartition)
        if form is Format.json:
            from hub.cli.render import document

            document({"done": [_json(one) for one in done], "left": [_json(one) for one in left]})
        else:
            for one in done:
                print(f"done: {_words(one)}")
            for one in left:
                print(f"left: {_words(one)}; {FIX[one.by]}")
        raise typer.Exit(1 if left else 0)

    @topics.command()
    def describe(workspace: WorkspaceOption = HERE, form: FormatOption = Format.text) -> None:
        """Show the topics as the brokers have them."""
        _describe(workspace, form)

    @topics.command()
    def schemas(workspace: WorkspaceOption = HERE) -> None:
        """Print the JSON Schemas of everything published, by the dataschema its events carry."""
        from hub.bootstrap import open_workspace
        from hub.cli.render import document
        from hub.log.shapes import published

        document(published(open_workspace(workspace).schemas.all))


def planned(folder: Path) -> list[Change]:
    with _opened(folder) as (brokers, wanted):
        return brokers.plan(wanted)


def applied(folder: Path, repartition: bool) -> tuple[list[Change], list[Change]]:
    """(what was done, what is left). Asked again afterwards: what the brokers did not take over is left."""
    with _opened(folder) as (brokers, wanted):
        changes = brokers.plan(wanted)
        for topic in wanted:
            _apply(brokers, topic, [one for one in changes if one.topic == topic.name], repartition)
        left = _left(brokers, wanted)
    return [one for one in changes if one not in left], left


def _left(brokers: Administration, wanted: list[Topic]) -> list[Change]:
    """What is still different once the brokers have told one another."""
    for _ in range(LOOKS):
        left = brokers.plan(wanted)
        if not any(one.by == "apply" for one in left):
            break
        time.sleep(LOOK_SECONDS)
    return left


def _apply(brokers: Administration, topic: Topic, changes: Iterable[Change], repartition: bool) -> None:
    kinds = {one.what for one in changes if one.by == "apply" or (repartition and one.by == "repartition")}
    if "create" in kinds:
        brokers.create(topic)
    if "config" in kinds:
        brokers.configure(topic)
    if "partitions" in kinds:
        brokers.repartition(topic)


def _describe(folder: Path, form: Format) -> None:
    from hub.cli.render import document, table

    with _opened(folder) as (brokers, wanted):
        found = brokers.layouts([one.name for one in wanted])
    if form is Format.json:
        document({name: {**layout._asdict(), "configs": dict(layout.configs)} for name, layout in found.items()})
        return
    rows = [
        (name, str(one.partitions), str(one.replication), ", ".join(map(str, one.short)) or "none")
        for name, one in sorted(found.items())
    ]
    table(("topic", "partitions", "replicas", "not in sync"), rows, empty="none of the hub's topics is there")


def show(changes: list[Change], form: Format) -> None:
    from hub.cli.render import document

    if form is Format.json:
        document([_json(one) for one in changes])
        return
    for one in changes:
        print(f"{_words(one)}; {FIX[one.by]}")
    if not changes:
        print("the brokers have every topic as it must be")


def _json(change: Change) -> dict[str, Any]:
    return {**change._asdict(), "fix": FIX[change.by]}


def _words(change: Change) -> str:
    if change.what == "create":
        return f"{change.topic}: create with {change.wanted}"
    return f"{change.topic}: {change.name or change.what} is {change.now or 'not set'}, must be {change.wanted}"


@contextmanager
def _opened(folder: Path) -> Iterator[tuple[Administration, list[Topic]]]:
    """The brokers and the wanted topics of a workspace."""
    from hub.bootstrap import open_workspace
    from hub.log.administration import administration

    kafka = open_workspace(folder).kafka
    with administration(kafka.access) as brokers:
        yield brokers, kafka.wanted()
