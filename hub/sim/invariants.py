"""What must hold, asked of the database, of the targets' own books and of what the sources really said.

The judge is never the hub's opinion alone: documents are counted in the target, amounts compared with the versions
the scenario made, states with the newest form in the source.
"""

from __future__ import annotations

import sqlite3
from collections import Counter
from collections.abc import Iterator
from decimal import Decimal
from typing import TYPE_CHECKING, Any

import orjson

from hub.model.delivery import Raw
from hub.model.effect import Effect, EffectState, effect_key
from hub.model.instance import Instance, LoopState, StepState
from hub.model.record import Mapped
from hub.sim.network import NOBODYS, Violation
from hub.sim.process import EDITED, catalogs, workspace
from hub.sim.storage import rows
from hub.sim.targets import json_bytes
from hub.store.documents import load_effect, load_instance

if TYPE_CHECKING:
    from hub.sim.world import World

_S = EffectState
_ENDED = frozenset({_S.CONFIRMED, _S.CANCELLED, _S.SUPERSEDED})
_CHECKPOINT = "SELECT coalesce(max(position), 0), coalesce(sum(expected), 0) FROM checkpoint"
_COUNTED = f"SELECT * FROM ({_CHECKPOINT}), temp.outcomes"
"""Kept by triggers in the database itself, whoever writes: a look costs the same however long the run is."""
_WHOLE = f"SELECT * FROM ({_CHECKPOINT}), (SELECT count(*), coalesce(sum(position), 0) FROM outcome)"
_SILENT = (
    "SELECT count(*) FROM delivery d WHERE d.position > ? AND d.position <= ?"
    " AND NOT EXISTS (SELECT 1 FROM outcome o WHERE o.position = d.position)"
)


class Balance:
    """I2, at every step: what was expected is there, and no delivery the engine has passed is without an outcome.

    Nothing is asked again while neither checkpoint nor outcomes have moved, and of deliveries only the new ones as
    long as no outcome was taken back; ``whole`` asks everything, and counts what the triggers counted.
    """

    def __init__(self) -> None:
        self._last: tuple[int, int, int, int] = (0, 0, 0, 0)

    def check(self, db: sqlite3.Connection, *, whole: bool = False) -> Violation | None:
        now = db.execute(_WHOLE if whole else _COUNTED).fetchone()
        if now == self._last and not whole:
            return None
        (at, expected, found, _), before = now, self._last
        silent = db.execute(_SILENT, (before[0] if found >= before[2] and not whole else 0, at)).fetchone()[0]
        self._last = now
        if expected == found and not silent:
            return None
        return Violation("I2", f"{abs(expected - found) + silent} unaccounted at checkpoint {at}")


def at_the_end(world: World) -> None:
    """Everything else, after peace. Raises the first ``Violation``."""
    seen = Seen(world, world.db)
    for check in (_intake, _balance, _documents, _keys, _newest, _closings, _money, _versions, _audits):
        for violation in check(seen):
            raise violation


class Seen:
    """What the checks look at, loaded once."""

    def __init__(self, world: World, db: sqlite3.Connection) -> None:
        self.world, self.db = world, db
        self.effects = [load_effect(one) for (one,) in rows(db, "SELECT document FROM effect ORDER BY key")]
        self.loops = [load_instance(one) for (one,) in rows(db, "SELECT document FROM loop ORDER BY id")]
        self.by_reference = {one.reference: one for one in self.effects}
        self.by_key = {one.key: one for one in self.effects}


