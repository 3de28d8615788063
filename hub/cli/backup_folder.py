"""What a backup looks like on disk: ``hub.db``, the workspace's files under ``workspace/``, and ``backup.json``.

The manifest is written last and the folder gets its name at the very end, so that half a backup is none. It holds a
SHA-256 of every file and what the database held; secrets and logs are not in a backup.
"""

from __future__ import annotations

import hashlib
import os
import shutil
from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path
from typing import Any

import orjson

from hub.errors import NotFound, UsageError
from hub.model.boundary import boundary
from hub.store.backup import copy, flush, folded, holding, problems

DATABASE, FILES, MANIFEST = "hub.db", "workspace", "backup.json"
FORMAT = "projops-hub backup 1"
CHUNK = 1 << 20
Problem = dict[str, str]


def make(root: Path, database: Path, names: Iterable[Path], folder: Path, about: Mapping[str, Any]) -> dict[str, Any]:
    """Write a backup to ``folder``, which must not exist; gives the manifest. ``names``: files below ``root``."""
    if folder.exists():
        raise UsageError(
            f"{folder} is there already", fix="name a folder that is not there: a backup is never changed"
        )
    draft = folder.with_name(f"{folder.name}.unfinished")
    shutil.rmtree(draft, ignore_errors=True)
    (draft / FILES).mkdir(mode=0o700, parents=True)
    draft.chmod(0o700)
    copy(database, draft / DATABASE)
    boundary("B21")
    for name in names:
        (draft / FILES / name).parent.mkdir(parents=True, exist_ok=True)
        shutil.copyfile(root / name, draft / FILES / name)
        flush(draft / FILES / name)
    manifest = _manifest(draft, about)
    (draft / MANIFEST).write_bytes(orjson.dumps(manifest, option=orjson.OPT_INDENT_2 | orjson.OPT_SORT_KEYS))
    flush(draft / MANIFEST)
    flush(draft)
    draft.rename(folder)
    flush(folder.absolute().parent)
    return manifest


def _manifest(draft: Path, about: Mapping[str, Any]) -> dict[str, Any]:
    held = holding(draft / DATABASE)
    head = None if held.head is None else {"number": held.head[0], "hash": held.head[1]}
    files = {str(file.relative_to(draft)): _digest(file) for file in sorted(draft.rglob("*")) if file.is_file()}
    return {"format": FORMAT, **about, "rows": held.rows, "head": head, "files": files}


def _digest(file: Path) -> str:
    found = hashlib.sha256()
    with file.open("rb") as data:
        while piece := data.read(CHUNK):
            found.update(piece)
    return found.hexdigest()


def read_manifest(folder: Path) -> dict[str, Any]:
    """Raises ``NotFound`` where there is no backup."""
    try:
        manifest = orjson.loads((folder / MANIFEST).read_bytes())
    except (OSError, orjson.JSONDecodeError) as error:
        raise NotFound(
            f"{folder} holds no backup",
            where=str(folder / MANIFEST),
            why=f"its manifest cannot be read: {error}",
            fix="name a folder that hub backup wrote",
        ) from error
    if not isinstance(manifest, dict) or manifest.get("format") != FORMAT:
        raise NotFound(f"{folder} holds no backup that this hub knows", where=str(folder / MANIFEST))
    return manifest


def check(folder: Path) -> list[Problem]:
    """Everything that is not as the manifest says, and everything wrong inside the database."""
    manifest = read_manifest(folder)
    found = list(_files(folder, manifest["files"]))
    if not any(one["place"] == DATABASE for one in found):
        found += _database(folder / DATABASE, manifest)
    return found


def _files(folder: Path, files: Mapping[str, str]) -> Iterator[Problem]:
    for name, digest in files.items():
        if not (folder / name).is_file():
            yield {"place": name, "what": "it is missing"}
        elif _digest(folder / name) != digest:
            yield {"place": name, "what": "it was changed after the backup was made"}


def _database(file: Path, manifest: Mapping[str, Any]) -> Iterator[Problem]:
    found = [{"place": DATABASE, "what": one} for one in problems(file)]
    yield from found
    if found:
        return
    rows = holding(file).rows
    for name, count in manifest["rows"].items():
        if rows.get(name) != count:
            yield {"place": DATABASE, "what": f"{name} holds {rows.get(name)} rows, the manifest says {count}"}


def put_files(folder: Path, root: Path) -> tuple[list[str], list[str]]:
    """Bring the workspace's files back where they are missing; gives those brought and those that differ and stay."""
    brought, kept = [], []
    for file in sorted((folder / FILES).rglob("*")):
        name = file.relative_to(folder / FILES)
        if file.is_dir():
            continue
        if not (root / name).exists():
            (root / name).parent.mkdir(parents=True, exist_ok=True)
            shutil.copyfile(file, root / name)
            brought.append(str(name))
        elif (root / name).read_bytes() != file.read_bytes():
            kept.append(str(name))
    return brought, kept


def put_database(draft: Path, database: Path, aside: str) -> str:
    """Let ``draft`` be the database. What lies there now is kept beside it; gives the name, empty for nothing.

    The write-ahead log goes first: beside another database it would be played into that one. Killed in between, the
    old database is still there, whole.
    """
    old = database.with_name(f"{database.name}.{aside}")
    if database.exists():
        if not folded(database):  # damaged: perhaps the reason why a backup is wanted
            for end in ("-wal", "-shm"):
                _rename(database.with_name(database.name + end), old.with_name(old.name + end))
        os.link(database, old)
    boundary("B21")
    draft.replace(database)
    flush(database.parent)
    return old.name if old.exists() else ""


def _rename(there: Path, to: Path) -> None:
    if there.exists():
        there.rename(to)
