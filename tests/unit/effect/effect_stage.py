"""A stage for the executor: effects in memory, a scripted target, a clock that only moves when told."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

from hub.connector.answers import Found, Receipt
from hub.connector.base import ActCall, Connection, Connector, ObjectRef, Probe
from hub.connector.http import Http
from hub.connector.spec import ConnectorSpec
from hub.effect.executor import EVERYTHING, Executor, Leased
from hub.engine.transaction import Guard
from hub.mapping.catalog import Catalog, ConnectionFacts
from hub.model.action import ActionSpec, Call, TargetClass
from hub.model.changes import Changes
from hub.model.clock import SECOND, Micros
from hub.model.effect import Effect, EffectState, check_transition
from hub.model.fact import EffectMoved, Fact
from hub.model.people import People
from hub.model.record import Decoded, Json
from hub.model.schema import Schemas

START: Micros = 1_767_600_000 * SECOND
_S = EffectState
DOCUMENT = {
    "properties": {
        "amount": {"type": "object", "x-type": "money"},
        "text": {"type": "string"},
        "external_ref": {"type": "string"},
    }
}


def action(target: TargetClass = TargetClass.A, **changes: Any) -> ActionSpec:
    spec = ActionSpec(
        "thing.create", {"en": "thing"}, "money", target, {}, DOCUMENT, (Call("create"),), "external_ref"
    )
    return replace(spec, **changes)


def effect(key: str = "k1", **changes: Any) -> Effect:
    made = Effect(
        *(key, key, "rd-close", "loop-1", "purchase", "", "jira:1", "erp", "thing.create", "create", "A"),
        state=_S.PLANNED,
        payload={"text": "x"},
        expect={"amount": {"amount": "12.50", "currency": "CNY"}},
        logic="logic",
        planned_at=START,
        due=START,
    )
    return replace(made, **changes)


@dataclass
class Stopped:
    """A clock that stands still; ``wrong`` is by how much it was set ahead of the true time."""

    at: Micros = START
    wrong: Micros = 0

    def now(self) -> Micros:
        return self.at + self.wrong

    def steady(self) -> float:
        return self.at / SECOND


@dataclass
class Effects:
    """The store's part: effects by key, a version fence, and what was audited."""

    held: dict[str, Effect]
    moves: list[tuple[str, EffectState]] = field(default_factory=list)
    reasons: list[str] = field(default_factory=list)
    audits: list[str] = field(default_factory=list)
    claims_out_of_date: bool = False

    def due_effects(self, now: Micros, limit: int, paused: frozenset[str]) -> Sequence[Effect]:
        return sorted(
            (e for e in self.held.values() if self._wake(e) is not None and self._wake(e) <= now  # type: ignore[operator]
             and e.connection not in paused), key=lambda e: e.due
        )[:limit]  # fmt: skip

    @staticmethod
    def _wake(e: Effect) -> Micros | None:
        if e.state is _S.SENDING:
            return e.claimed_until
        return e.due if e.state in (_S.PLANNED, _S.SENT, _S.UNKNOWN) else None

    async def apply(self, fact: Fact, now: Micros, guard: Guard | None = None) -> bool:
        assert isinstance(fact, EffectMoved)
        if guard is not None and not guard(None):  # type: ignore[arg-type]
            return False
        before = self.held[fact.effect]
        if before.version != fact.expected_version:
            return False
        check_transition(before.state, fact.to)
        given = {
            name: value
            for name in (
                "remote_id",
                "number",
                "url",
                "document_state",
                "read_back",
                "attempts",
                "claimed_until",
                "due",
            )
            if (value := getattr(fact, name)) is not None
        }
        first = before.first_sent_at or (now if fact.to is _S.SENDING else None)
        given["doubtful"] = before.doubtful or fact.to is _S.UNKNOWN
        self.held[fact.effect] = replace(
            before, state=fact.to, version=before.version + 1, reason=fact.reason, first_sent_at=first, **given
        )
        self.moves.append((fact.effect, fact.to))
        self.reasons.append(fact.reason)
        return True

    async def write(self, work: Callable[[Any], Any]) -> Any:
        effects = self

        class Transaction:
            def write(self, changes: Changes, now: Micros) -> Sequence[Any]:
                effects.audits += [audit.action for audit in changes.audits]
                return ()

        return work(Transaction())


class Scripted(Connector):
    """A target that does what each test says; by default a good class A system."""

    spec = ConnectorSpec("scripted", "Scripted", ())

    def __init__(self) -> None:
        super().__init__(Connection("erp", {}), Http(""))
        self.answers: list[Receipt | Exception] = []
        self.acts: list[ActCall] = []
        self.documents: dict[str, Found] = {}
        self.found: list[Found | Exception | None] = []
        self.reading: list[Found | Exception | None] = []
        self.probes: list[Probe] = []
        self.before_answer: Callable[[], Awaitable[None]] | None = None

    def decode(self, headers: Mapping[str, str], body: bytes) -> Decoded:
        return Decoded()

    async def act(self, call: ActCall) -> Receipt:
        self.acts.append(call)
        if self.before_answer is not None:
            await self.before_answer()
        answer = (
            self.answers.pop(0) if self.answers else Receipt(f"id-{call.reference}", "PR-1", "http://x", "submitted")
        )
        if isinstance(answer, Exception):
            raise answer
        return answer

    async def find(self, action: str, reference: str, payload: Mapping[str, Json]) -> Found | None:
        return _given(self.found, None)

    async def read(self, ref: ObjectRef) -> Found | None:
        return _given(self.reading, document(ref.id))

    async def probe(self) -> Probe:
        return self.probes.pop(0)


def _given(script: list[Found | Exception | None], otherwise: Found | None) -> Found | None:
    answer = script.pop(0) if script else otherwise
    if isinstance(answer, Exception):
        raise answer
    return answer


def document(remote_id: str, amount: str = "12.50", state: str = "submitted", **fields: Json) -> Found:
    reference = remote_id.removeprefix("id-")
    body = {"amount": {"amount": amount, "currency": "CNY"}, "external_ref": reference, **fields}
    return Found(remote_id, "PR-1", "http://x", state, body)


@dataclass
class Stage:
    """Everything wired; ``step`` runs what is due at the clock's time."""

    effects: Effects
    target: Scripted
    clock: Stopped
    executor: Executor

    async def step(self, seconds: float = 0) -> None:
        self.clock.at += int(seconds * SECOND)
        await self.executor.step(self.clock.now())

    @property
    def one(self) -> Effect:
        return self.effects.held["k1"]

    @property
    def path(self) -> list[EffectState]:
        return [state for _, state in self.effects.moves]


def stage(
    *effects: Effect,
    spec: ActionSpec | None = None,
    quiesce: int | None = None,
    pace: float | None = None,
    restored: bool = False,
    leased: Leased = EVERYTHING,
) -> Stage:
    held, target, clock = Effects({e.key: e for e in effects or (effect(),)}), Scripted(), Stopped()
    facts = ConnectionFacts("erp", "scripted", {"thing.create": spec or action()}, False, quiesce, {}, pace)
    other = replace(facts, name="crm", sends_per_second=None)
    catalog = Catalog({}, {"erp": facts, "crm": other}, Schemas({}), People())
    executor = Executor(
        held, lambda: catalog, lambda name: target, held.apply, clock, lambda: 0.5, "worker-1",  # type: ignore[arg-type]
        steady=clock.steady, looks_first=restored, leased=leased,
    )  # fmt: skip
    return Stage(held, target, clock, executor)
