"""``hub lag``: how far the engine is behind the brokers, partition by partition, and what waits in spools here."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import typer

from hub.cli.options import HERE, Format, FormatOption, WorkspaceOption

if TYPE_CHECKING:
    from hub.bootstrap import Workspace


def register(app: typer.Typer) -> None:
    @app.command()
    def lag(workspace: WorkspaceOption = HERE, form: FormatOption = Format.text) -> None:
        """Show how many deliveries in Kafka are not concluded yet, and how many wait in a spool."""
        from hub.bootstrap import open_workspace
        from hub.cli.render import document

        found = lag_json(open_workspace(workspace))
        if form is Format.json:
            document(found)
        else:
            _show(found)


def lag_json(opened: Workspace) -> dict[str, Any]:
    """By connection: ``lag`` and its partitions (the checkpoint is null before the first batch), ``spool``."""
    waiting, places = opened.kafka.spools(), opened.kafka.behind()
    found: dict[str, Any] = {}
    for name in sorted({one.connection for one in places} | waiting.keys()):
        parts = [one for one in places if one.connection == name]
        shown = [
            {"partition": one.partition, "end": one.end, "checkpoint": one.checkpoint, "lag": one.lag}
            for one in parts
        ]
        found[name] = {"lag": sum(one.lag for one in parts), "spool": waiting.get(name, 0), "partitions": shown}
    return {"lag": sum(one["lag"] for one in found.values()), "spool": sum(waiting.values()), "connections": found}


def _show(found: dict[str, Any]) -> None:
    from hub.cli.render import table

    rows = [
        (name, str(part["partition"]), str(part["end"]), _number(part["checkpoint"]), str(part["lag"]))
        for name, one in found["connections"].items()
        for part in one["partitions"]
    ]
    table(("connection", "partition", "end", "checkpoint", "lag"), rows, empty="no delivery topic is there")
    for name, one in found["connections"].items():
        if one["spool"]:
            print(f"{name}: {one['spool']} in the spool of this machine")
    print(f"{found['lag']} to conclude, {found['spool']} to send")


def _number(value: int | None) -> str:
    return "none" if value is None else str(value)
