"""How the built-in ERP can be told to misbehave: slow, failing, losing its answer, answering nonsense, altering.

``POST /_twin/behave`` with ``{"path": "/api/reimbursements", "lose_answer": 2}`` adds a behaviour (``path``: a
prefix, default all of ``/api/``; ``methods``: default writes), ``{"reset": true}`` ends all of them:

==================  ========================================================================
``slow_ms``         waits so long before it answers, each time
``fail`` n          the next n calls answer ``status`` (default 500) and do nothing
``lose_answer`` n   the next n calls are done, then the connection is cut without an answer
``html`` n          the next n calls are done, then answered with a page instead of JSON
``no_id`` n         the next n calls are done, then answered without an id
``alter`` {…}       documents are stored with these fields changed
``no_keys`` true    forgets idempotency keys and references: sent twice is there twice
==================  ========================================================================
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

WRITES = frozenset({"POST", "PUT", "PATCH", "DELETE"})
COUNTED = ("fail", "lose_answer", "html", "no_id")
KNOWN = {*COUNTED, "path", "methods", "slow_ms", "status", "headers", "alter", "no_keys", "reset"}


@dataclass(slots=True)
class Behaviour:
    """One behaviour with what is left of its counts."""

    path: str = "/api/"
    methods: frozenset[str] = WRITES
    slow_ms: int = 0
    status: int = 500
    headers: Mapping[str, str] = field(default_factory=dict)
    alter: Mapping[str, Any] = field(default_factory=dict)
    left: dict[str, int] = field(default_factory=dict)

    def covers(self, method: str, path: str) -> bool:
        return path.startswith(self.path) and method in self.methods


class Moods:
    """Every behaviour in force, oldest first."""

    def __init__(self) -> None:
        self.behaviours: list[Behaviour] = []

    def add(self, order: Mapping[str, Any]) -> Behaviour:
        """Take an order; raises ``ValueError`` naming an unknown key."""
        unknown = set(order) - KNOWN
        if unknown:
            raise ValueError(f"unknown: {', '.join(sorted(unknown))}; known: {', '.join(sorted(KNOWN))}")
        if order.get("reset"):
            self.behaviours.clear()
        made = Behaviour(
            path=str(order.get("path", "/api/")),
            methods=frozenset(order.get("methods") or WRITES),
            slow_ms=int(order.get("slow_ms", 0)),
            status=int(order.get("status", 500)),
            headers={str(name): str(value) for name, value in (order.get("headers") or {}).items()},
            alter=order.get("alter") or {},
            left={name: int(order.get(name, 0)) for name in COUNTED},
        )
        self.behaviours.append(made)
        return made

    def slow_ms(self, method: str, path: str) -> int:
        return sum(mood.slow_ms for mood in self.behaviours if mood.covers(method, path))

    def alter(self, method: str, path: str) -> dict[str, Any]:
        return {name: to for mood in self.behaviours if mood.covers(method, path) for name, to in mood.alter.items()}

    def take(self, name: str, method: str, path: str) -> Behaviour | None:
        """The behaviour that does ``name`` to this call, one less left of it."""
        for mood in self.behaviours:
            if mood.covers(method, path) and mood.left[name] > 0:
                mood.left[name] -= 1
                return mood
        return None
