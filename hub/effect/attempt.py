"""One effect's way, one move at a time: claim, send, settle, look up, read back. Every move is a fact. (design §7)

Nothing is written here but through ``facts``: each move names the version it saw, so that whoever else moved the
effect meanwhile (a person, another worker) wins, and this attempt ends silently. Whatever happens after the first
byte has left and is not a clear answer becomes UNKNOWN, never another send.
"""

from __future__ import annotations

import time
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from typing import Any

import structlog

from hub.connector.answers import (
    AlreadyThere,
    Ambiguous,
    Found,
    NotSent,
    ReadFailed,
    Receipt,
    RefusedByTarget,
    Throttled,
    Unauthorized,
)
from hub.connector.base import ActCall, Connector, ObjectRef
from hub.effect.breaker import PROBE_EVERY, Target
from hub.effect.readback import call_of, is_done, judge
from hub.effect.timing import backoff, is_exhausted, key_lives, quiesce
from hub.engine.transaction import Guard
from hub.mapping.catalog import ConnectionFacts
from hub.model.action import ActionSpec, TargetClass
from hub.model.boundary import boundary
from hub.model.clock import NEVER, SECOND, Clock, Micros
from hub.model.effect import Effect, EffectState
from hub.model.fact import EffectMoved
from hub.model.frozen import replace

logger = structlog.get_logger()
_S = EffectState
Facts = Callable[..., Awaitable[object]]
"""``facts(fact, now)``: conclude and write one fact in one transaction; a false answer when the effect was at another
version. A claim under a lease brings its ``Guard`` as third: false too when the lease is somebody else's by now."""
CLAIM: Micros = 90 * SECOND
SEND_WITHIN: Micros = 30 * SECOND
"""A claim younger than this may send: the request's own 30 s then end well before the claim does."""
READ_AGAIN_SECONDS = (1, 2, 5, 30, 120, 600)


