"""``hub status``: how much came in, what became of it, what is open."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import typer

from hub.cli.options import HERE, Format, FormatOption, WorkspaceOption

if TYPE_CHECKING:
    from hub.bootstrap import Workspace


def register(app: typer.Typer) -> None:
    @app.command()
    def status(workspace: WorkspaceOption = HERE, form: FormatOption = Format.text) -> None:
        """Show counts: deliveries, records, loops, effects, integrations."""
        from hub.bootstrap import open_workspace
        from hub.cli.render import document

        opened = open_workspace(workspace)
        found = status_json(opened)
        if form is Format.json:
            document(found)
        else:
            show(opened, found)


def status_json(opened: Workspace) -> dict[str, Any]:
    """The counts of design §9.1."""
    from hub.cli.governed import runs_what_was_activated, states
    from hub.cli.health import assessed
    from hub.store.queries.status import counts

    outside = opened.outside()
    with opened.store.read() as db:
        found = counts(db, outside.count)
    if outside.problem:
        found["brokers"] = outside.problem
    if runs_what_was_activated(opened):
        found["versions"] = list(states(opened))
    return {**found, "integrations": {one.facts.name: one.status.name for one in assessed(opened)}}


def show(opened: Workspace, found: dict[str, Any]) -> None:
    """The same for people."""
    from hub.cli.governed import notes
    from hub.cli.render import pairs

    records = found["records"]
    balance = " + ".join(f"{sum_of(records[name])} {name}" for name in BALANCE)
    print(f"{found['deliveries']} deliveries")
    print(f"{records['received']} records received = {balance}; {records['unaccounted']} unaccounted")
    pairs(
        {
            "loops": words(found["loops"]),
            "effects": words(found["effects"]),
            **{f"integration {name}": state for name, state in found["integrations"].items()},
        }
    )
    if "brokers" in found:
        print(f"in flight is only what this machine's spool holds: {found['brokers']}")
    for note in notes(opened):
        print(note)
    for name in opened.settings.connections:
        if problem := opened.problem(name):
            print(f"connection {name}: intake closed: {problem}")


BALANCE = ("applied", "unchanged", "stale", "skipped", "held", "quarantined", "in_flight")


def sum_of(value: Any) -> int:
    return sum(value.values()) if isinstance(value, dict) else int(value)


def words(counts: dict[str, int]) -> str:
    return ", ".join(f"{number} {state}" for state, number in sorted(counts.items())) or "none"
