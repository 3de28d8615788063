"""Where polling a list of changing objects stands: a window over the time of change and a ledger. Pure.

A bare watermark loses what becomes visible late: a transaction that commits minutes after it took its time, an index
that lags, an object that changes while pages are read. So every walk begins ``overlap`` before the newest change
seen, and the ledger (id and version) drops what was handed on already. The ledger forgets what left the window and
holds ``LEDGER_MAX`` entries at most; whatever it forgets too early comes again and folds to ``unchanged``.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, replace

import orjson

from hub.model.clock import Micros

LEDGER_MAX = 5_000


@dataclass(frozen=True, slots=True)
class Seen:
    """One object as a page shows it."""

    source: str
    at: Micros
    version: str


@dataclass(frozen=True, slots=True)
class Window:
    """``newest`` change seen (0: none yet). Of a walk under way: where it began and, in the system's own terms,
    how far it is (``after``; empty: no walk). ``until``: no later change counts as seen by this walk (0: any)."""

    newest: Micros = 0
    since: Micros = 0
    after: str = ""
    until: Micros = 0
    ledger: Mapping[str, tuple[Micros, str]] = field(default_factory=dict)

    @classmethod
    def read(cls, text: str) -> Window:
        """The window of its text; an empty one starts from nothing."""
        if not text:
            return cls()
        data = orjson.loads(text)
        data["ledger"] = {source: (at, version) for source, (at, version) in data["ledger"].items()}
        return cls(**data)

    def text(self) -> str:
        data = {name: getattr(self, name) for name in ("newest", "since", "after", "until", "ledger")}
        return orjson.dumps(data, option=orjson.OPT_SORT_KEYS).decode()

    def begun(self, overlap: Micros) -> Window:
        """The window of the walk under way, a new one where there is none."""
        return self if self.after else replace(self, since=max(0, self.newest - overlap), until=0)

    def is_new(self, one: Seen) -> bool:
        known = self.ledger.get(one.source)
        return known is None or known[1] != one.version

    def handed_on(self, found: Iterable[Seen], overlap: Micros, after: str) -> Window:
        """The window after a page; ``after`` empty: it was the last of its walk."""
        ledger = {**self.ledger, **{one.source: (one.at, one.version) for one in found}}
        newest = max((self.newest, *(at for at, _ in ledger.values())))
        if self.until:
            newest = max(self.newest, min(newest, self.until))
        edge = min(newest - overlap, self.since) if after else newest - overlap
        kept = sorted(((at, source) for source, (at, _) in ledger.items() if at >= edge))[-LEDGER_MAX:]
        return replace(self, newest=newest, after=after, ledger={source: ledger[source] for _, source in kept})
