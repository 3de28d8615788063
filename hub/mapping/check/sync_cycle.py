"""Two-way fields do not feed each other: no value goes round through several of them, no path belongs to two.

Writing one field would change the other, whose own update changes the first again. Each field settles by itself; two
that share their paths would answer each other.

Example::

    - {field: name, from: title, sync: {to: erp.project, path: name}}
    - {field: description, from: title, sync: {to: erp.project, path: name}}

Fix: give each field paths of its own, or remove ``sync`` from one of them.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field

from hub.mapping.check.checked import Checked, finding
from hub.mapping.check.sync_ends import TwoWayRow, two_way_rows
from hub.model.diagnostic import Diagnostic, Level

ID = "sync-cycle"


@dataclass(slots=True)
class _Field:
    """All paths of one two-way field, as ``connection.stream path``."""

    name: str
    entity: str
    first: TwoWayRow
    paths: set[str] = field(default_factory=set)
    sure: bool = True
    """False where a table takes some of the stream's records only: the others may be other objects."""


def check(checked: Checked) -> Iterator[Diagnostic]:
    fields: dict[tuple[str, str], _Field] = {}
    for one in two_way_rows(checked):
        place = (one.table.entity, one.row.field)
        known = fields.setdefault(place, _Field(f"{place[0]}.{place[1]}", place[0], one))
        known.paths |= _paths(one)
        known.sure = known.sure and one.table.only is None
    done: list[_Field] = []
    for later in fields.values():
        for earlier in done:
            yield from _shared(earlier, later)
        done.append(later)


def _paths(one: TwoWayRow) -> set[str]:
    own = {f"{one.table.stream} {path.text}" for path in one.row.sources}
    return own | {f"{one.sync.stream} {one.sync.path.text}"}


def _shared(earlier: _Field, later: _Field) -> Iterator[Diagnostic]:
    """Two fields of one entity share no path; two of different entities share no two."""
    shared = sorted(earlier.paths & later.paths)
    if len(shared) < (1 if earlier.entity == later.entity else 2):
        return
    sync = later.first.sync
    why = f"{earlier.name} ({earlier.first.sync.place}) has them too: each update would change the other field"
    sure = earlier.entity == later.entity or (earlier.sure and later.sure)
    message = f"{later.name} and {earlier.name} go round through {', '.join(shared)}"
    level: Level = "error" if sure else "warning"
    yield finding(sync.place, ID, message, why, "give each field paths of its own", level)
