"""One line of ``hub doctor``."""

from __future__ import annotations

from typing import Literal, NamedTuple


class Line(NamedTuple):
    """``what`` was looked at; ``fix`` is there wherever the level is not ok."""

    what: str
    level: Literal["ok", "warn", "fail"]
    message: str
    fix: str = ""

    def __str__(self) -> str:
        fix = f"\n      fix: {self.fix}" if self.fix else ""
        return f"{self.level:4}  {self.what}: {self.message}{fix}"
