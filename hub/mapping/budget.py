"""``budget: {entities: 100, amount: 50000 CNY}``: how much a version may change before one person more must agree."""

from __future__ import annotations

from dataclasses import dataclass

from hub.model.values import Money


@dataclass(frozen=True, slots=True)
class Budget:
    """``entities`` that may end differently, ``amount`` documents may differ by; None: no limit."""

    entities: int | None = None
    amount: Money | None = None
