"""From rows to facts: the one place where health reads the store. Pure once the rows are there."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from itertools import groupby

from sqlalchemy import Connection

from hub.health.facts import Balance, DocumentFact, DriftFact, IntegrationFacts, LoopFact, QuarantineFact, SourceFact
from hub.model.action import ActionSpec
from hub.model.changes import Quarantine
from hub.model.clock import SECOND, Micros
from hub.model.effect import Effect, EffectState
from hub.model.instance import Instance, Step, StepState
from hub.model.values import Money, money_of
from hub.store.findings import Kept, findings
from hub.store.queries import health as rows
from hub.store.queries import loops, records
from hub.store.queries.twoways import undecided

WINDOW: Micros = 28 * 24 * 3600 * SECOND
"""Reliability §7: four weeks."""
Actions = Mapping[tuple[str, str], ActionSpec]
"""(connection, action) -> its SPEC"""
SETTLED_STEPS = {StepState.DONE, StepState.SKIPPED, StepState.WAIVED, StepState.UNDONE}


@dataclass(frozen=True, slots=True)
class Subject:
    """What is known of an integration from its file and from ``hub.yaml``; the report's caller gives it."""

    name: str
    title: Mapping[str, str]
    owner: str
    logic: str
    sources: tuple[str, ...]
    refetch: Mapping[str, bool]
    actions: Actions
    slo_fresh: Micros | None = None
    slo_consistent: float | None = None
    slo_done_within: Micros | None = None
    slo_done_share: float | None = None
    said: Mapping[str, Mapping[str, str]] = field(default_factory=dict)
    """What a table's requirements say when they are not met: the text in any language -> in every language."""


def gather(
    db: Connection, subject: Subject, unaccounted: int, now: Micros, outside: Mapping[str, int] | None = None
) -> IntegrationFacts:
    """Everything the report of one integration needs, from one read snapshot.

    ``outside``: deliveries of a connection that are on their way in Kafka and not in the table yet.
    """
    effects = loops.effects(db, integration=subject.name)
    instances = loops.instances(db, integration=subject.name)[::-1]
    quarantine = records.quarantined(db, integration=subject.name, closed=True)
    quarantine += rows.undecoded(db, subject.sources)
    contacts = rows.contacts(db, subject.sources)
    polled = rows.polled(db)
    waiting = sum(contacts[name].waiting + (outside or {}).get(name, 0) for name in subject.sources)
    streams = [f"{one.subject_kind}/{one.subject}" for one in instances]
    streams += [f"{row.kind}/{row.key}" for row in quarantine if row.key]
    labels = rows.labels(db, sorted(set(streams)))
    return IntegrationFacts(
        name=subject.name,
        title=subject.title,
        owner=subject.owner,
        logic=subject.logic,
        activated_at=rows.activated_at(db, subject.name, subject.logic) or now,
        now=now,
        window=WINDOW,
        balance=balance(rows.verdicts(db, subject.name, subject.sources), waiting, unaccounted),
        documents=documents([one for one in effects if not one.is_update], instances, labels, subject.actions),
        updates=documents([one for one in effects if one.is_update], (), labels, subject.actions),
        conflicts=sum(one.integration == subject.name for each in undecided(db) for one in each.conflicts.values()),
        loops=tuple(_loop(one, labels) for one in instances),
        quarantine=tuple(_quarantine(row, labels) for row in quarantine),
        sources=tuple(_source(name, contacts[name], polled.get(name), subject, effects) for name in subject.sources),
        slo_fresh=subject.slo_fresh,
        slo_consistent=subject.slo_consistent,
        slo_done_within=subject.slo_done_within,
        slo_done_share=subject.slo_done_share,
        halt=rows.halted(db, subject.name),
        drift=tuple(_drift(one) for one in findings(db, subject.name)),
        said=subject.said,
    )


def _drift(one: Kept) -> DriftFact:
    return DriftFact(one.finding.kind, one.finding.documents, one.finding.field, one.owner, one.since)


