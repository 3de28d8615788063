"""A table's source is a stream its connector has.

The connector hands over only the streams it documents: ``hub connector show pm``.

Example::

    source: pm.isue

Fix: use one of the streams the message lists.
"""

from __future__ import annotations

from collections.abc import Iterator

from hub.mapping.check.checked import Checked, finding
from hub.mapping.form import near
from hub.model.diagnostic import Diagnostic

ID = "unknown-stream"


def check(checked: Checked) -> Iterator[Diagnostic]:
    for table in checked.tables:
        spec = checked.context.specs.get(table.connection)
        if spec is None or checked.stream(table) is not None:
            continue
        name = table.stream.removeprefix(f"{table.connection}.")
        known = tuple(stream.name for stream in spec.streams)
        why = f"{spec.name} has the streams: {', '.join(sorted(known)) or 'none'}"
        place = table.places.get("source", table.place)
        yield finding(
            place, ID, f'unknown stream "{name}"', why, near(name, known) or f"use one of: {', '.join(known)}"
        )
