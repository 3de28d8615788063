"""A system is an alias of ``systems``, and its connection exists in ``hub.yaml``.

A table that listens to a connection nobody configured would never see a record.

Example::

    systems: {pm: jria}

Fix: name a connection of ``hub.yaml``, or add the connection there.
"""

from __future__ import annotations

from collections.abc import Iterator

from hub.mapping.check.checked import Checked, finding
from hub.mapping.form import near
from hub.model.diagnostic import Diagnostic

ID = "unknown-system"


def check(checked: Checked) -> Iterator[Diagnostic]:
    yield from checked.found.get(ID, ())
    specs = checked.context.specs
    for definition in checked.definitions:
        for alias, connection in definition.systems.items():
            if connection not in specs:
                place = definition.systems_places.get(alias, definition.place)
                why = f"connections of hub.yaml: {', '.join(sorted(specs)) or 'none'}"
                fix = near(connection, tuple(specs)) or f"add connection {connection} to hub.yaml"
                yield finding(place, ID, f'unknown connection "{connection}"', why, fix)
