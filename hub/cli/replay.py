"""``hub replay``: map all recorded deliveries again under the versions in force; what differs becomes new events."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from hub.cli.options import HERE, Format, FormatOption, WorkspaceOption
from hub.model.boundary import boundary

if TYPE_CHECKING:
    from hub.bootstrap import Workspace
    from hub.engine.remap import Moved, Target
    from hub.history.replay import Links
    from hub.model.entity import Entity
    from hub.store.port import Transaction

WhoOption = Annotated[str, typer.Option("--as", metavar="PERSON", help="Who decides; not needed with --dry-run.")]
ReasonOption = Annotated[str, typer.Option("--why", metavar="TEXT", help="The reason, kept for ever.")]
DryOption = Annotated[bool, typer.Option("--dry-run", help="Say what would change; write nothing.")]
VerifyOption = Annotated[bool, typer.Option("--verify", help="Fold all events anew, compare; write nothing.")]
ExamplesOption = Annotated[int, typer.Option("--examples", min=0, help="How many changed entities to print.")]


def register(app: typer.Typer) -> None:
    @app.command()
    def replay(
        who: WhoOption = "",
        why: ReasonOption = "",
        dry_run: DryOption = False,
        verify: VerifyOption = False,
        examples: ExamplesOption = 20,
        workspace: WorkspaceOption = HERE,
        form: FormatOption = Format.text,
    ) -> int:
        """Map all recorded deliveries again under the versions in force; changed entities get new events.

        What was decided stays: loops in flight keep their version, no document is sent again, nobody is asked.
        """
        if verify:
            from hub.cli.replay_verify import verify as verify_command

            return verify_command(workspace, form)
        return replay_command(workspace, (who, why), dry_run, examples, form)


def replay_command(root: Path, decision: tuple[str, str], dry_run: bool, examples: int, form: Format) -> int:
    from hub.bootstrap import open_workspace
    from hub.cli.decisions import decision_id, person
    from hub.cli.render import document
    from hub.errors import UsageError

    space = open_workspace(root)
    who, why = decision
    if not dry_run and not why.strip():
        raise UsageError("say who and why: --as PERSON --why TEXT", fix="hub replay --dry-run says what would change")
    code = "" if dry_run else person(space, who)
    if not dry_run or space.served:
        space.join()
    done = Done(examples)
    if not dry_run:
        _audit(space, code, why, "begun")
        _release(space, code, why, done)
    _replay(space, done, None if dry_run else f"replay/{decision_id()}")
    if not dry_run:
        _audit(space, code, why, f"{done.changed} entities changed, {done.added} new")
    if form is Format.json:
        document({"dry_run": dry_run, **done.json()})
    else:
        print("\n".join(done.lines(dry_run)))
    return 1 if done.busy or done.aside else 0


@dataclass(slots=True)
class Done:
    """What a replay found, counted; the first few entities in full."""

    examples_max: int
    entities: int = 0
    changed: int = 0
    added: int = 0
    values: int = 0
    busy: int = 0
    released: int = 0
    aside: int = 0
    examples: list[Moved] = field(default_factory=list)

    def take(self, moved: Sequence[Moved]) -> None:
        for one in moved:
            self.changed, self.added = self.changed + (one.was is not None), self.added + (one.was is None)
            self.values += len(one.set)
        self.examples += moved[: max(0, self.examples_max - len(self.examples))]

    def json(self) -> dict[str, Any]:
        names = ("entities", "changed", "added", "values", "busy", "released", "aside")
        told = [
            {"kind": one.kind, "key": one.key, "label": one.label, "was": one.was, "set": one.set}
            for one in self.examples
        ]
        return {**{name: getattr(self, name) for name in names}, "examples": told}

    def lines(self, dry_run: bool) -> list[str]:
        would = "would change" if dry_run else "changed"
        said = [f"{self.entities} entities, {self.changed} {would}, {self.added} new, {self.values} values"]
        for one in self.examples:
            parts = (f"{n}: {None if one.was is None else one.was.get(n)!r} → {v!r}" for n, v in one.set.items())
            said.append(f"  {one.kind} {one.label or one.key}: {'; '.join(parts)}")
        if self.released or self.aside:
            said.append(f"{self.released} set-aside records released, {self.aside} stay: hub quarantine list")
        if self.busy:
            said.append(f"{self.busy} entities were changed by others meanwhile: run it again")
        return said


def _release(space: Workspace, code: str, why: str, done: Done) -> None:
    """What the version in force can read now is no longer set aside."""
    from hub.cli.quarantine import _released
    from hub.store.queries.records import quarantined

    with space.store.read() as db:
        rows = sorted(quarantined(db), key=lambda one: (one.position, one.record))
    ran = asyncio.run(_released(space, rows, code, why))
    done.released, done.aside = sum(one.good for one in ran), sum(not one.good for one in ran)


def _replay(space: Workspace, done: Done, replay: str | None) -> None:
    """Group by group, one transaction each."""
    from hub.cli.mapping_impact import progress
    from hub.cli.mapping_versions import decoder
    from hub.engine.advance import CONSUMER, PARTITION
    from hub.history.replay import Replay
    from hub.store import activations

    upto, version = space.store.checkpoint(CONSUMER, PARTITION), activations.latest(space.store)
    with progress() as advance:
        run = Replay(space.log, space.catalog, decoder(space), upto, _links(space), advance)
        for targets in run.targets():
            done.entities += len(targets)
            done.take(_apply(space, targets, replay, version, done))
            boundary("B18")


def _links(space: Workspace) -> Links:
    """Only where a table finds its entity by a link: then those that people and documents made count too."""
    from hub.store.queries.entities import links_of_kinds

    tables = [table for one in space.catalog.integrations.values() for table in one.tables]
    kinds = sorted({one.definition.entity for one in tables if one.definition.key_mode == "link"})
    with space.store.read() as db:
        return links_of_kinds(db, kinds)


def _apply(space: Workspace, targets: list[Target], replay: str | None, version: int, done: Done) -> list[Moved]:
    """The differences of one group, written; with no ``replay`` only found."""
    from hub.engine.remap import difference

    stored = _stored(space, targets)
    fresh = [one for one in targets if not _busy(stored.get(one.place), one)]
    done.busy += len(targets) - len(fresh)
    told = [(one, difference(stored.get(one.place), one.entity)) for one in fresh]
    if replay is None:
        return [moved for _, moved in told if moved is not None]
    differ = [one for one, moved in told if moved is not None]
    return space.store.write_now(_work(space, replay, differ, version)) if differ else []


def _busy(stored: Entity | None, target: Target) -> bool:
    from hub.engine.remap import newer

    return stored is not None and newer(stored, target.entity)


def _stored(space: Workspace, targets: Sequence[Target]) -> dict[tuple[str, str], Entity]:
    from hub.store.queries.entities import entity_by_key

    with space.store.read() as db:
        found = (entity_by_key(db, *one.place) for one in targets)
        return {(one.kind, one.key): one for one in found if one is not None}


def _work(
    space: Workspace, replay: str, differ: Sequence[Target], version: int
) -> Callable[[Transaction], list[Moved]]:
    """One group's transaction: what others changed since is left alone."""
    from hub.engine.remap import remap
    from hub.engine.transaction import decide_in
    from hub.errors import UsageError
    from hub.loop.world import World
    from hub.model.changes import Changes, Touched, View

    now, catalog = space.clock.now(), space.catalog
    touched = Touched(entities=frozenset(one.place for one in differ))

    def decide(view: View) -> tuple[Changes, list[Moved]]:
        world = World(view, catalog, now)
        still = [one for one in differ if not _busy(world.entity(*one.place), one)]
        return world.changes, remap(world, replay, still)

    def work(transaction: Transaction) -> list[Moved]:
        if transaction.activation() != version:
            raise UsageError("another version went live meanwhile", fix="run hub replay again")
        changes, moved = decide_in(transaction, touched, decide)
        transaction.write(changes, now)
        return moved

    return work


def _audit(space: Workspace, code: str, why: str, said: str) -> None:
    """Before and after: one that is killed in between has its row as well (I13)."""
    from hub.model.changes import Audit, Changes

    now = space.clock.now()
    audit = Audit(now, code, "replay", "all deliveries", why, said)
    space.store.write_now(lambda transaction: transaction.write(Changes(audits=[audit]), now))
