"""What ``hub doctor`` asks of the workspace itself: files, secrets, disk, who serves it, the systems around."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator
from typing import TYPE_CHECKING

from hub.cli.doctor_line import Line
from hub.engine.runlock import read_note
from hub.errors import HubError
from hub.log.reserve import RESERVE_BYTES, RESERVE_SHARE, disk_space

if TYPE_CHECKING:
    from hub.bootstrap import Workspace

PROBE_SECONDS = 30.0
ROOM = 2
"""A warning comes while twice the reserve is left."""


def mappings(opened: Workspace) -> Iterator[Line]:
    """Whether the mapping files would be taken at a start."""
    findings = opened.check()
    errors = sum(one.level == "error" for one in findings)
    files = len(opened.built)
    if errors:
        yield Line("mappings", "fail", f"{errors} errors in {files} files: the hub does not start", "run: hub check")
    elif not files:
        yield Line("mappings", "warn", "no mapping file: nothing is applied", "write one, or start from hub init DIR")
    else:
        yield Line("mappings", "ok", f"{files} files, no errors")


def secrets(opened: Workspace) -> Iterator[Line]:
    """Whether every secret that hub.yaml names can be found; a missing one closes its connection."""
    found = 0
    for name in opened.settings.connections:
        if problem := opened.problem(name):
            what, _, fix = problem.partition("; ")
            yield Line(f"secret of {name}", "fail", what, fix)
        else:
            found += len(opened.references(name))
    yield from _open_files(opened)
    yield Line("secrets", "ok", f"{found} found")


def _open_files(opened: Workspace) -> Iterator[Line]:
    """Secrets in files that other accounts of this machine may read."""
    references = {
        one for name in opened.settings.connections for all_ in opened.references(name).values() for one in all_
    }
    for reference in sorted(one for one in references if one.startswith("file:")):
        file = opened.root / reference.removeprefix("file:")
        if file.is_file() and file.stat().st_mode & 0o004:
            yield Line(
                f"secret {reference}", "warn", "every account of this machine may read it", f"chmod 600 {file}"
            )


def disk(opened: Workspace) -> Iterator[Line]:
    """Whether deliveries will be refused soon for lack of room."""
    folder = opened.state if opened.state.is_dir() else opened.root
    free, total = disk_space(str(folder))
    reserve = min(RESERVE_BYTES, int(total * RESERVE_SHARE))
    said = f"{free >> 20} MiB free, {reserve >> 20} MiB of them kept in reserve"
    if free < reserve:
        yield Line("disk", "fail", f"{said}: deliveries are refused", f"free disk space under {folder}")
    elif free < ROOM * reserve:
        yield Line("disk", "warn", said, f"free disk space under {folder} before deliveries are refused")
    else:
        yield Line("disk", "ok", said)


def serving(opened: Workspace) -> Iterator[Line]:
    """Who serves it now. Workers of a cluster are asked for in ``doctor_kafka``."""
    if opened.served:
        note = read_note(opened.state)
        yield Line("serving", "ok", f"process {note.get('pid')} at {note.get('url') or 'no address'}")
    else:
        yield Line("serving", "warn", "nobody serves this workspace: what is sent to it is refused", "run: hub run")


def connections(opened: Workspace) -> Iterator[Line]:
    """Whether each system answers and takes our credentials, all asked at once."""
    yield from asyncio.run(_probed(opened))


async def _probed(opened: Workspace) -> list[Line]:
    try:
        return list(await asyncio.gather(*(_probe(opened, name) for name in opened.settings.connections)))
    finally:
        await opened.close_connectors()


async def _probe(opened: Workspace, name: str) -> Line:
    if opened.settings.connections[name].builtin and opened.specs[name].has_twin and not opened.twin_url(name):
        return Line(f"connection {name}", "ok", "a stand-in, started with the hub")
    if problem := opened.problem_of_calls(name):
        return Line(f"connection {name}", "fail", "not asked: " + problem.partition("; ")[0], "give the secret")
    try:
        async with asyncio.timeout(PROBE_SECONDS):
            found = await opened.connector(name).probe()
    except TimeoutError:
        return Line(f"connection {name}", "fail", f"no answer in {PROBE_SECONDS:.0f} s", "see that the system runs")
    except HubError as error:
        return Line(f"connection {name}", "fail", error.what, error.fix)
    fix = found.fix or ("" if found.ok else f"hub connector probe {name}")
    return Line(f"connection {name}", "ok" if found.ok else "fail", found.detail, "" if found.ok else fix)
