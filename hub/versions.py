"""Which version of each mapping is in force in a workspace: files, activations, and the catalog made of them.

Part of the wiring (``bootstrap``). With governance off the files are recorded as activated when a process starts;
after that, as with governance on, only an activation changes what is in force. Nothing here decides who may activate.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import replace
from typing import TYPE_CHECKING

from hub.errors import ConfigError
from hub.mapping.approval import never_live
from hub.mapping.build import build
from hub.mapping.catalog import Catalog
from hub.mapping.check.checked import CheckContext
from hub.mapping.check.run import check_integrations
from hub.mapping.compile import CompileContext, compile_integration
from hub.mapping.older import written_for
from hub.store import activations
from hub.store.queries.loops import versions_running

if TYPE_CHECKING:
    from hub.bootstrap import Workspace
    from hub.mapping.build import Built
    from hub.mapping.compiled import CompiledIntegration
    from hub.mapping.table import IntegrationDef
    from hub.store.activations import Activation


def live(space: Workspace) -> dict[str, IntegrationDef]:
    """What is in force at the start: the files; with governance on, the version of each that was last activated."""
    if space.settings.governance == "off":
        return dict(space.definitions)
    return _defined(space, space.definitions)


def last_activated(space: Workspace) -> dict[str, IntegrationDef]:
    """The newest activation of every integration that ever was live, not checked again: it passed a check then."""
    return _defined(space, activations.names(space.store))


def _defined(space: Workspace, names: Iterable[str]) -> dict[str, IntegrationDef]:
    newest = {name: activations.newest(space.store, name) for name in names}
    return {
        name: found for name, one in newest.items() if one and (found := recorded(space, one).definition) is not None
    }


def recorded(space: Workspace, active: Activation) -> Built:
    """A version as its text was recorded when it went live."""
    return build(active.source, f"{active.integration}@{active.table[:12]}", at_first(space.schemas.newest))


def at_first(newest: Mapping[str, int]) -> dict[str, int]:
    """What a recorded text was written for where it does not say so itself: every schema's first version."""
    return dict.fromkeys(newest, 1)


def as_then(context: CheckContext, built: Iterable[Built]) -> CheckContext:
    """The check's surroundings with the schemas these files were written for."""
    versions: dict[str, int] = {}
    for one in built:
        for kind, version in written_for(one.definition).items() if one.definition is not None else ():
            versions[kind] = min(version, versions.get(kind, version))
    return replace(context, schemas=context.schemas.as_of(versions))


def catalog(space: Workspace, definitions: Mapping[str, IntegrationDef]) -> Catalog:
    """Everything deciding needs, these versions compiled."""
    made = {name: compiled(space, one) for name, one in definitions.items()}
    language, older = space.settings.language, Older(space)
    earlier = _earlier(space, made, older)
    parts = (space.connection_facts, space.schemas, space.people, language)
    return Catalog(made, *parts, older=older, earlier=earlier)


def _earlier(
    space: Workspace, made: Mapping[str, CompiledIntegration], older: Older
) -> tuple[CompiledIntegration, ...]:
    """The versions not in force any more under which closings are still open."""
    with space.store.read() as db:
        running = versions_running(db)
    gone = [(name, logic) for name, logic in running if name not in made or made[name].definition.logic != logic]
    return tuple(found for name, logic in gone if (found := older(name, logic)) is not None)


def compiled(space: Workspace, definition: IntegrationDef) -> CompiledIntegration:
    """A loop without ``starts.at`` starts from the first activation: history is not news."""
    first = activations.first(space.store, definition.name)
    since = first.at if first else space.clock.now()
    actions = {(name, key): a for name, one in space.connection_facts.items() for key, a in one.actions.items()}
    context = CompileContext(space.schemas, space.people, actions, space.settings.language, since)
    return compile_integration(definition, context)


class Older:
    """The version recorded under a hash, compiled once, for instances that still run under it (I10)."""

    def __init__(self, space: Workspace) -> None:
        self._space = space
        self._known: dict[tuple[str, str], CompiledIntegration | None] = {}

    def __call__(self, integration: str, logic: str) -> CompiledIntegration | None:
        if (integration, logic) not in self._known:
            active = activations.of_logic(self._space.store, integration, logic)
            built = active and recorded(self._space, active).definition
            self._known[integration, logic] = compiled(self._space, built) if built else None
        return self._known[integration, logic]


def activate(space: Workspace) -> None:
    """Governance off: what the files say now is in force, recorded as activated by the workspace itself.

    Governance on: raises ``NotApproved`` for an integration nobody approved; it has no version to run, so what comes
    in would pass it by.
    """
    for name, one in space.definitions.items():
        newest = activations.newest(space.store, name)
        if space.settings.governance == "off":
            if newest is None or newest.table != one.table:
                refuse_second_rename(space, one)
                found = activations.Activation(name, one.logic, one.table, one.source, space.clock.now(), "workspace")
                activations.record(space.store, found)
        elif newest is None:
            raise never_live(one, space.people)


def refuse_second_rename(space: Workspace, new: IntegrationDef) -> None:
    """``renamed_from`` is the name a loop had at first: its effect keys begin with it. Raises ``ConfigError``."""
    former = {loop.renamed_from: loop for loop in new.loops if loop.renamed_from}
    every = activations.since(space.store, 0) if former else []
    for active in (one for one in every if one.integration == new.name):
        then = recorded(space, active).definition
        for loop in () if then is None else then.loops:
            now = former.get(loop.name)
            if now is not None and loop.renamed_from not in ("", now.renamed_from):
                words = f"loop {now.name}: {loop.name} was {loop.renamed_from} before"
                why = "with another first name its closings would make their documents again"
                raise ConfigError(words, where=str(now.place), why=why, fix=f"renamed_from: {loop.renamed_from}")


def reload(space: Workspace, names: Iterable[str]) -> Catalog:
    """What is in force now: the newest activation of each of these, with the schemas and people of now.

    Raises ``ConfigError`` when a version does not stand the check here and now.
    """
    again = space.unread()
    newest = (activations.newest(again.store, name) for name in sorted(names))
    built = [recorded(again, one) for one in newest if one]
    found = check_integrations(built, as_then(again.check_context, built))
    wrong = [one for one in found if one.level == "error"]
    if wrong:
        raise ConfigError(f"{len(wrong)} problems in what was activated", wrong, fix="hub mapping rollback NAME")
    return catalog(again, {one.definition.name: one.definition for one in built if one.definition})
