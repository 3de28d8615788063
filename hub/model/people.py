"""People of the workspace (``people.yaml``): account ids in each system -> employee code, roles, mail."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field


@dataclass(frozen=True, slots=True)
class Deputy:
    """Who stands in for somebody from the first to the last day (ISO, both included), in these roles or in all."""

    code: str
    first: str
    last: str
    roles: frozenset[str] = frozenset()

    def stands_in(self, role: str, day: str) -> bool:
        return self.first <= day <= self.last and (not self.roles or role in self.roles)


@dataclass(frozen=True, slots=True)
class Person:
    """``accounts`` maps a connection (or ``*``) to the ids, logins or mails that mean this person there."""

    code: str
    name: str
    mail: str = ""
    roles: frozenset[str] = frozenset()
    accounts: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    deputies: tuple[Deputy, ...] = ()


class People:
    """Look-up by account, code or name. Immutable after construction."""

    def __init__(self, people: Sequence[Person] = ()) -> None:
        self.all = tuple(people)
        self._by_code = {person.code: person for person in people}
        self._by_account = {
            (connection, account): person
            for person in people
            for connection, accounts in person.accounts.items()
            for account in accounts
        }

    def by_account(self, connection: str, account: str) -> Person | None:
        """The person an account id means in a connection (an entry under ``*`` counts everywhere)."""
        found = self._by_account.get((connection, account))
        return found or self._by_account.get(("*", account))

    def find(self, words: str) -> Person | None:
        """The person with that employee code, mail or account id in any system (``--as PERSON``)."""
        if words in self._by_code:
            return self._by_code[words]
        for person in self.all:
            if words == person.mail or any(words in accounts for accounts in person.accounts.values()):
                return person
        return None

    def with_role(self, role: str) -> tuple[Person, ...]:
        return tuple(person for person in self.all if role in person.roles)

    def holding(self, role: str, day: str) -> tuple[Person, ...]:
        """Who may act in the role on that day: who holds it, and their deputies."""
        holders = self.with_role(role)
        codes = {one.code for person in holders for one in person.deputies if one.stands_in(role, day)}
        return (*holders, *(self._by_code[code] for code in sorted(codes - {p.code for p in holders})))

    def addresses(self, to: str, day: str) -> tuple[str, ...]:
        """Mail addresses of a role with its deputies, of a person by code, or the address itself."""
        if "@" in to:
            return (to,)
        alone = self._by_code.get(to)
        people = self.holding(to, day) if alone is None else (alone,)
        return tuple(dict.fromkeys(person.mail for person in people if person.mail))