def _intake(seen: Seen) -> Iterator[Violation]:
    """I1: what was acknowledged is in the log; F3: once; I14: what was forged is not."""
    kept = Counter((name, bytes(body)) for name, body in rows(seen.db, "SELECT connection, body FROM delivery"))
    for delivery in seen.world.senders.acknowledged:
        if (delivery.connection, delivery.body) not in kept:
            yield Violation(
                "I1", f"delivery {delivery.number} was acknowledged and is not in the log", delivery.about
            )
    kept_ids = "SELECT source_id, count(*) FROM delivery WHERE source_id IS NOT NULL AND NOT conflict"
    for name, number in rows(seen.db, kept_ids + " GROUP BY connection, source_id HAVING count(*) > 1"):
        yield Violation("F3", f"delivery {name} is in the log {number} times")
    for delivery in seen.world.senders.conflicts:
        named = (delivery.headers["x-atlassian-webhook-identifier"], delivery.body)
        if rows(seen.db, "SELECT conflict FROM delivery WHERE source_id = ? AND body = ?", named) != [(True,)]:
            yield Violation("F4", f"another body under the id of delivery {delivery.number} is not kept apart")
    for delivery in seen.world.senders.forged:
        if (delivery.connection, delivery.body + b" ") in kept:
            yield Violation("I14", f"a forged copy of delivery {delivery.number} is in the log", delivery.about)


def _balance(seen: Seen) -> Iterator[Violation]:
    """I2 at the end: nothing is in flight either, and nothing is set aside that its source has put right."""
    broken = Balance().check(seen.db, whole=True)
    if broken is not None:
        yield broken
    at = seen.db.execute(_CHECKPOINT).fetchone()[0]
    newest = seen.db.execute("SELECT coalesce(max(position), 0) FROM delivery").fetchone()[0]
    if at != newest:
        yield Violation("I2", f"the engine rests at {at}, the log ends at {newest}")
    for name, reason, key in rows(seen.db, "SELECT id, reason, key FROM quarantine WHERE closed_at IS NULL"):
        yield Violation("stuck", f"{name} is still in quarantine: {reason}", str(key))


def _documents(seen: Seen) -> Iterator[Violation]:
    """I3 by the targets' own count; every effect has come to an end that fits what the target holds."""
    world = seen.world
    lies = [name for name in world.network.lied if name]
    counted: dict[str, int] = {}
    for name, target in world.network.targets.items():
        for reference, number in target.counts().items():
            effect = _effect_of(seen, name, reference)
            if effect is None:
                yield Violation("I3", f"{name} holds a document of {reference}, which is no effect", reference)
                continue
            counted[effect.reference] = number
            if number > 1:
                yield Violation(
                    "I3", f"{name} holds {number} live documents of {effect.step} {effect.item}", effect.key
                )
    for effect in seen.effects:
        number, altered = counted.get(effect.reference, 0), effect.reference in world.erp.altered
        misled = any(effect.reference.startswith(one) for one in lies)
        if effect.state not in _ENDED:
            yield Violation(
                "stuck", f"{effect.step} {effect.item} is {effect.state.value}: {effect.reason}", effect.key
            )
        if effect.state is _S.CONFIRMED and (number != 1 or altered or effect.remote_id == NOBODYS):
            words = f"{effect.step} is CONFIRMED as {effect.remote_id}, the target holds {number}"
            yield Violation("I3", words + (", another amount" if altered else ""), effect.key)
        if effect.state is not _S.CONFIRMED and number and not (altered or misled):
            yield Violation("I3", f"{effect.step} is {effect.state.value}, the target holds {number}", effect.key)


def _effect_of(seen: Seen, connection: str, reference: str) -> Effect | None:
    if connection == "erp":
        return seen.by_reference.get(reference)
    return next(
        (one for one in seen.effects if one.connection == connection and one.reference.startswith(reference)), None
    )


def _keys(seen: Seen) -> Iterator[Violation]:
    """I4: the key says integration, loop, subject, occurrence, step and item, and nothing else."""
    loops = {one.id: one for one in seen.loops}
    for effect in seen.effects:
        loop = loops[effect.loop]
        mark = f"revision {effect.revision}" if effect.revision else "undo" if effect.undoes else "do"
        parts = (loop.integration, loop.loop, loop.subject, loop.occurrence, effect.step, effect.item)
        if effect.key != effect_key(*parts, mark):
            yield Violation("I4", f"the key of {effect.step} {effect.item} is not made of its facts", effect.key)


