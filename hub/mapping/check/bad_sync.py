"""``sync`` names a stream its system has and can update, from a row of a table that takes its value from a source.

A field that goes back to a system needs an action that writes it; where there is none it would silently stay behind.

Example::

    - {field: name, from: fields.summary, sync: {to: pm.isue, path: fields.summary}}

Fix: use a stream the message lists; remove ``sync`` where the system cannot be updated.
"""

from __future__ import annotations

from collections.abc import Iterator

from hub.mapping.check.checked import Checked, finding
from hub.mapping.form import near
from hub.mapping.table import SyncDef, flat
from hub.model.diagnostic import Diagnostic

ID = "bad-sync"


def check(checked: Checked) -> Iterator[Diagnostic]:
    for table in checked.tables:
        for row in table.rows:
            for inner in flat(row.rows):
                if inner.sync is not None:
                    yield _nowhere(inner.sync, inner.field)
            if row.sync is not None:
                yield from _sync(checked, row.sync)
    for _, step in checked.steps():
        for row in flat(step.payload):
            if row.sync is not None:
                yield _nowhere(row.sync, row.field)


def _nowhere(sync: SyncDef, field: str) -> Diagnostic:
    why = "fields of an entity go back to a source, lists and payloads do not"
    return finding(sync.place, ID, f"sync has no meaning in row {field}", why, "remove it")


def _sync(checked: Checked, sync: SyncDef) -> Iterator[Diagnostic]:
    spec = checked.context.specs.get(sync.connection)
    if spec is None:
        return
    name = sync.stream.removeprefix(f"{sync.connection}.")
    names = tuple(stream.name for stream in spec.streams)
    stream = next((one for one in spec.streams if one.name == name), None)
    if stream is None:
        why = f"streams of {spec.name}: {', '.join(names) or 'none'}"
        fix = near(name, names) or "use one of them"
        yield finding(sync.place, ID, f'{spec.name} has no stream "{name}"', why, fix)
    elif not getattr(stream, "update_action", ""):
        why = f"its connector names no action that updates a {name}"
        yield finding(sync.place, ID, f"{sync.stream} cannot be updated", why, "remove sync", "warning")
