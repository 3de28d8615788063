"""``people.yaml``: who somebody is in each system, which roles they hold. Text -> ``People`` and every problem.

An account id means one person per connection; codes are unique. Roles are free words: mappings name them.
"""

from __future__ import annotations

from pathlib import Path

from hub.errors import ConfigError
from hub.mapping.form import Form, near
from hub.mapping.literals import calendar_day
from hub.mapping.read import Findings, Sequence, read
from hub.model.diagnostic import Diagnostic, Place
from hub.model.people import Deputy, People, Person

_KEYS = ("code", "name", "mail", "roles", "accounts", "deputies")


def read_people(source: bytes | str, file: str) -> tuple[People, tuple[Diagnostic, ...]]:
    """The people of a file and what is wrong with it; with findings the people are those that could be read."""
    root, findings = read(source, file)
    form = None if root is None else Form.of(findings, root, "people.yaml", ("people",))
    if form is None:
        return People(), tuple(findings.found)
    people = [_person(each) for each in form.forms("people", "a person", _KEYS)]
    _unique(form, people, findings)
    _deputies_known(form, people, findings)
    return People([person for person in people if person.code]), tuple(findings.found)


def load_people(path: Path, name: str = "") -> People:
    """The people of a workspace; nobody where there is no file. Raises ``ConfigError`` with all findings.

    ``name`` is how findings call the file.
    """
    if not path.exists():
        return People()
    people, findings = read_people(path.read_bytes(), name or path.name)
    if findings:
        fix = "run: hub check"
        raise ConfigError(f"{path.name} has {len(findings)} problems", findings, where=str(path), fix=fix)
    return people


def _person(form: Form) -> Person:
    code = form.text("code", example="E1001")
    form.what = f"person {code}"
    return Person(
        code=code,
        name=form.text("name", code),
        mail=form.text("mail"),
        roles=frozenset(word.text for word in form.words("roles")),
        accounts={connection.text: _accounts(form, connection.text) for connection, _ in form.pairs("accounts")},
        deputies=tuple(_deputy(one) for one in form.forms("deputies", "a deputy", ("code", "from", "to", "roles"))),
    )


def _deputy(form: Form) -> Deputy:
    code = form.text("code", example="E1004")
    for key in ("from", "to"):
        form.need(key, "2026-12-01")
    first, last = form.literal("from", calendar_day) or "", form.literal("to", calendar_day) or ""
    if first > last:
        why = "a deputy stands in from the first day to the last, both included"
        form.findings.report("bad-literal", form.place("to"), f"{last} lies before {first}", why, "swap them")
    return Deputy(code, first, last, frozenset(word.text for word in form.words("roles")))


def _accounts(form: Form, connection: str) -> tuple[str, ...]:
    accounts = Form.of(form.findings, form.take("accounts"), "accounts", (connection, *_others(form)))
    return () if accounts is None else tuple(word.text for word in accounts.words(connection))


def _others(form: Form) -> tuple[str, ...]:
    return tuple(connection.text for connection, _ in form.pairs("accounts"))


def _unique(form: Form, people: list[Person], findings: Findings) -> None:
    """Report a code, or an account in one connection, that means two people."""
    list_node = form.take("people")
    nodes = list_node.items if isinstance(list_node, Sequence) else []
    codes: dict[str, Place] = {}
    accounts: dict[tuple[str, str], str] = {}
    for person, node in zip(people, nodes, strict=False):
        place = findings.place(node)
        first = codes.setdefault(person.code, place)
        if first is not place:
            why = f"line {first.line} has that code already"
            findings.report("duplicate-name", place, f'code "{person.code}" a second time', why, "codes are unique")
        for connection, names in person.accounts.items():
            for name in names:
                owner = accounts.setdefault((connection, name), person.code)
                if owner != person.code:
                    why = f"it means {owner} already: nobody could say who is paid"
                    message = f'account "{name}" of {connection} a second time'
                    findings.report("duplicate-name", place, message, why, "give each account to one person")


def _deputies_known(form: Form, people: list[Person], findings: Findings) -> None:
    """Report a deputy nobody is: what waits for them would wait for ever."""
    codes = {person.code for person in people}
    for person in people:
        for deputy in person.deputies:
            if deputy.code and deputy.code not in codes:
                message = f'{person.code} has the deputy "{deputy.code}", who is not in this file'
                fix = near(deputy.code, tuple(codes)) or "write the code of somebody of this file"
                findings.report("unknown-name", form.place("people"), message, "a deputy is a person too", fix)
