"""A two-way field says who wins when both systems changed it, and says it once.

Without ``conflict`` a person is asked for every field that was changed on both sides; that may be meant, but it is
written down. Two rows of one field that name different winners make the outcome a matter of luck.

Example::

    - {field: name, from: name, sync: {to: pm.issue, path: fields.summary}}       # and pm.issue feeds name as well

Fix: write ``conflict: ask``, ``newest``, ``source`` (the table's own source) or ``target`` (the system named in it).
"""

from __future__ import annotations

from collections.abc import Iterator

from hub.mapping.check.checked import Checked, finding
from hub.mapping.check.sync_ends import TwoWayRow, two_way_rows
from hub.model.diagnostic import Diagnostic

ID = "sync-policy"
_FIX = "write conflict: ask, newest, source or target"


def check(checked: Checked) -> Iterator[Diagnostic]:
    first: dict[tuple[str, str, frozenset[str]], TwoWayRow] = {}
    for one in two_way_rows(checked):
        if one.other is not None and "conflict" not in one.sync.places:
            why = f"{one.sync.stream} feeds {one.row.field} as well: both may change it at once"
            yield finding(one.sync.place, ID, f"{one.row.field} does not say who wins", why, _FIX, "warning")
        ends = frozenset({one.table.connection, one.sync.connection})
        other = first.setdefault((one.table.entity, one.row.field, ends), one)
        if _winner(other) != _winner(one):
            why = f"{other.sync.place} says {_winner(other)}"
            yield finding(
                one.sync.place, ID, f"{one.row.field}: {_winner(one)} wins here", why, "name the same winner in both"
            )


def _winner(one: TwoWayRow) -> str:
    ends = {"source": one.table.connection, "target": one.sync.connection}
    return ends.get(one.sync.conflict, one.sync.conflict)
