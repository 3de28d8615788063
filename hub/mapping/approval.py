"""Who must approve a version before it goes live, and whether they have. Pure: definitions and decisions in.

The roles are those of ``change.review``, of the active version and of the new one, and those of every row that
differs between them. An author approves nothing of their own. Beyond the ``budget`` one role more must agree twice.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from decimal import Decimal
from typing import Any

from hub.errors import NotApproved
from hub.mapping.budget import Budget
from hub.mapping.meaning import logic_text
from hub.mapping.table import IntegrationDef, Row, TableDef
from hub.model.clock import Micros
from hub.model.people import People
from hub.model.values import Money

PROPOSED, APPROVED = "proposed", "approved"


@dataclass(frozen=True, slots=True)
class Decision:
    """One act about one version: who proposed it, who approved it in which role, and why."""

    integration: str
    table: str
    logic: str
    choice: str
    role: str
    who: str
    at: Micros
    why: str
    source: str = ""


@dataclass(frozen=True, slots=True)
class Missing:
    """A role that has not approved yet, and the people who could."""

    role: str
    people: tuple[str, ...]
    second: bool = False
    spent: tuple[str, ...] = ()
    """Codes of those who hold it and may not: the author, or who has approved already."""


def roles_of(active: IntegrationDef | None, new: IntegrationDef) -> tuple[str, ...]:
    """The roles that must approve ``new`` before it replaces ``active``."""
    roles = {*new.review, *(active.review if active else ())}
    old, fresh = _rows(active), _rows(new)
    for place in {*old, *fresh}:
        one, other = old.get(place), fresh.get(place)
        if not _alike(one, other):
            roles |= {role for row in (one, other) if row for role in row.governance.review}
    return tuple(sorted(roles))


def _rows(definition: IntegrationDef | None) -> dict[tuple[str, str], Row]:
    tables: tuple[TableDef, ...] = definition.tables if definition else ()
    return {(table.name, row.field): row for table in tables for row in table.rows}


def _alike(one: Row | None, other: Row | None) -> bool:
    if one is None or other is None:
        return False
    return one.governance == other.governance and logic_text(one) == logic_text(other)


def author_of(decisions: Iterable[Decision]) -> str:
    """Who proposed the version last; empty where nobody did."""
    found = ""
    for one in decisions:
        if one.choice == PROPOSED:
            found = one.who
    return found


def missing(
    roles: Sequence[str], decisions: Sequence[Decision], people: People, *, over_budget: bool = False
) -> tuple[Missing, ...]:
    """What still stands between a version and its activation; empty when it may go live."""
    author = author_of(decisions)
    given: dict[str, set[str]] = {role: set() for role in roles}
    for one in decisions:
        if one.choice == APPROVED and one.who != author and one.role in given:
            given[one.role].add(one.who)
    first = [_missing(people, role, {author}) for role in roles if not given[role]]
    if first or not over_budget or not roles or any(len(who) > 1 for who in given.values()):
        return tuple(first)
    able = [_missing(people, role, {author, *given[role]}, second=True) for role in roles]
    return tuple(one for one in able if one.people) or tuple(able[:1])


def _missing(people: People, role: str, without: set[str], *, second: bool = False) -> Missing:
    holders = people.with_role(role)
    able = tuple(f"{one.code} {one.name}" for one in holders if one.code not in without)
    return Missing(role, able, second, tuple(one.code for one in holders if one.code in without))


def beyond(budgets: Iterable[Budget | None], said: Mapping[str, Any]) -> tuple[str, ...]:
    """In words, where an impact report exceeds a budget; empty when it stays within all of them."""
    words: list[str] = []
    for budget in budgets:
        if budget is None:
            continue
        found = said["entities"]["differ"]
        if budget.entities is not None and found > budget.entities:
            words.append(f"{found} entities would differ, the budget allows {budget.entities}")
        if budget.amount is not None:
            words += _amounts(budget.amount, said["amounts"])
    return tuple(dict.fromkeys(words))


def _amounts(allowed: Money, amounts: Iterable[Mapping[str, str]]) -> list[str]:
    """What documents would differ by, in the budget's currency; another currency is beyond any budget."""
    words = []
    for one in amounts:
        moved = abs(Decimal(one["difference"]))
        limit = allowed.json()["amount"]
        if one["currency"] != allowed.currency and moved:
            said = f"documents would differ by {one['difference']} {one['currency']}"
            words.append(f"{said}, the budget is in {allowed.currency}")
        elif moved > allowed.amount:
            words.append(
                f"documents would differ by {one['difference']} {one['currency']}, the budget allows {limit}"
            )
    return words


def never_live(new: IntegrationDef, people: People) -> NotApproved:
    """No version was ever live, and this one cannot be: who can change that."""
    able = {role: people.with_role(role) for role in roles_of(None, new)}
    who = "; ".join(f"{role} ({', '.join(one.code for one in found)})" for role, found in able.items())
    return NotApproved(
        f"no version of {new.name} is live",
        where=new.place.file,
        why=f"governance is on, and version {new.table[:12]} is not approved; who can: {who}",
        fix=f"hub mapping propose {new.name} --as PERSON --why TEXT, then approve, then activate",
    )
