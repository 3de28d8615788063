"""Versions of a mapping under governance: which is live, which waits for whom, what the file on disk says."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from hub.bootstrap import Workspace
    from hub.mapping.approval import Decision, Missing
    from hub.mapping.table import IntegrationDef
    from hub.model.diagnostic import Diagnostic

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
    from hub.store import activations
    from hub.versions import recorded

    newest = activations.newest(space.store, name)
    if newest is None:
        return None
    return recorded(space, newest).definition


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
        people = ", ".join(one.people) or _nobody(one.spent)
        parts.append(f"{'a second ' if one.second else ''}{one.role} ({people})")
    return (" or " if missing and missing[0].second else "; ").join(parts)


def _nobody(spent: tuple[str, ...]) -> str:
    """Why nobody could: the only ones who hold the role wrote the version, or approved it already."""
    return f"nobody but {', '.join(spent)}, who may not" if spent else "nobody in people.yaml"


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
            governed = space.settings.governance == "on"
            state["problems"] = len(_errors(space, file.place.file))
            state["proposed"] = bool(found)
            state["asks"] = [{"role": one.role, "people": list(one.people)} for one in asked if governed]
        yield state


def _errors(space: Workspace, file: str = "") -> list[Diagnostic]:
    return [one for one in space.check() if one.level == "error" and file in ("", one.place.file)]


def runs_what_was_activated(space: Workspace) -> bool:
    """Whether an edited file has to be activated first: with governance on always, else while the hub serves."""

    return space.settings.governance == "on" or space.served


def notes(space: Workspace) -> list[str]:
    """A line for each file that is not what the hub runs, and for each that cannot be read as a mapping."""
    if not runs_what_was_activated(space):
        return []
    broken = [one.file for one in space.built if one.definition is None]
    lines = [_note(state, space.settings.governance == "on") for state in states(space) if not state["live"]]
    return lines + [f"{file}: {len(_errors(space, file))} problems, {STAYS}" for file in broken]


STAYS = "the hub goes on with what it runs; see: hub check"


def _note(state: dict[str, Any], governed: bool) -> str:
    name, file = state["integration"], state["file"][:SHORT]
    runs = f"the hub runs {state['active'][:SHORT]}" if state["active"] else "no version is live"
    return f"mapping {name}: the file says {file}, {runs}; {_step(state, governed)}"


def _step(state: dict[str, Any], governed: bool) -> str:
    """What comes next."""
    name = state["integration"]
    if state["problems"]:
        return f"the file has {state['problems']} problems, {STAYS}"
    if governed and not state["proposed"]:
        return f"next: hub mapping propose {name} --as PERSON --why TEXT"
    if state["asks"]:
        who = "; ".join(f"{one['role']} ({', '.join(one['people']) or 'nobody'})" for one in state["asks"])
        return f"waits for {who}: hub mapping approve {name} --as PERSON --why TEXT"
    done = "approved; next" if governed else "checked; to make it live"
    return f"{done}: hub mapping activate {name} --as PERSON --why TEXT"
