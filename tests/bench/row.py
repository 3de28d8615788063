"""One measured line, and the table of them: ours, the raw limit or peer of the same run, their ratio, the budget.

A shared, noisy machine moves every figure; the ratio moves least. ``MISSED`` is said, never rounded away.
"""

from __future__ import annotations

import os
import platform
import unicodedata
from collections.abc import Iterable, Sequence
from dataclasses import asdict, dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any


@dataclass(frozen=True, slots=True)
class Row:
    """``limit`` is what the same run gave without the hub (``limit_name``); ``budget`` None: shown, not judged."""

    bench: str
    path: str
    ours: float
    unit: str
    limit: float | None = None
    limit_name: str = ""
    budget: float | None = None
    note: str = ""

    @property
    def higher_is_better(self) -> bool:
        return self.unit.endswith("/s")

    @property
    def ratio(self) -> float | None:
        """Ours of the limit for rates, the limit of ours for times: 1 is as good as raw."""
        if not self.limit or not self.ours:
            return None
        return self.ours / self.limit if self.higher_is_better else self.limit / self.ours

    @property
    def met(self) -> bool | None:
        if self.budget is None:
            return None
        return self.ours >= self.budget if self.higher_is_better else self.ours <= self.budget

    def json(self) -> dict[str, Any]:
        return {**asdict(self), "ratio": self.ratio, "met": self.met}


def machine() -> dict[str, Any]:
    """Where and when it was measured."""
    return {
        "date": datetime.now(UTC).isoformat(timespec="minutes"),
        "cpu": _cpu(),
        "cpus": os.cpu_count(),
        "python": platform.python_version(),
        "load": round(os.getloadavg()[0], 2),
    }


def _cpu() -> str:
    info = Path("/proc/cpuinfo")
    lines = info.read_text("utf-8").splitlines() if info.exists() else []
    return next((line.partition(":")[2].strip() for line in lines if line.startswith("model name")), "unknown")


HEAD = ("path", "ours", "raw or peer, same run", "ratio", "budget", "")


def table(rows: Iterable[Row]) -> str:
    """The rows as aligned columns."""
    cells = [HEAD, *(_cells(row) for row in rows)]
    widths = [max(_width(line[place]) for line in cells) for place in range(len(HEAD))]
    lines = ["  ".join(text + " " * (widths[at] - _width(text)) for at, text in enumerate(line)) for line in cells]
    lines.insert(1, "  ".join("-" * width for width in widths))
    return "\n".join(line.rstrip() for line in lines)


def _cells(row: Row) -> tuple[str, ...]:
    verdict = {None: "", True: "met", False: "MISSED"}[row.met]
    limit = "" if row.limit is None else f"{_number(row.limit)} {row.unit}: {row.limit_name}"
    budget = "" if row.budget is None else f"{'≥' if row.higher_is_better else '≤'} {_number(row.budget)}"
    ratio = "" if row.ratio is None else f"{row.ratio:.2f}"
    return row.path, f"{_number(row.ours)} {row.unit}", limit, ratio, budget, f"{verdict} {row.note}".strip()


def _number(value: float) -> str:
    return f"{value:,.0f}" if value >= 100 else f"{value:.1f}" if value >= 1 else f"{value:.3f}"


def _width(text: str) -> int:
    return sum(2 if unicodedata.east_asian_width(one) in "WF" else 1 for one in text)


def report(rows: Sequence[Row]) -> dict[str, Any]:
    """Everything, for ``--json``."""
    return {"machine": machine(), "rows": [row.json() for row in rows]}
