"""Planted bugs, as patches applied in memory: each is a mistake people make, and the simulation must catch it.

A mutant replaces one method for the length of a run; nothing of it is left behind. ``docs/reliability.md`` lists each
with its catcher.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager
from dataclasses import dataclass, replace
from typing import Any

from hub.connector.base import ActCall
from hub.effect.attempt import Attempt
from hub.engine.settling import Settling
from hub.intake.webhook import WebhookServer
from hub.model.clock import NEVER
from hub.model.effect import EffectState
from hub.sim.patching import put

_S = EffectState


@dataclass(frozen=True, slots=True)
class Mutant:
    """``breaks``: the invariants that may show it first."""

    name: str
    about: str
    breaks: tuple[str, ...]
    plant: Callable[[], AbstractContextManager[None]]


def _settle_at_once(self: Attempt, least_seconds: float | None = None) -> int:
    return self.clock.now()


async def _send_unclear_again(self: Attempt, words: str, least_seconds: float | None = None) -> None:
    await Attempt._again(self, words, least_seconds)


async def _take_over_and_send(self: Attempt, reason: str) -> None:
    await self._move(_S.PLANNED, reason)


def _key_of_the_attempt(self: Attempt) -> ActCall:
    effect = self.effect
    key = f"{effect.key}-{effect.attempts}"
    return ActCall(effect.action, effect.call, key, effect.reference, effect.payload, effect.remote_id)


async def _send_then_claim(self: Attempt) -> bool:
    """The claim is written beside the sending, not before it."""
    before = self.effect
    self.effect = replace(before, claimed_until=self.clock.now() + 90_000_000)
    receipt = await self.connector.act(self._call())
    self.effect = before
    return (
        await _CLAIM(self)
        and await self._sent(receipt.remote_id, receipt.number, receipt.url, receipt.state)
        and False
    )


_CLAIM = Attempt._claim


async def _confirm_unread(self: Attempt) -> None:
    await self._move(_S.CONFIRMED, "", NEVER)


async def _unclear_is_refused(self: Attempt, words: str, least_seconds: float | None = None) -> None:
    await self._move(_S.REJECTED, words)


async def _answer_before_the_commit(self: WebhookServer, gate: Any, arrival: Any) -> None:
    import asyncio

    task = asyncio.ensure_future(self.log.append((arrival,)))
    task.add_done_callback(lambda done: done.cancelled() or done.exception())
    self.counts[gate.name, "accepted"] += 1
    self.wake()


async def _position_first(self: Settling, cut: Any, prepared: Any, catalog: Any) -> None:
    """The checkpoint moves in a transaction of its own, then the outcomes follow."""
    await self._store.write(lambda t: t.advance(cut.consumer, cut.partition, cut.before, cut.after, 0))

    def outcomes(transaction: Any) -> None:
        kept = transaction.advance
        transaction.advance = lambda consumer, partition, before, after, expected: kept(
            consumer, partition, after, after, expected
        )
        self._write(transaction, cut, prepared, catalog)

    await self._store.write(outcomes)


@contextmanager
def _newest_by_arrival() -> Iterator[None]:
    """The fold believes whoever speaks last."""
    from hub.engine import conclude
    from hub.model import entity

    whole = entity.fold

    def folded(before: Any, mapped: Any, source: str, at: int, *more: Any) -> Any:
        marks = before.marks.get(source) if before is not None else None
        return whole(before, mapped, source, max(at, marks.base.at if marks else at), *more)

    with put(conclude, "fold", folded):
        yield


@contextmanager
def _version_in_key() -> Iterator[None]:
    from hub.loop import steps

    whole = steps._key
    with put(steps, "_key", lambda loop, one, step, *more: whole(loop, one, f"{step}@{one.version}", *more)):
        yield


@contextmanager
def _nothing_read_again() -> Iterator[None]:
    from hub.loop import start

    with put(start, "_to_read", lambda world, loop, subject: []):
        yield


@contextmanager
def _nobody_is_late() -> Iterator[None]:
    from hub.loop import decide, start

    with put(decide, "late_check", lambda *_: None), put(start, "late_check", lambda *_: None):
        yield


@contextmanager
def _audit_forgotten() -> Iterator[None]:
    from hub.loop.world import World

    with put(World, "audit", lambda self, *_: None):
        yield


@contextmanager
def _short_memory() -> Iterator[None]:
    """Which deliveries came before is known of the last few only."""
    from hub.store import appending

    whole = appending._newest

    def newest(db: Any, fingerprints: Any) -> Any:
        end = db.execute("SELECT coalesce(max(position), 0) FROM delivery").fetchone()[0]
        return {print_: last for print_, last in whole(db, fingerprints).items() if last[1] > end - 30}

    with put(appending, "_newest", newest):
        yield


@contextmanager
def _newest_version_for_all() -> Iterator[None]:
    """A loop goes on by whatever version of the mapping is in force."""
    from hub.mapping.catalog import Catalog

    def loop(self: Catalog, integration: str, name: str, logic: str) -> Any:
        active = self.integrations.get(integration)
        return next((one for one in active.loops if one.definition.name == name), None) if active else None

    with put(Catalog, "loop", loop):
        yield


@contextmanager
def _unsure_is_done() -> Iterator[None]:
    """A commit that failed counts as done: its callers hear of success, and a role that needs the answer stops."""
    from hub.store import writer

    with put(writer, "explained", lambda error, where: None):
        yield


def _method(owner: type, name: str, value: Any) -> Callable[[], AbstractContextManager[None]]:
    return lambda: put(owner, name, value)


_ALL = (
    Mutant(
        "lookup-without-quiesce",
        "an unknown result is looked up at once",
        ("I3",),
        _method(Attempt, "_settle_wait", _settle_at_once),
    ),
    Mutant(
        "take-over-sending",
        "what a dead process was sending is planned anew",
        ("I6", "I3"),
        _method(Attempt, "take_over", _take_over_and_send),
    ),
    Mutant(
        "retry-on-timeout",
        "an unclear answer is taken for nothing done",
        ("I6", "I3"),
        _method(Attempt, "_unknown", _send_unclear_again),
    ),
    Mutant(
        "fresh-key-per-retry",
        "the idempotency key holds the attempt",
        ("I3",),
        _method(Attempt, "_call", _key_of_the_attempt),
    ),
    Mutant(
        "send-before-intent",
        "the first byte leaves before the claim is committed",
        ("I5",),
        _method(Attempt, "_claim", _send_then_claim),
    ),
    Mutant(
        "confirm-without-reading",
        "an answer counts as a document read back",
        ("I3",),
        _method(Attempt, "_read_back", _confirm_unread),
    ),
    Mutant(
        "unclear-is-refused",
        "an unclear answer is taken for a refusal",
        ("I6", "I3"),
        _method(Attempt, "_unknown", _unclear_is_refused),
    ),
    Mutant(
        "ack-before-commit",
        "a webhook is answered before it is stored",
        ("I1",),
        _method(WebhookServer, "_store", _answer_before_the_commit),
    ),
    Mutant(
        "position-before-outcome",
        "the checkpoint moves before the outcomes are there",
        ("I2",),
        _method(Settling, "settle", _position_first),
    ),
    Mutant(
        "arrival-order-wins", "an older version overwrites a newer one that came first", ("I7",), _newest_by_arrival
    ),
    Mutant("version-in-key", "the effect key holds how often the loop was written", ("I4",), _version_in_key),
    Mutant(
        "no-second-reading", "money is not read again before the list is taken", ("I12", "stuck"), _nothing_read_again
    ),
    Mutant("nobody-is-late", "what matches after the list was taken is forgotten", ("lost",), _nobody_is_late),
    Mutant(
        "short-memory",
        "a delivery that comes again after a while is taken for a new one",
        ("F3", "host"),
        _short_memory,
    ),
    Mutant(
        "newest-version-for-all",
        "a loop goes on by the mapping in force, not by its own",
        ("I10", "I8"),
        _newest_version_for_all,
    ),
    Mutant(
        "failed-commit-is-done",
        "a commit that failed is answered like one that worked",
        ("I1", "stuck", "I2", "I5", "host"),
        _unsure_is_done,
    ),
    Mutant("act-without-audit", "a decision leaves no audit row", ("I13",), _audit_forgotten),
)
MUTANTS: dict[str, Mutant] = {one.name: one for one in _ALL}
