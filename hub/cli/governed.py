"""Versions of a mapping under governance: which is live, which waits for whom, what the file on disk says."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from hub.bootstrap import Workspace
    from hub.mapping.approval import Decision, Missing
    from hub.mapping.table import IntegrationDef

SHORT = 12


@dataclass(frozen=True, slots=True)
class Candidate:
    """A version that would go live, beside the one that is; what was decided about it."""

    new: IntegrationDef
    active: IntegrationDef | None
    roles: tuple[str, ...]
    decisions: tuple[Decision, ...]

    @property
    def short(self) -> str:
        return self.new.table[:SHORT]


def candidate(space: Workspace, name: str, version: str = "") -> Candidate:
    """The file of the workspace, or the recorded version that begins so. Raises ``NotFound`` or ``ConfigError``."""
    from hub.mapping.approval import roles_of

    new = _version(space, name, version)
    active = active_of(space, name)
    return Candidate(new, active, roles_of(active, new), decided(space, name, new.table))


def _version(space: Workspace, name: str, version: str) -> IntegrationDef:
    from hub.cli.mapping_versions import checked
    from hub.cli.mapping_versions import version as recorded
    from hub.errors import NotFound

    if version:
        return recorded(space, f"{name}@{version}")
    found = space.definitions.get(name)
    if found is None:
        known = ", ".join(sorted(space.definitions)) or "none"
        raise NotFound(f"there is no integration {name!r}", why=f"known: {known}")
    return checked(space, found.source.encode(), f"{name}.yaml")


def active_of(space: Workspace, name: str) -> IntegrationDef | None:
    """The version that is live, None where none ever was."""
    from hub.mapping.build import build
    from hub.store import activations

    newest = activations.newest(space.store, name)
    if newest is None:
        return None
    return build(newest.source, f"{name}@{newest.table[:SHORT]}", space.schemas.newest).definition


def decided(space: Workspace, name: str, table: str | None = None) -> tuple[Decision, ...]:
    """What people decided about the versions of an integration, oldest first."""
    from hub.mapping.approval import Decision
    from hub.store.queries.governance import decisions

    with space.store.read() as db:
        rows = decisions(db, name, table)
    names = ("integration", "logic", "choice", "role", "who", "at", "why", "source")
    return tuple(Decision(table=row["table_hash"], **{key: row[key] for key in names}) for row in rows)


def wanting(space: Workspace, found: Candidate) -> tuple[tuple[Missing, ...], tuple[str, ...]]:
    """(what still stands in the way, how the budget is exceeded in words)."""
    from hub.cli.mapping_impact import predicted
    from hub.mapping.approval import beyond, missing

    budgets = [one.budget for one in (found.active, found.new) if one is not None]
    over: tuple[str, ...] = ()
    if found.active is not None and any(budgets) and found.active.logic != found.new.logic:
        over = beyond(budgets, predicted(space, found.active, found.new))
    return missing(found.roles, found.decisions, space.people, over_budget=bool(over)), over


def in_words(missing: tuple[Missing, ...]) -> str:
    """Who has to approve, and who could."""
    parts = []
    for one in missing:
        people = ", ".join(one.people) or "nobody in people.yaml"
        parts.append(f"{'a second ' if one.second else ''}{one.role} ({people})")
    return (" or " if missing and missing[0].second else "; ").join(parts)


def states(space: Workspace) -> Iterator[dict[str, Any]]:
    """Per integration: what is live, what the file says, whether they differ and who is asked."""
    from hub.mapping.approval import missing, roles_of
    from hub.store import activations

    for name, file in sorted(space.definitions.items()):
        newest = activations.newest(space.store, name)
        active = newest.table if newest else None
        state: dict[str, Any] = {
            "integration": name,
            "active": active,
            "file": file.table,
            "live": active == file.table,
        }
        if active != file.table:
            live = active_of(space, name)
            found = decided(space, name, file.table)
            asked = missing(roles_of(live, file), found, space.people)
            state["proposed"] = bool(found)
            state["asks"] = [{"role": one.role, "people": list(one.people)} for one in asked]
        yield state


def notes(space: Workspace) -> list[str]:
    """A line for each file that is not what the hub runs; none with governance off."""
    if space.settings.governance == "off":
        return []
    return [_note(state) for state in states(space) if not state["live"]]


def _note(state: dict[str, Any]) -> str:
    name, file = state["integration"], state["file"][:SHORT]
    runs = f"the hub runs {state['active'][:SHORT]}" if state["active"] else "no version is live"
    if not state["proposed"]:
        step = f"next: hub mapping propose {name} --as PERSON --why TEXT"
    elif state["asks"]:
        who = "; ".join(f"{one['role']} ({', '.join(one['people']) or 'nobody'})" for one in state["asks"])
        step = f"waits for {who}: hub mapping approve {name} --as PERSON --why TEXT"
    else:
        step = f"approved; next: hub mapping activate {name} --as PERSON --why TEXT"
    return f"mapping {name}: the file says {file}, {runs}; {step}"
