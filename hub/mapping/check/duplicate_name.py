"""Integrations, loops of an integration and steps of a loop have names of their own.

Names are part of every effect key: two loops of one name would take each other's documents for their own.

Example::

    - step: tell
    - step: tell

Fix: rename one of them; a loop that already ran needs ``renamed_from``.
"""

from __future__ import annotations

from collections.abc import Iterator

from hub.mapping.check.checked import Checked, finding
from hub.mapping.table import IntegrationDef
from hub.model.diagnostic import Diagnostic, Place

ID = "duplicate-name"


def check(checked: Checked) -> Iterator[Diagnostic]:
    yield from _repeated("integration", [(each.name, each.place) for each in checked.definitions])
    for definition in checked.definitions:
        yield from _repeated("loop", [(loop.name, loop.place) for loop in definition.loops])
        yield from _repeated("loop", _former(definition))
        for loop in definition.loops:
            yield from _repeated("step", [(step.name, step.place) for step in loop.steps])


def _former(definition: IntegrationDef) -> list[tuple[str, Place]]:
    """What the effect keys of the loops call them, where any goes by a former name."""
    renamed = {loop.renamed_from for loop in definition.loops if loop.renamed_from}
    return [(loop.first_name, loop.place) for loop in definition.loops if loop.first_name in renamed]


def _repeated(what: str, named: list[tuple[str, Place]]) -> Iterator[Diagnostic]:
    seen: dict[str, Place] = {}
    for name, place in named:
        first = seen.setdefault(name, place)
        if first is not place and name:
            why = f"{first} has that name already, and names are part of effect keys"
            yield finding(place, ID, f'{what} "{name}" a second time', why, "give it a name of its own")
