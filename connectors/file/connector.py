"""Drop folder: files put there become deliveries, one a file; each is claimed, kept in the log, then put away.

A file moves ``folder/x.csv`` → ``folder/.claimed/x.csv`` (rename, so two hubs never take one file) → ``folder/done/``
once its delivery is durable: the poller stores the cursor only after the log committed, so a claim named in the
cursor is safe to put away. A crash in between reads the claimed file again; same name and bytes are a duplicate."""

from __future__ import annotations

import os
import stat
import time
from collections.abc import Callable, Mapping
from hashlib import sha256
from pathlib import Path
from urllib.parse import quote, unquote

import orjson

from connectors.file import rows
from hub.connector.answers import ReadFailed
from hub.connector.base import Connection, Connector, Page, Probe
from hub.connector.http import Http
from hub.connector.spec import ConnectorSpec, Setting, StreamField, StreamSpec
from hub.model.clock import Micros
from hub.model.delivery import Raw
from hub.model.record import Decoded

NAME, TIME = "x-file-name", "x-file-time"
CLAIMED, DONE, FAILED = ".claimed", "done", "failed"
FILES_A_PAGE = 20
UNFINISHED = (".part", ".partial", ".tmp", ".crdownload", "~")
BODY_BYTES_MAX = 10 * 1024 * 1024

XLSX = "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet"

SPEC = ConnectorSpec(
    name="file",
    title="Drop folder for CSV, XLSX and JSON lines",
    settings=(
        Setting("folder", "text", "folder that files are dropped into", "/srv/hub/drop", required=True),
        Setting(
            "id_column", "text", "column that names the row's object; without it a row is its own content", "编号"
        ),
        Setting("format", "text", "csv, xlsx or jsonl, where the file's name does not say it", "csv"),
        Setting("encoding", "text", "encoding of CSV; without it UTF-8, else GB18030", "gb18030"),
        Setting("rest_seconds", "integer", "how long a file must lie untouched before it is taken", "2", 2),
    ),
    streams=(
        StreamSpec(
            "row",
            "one line of a file",
            ("row", "line", "file"),
            (
                StreamField(
                    'row["COLUMN"]',
                    "a cell by its column, empty is null: text in CSV; text, number or day in XLSX; any JSON",
                ),
                StreamField("line", "line number in the file", "integer"),
                StreamField("file", "name of the file"),
            ),
            polled=True,
        ),
    ),
    media_types=frozenset({"text/csv", "application/x-ndjson", "application/json", "text/plain", XLSX}),
    body_bytes_max=BODY_BYTES_MAX,
    guarantee={
        "en": "Every file is read at least once and put away only after it is safely kept; whole or not at all.",
        "zh": "每个文件至少读取一次，可靠保存之后才会移走；要么整份接收，要么整份退回。",
    },
)