@dataclass(slots=True)
class Attempt:
    """An effect, its target and the ports; ``effect`` follows each move that was written."""

    effect: Effect
    connector: Connector
    action: ActionSpec
    connection: ConnectionFacts
    target: Target
    facts: Facts
    clock: Clock
    random: Callable[[], float]
    worker: str
    reads: int = 0
    steady: Callable[[], float] = time.monotonic
    """Seconds that never jump, for waits that a wrong clock must not shorten."""
    looks_first: bool = False
    """The store came from a backup: what it only plans may have been made after the copy was taken (F29)."""
    guard: Guard | None = None
    """Fences the claim: whoever lost the connection's lease claims nothing any more."""

    async def go(self) -> None:
        """Bring the effect as far as it comes now."""
        state = self.effect.state
        if state is _S.SENDING:
            await self.take_over("the sender's claim ran out")
        elif state is _S.UNKNOWN:
            await self._resolve()
        elif state is _S.PLANNED and not (self.looks_first and await self._was_made()) and await self._claim():
            await self._send()
        if self.effect.state is _S.SENT and self.action.readable:
            boundary("B15")
            await self._read_back()

    async def put_off(self, until: Micros, reason: str) -> None:
        """Keep the state, look again at ``until``."""
        await self._move(self.effect.state, reason, due=until)

    async def take_over(self, reason: str) -> None:
        """Somebody else's unfinished sending has an unknown result, whatever it got done."""
        due = self.clock.now() if self.action.target is TargetClass.A else self._settle_wait()
        await self._move(_S.UNKNOWN, reason, due=due)

    async def _move(self, to: EffectState, reason: str = "", due: Micros | None = None, **fields: Any) -> bool:
        """Write one fact; False (and nothing more to do) when somebody else was faster."""
        now = self.clock.now()
        due = now if due is None else due
        effect = self.effect
        fact = EffectMoved(effect.key, effect.version, to, reason, due, loop=effect.loop, **fields)
        fence = () if self.guard is None or to is not _S.SENDING else (self.guard,)
        if not await self.facts(fact, now, *fence):
            logger.info("effect taken over", action="effect-lost", effect=self.effect.key, to=to.value)
            return False
        known = {name: value for name, value in fields.items() if value is not None}
        version = self.effect.version + 1
        self.effect = replace(self.effect, state=to, version=version, reason=reason, due=due, **known)
        return True

    async def _was_made(self) -> bool:
        """Ask the target before the first byte. True: found and adopted, or it waits for the target's answer."""
        try:
            found = await self._find()
        except (ReadFailed, Unauthorized) as error:
            await self._look_again(error)
            return True
        if found is None or not is_done(self.action, self.effect, found):
            return False
        if await self._claim():
            await self._taken(found)
        return True

    async def _claim(self) -> bool:
        """Commit that this worker sends it, before the first byte."""
        until = self.clock.now() + CLAIM
        return await self._move(
            *(_S.SENDING, self.effect.reason, until),
            attempts=self.effect.attempts + 1,
            claimed_by=self.worker,
            claimed_until=until,
        )

    async def _send(self) -> None:
        boundary("B11")
        call = self._call()
        if self.clock.now() > (self.effect.claimed_until or 0) - CLAIM + SEND_WITHIN:
            await self._again("the claim grew old before the first byte")
            return
        if self._forgotten():
            await self._move(_S.UNKNOWN, self.effect.reason, due=self.clock.now())
            return
        boundary("B12")
        try:
            receipt = await self.connector.act(call)
        except NotSent as error:
            self.target.failed(self.clock.now(), str(error))
            await self._again(str(error))
        except RefusedByTarget as error:
            self.target.succeeded()
            await self._move(_S.REJECTED, error.words)
        except AlreadyThere as error:
            await self._already_there(str(error))
        except Unauthorized as error:
            await self._unauthorized(str(error))
        except Throttled as error:
            await self._throttled(error)
        except Ambiguous as error:
            await self._unknown(str(error))
        except Exception as error:
            logger.exception("connector failed while sending", action="effect-bug", effect=self.effect.key)
            await self._unknown(f"the connector raised {type(error).__name__}")
        else:
            boundary("B13")
            await self._acknowledged(receipt)

    def _forgotten(self) -> bool:
        """Whether the target may hold what was sent once, and no longer knows our key: it was put off too long."""
        effect, is_kept = self.effect, self.action.target is TargetClass.A
        once = is_kept and effect.doubtful and effect.first_sent_at is not None
        return once and not key_lives(effect, self.action, self.clock.now())

    def _call(self) -> ActCall:
        effect = self.effect
        return ActCall(effect.action, effect.call, effect.key, effect.reference, effect.payload, effect.remote_id)

    async def _acknowledged(self, receipt: Receipt) -> None:
        if not receipt.remote_id:
            await self._unknown("acknowledged without an id")
            return
        self.target.succeeded()
        boundary("B14")
        await self._sent(receipt.remote_id, receipt.number, receipt.url, receipt.state)

    async def _sent(self, remote_id: str, number: str, url: str, state: str) -> bool:
        due = self.clock.now() if self.action.readable else NEVER
        return await self._move(
            *(_S.SENT, "", due),
            remote_id=remote_id,
            number=number or None,
            url=url or None,
            document_state=state or None,
        )

    async def _again(self, words: str, least_seconds: float | None = None) -> None:
        """Nothing was done: plan it again after a while, or give it to a person."""
        if is_exhausted(self.effect.attempts):
            await self._move(_S.REJECTED, f"given up after {self.effect.attempts} attempts: {words}")
            return
        wait = backoff(self.effect.attempts, self.random(), least_seconds)
        await self._move(_S.PLANNED, words, due=self.clock.now() + wait)

    async def _unknown(self, words: str, least_seconds: float | None = None) -> None:
        self.target.failed(self.clock.now(), words)
        await self._move(_S.UNKNOWN, words, due=self._settle_wait(least_seconds))

    def _settle_wait(self, least_seconds: float | None = None) -> Micros:
        """When an unknown result may be looked into: at once only where a person decides anyway."""
        now = self.clock.now()
        match self.action.target:
            case TargetClass.A:
                return now + backoff(self.effect.attempts, self.random(), least_seconds)
            case TargetClass.B:
                wait = max(quiesce(self.action, self.connection), int((least_seconds or 0) * SECOND))
                self.target.unsettled[self.effect.key] = self.steady() + wait / SECOND
                return now + wait
            case TargetClass.C:
                return now

    async def _unauthorized(self, words: str) -> None:
        """Credentials refused: nothing was done; the connection rests until a probe is good."""
        now = self.clock.now()
        self.target.hold("paused", now + PROBE_EVERY, words)
        await self._move(_S.PLANNED, self.target.reason, due=now + PROBE_EVERY)

    async def _throttled(self, error: Throttled) -> None:
        wait = backoff(self.effect.attempts, self.random(), error.retry_after)
        self.target.hold("throttled", self.clock.now() + wait, str(error))
        if error.not_done:
            await self._again(self.target.reason, wait / SECOND)
        else:
            await self._move(_S.UNKNOWN, self.target.reason, due=self._settle_wait(wait / SECOND))

    async def _already_there(self, words: str) -> None:
        """The target knows our reference: the document found is ours, or the refusal is a plain one."""
        try:
            found = await self._find()
        except (ReadFailed, Unauthorized) as error:
            await self._unknown(f"{words}; looking it up: {error}")
            return
        if found is not None:
            await self._taken(found)
        elif self.effect.attempts > 1:  # what is there may be from our own first try, and not be listed yet
            await self._unknown(f"{words}; looked up: not listed yet")
        else:
            await self._move(_S.REJECTED, words)

    async def _find(self) -> Found | None:
        effect = self.effect
        return await self._asked(self.connector.find(effect.action, effect.reference, effect.payload))

    async def _asked(self, question: Awaitable[Found | None]) -> Found | None:
        """A question to the target; a bug in the connector is a read that failed, of this effect alone (I11)."""
        try:
            return await question
        except (ReadFailed, Unauthorized):
            raise
        except Exception as error:
            logger.exception("connector failed while reading", action="effect-bug", effect=self.effect.key)
            raise ReadFailed(f"the connector raised {type(error).__name__}") from error

    async def _taken(self, found: Found) -> None:
        self.target.succeeded()
        await self._sent(found.remote_id, found.number, found.url, found.state)

    async def _resolve(self) -> None:
        """An unknown result: look, then decide by the target's class. Sending again is never the first thing."""
        if self.action.target is TargetClass.C:
            await self._move(_S.HUMAN, f"{self.effect.reason}; this target can neither be asked nor sent to twice")
            return
        if (left := self.target.unsettled.get(self.effect.key, 0.0) - self.steady()) > 0:
            await self.put_off(self.clock.now() + int(left * SECOND) + 1, self.effect.reason)
            return
        self.target.unsettled.pop(self.effect.key, None)
        try:
            found = await self._find()
        except (ReadFailed, Unauthorized) as error:
            await self._look_again(error)
            return
        if found is not None and is_done(self.action, self.effect, found):
            await self._taken(found)
        elif found is None and self.effect.remote_id:
            await self._move(_S.HUMAN, f"{self.effect.reason}; document {self.effect.remote_id} is gone")
        elif is_exhausted(self.effect.attempts):
            await self._move(_S.HUMAN, f"{self.effect.reason}; given up after {self.effect.attempts} attempts")
        elif self.action.target is TargetClass.A and not key_lives(self.effect, self.action, self.clock.now()):
            await self._move(_S.HUMAN, f"{self.effect.reason}; the target no longer remembers our key")
        else:
            await self._move(_S.PLANNED, f"{self.effect.reason}; looked up: not there")

    async def _look_again(self, error: ReadFailed | Unauthorized) -> None:
        """A look-up that failed says nothing: keep the state."""
        now = self.clock.now()
        if isinstance(error, Unauthorized):
            self.target.hold("paused", now + PROBE_EVERY, str(error))
            await self.put_off(now + PROBE_EVERY, self.target.reason)
            return
        seconds = READ_AGAIN_SECONDS[min(self.reads, len(READ_AGAIN_SECONDS) - 1)]
        wait = backoff(1, self.random(), seconds if error.retry_after is None else error.retry_after)
        self.reads += 1
        await self.put_off(now + wait, self.effect.reason or str(error))

    async def _read_back(self) -> None:
        """Only a document read back makes an effect CONFIRMED."""
        try:
            ref = ObjectRef(self.effect.action, self.effect.remote_id)
            found = await self._asked(self.connector.read(ref))
        except (ReadFailed, Unauthorized) as error:
            await self._look_again(error)
            return
        judged = judge(self.effect, self.action, found, self.clock.now())
        if judged.verdict == "later":
            seconds = READ_AGAIN_SECONDS[min(self.reads, len(READ_AGAIN_SECONDS) - 1)]
            self.reads += 1
            await self.put_off(self.clock.now() + seconds * SECOND, judged.reason)
            return
        to = _S.CONFIRMED if judged.verdict == "confirmed" else _S.MISMATCH
        moved = await self._move(
            *(to, judged.reason, NEVER),
            number=(found and found.number) or None,
            url=(found and found.url) or None,
            document_state=(found and found.state) or None,
            read_back=None if found is None else found.document,
        )
        if moved and call_of(self.action, self.effect) != self.action.calls[-1]:
            boundary("B16")
        elif moved and self.effect.undoes:
            boundary("B17")
