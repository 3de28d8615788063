"""The connector base class: pure translation on one side, calls to the system on the other.

Sync methods are pure (no I/O, no clock of their own). Async methods talk to the system through ``self.http``
only; they hold no retry loop, no sleep, no log of a payload: the host does these once.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, ClassVar

from hub.connector.answers import Carried, Found, Receipt
from hub.connector.spec import ConnectorSpec, StreamField
from hub.model.action import ActionSpec
from hub.model.clock import Micros
from hub.model.delivery import Raw
from hub.model.record import Decoded, Json

if TYPE_CHECKING:
    from hub.connector.http import Http


@dataclass(frozen=True, slots=True)
class Request:
    """A webhook request as the intake saw it. Header names lower case; ``url`` is the public callback URL."""

    method: str
    url: str
    headers: Mapping[str, str]
    body: bytes
    repeated: frozenset[str] = frozenset()
    """Header names that came more than once (a repeated signature is refused)."""


@dataclass(frozen=True, slots=True)
class Connection:
    """A configured connector. ``secrets`` are resolved values by setting name, never logged, never compared
    with ``==``; during a rotation a secret holds two values."""

    name: str
    settings: Mapping[str, Any]
    secrets: Mapping[str, tuple[str, ...]] = field(default_factory=dict, repr=False)

    def secret(self, name: str) -> str:
        """The current value of a secret setting, or empty."""
        values = self.secrets.get(name, ())
        return values[0] if values else ""


@dataclass(frozen=True, slots=True)
class ObjectRef:
    """An object to read: ``kind`` is a stream name, or an action name for that action's document."""

    kind: str
    id: str


@dataclass(frozen=True, slots=True)
class Page:
    """Records as received. ``cursor`` resumes after this page; ``more``: ask again at once."""

    deliveries: tuple[Raw, ...]
    cursor: str
    more: bool = False


@dataclass(frozen=True, slots=True)
class ActCall:
    """One write to make. ``reference`` travels in the document, ``key`` in the idempotency header where the
    system takes one (class A). ``remote_id`` is set for calls after the first."""

    action: str
    call: str
    key: str
    reference: str
    payload: Mapping[str, Json]
    remote_id: str = ""


@dataclass(frozen=True, slots=True)
class Probe:
    """What a probe found; ``detail`` for the log, ``fix`` for a person."""

    ok: bool
    detail: str
    fix: str = ""


class Connector(ABC):
    """One configured system."""

    spec: ClassVar[ConnectorSpec]

    def __init__(self, connection: Connection, http: Http) -> None:
        self.connection = connection
        self.http = http

    @classmethod
    def offered(cls, settings: Mapping[str, Any]) -> tuple[ActionSpec, ...]:
        """The actions a connection with these settings has, where its class or reading back depends on them."""
        return cls.spec.actions

    def verify(self, request: Request, now: Micros) -> bool:
        """Whether the request is authentic by any current secret, in constant time. Unsigned: True (token path)."""
        return not self.spec.signed

    def sign(self, secret: str, url: str, body: bytes) -> Mapping[str, str]:
        """The headers the source would sign this body with: for samples, the demo and tests. Unsigned: none."""
        return {}

    def identify(self, headers: Mapping[str, str], body: bytes) -> str | None:
        """The source's own delivery id, or None. Never raises on bad bodies."""
        return None

    def keep_headers(self) -> frozenset[str]:
        """Header names worth keeping with the delivery (never signatures or credentials)."""
        return frozenset({"content-type"})

    def route(self, headers: Mapping[str, str], body: bytes) -> str:
        """A cheap key of the object the delivery is about (lane and Kafka key); empty when it cannot be seen."""
        return ""

    @abstractmethod
    def decode(self, headers: Mapping[str, str], body: bytes) -> Decoded:
        """The records of a delivery: webhook, poll and read answers alike, one shape. Never raises."""

    async def poll(self, stream: str, cursor: str) -> Page:
        """The next page after ``cursor`` (empty: from the start)."""
        raise NotImplementedError(f"{self.spec.name} has no polling")

    async def act(self, call: ActCall) -> Receipt:
        """Make one call. Raises what ``hub.connector.answers`` lists."""
        raise NotImplementedError(f"{self.spec.name} has no action {call.action}")

    async def find(self, action: str, reference: str, payload: Mapping[str, Json]) -> Found | None:
        """The document that carries our reference, or None. Raises ``ReadFailed``, ``Unauthorized``.

        ``payload`` is what was (or would be) sent: some systems can only search inside the object it names.
        """
        return None

    async def read(self, ref: ObjectRef) -> Found | None:
        """One object, None where the system says it does not exist. Raises ``ReadFailed``, ``Unauthorized``."""
        return None

    async def scan(self, action: str, payloads: Sequence[Mapping[str, Json]]) -> Sequence[Carried] | None:
        """Every document of this action that carries a reference of ours; None where the system cannot be asked so.

        ``payloads`` of effects we know: some systems can only be searched inside the objects those name. Raises
        ``ReadFailed``, ``Unauthorized``.
        """
        return None

    async def find_number(self, action: str, number: str) -> Found | None:
        """The document a person names by its number (``hub loop done --number``); default: it is the id."""
        return await self.read(ObjectRef(action, number))

    async def fields(self, stream: str) -> Sequence[StreamField]:
        """Fields this very site has beside those SPEC documents (custom fields), as paths of the stream's records.

        Raises ``ReadFailed``, ``Unauthorized``.
        """
        return ()

    async def probe(self) -> Probe:
        """Whether the system answers and accepts our credentials; no side effect."""
        return Probe(ok=True, detail="nothing to probe")
