"""Where polling a set of boards stands: per board the newest action seen and a ledger of what was handed on. Pure.

Trello lists newest first and pages back; ``since`` may miss an action that becomes visible late, so every walk goes
back ``overlap`` before the newest one seen and the ledger of action ids drops what was handed on already."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, replace

import orjson

from hub.model.clock import Micros

LEDGER_MAX = 5_000


@dataclass(frozen=True, slots=True)
class Board:
    """``newest`` action seen (0: never read) and the ids handed on inside the window, with their times."""

    newest: Micros = 0
    ledger: Mapping[str, Micros] = field(default_factory=dict)

    def seen(self, actions: Iterable[tuple[str, Micros]], overlap: Micros) -> Board:
        ledger = {**self.ledger, **dict(actions)}
        newest = max((self.newest, *ledger.values()))
        kept = sorted((at, source) for source, at in ledger.items() if at >= newest - overlap)[-LEDGER_MAX:]
        return Board(newest, {source: at for at, source in kept})


@dataclass(frozen=True, slots=True)
class Cursor:
    """All boards, and which of them is next in this round."""

    next: int = 0
    boards: Mapping[str, Board] = field(default_factory=dict)

    @classmethod
    def read(cls, text: str) -> Cursor:
        if not text:
            return cls()
        data = orjson.loads(text)
        return cls(data["next"], {name: Board(*board) for name, board in data["boards"].items()})

    def text(self) -> str:
        boards = {name: (board.newest, board.ledger) for name, board in self.boards.items()}
        return orjson.dumps({"next": self.next, "boards": boards}, option=orjson.OPT_SORT_KEYS).decode()

    def board(self, name: str) -> Board:
        return self.boards.get(name, Board())

    def with_board(self, name: str, board: Board, count: int) -> Cursor:
        """The cursor after one board was read; 0 is next when the round is over."""
        following = (self.next + 1) % count
        return replace(self, next=following, boards={**self.boards, name: board})
