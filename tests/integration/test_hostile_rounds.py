"""Killed again and again between hostile systems: each obligation has one document, by the systems' own count."""

from __future__ import annotations

import os
from collections import Counter
from pathlib import Path

import pytest

from tests.hostile_rounds import BOUNDARIES, rounds

pytestmark = pytest.mark.crash
ROUNDS = int(os.environ.get("HUB_ROUNDS") or ("10" if os.environ.get("CI") else "2"))
FIRST = int(os.environ.get("HUB_FIRST_ROUND", "0"))


async def test_after_rounds_of_kills_the_systems_hold_one_document_for_each_obligation(tmp_path: Path) -> None:
    verdicts = await rounds(tmp_path, range(FIRST, FIRST + ROUNDS))
    assert [problem for verdict in verdicts for problem in verdict.problems()] == []
    assert all(verdict.kills >= 3 for verdict in verdicts)
    struck = Counter[str]()
    for verdict in verdicts:
        struck.update(verdict.struck)
    print(f"{ROUNDS} rounds, {sum(verdict.kills for verdict in verdicts)} kills, faults: {dict(struck)}")
    assert struck.total() >= ROUNDS  # systems that did nothing wrong would prove nothing


async def test_after_rounds_of_kills_a_tryton_holds_one_document_for_each_obligation_too(tmp_path: Path) -> None:
    """A target without idempotency keys, whose documents take several calls: class B."""
    verdicts = await rounds(tmp_path, range(FIRST, FIRST + max(1, ROUNDS // 5)), target="tryton")
    assert [problem for verdict in verdicts for problem in verdict.problems()] == []
    assert all(verdict.kills >= 3 and verdict.struck for verdict in verdicts)


def test_every_boundary_of_webhooks_and_documents_has_its_round() -> None:
    assert set(BOUNDARIES[:10]) >= {"B1", "B2", "B5", "B7", "B13", "B15"}  # no other test dies at these
    assert set(BOUNDARIES) == {f"B{number}" for number in (1, 2, 3, 4, 5, 7, 9, 10, 11, 12, 13, 14, 15)}
