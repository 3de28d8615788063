"""What ``hub doctor`` asks of the database: is it there, at which schema, do the clocks agree."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING

from hub.cli.doctor_line import Line
from hub.model.clock import SECOND, Micros
from hub.store.condition import Condition, condition_of_file, condition_of_server
from hub.store.migrations import HEAD

if TYPE_CHECKING:
    from hub.bootstrap import Workspace

APART_WARN, APART_FAIL = SECOND, 30 * SECOND
"""Clocks of two machines: above the first somebody should look, above the second times in reports are wrong."""


def store(opened: Workspace) -> Iterator[Line]:
    """Everything about the database, without opening it as a hub would."""
    if opened.settings.in_postgres:
        found = condition_of_server(opened.settings.store, opened.store_password)
        yield Line("store", "ok", f"{found.server} at {opened.settings.store.partition('?')[0]}")
    elif opened.database.exists():
        found = condition_of_file(opened.database)
        yield Line("store", "ok", f"{found.server}, {opened.database}")
    else:
        yield Line("store", "ok", f"no database yet; the first start makes {opened.database}")
        return
    yield _schema(found)
    yield from (Line("store settings", "warn", what, fix) for what, fix in found.risks)
    yield _clock(found, opened.clock.now())


def _schema(found: Condition) -> Line:
    if found.too_new:
        said = f"schema {found.revision} was written by a newer hub, this one knows {HEAD}"
        return Line("schema", "fail", said, "run the newer hub, or restore a backup from before its first start")
    if not found.current:
        said = f"schema {found.revision or 'none'}; the next start brings it to {HEAD}"
        return Line("schema", "warn", said, "make a backup, then start the hub")
    return Line("schema", "ok", f"{HEAD}, this release's")


def _clock(found: Condition, now: Micros) -> Line:
    """The database's clock beside ours; and ours beside the newest thing recorded, which is never in the future."""
    fix = "set the clocks by NTP on every machine"
    if found.newest is not None and found.newest - now > APART_WARN:
        behind = (found.newest - now) / SECOND
        return Line("clock", "fail", f"{behind:.0f} s behind what was recorded last: it was set back", fix)
    apart = 0 if found.now is None else abs(found.now - now)
    said = "not behind anything recorded"
    if found.now is not None:
        said = f"{apart / SECOND:.1f} s apart from the database's"
    return Line(
        "clock",
        "fail" if apart > APART_FAIL else "warn" if apart > APART_WARN else "ok",
        said,
        fix * (apart > APART_WARN),
    )
