"""``person`` and ``ref``: names of somebody or something else, as keys."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from decimal import Decimal
from typing import Any

from hub.mapping.convert.failure import Unconvertible
from hub.model.people import People
from hub.model.values import decimal_text

Convert = Callable[[Any], str | None]
ACCOUNT_KEYS = ("accountId", "id", "key", "name", "username", "emailAddress", "email")
"""Parts of a user object that may hold an account id, most stable first."""


def person(people: People, connection: str) -> Convert:
    """The converter ``person``: an account of this connection (or of every one) as employee code."""
    codes = _codes(people, connection)

    def convert(value: Any) -> str | None:
        if value.__class__ is dict:
            for key in ACCOUNT_KEYS:
                account = value.get(key)
                if account.__class__ is str and account in codes:
                    return codes[account]
            return _other(value, codes, connection)
        if value.__class__ is str and value in codes:
            return codes[value]
        return _other(value, codes, connection)

    return convert


def _codes(people: People, connection: str) -> Mapping[str, str]:
    """Account -> code: accounts valid everywhere, then this connection's (they win). Nothing is guessed."""
    codes: dict[str, str] = {}
    for place in ("*", connection):
        for someone in people.all:
            for account in someone.accounts.get(place, ()):
                codes[account] = someone.code
    return codes


def _other(value: Any, codes: Mapping[str, str], connection: str) -> str | None:
    """Numbers and blanks around an account; an object without any account is as empty as empty text."""
    allowed = f"an account listed for {connection} in people.yaml"
    if value.__class__ is dict:
        found = [value[key] for key in ACCOUNT_KEYS if value.get(key) not in (None, "")]
        if not found:
            raise Unconvertible("unknown-person", value, allowed)
        match = next((codes[str(account)] for account in found if str(account) in codes), None)
        if match is None:
            raise Unconvertible("unknown-person", str(found[0]), allowed)
        return match
    words = value.strip() if isinstance(value, str) else str(value) if type(value) is int else None
    if words == "":
        return None
    if words is None or words not in codes:
        raise Unconvertible("unknown-person", value, allowed)
    return codes[words]


def ref(connection: str, *, shared: bool) -> Convert:
    """The converter ``ref KIND``: the id as a key of this connection; natural keys (``shared``) as they are.

    A visible name in place of the id (``OPS-41``) gets the connection too; who looks it up knows both.
    """
    prefix = "" if shared else f"{connection}:"

    def convert(value: Any) -> str | None:
        words = value.strip() if value.__class__ is str else text_of_id(value)
        if words is None:
            raise Unconvertible("bad-ref", value, "an id or a label")
        if not words:
            return None
        return words if words.startswith(prefix) else prefix + words

    return convert


def text_of_id(value: Any) -> str | None:
    """The text of an id: a text without blanks around it, or a whole number; None for anything else."""
    if value.__class__ is str:
        return value.strip()
    if value.__class__ is int:
        return str(value)
    if value.__class__ is Decimal and value == value.to_integral_value():
        return decimal_text(value)
    return None
