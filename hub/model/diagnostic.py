"""One finding with its place: what every check, reader and loader of configuration reports."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

Level = Literal["error", "warning", "info"]


@dataclass(frozen=True, slots=True, order=True)
class Place:
    """A span of one line in a file; lines and columns count from 1, ``end_column`` is exclusive."""

    file: str
    line: int
    column: int
    end_column: int = 0

    def __str__(self) -> str:
        return f"{self.file}:{self.line}:{self.column}"


@dataclass(frozen=True, slots=True)
class Diagnostic:
    """A problem: where (place), what (message), why, fix; ``rule`` is the stable slug."""

    place: Place
    rule: str
    level: Level
    message: str
    why: str = ""
    fix: str = ""