def _newest(seen: Seen) -> Iterator[Violation]:
    """I7: every entity says what its source says last, whatever order it was told in."""
    made = workspace()
    connector = made.connector("jira")
    catalog = made.catalog
    for name, (_, issue) in seen.world.jira.issues.items():
        body = json_bytes(issue)
        for record in connector.decode({}, Raw(body, {}).body).records:
            for table in catalog.integrations["rd-close"].tables:
                if table.accepts(record) and isinstance(mapped := table.apply(record), Mapped):
                    yield from _same(seen, mapped, name)


def _same(seen: Seen, mapped: Mapped, name: str) -> Iterator[Violation]:
    found = rows(seen.db, "SELECT state FROM entity WHERE kind = ? AND key = ?", (mapped.kind, f"jira:{name}"))
    if not found:
        yield Violation("I7", f"{mapped.kind} {name} is not known", name)
        return
    state = orjson.loads(found[0][0])
    for field, value in mapped.fields.items():
        if field not in mapped.refs and state.get(field) != value:
            yield Violation(
                "I7", f"{mapped.kind} {name}: {field} is {state.get(field)}, its source says {value}", name
            )


def _closings(seen: Seen) -> Iterator[Violation]:
    """Nothing lost: every closed project has a closing that ended, and every approved expense a place in it."""
    by_subject: dict[str, list[Instance]] = {}
    for loop in seen.loops:
        by_subject.setdefault(loop.subject, []).append(loop)
        if loop.state in (LoopState.RUNNING, LoopState.BLOCKED, LoopState.NEEDS_PERSON):
            waits = "; ".join(f"{one.kind} {one.message}" for one in loop.waiting)
            yield Violation(
                "stuck", f"{loop.id} is {loop.state.value} and waits for {waits or 'nothing'}", loop.subject
            )
    for name, versions in seen.world.sources.history.items():
        kind, last = seen.world.sources.kinds[name], versions[-1].fields
        if kind == "project" and _delivered(last) and f"jira:{name}" not in by_subject:
            yield Violation("lost", f"project {name} is closed and has no closing", name)
        if kind == "campaign" and f"trello:{name}" not in by_subject:
            yield Violation("lost", f"campaign {name} is done and has no closing", name)
        if kind == "expense" and last["status"]["name"] == "Approved":
            yield from _placed(by_subject, name, f"jira:{last['parent']['id']}")


def _delivered(fields: dict[str, Any]) -> bool:
    return bool(fields["status"]["name"] == "Done" and fields["resolution"]["name"] == "Done")


def _placed(by_subject: dict[str, list[Instance]], name: str, project: str) -> Iterator[Violation]:
    acting = [one for one in by_subject.get(project, ()) if one.taken is not None]
    if not acting or any(one.state is LoopState.CANCELLED for one in by_subject[project][-1:]):
        return
    taken = {item["key"] for one in acting for item in (one.taken or {}).get("expenses", ())}
    decided = {key for one in acting for key in (one.taken or {}).get("@late", {})}
    if f"jira:{name}" not in taken | decided:
        yield Violation("lost", f"expense {name} is approved, its project closed without it and asked nobody", name)


def _money(seen: Seen) -> Iterator[Violation]:
    """I12: the target's sums are the source's to the cent, as the source said them when the list was taken."""
    documents = {str(row["external_ref"]): row for row in seen.world.erp.documents()}
    for loop in seen.loops:
        for step in loop.steps:
            for part in step.obligations:
                effect = seen.by_key.get(part.effects[-1]) if part.effects else None
                if effect is not None and part.state is StepState.DONE and effect.connection == "erp":
                    yield from _amount(seen, loop, effect, documents[effect.reference])