class FileConnector(Connector):
    """One drop folder."""

    spec = SPEC

    def __init__(self, connection: Connection, http: Http, clock: Callable[[], float] = time.time) -> None:
        super().__init__(connection, http)
        setting = connection.settings.get
        self.folder = Path(str(setting("folder") or "."))
        rest = setting("rest_seconds")
        self.rest_seconds = 2.0 if rest is None else float(rest)
        self._clock = clock

    def identify(self, headers: Mapping[str, str], body: bytes) -> str | None:
        """Name and content: the same file again is the same delivery, another content under the name is not."""
        name = headers.get(NAME)
        return f"{name}#{sha256(body).hexdigest()}" if name else None

    def keep_headers(self) -> frozenset[str]:
        return frozenset({"content-type", NAME, TIME})

    def route(self, headers: Mapping[str, str], body: bytes) -> str:
        return headers.get(NAME, "")

    def decode(self, headers: Mapping[str, str], body: bytes) -> Decoded:
        text = {name: str(self.connection.settings.get(name) or "") for name in ("id_column", "format", "encoding")}
        stamp = headers.get(TIME, "")
        at: Micros = int(stamp) if stamp.isascii() and stamp.isdigit() and len(stamp) < 18 else 0
        name = unquote(headers.get(NAME, ""))
        return rows.decode(body, name, at or rows.LOG_ORDER, text["id_column"], text["format"], text["encoding"])

    async def poll(self, stream: str, cursor: str) -> Page:
        """Put away what the last page brought in, then claim what waits. ``more`` until nothing is claimed."""
        for name in orjson.loads(cursor) if cursor else ():
            self._move(name, DONE)
        taken = [raw for path in (*self._claimed(), *self.waiting())[:FILES_A_PAGE] if (raw := self._take(path))]
        names = [raw.headers[NAME] for raw in taken]
        return Page(tuple(taken), orjson.dumps(names).decode(), more=bool(taken))

    def waiting(self) -> list[Path]:
        """Files that wait, by name: finished ones, left alone for ``rest_seconds``."""
        try:
            with os.scandir(self.folder) as found:
                entries = [entry for entry in found if entry.is_file(follow_symlinks=False)]
            ready = [entry.path for entry in entries if self._is_ready(entry)]
        except OSError as error:
            raise ReadFailed(f"{self.folder}: {error.strerror}") from error
        return [Path(path) for path in sorted(ready)]

    def _is_ready(self, entry: os.DirEntry[str]) -> bool:
        if entry.name.startswith(".") or entry.name.lower().endswith(UNFINISHED):
            return False
        return entry.stat(follow_symlinks=False).st_mtime <= self._clock() - self.rest_seconds

    def _claimed(self) -> list[Path]:
        """What an earlier run claimed and did not put away."""
        folder = self.folder / CLAIMED
        self._no_link(folder)
        return sorted(folder.iterdir()) if folder.is_dir() else []

    @staticmethod
    def _no_link(folder: Path) -> None:
        """Folders of ours that lead elsewhere would hand over, or drop, files the hub has no business with."""
        if folder.is_symlink():
            raise ReadFailed(f"{folder} is a link: put a folder there")

    def _take(self, path: Path) -> Raw | None:
        """Claim and read one file; None where another took it, or where it is too large (then it is in failed/)."""
        name = quote(path.name)
        try:
            if path.parent.name != CLAIMED:
                (self.folder / CLAIMED).mkdir(exist_ok=True)
                path = path.rename(self.folder / CLAIMED / path.name)
            found = self._read(path)
            if isinstance(found, str):
                self._refuse(name, found)
                return None
        except FileNotFoundError:
            return None
        except OSError as error:
            raise ReadFailed(f"{path}: {error.strerror}") from error
        return Raw(found[0], {NAME: name, TIME: str(found[1])})

    @staticmethod
    def _read(path: Path) -> tuple[bytes, Micros] | str:
        """Body and time of a plain file, or why it is not taken: who may drop files may not choose ours to read."""
        if not stat.S_ISREG(path.lstat().st_mode):
            return "it is no file: links, folders and pipes are not taken"
        with os.fdopen(os.open(path, os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK), "rb") as file:
            about = os.fstat(file.fileno())
            body = file.read(BODY_BYTES_MAX + 1) if stat.S_ISREG(about.st_mode) else b""
        if len(body) > BODY_BYTES_MAX:
            return f"the file has {about.st_size} bytes; at most {BODY_BYTES_MAX} are taken"
        return body, about.st_mtime_ns // 1000

    def _refuse(self, name: str, why: str) -> None:
        target = self._move(name, FAILED)
        if target is not None:
            note = target.with_name(f"{target.name}.reason.txt")
            note.unlink(missing_ok=True)
            note.write_text(why + "\n", "utf-8")

    def _move(self, name: str, folder: str) -> Path | None:
        """Put a claimed file away, never over another; None where it is gone already."""
        plain = unquote(name)
        if plain != Path(plain).name or plain in ("", "..") or "\0" in plain:
            return None
        source = self.folder / CLAIMED / plain
        self._no_link(self.folder / folder)
        target = self.folder / folder / source.name
        try:
            target.parent.mkdir(exist_ok=True)
            number = 1
            while target.exists():
                number += 1
                target = target.with_name(f"{source.stem}-{number}{source.suffix}")
            return source.rename(target)
        except FileNotFoundError:
            return None
        except OSError as error:
            raise ReadFailed(f"{source}: cannot be moved to {folder}: {error.strerror}") from error

    async def probe(self) -> Probe:
        fix = "create the folder and let the hub write there: it moves files into done/"
        if not self.folder.is_dir():
            return Probe(False, f"{self.folder} is no folder", fix)
        if not os.access(self.folder, os.R_OK | os.W_OK | os.X_OK):
            return Probe(False, f"{self.folder} cannot be read and written", fix)
        return Probe(True, f"{self.folder}: {len(self.waiting())} files wait")