def balance(counted: Counter[tuple[str, str]], in_flight: int, unaccounted: int) -> Balance:
    """The conservation law of one integration; what is unaccounted is known for the whole workspace only."""
    by_verdict: Counter[str] = Counter()
    reasons: dict[str, dict[str, int]] = {"skipped": {}, "quarantined": {}}
    for (verdict, reason), n in sorted(counted.items()):
        by_verdict[verdict] += n
        if verdict in reasons:
            reasons[verdict][reason] = n
    return Balance(
        received=sum(by_verdict.values()) + in_flight + unaccounted,
        applied=by_verdict["applied"],
        unchanged=by_verdict["unchanged"],
        stale=by_verdict["stale"],
        skipped=reasons["skipped"],
        held=by_verdict["held"],
        quarantined=reasons["quarantined"],
        in_flight=in_flight,
        unaccounted=unaccounted,
    )


def documents(
    effects: Sequence[Effect],
    instances: Sequence[Instance],
    labels: Mapping[str, str],
    actions: Actions,
) -> tuple[DocumentFact, ...]:
    """One fact per document: the calls of one action share a reference, the last one tells its state."""
    started = {one.id: one for one in instances}
    ordered = sorted(effects, key=lambda effect: (effect.reference, effect.planned_at, effect.step))
    found = (list(calls)[-1] for _, calls in groupby(ordered, key=lambda effect: effect.reference))
    return tuple(_document(effect, started.get(effect.loop), labels, actions) for effect in found)


def _document(
    effect: Effect,
    instance: Instance | None,
    labels: Mapping[str, str],
    actions: Mapping[tuple[str, str], ActionSpec],
) -> DocumentFact:
    spec = actions.get((effect.connection, effect.action))
    stream = f"{instance.subject_kind}/{instance.subject}" if instance else ""
    unknown = effect.state is EffectState.UNKNOWN
    return DocumentFact(
        reference=effect.reference,
        loop=effect.loop,
        step=effect.step,
        subject=labels.get(stream, effect.subject),
        connection=effect.connection,
        action=effect.action,
        title=spec.title if spec else {"en": effect.action},
        weight=spec.weight if spec else "record",
        state=effect.state,
        number=effect.number or effect.remote_id,
        url=effect.url,
        amount=amount(effect, spec.money_fields if spec else ()),
        asked_at=instance.started_at if instance else effect.planned_at,
        planned_at=effect.planned_at,
        settled_at=effect.settled_at if effect.state is EffectState.CONFIRMED else None,
        unknown_since=(effect.first_sent_at or effect.planned_at) if unknown else None,
        reason=effect.reason if effect.state is not EffectState.CONFIRMED else "",
    )


def amount(effect: Effect, fields: Sequence[str]) -> Money | None:
    """The document's own amount as read back, else the one we asked for."""
    for source in (effect.read_back or {}, effect.payload):
        for name in fields:
            if isinstance(source.get(name), dict) and "currency" in source[name]:
                return money_of(source[name])
    return None


def _loop(instance: Instance, labels: Mapping[str, str]) -> LoopFact:
    owed = sum(
        sum(one.state not in SETTLED_STEPS for one in step.obligations) or int(step.state not in SETTLED_STEPS)
        for step in instance.steps
    )
    return LoopFact(
        id=instance.id,
        loop=instance.loop,
        subject=instance.subject,
        label=labels.get(f"{instance.subject_kind}/{instance.subject}", instance.subject),
        state=instance.state,
        started_at=instance.started_at,
        finished_at=instance.finished_at,
        touched=instance.touched,
        open_obligations=owed if instance.state.value in ("running", "blocked", "needs_person") else 0,
        waiting=instance.waiting,
        steps={step.name: step.state.value for step in instance.steps},
        limited=sum(_judged(step) for step in instance.steps),
        in_time=sum(_judged(step) and step.overdue_at is None for step in instance.steps),
    )


def _judged(step: Step) -> bool:
    return step.due is not None and (step.state in SETTLED_STEPS or step.overdue_at is not None)


def _quarantine(row: Quarantine, labels: Mapping[str, str]) -> QuarantineFact:
    record = labels.get(f"{row.kind}/{row.key}") or row.key or f"{row.connection} #{row.position}"
    return QuarantineFact(row.reason, row.row, row.owner, row.since, row.closed_at, row.message, record)


def _source(
    name: str, contact: rows.Contact, polled: Micros | None, subject: Subject, effects: Sequence[Effect]
) -> SourceFact:
    paused = [e.planned_at for e in effects if e.connection == name and e.reason.startswith("paused")]
    return SourceFact(
        connection=name,
        newest_delivery=contact.newest,
        newest_poll=polled,
        oldest_waiting=contact.oldest_waiting,
        refetch=subject.refetch.get(name, False),
        paused_since=min(paused, default=None),
    )
