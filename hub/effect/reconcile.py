"""Reconciliation: ask each target what it holds under our references, and compare (reliability §2, I3, F25, F29).

It writes nothing to the target. What a document answers (an effect still open whose document exists: a restored
backup, a lost answer) is adopted by the same facts the executor uses, so a running executor and this never disagree:
whoever is second is refused. Everything else is a finding for a person.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field

from hub.connector.answers import Carried, ReadFailed, Unauthorized
from hub.connector.base import Connector, ObjectRef
from hub.effect.attempt import CLAIM, Facts
from hub.effect.drift import (
    OPEN,
    SETTLED,
    Adoption,
    adoptable,
    documents_of,
    doubles_and_strays,
    drifted,
    owner_of,
    unclaimed,
)
from hub.mapping.catalog import Catalog
from hub.model.action import ActionSpec
from hub.model.clock import Clock
from hub.model.effect import Effect, EffectState
from hub.model.fact import EffectMoved
from hub.model.finding import Finding

_S = EffectState
REASON = "found in the target by reconciliation"
Place = tuple[str, str]
"""(connection, action)"""


@dataclass(slots=True)
class Reconciled:
    """What one run saw."""

    findings: list[Finding] = field(default_factory=list)
    adopted: list[Adoption] = field(default_factory=list)
    checked: int = 0
    """Documents of ours that were looked at."""
    by_count: list[Place] = field(default_factory=list)
    """Actions whose documents the target itself counted, per reference."""
    by_reading: list[Place] = field(default_factory=list)
    """Actions whose documents could only be read one by one: doubles and strays would not be seen."""
    problems: dict[Place, str] = field(default_factory=dict)
    """Actions that could not be asked at all, and why: nothing is said about their documents."""


class Reconciliation:
    """One look at every target of an integration."""

    def __init__(
        self, catalog: Catalog, connectors: Callable[[str], Connector], facts: Facts, clock: Clock, worker: str
    ) -> None:
        self._catalog, self._connectors, self._facts, self._clock = catalog, connectors, facts, clock
        self._worker = worker

    async def run(self, effects: Sequence[Effect], everybody: Sequence[Effect]) -> Reconciled:
        """Compare the documents of ``effects``. ``everybody``: all effects of the workspace, so that another
        integration's document is no stray."""
        done = Reconciled()
        for place in sorted({(one.connection, one.action) for one in effects}):
            spec = self._spec(*place)
            if spec is None or not spec.readable or self._takes_back(*place):
                continue
            mine = [one for one in effects if (one.connection, one.action) == place]
            known = documents_of(one for one in everybody if (one.connection, one.action) == place)
            try:
                await self._compare(place, spec, documents_of(mine), known, _taken_back(everybody), done)
            except (ReadFailed, Unauthorized) as error:
                done.problems[place] = str(error)
        return done

    def _spec(self, connection: str, action: str) -> ActionSpec | None:
        facts = self._catalog.connections.get(connection)
        return None if facts is None else facts.actions.get(action)

    def _takes_back(self, connection: str, action: str) -> bool:
        """A cancel has no document of its own."""
        return any(one.undo == action for one in self._catalog.connections[connection].actions.values())

    async def _compare(
        self,
        place: Place,
        spec: ActionSpec,
        mine: Mapping[str, list[Effect]],
        known: Mapping[str, list[Effect]],
        taken_back: frozenset[str],
        done: Reconciled,
    ) -> None:
        connector = self._connectors(place[0])
        carried = await connector.scan(place[1], [calls[0].payload for calls in mine.values()])
        (done.by_reading if carried is None else done.by_count).append(place)
        if carried is not None:
            done.findings += doubles_and_strays(*place, carried, known)
        by_reference = _by_reference(carried or (), known)
        for reference, calls in mine.items():
            held = by_reference.get(reference, ())
            done.findings += unclaimed(calls, held)
            ours = _ours(held, calls[-1].remote_id)
            found = await self._found(connector, calls, ours, counted=carried is not None)
            if found is not None and (adoption := adoptable(calls, spec, found.found)) is not None:
                if await self._adopt(adoption):
                    done.adopted.append(adoption)
            elif calls[-1].state in SETTLED and calls[-1].remote_id not in taken_back:
                done.checked += 1
                live = found is None or found.live
                done.findings += drifted(calls, spec, None if found is None else found.found, live=live)

    async def _found(
        self, connector: Connector, calls: Sequence[Effect], carried: Carried | None, *, counted: bool
    ) -> Carried | None:
        """The document as it stands: as counted, or read by its id; looked for by reference while none is known."""
        last = calls[-1]
        if carried is not None or (counted and not last.remote_id):
            return carried
        if last.remote_id:
            read = await connector.read(ObjectRef(last.action, last.remote_id))
        elif last.state in OPEN and last.attempts:
            read = await connector.find(last.action, last.reference, last.payload)
        else:
            return None
        return None if read is None else Carried(last.reference, read)

    async def _adopt(self, adoption: Adoption) -> bool:
        """Move the effect to SENT, by the arrows it has: what was only planned is claimed first."""
        effect, found, now = adoption.effect, adoption.found, self._clock.now()
        version = effect.version
        if effect.state is _S.PLANNED:
            claim = EffectMoved(
                *(effect.key, version, _S.SENDING, REASON, now + CLAIM),
                attempts=effect.attempts + 1,
                claimed_by=self._worker,
                claimed_until=now + CLAIM,
            )
            if not await self._facts(claim, now):
                return False
            version += 1
        sent = EffectMoved(
            *(effect.key, version, _S.SENT, REASON, now),
            remote_id=found.remote_id,
            number=found.number or None,
            url=found.url or None,
            document_state=found.state or None,
        )
        return bool(await self._facts(sent, now))


def _by_reference(carried: Sequence[Carried], known: Mapping[str, object]) -> dict[str, list[Carried]]:
    found: dict[str, list[Carried]] = {}
    for one in carried:
        found.setdefault(owner_of(one.reference, known) or one.reference, []).append(one)
    return found


def _ours(carried: Sequence[Carried], remote_id: str) -> Carried | None:
    """Of several documents under one reference the one we know; while none is known a live one."""
    mine = [one for one in carried if not remote_id or one.found.remote_id == remote_id]
    return min(mine, key=lambda one: not one.live, default=None)


def _taken_back(effects: Sequence[Effect]) -> frozenset[str]:
    """Ids of documents that the hub itself cancelled."""
    done = (_S.SENT, _S.CONFIRMED)
    return frozenset(
        str(one.payload["id"]) for one in effects if one.action.endswith(".cancel") and one.state in done
    )
