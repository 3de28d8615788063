"""``hub check --watch``: check again whenever a file of the workspace changes."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable, Mapping
from pathlib import Path

EVERY_SECONDS = 0.3
"""How often the files are looked at: what a person does not notice, at no cost worth a word."""
NAMES = ("people.yaml", "mappings", "schemas")
Stamps = Mapping[Path, tuple[int, int]]


def watch(look: Callable[[], Stamps], work: Callable[[], None], wait: Callable[[], bool]) -> None:
    """Work once, then after every change; until ``wait`` says no. A change while working is seen by the next look."""
    seen: Stamps | None = None
    while True:
        found = look()
        if found != seen:
            seen = found
            work()
        if not wait():
            return


def stamps(root: Path, files: Iterable[Path], named: tuple[str, str, str] = NAMES) -> Stamps:
    """Size and time of the files given, and of everything a check of this workspace reads."""
    people, mappings, schemas = named
    chosen = {*files, *(root / name for name in ("hub.yaml", people))}
    for folder, pattern in ((mappings, "*.yaml"), (schemas, "*.json")):
        chosen.update((root / folder).rglob(pattern))
    found: dict[Path, tuple[int, int]] = {}
    for file in chosen:
        try:
            stat = file.stat()
        except FileNotFoundError:  # an editor writes a new file and moves it over the old one
            continue
        found[file] = (stat.st_mtime_ns, stat.st_size)
    return found


def pause() -> bool:
    """Wait a moment; no more when the person presses Ctrl-C."""
    try:
        time.sleep(EVERY_SECONDS)
    except KeyboardInterrupt:
        return False
    return True