def _amount(seen: Seen, loop: Instance, effect: Effect, row: dict[str, Any]) -> Iterator[Violation]:
    if effect.step == "purchase":
        owed = sum(
            (Decimal(line["quantity"]) * Decimal(line["unit_price"]["amount"]) for line in effect.payload["lines"]),
            Decimal(),
        )
        if Decimal(row["total"]["amount"]) != owed:
            yield Violation("I12", f"{row['number']} is {row['total']['amount']}, its lines are {owed}", effect.key)
        return
    if effect.action != "reimbursement.create":
        return
    amount = Decimal(row["amount"]["amount"])
    if amount != Decimal(effect.payload["amount"]["amount"]):
        yield Violation("I12", f"{row['number']} is {amount}, asked was {effect.payload['amount']}", effect.key)
    subject, field = (effect.item, "customfield_10310") if effect.item else (effect.subject, "Spend")
    if any(one.kind == "clock" for one in seen.world.schedule.faults):
        return  # the hub's notes of when are wrong then
    said = list(_said(seen, subject.partition(":")[2], field, loop.started_at, effect.planned_at))
    if amount not in said:
        yield Violation("I12", f"{row['number']} is {amount}; its source said {said} while it closed", subject)


def _said(seen: Seen, name: str, field: str, since: int, until: int) -> Iterator[Decimal]:
    """The amounts the source showed at some moment between these two."""
    versions = seen.world.sources.history[name]
    for place, version in enumerate(versions):
        ended = versions[place + 1].at if place + 1 < len(versions) else until + 1
        if version.at <= until and ended >= since and version.fields.get(field) is not None:
            yield Decimal(str(version.fields[field]))


def _versions(seen: Seen) -> Iterator[Violation]:
    """I10: what a loop asks for says what its own version of the mapping says, whatever is in force by then."""
    edited = catalogs()[2].integrations["rd-close"].definition.logic
    loops = {one.id: one for one in seen.loops}
    for effect in seen.effects:
        if effect.action != "reimbursement.create" or not effect.item:
            continue
        says = str(effect.payload["text"]).startswith(EDITED)
        if says != (loops[effect.loop].logic == edited) or effect.logic != loops[effect.loop].logic:
            yield Violation(
                "I10", f"{effect.step} {effect.item} was not decided by the version of its loop", effect.key
            )


def _audits(seen: Seen) -> Iterator[Violation]:
    """I13: each accepted decision has one row with who and why; no row is of a decision nobody made."""
    kept = Counter((who, why) for who, why in rows(seen.db, "SELECT who, why FROM audit WHERE action LIKE 'loop %'"))
    asked = {(fact.who, fact.why) for fact in seen.world.people.asked}
    for fact in seen.world.people.accepted:
        if kept[fact.who, fact.why] != 1:
            yield Violation(
                "I13", f"{fact.choice} of {fact.loop} has {kept[fact.who, fact.why]} audit rows", fact.loop
            )
    tidied = "SELECT who, why FROM audit WHERE action LIKE 'quarantine %'"
    put_right = Counter((who, why) for who, why in rows(seen.db, tidied))
    for done in seen.world.people.tidied:
        if not put_right[done.who, done.why]:
            yield Violation("I13", f"{done.choice} of {done.quarantine} left no audit row")
    for who, why in kept:
        if (who, why) not in asked:
            yield Violation("I13", f"the audit names a decision of {who} nobody made: {why}")


def digest(world: World) -> str:
    """Everything that was decided, stored and said, as one hash: the same seed gives the same."""
    from hub.sim.world import sha

    parts: list[bytes] = []
    for table in ("event", "effect", "loop", "entity", "outcome", "audit", "delivery"):
        parts += [repr(row).encode() for row in world.db.execute(f"SELECT * FROM {table} ORDER BY 1, 2, 3")]
    parts += [line.encode() for line in world.network.trace]
    parts.append(repr([sorted(one.counts().items()) for one in world.network.targets.values()]).encode())
    return sha(parts)
