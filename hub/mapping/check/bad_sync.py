"""``sync`` names a stream its system has and a path it can set, in a row of an entity's table.

A field that goes back to a system needs an action that writes it; where there is none it would silently stay behind.
The table's own source is one of the two ends already: ``sync`` names the other one.

Example::

    - {field: name, from: fields.summary, sync: {to: pm.isue, path: fields.summary}}

Fix: use a stream or path the message lists; remove ``sync`` where the system cannot be updated.
"""

from __future__ import annotations

from collections.abc import Iterator

from hub.mapping.check.checked import Checked, finding
from hub.mapping.check.sync_ends import TwoWayRow, settable, two_way_rows
from hub.mapping.form import near
from hub.mapping.table import Row, SyncDef, flat
from hub.model.diagnostic import Diagnostic

ID = "bad-sync"


def check(checked: Checked) -> Iterator[Diagnostic]:
    for table in checked.tables:
        for row in table.rows:
            yield from (_nowhere(inner.sync, inner) for inner in flat(row.rows) if inner.sync is not None)
    for one in two_way_rows(checked):
        yield from _target(checked, one)
        yield from _own_source(checked, one)
    for _, step in checked.steps():
        yield from (_nowhere(row.sync, row) for row in flat(step.payload) if row.sync is not None)


def _nowhere(sync: SyncDef, row: Row) -> Diagnostic:
    why = "fields of an entity go back to a source, lists and payloads do not"
    return finding(sync.place, ID, f"sync has no meaning in row {row.field}", why, "remove it")


def _target(checked: Checked, one: TwoWayRow) -> Iterator[Diagnostic]:
    sync, spec = one.sync, checked.context.specs.get(one.sync.connection)
    if spec is None:
        return
    if sync.stream == one.table.stream:
        why = "the table's own source is one of the two ends already"
        yield finding(
            sync.place, ID, f"sync goes from {sync.stream} to itself", why, "name the other system's stream"
        )
        return
    name = sync.stream.removeprefix(f"{sync.connection}.")
    names = tuple(stream.name for stream in spec.streams)
    if name not in names:
        why = f"streams of {spec.name}: {', '.join(names) or 'none'}"
        fix = near(name, names) or "use one of them"
        yield finding(sync.place, ID, f'{spec.name} has no stream "{name}"', why, fix)
        return
    yield from _settable(checked, sync.connection, sync.stream, sync.path.text, one)


def _own_source(checked: Checked, one: TwoWayRow) -> Iterator[Diagnostic]:
    """Where the target's own table feeds the field, its changes come back to this table's source."""
    if one.row.prefer:
        why = "prefer takes the field from one system whatever the others say; sync keeps them equal"
        yield finding(one.sync.place, ID, f"{one.row.field} has both prefer and sync", why, "remove one of them")
    if one.other is None or one.sync.stream == one.table.stream or len(one.row.sources) != 1:
        return
    yield from _settable(checked, one.table.connection, one.table.stream, one.row.sources[0].text, one)


def _settable(checked: Checked, connection: str, stream: str, path: str, one: TwoWayRow) -> Iterator[Diagnostic]:
    known = settable(checked, connection, stream)
    if known is None or known.covers(path):
        return
    if not known.action:
        why = f"its connector names no action that updates a {stream.removeprefix(f'{connection}.')}"
        yield finding(one.sync.place, ID, f"{stream} cannot be updated", why, "remove sync")
        return
    place = one.sync.places.get("path", one.sync.place) if path == one.sync.path.text else one.sync.place
    why = f"paths of {stream} that can be set: {', '.join(known.paths)}"
    yield finding(place, ID, f"{path} of {stream} cannot be set", why, near(path, known.paths) or "use one of them")
