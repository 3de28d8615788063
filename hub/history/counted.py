"""Counts of an impact run that add up over processes: by row, by kind, by step; a few examples of each."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass, field
from decimal import Decimal
from typing import Any, NamedTuple

from hub.model.values import EXACT

EXAMPLES_MAX = 3


class RecordGroup(NamedTuple):
    """Records whose mapping differs: by the row, who owns it, and how (``value``, ``mapped → unknown-value`` …)."""

    row: str
    owner: str
    change: str


class FieldGroup(NamedTuple):
    """Final entity values that differ."""

    row: str
    owner: str
    kind: str


class StepGroup(NamedTuple):
    """Documents and loops that differ. ``change``: added, removed, changed, or ``state before → after``."""

    loop: str
    step: str
    owner: str
    change: str


@dataclass(slots=True)
class Group:
    """How many, and the first few in full."""

    count: int = 0
    examples: list[dict[str, Any]] = field(default_factory=list)

    def add(self, example: dict[str, Any]) -> None:
        self.count += 1
        if len(self.examples) < EXAMPLES_MAX:
            self.examples.append(example)

    def join(self, other: Group) -> None:
        self.count += other.count
        self.examples = (self.examples + other.examples)[:EXAMPLES_MAX]


def _groups() -> dict[Any, Group]:
    return {}


@dataclass(slots=True)
class Tally:
    """Everything counted so far; ``join`` adds another process's."""

    deliveries: int = 0
    records: int = 0
    records_differ: int = 0
    rerun_deliveries: int = 0
    by_record: dict[RecordGroup, Group] = field(default_factory=_groups)
    entities: Counter[str] = field(default_factory=Counter)
    """changed, added, removed -> number of entities"""
    by_kind: Counter[tuple[str, str]] = field(default_factory=Counter)
    values: int = 0
    by_field: dict[FieldGroup, Group] = field(default_factory=_groups)
    outcomes: Counter[tuple[str, str]] = field(default_factory=Counter)
    """(outcome before, outcome after) of a record in a table -> number"""
    loops: int = 0
    by_loop: dict[StepGroup, Group] = field(default_factory=_groups)
    steps: int = 0
    by_step: dict[StepGroup, Group] = field(default_factory=_groups)
    documents: Counter[str] = field(default_factory=Counter)
    by_document: dict[StepGroup, Group] = field(default_factory=_groups)
    amounts: dict[tuple[StepGroup, str], list[Decimal]] = field(default_factory=dict)
    """(group, currency) -> [sum before, sum after] of the documents that differ"""

    def differ(self, groups: Iterable[RecordGroup], example: dict[str, Any]) -> None:
        """One record whose mapping differs, under every row that differs."""
        self.records_differ += 1
        for group in groups:
            add(self.by_record, group, example)

    def money(self, group: StepGroup, currency: str, before: Decimal, after: Decimal) -> None:
        sums = self.amounts.setdefault((group, currency), [Decimal(0), Decimal(0)])
        sums[0], sums[1] = EXACT.add(sums[0], before), EXACT.add(sums[1], after)

    def join(self, other: Tally) -> None:
        for name in ("deliveries", "records", "records_differ", "rerun_deliveries", "values", "loops", "steps"):
            setattr(self, name, getattr(self, name) + getattr(other, name))
        for name in ("entities", "by_kind", "outcomes", "documents"):
            getattr(self, name).update(getattr(other, name))
        for name in ("by_record", "by_field", "by_loop", "by_step", "by_document"):
            mine = getattr(self, name)
            for key, group in getattr(other, name).items():
                mine.setdefault(key, Group()).join(group)
        for (group, currency), (before, after) in other.amounts.items():
            self.money(group, currency, before, after)


def add(groups: dict[Any, Group], key: Any, example: dict[str, Any]) -> None:
    groups.setdefault(key, Group()).add(example)
