"""Where polling stands: a window over ``updated`` and a ledger of what was handed on. Pure.

A bare watermark loses events: JQL knows minutes only, the search index lags behind, an issue changed during a
walk moves to its end. So every walk begins ``overlap`` before the newest change seen, and the ledger (issue id and
version) drops what was handed on already. The ledger forgets what left the window and holds ``LEDGER_MAX``
entries at most; whatever it forgets too early comes again and folds to ``unchanged``."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, replace

import orjson

from hub.model.clock import SECOND, Micros

LEDGER_MAX = 5_000
MINUTE: Micros = 60 * SECOND


@dataclass(frozen=True, slots=True)
class Cursor:
    """``newest`` change seen (0: none yet); ``query``, ``token`` and ``start`` of a walk not finished; the ledger."""

    newest: Micros = 0
    query: str = ""
    token: str = ""
    start: int = 0
    ledger: Mapping[str, Micros] = field(default_factory=dict)

    @classmethod
    def read(cls, text: str) -> Cursor:
        """The cursor of its text; an empty one starts from nothing."""
        if not text:
            return cls()
        data = orjson.loads(text)
        return cls(data["newest"], data["query"], data["token"], data["start"], data["ledger"])

    def text(self) -> str:
        data = {name: getattr(self, name) for name in ("newest", "query", "token", "start", "ledger")}
        return orjson.dumps(data, option=orjson.OPT_SORT_KEYS).decode()

    def is_new(self, source: str, at: Micros) -> bool:
        return self.ledger.get(source) != at

    def seen(self, issues: Iterable[tuple[str, Micros]], overlap: Micros) -> Cursor:
        """The cursor after these issues were handed on."""
        ledger = dict(self.ledger)
        ledger.update(issues)
        newest = max((self.newest, *ledger.values()))
        # The window's start is cut to the minute, and JQL compares minutes: keep one more.
        edge = newest - overlap - 2 * MINUTE
        kept = sorted((at, source) for source, at in ledger.items() if at >= edge)[-LEDGER_MAX:]
        return replace(self, newest=newest, ledger={source: at for at, source in kept})

    def finished(self) -> Cursor:
        return replace(self, query="", token="", start=0)


def query(scope: str, newest: Micros, now: Micros, overlap: Micros, history_days: int) -> str:
    """Bounded JQL for the window. Relative minutes: absolute ones would be read in the asking user's zone."""
    if newest:
        minutes = max(0, -(-(now - newest + overlap) // MINUTE)) + 1
        bound = f"updated >= -{minutes}m"
    else:
        bound = f"updated >= -{history_days}d"
    return f"{f'({scope}) AND ' if scope else ''}{bound} ORDER BY updated ASC, id ASC"
