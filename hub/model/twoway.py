"""Two-way fields: what each system last said of a field, what it held when all agreed, and what our own writes did.

``hear`` is the heart: one system says a value, and what that means follows from its own last word, the base (the
last value known equal there and in the hub) and the writes we sent. An echo is recognised by the value of an effect
that was sent, never by time or user. No clock, no id is made here.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from typing import Literal
from unicodedata import normalize

from hub.model.clock import Micros
from hub.model.record import Json

WRITES_KEPT = 16
"""Writes of one field a system has not said back: more are in nobody's way for long."""

Policy = Literal["source", "target", "newest", "ask"]
Heard = Literal["stale", "same", "echo", "agrees", "fill", "changed", "conflict"]
"""``stale``: older than its own word · ``same``: no news · ``echo``: our write comes back · ``agrees``: it says what
the hub says · ``fill``: empty at first sight · ``changed``: only it moved since the base · ``conflict``: both did."""


@dataclass(frozen=True, slots=True)
class Write:
    """A value we sent to a system, whose own word was ``was`` then. ``at``: the object's version time when it was
    read back, where it tells one."""

    effect: str
    value: Json
    was: Json = None
    at: Micros | None = None


@dataclass(frozen=True, slots=True)
class Word:
    """One field in one system's object.

    ``value`` and ``at`` are its own newest word, ``holds`` what it holds as far as we know (its word, or our write
    once that was read back or said back), ``base`` the last value known equal there and in the hub.
    """

    value: Json = None
    at: Micros = -(1 << 62)
    spoke: bool = False
    holds: Json = None
    base: Json = None
    agreed: bool = False
    ours: tuple[Write, ...] = ()


@dataclass(frozen=True, slots=True)
class Side:
    """One object of one system; ``effect`` the newest update planned for it that is not over, ``sending`` its values,
    ``was`` what the object itself said of those fields when it was planned."""

    words: Mapping[str, Word] = field(default_factory=dict)
    effect: str = ""
    sending: Mapping[str, Json] = field(default_factory=dict)
    was: Mapping[str, Json] = field(default_factory=dict)
    failed: Mapping[str, Write] = field(default_factory=dict)
    """Values that could not be written, by field: not tried again until they change or somebody decides."""
    reading: bool = False
    """It is being read: what it holds now is heard before it is written."""

    def word(self, name: str) -> Word:
        return self.words.get(name, _SILENT)

    def with_word(self, name: str, word: Word) -> Side:
        return replace(self, words={**self.words, name: word})


_SILENT = Word()


@dataclass(frozen=True, slots=True)
class Conflict:
    """A field a person decides. ``why`` is empty where two systems differ; else why a value cannot be written."""

    since: Micros
    integration: str
    owner: str
    private: bool
    why: str = ""


@dataclass(frozen=True, slots=True)
class TwoWay:
    """All two-way fields of one entity; ``sides`` is keyed ``connection/object``, ``conflicts`` by field."""

    kind: str
    key: str
    version: int = 0
    sides: Mapping[str, Side] = field(default_factory=dict)
    conflicts: Mapping[str, Conflict] = field(default_factory=dict)

    @property
    def stream(self) -> str:
        return f"sync/{self.kind}/{self.key}"

    def side(self, source: str) -> Side:
        return self.sides.get(source, _NOTHING)

    def with_side(self, source: str, side: Side) -> TwoWay:
        return replace(self, sides={**self.sides, source: side})

    def without_conflict(self, name: str) -> TwoWay:
        return replace(self, conflicts={field: one for field, one in self.conflicts.items() if field != name})


_NOTHING = Side()


def alike(one: Json, other: Json) -> bool:
    """Whether two canonical values say the same: nothing is nothing, text counts trimmed and composed (NFC)."""
    if one in (None, "") or other in (None, ""):
        return one in (None, "") and other in (None, "")
    if isinstance(one, str) and isinstance(other, str):
        return one == other or normalize("NFC", one).strip() == normalize("NFC", other).strip()
    return type(one) is type(other) and bool(one == other)


def is_empty(value: Json) -> bool:
    return value is None or value == ""


def hear(word: Word, value: Json, at: Micros, hub: Json) -> tuple[Word, Heard]:
    """A system says ``value`` of a field at its version time ``at``, while the hub holds ``hub``.

    The base moves only for ``echo`` and ``agrees``; for ``changed`` it is ``agree``'s to move once the hub took it.
    """
    if word.spoke and at < word.at:
        return _late(word, value, at, hub)
    place = _echo_of(word, value, at)
    if place is not None:
        return _echoed(word, value, at, place), "echo"
    if not word.spoke:
        return _first(word, value, at, hub)
    if alike(value, word.value) and not _after_ours(word, at):
        return replace(word, at=at), "same"
    return _news(word, value, at, hub)


def _late(word: Word, value: Json, at: Micros, hub: Json) -> tuple[Word, Heard]:
    """Older than its newest word: no news, but an echo tells when our write reached the object. Where its newest word
    had only repeated what it said before that write, somebody has put the old value back since."""
    place = next((n for n, one in enumerate(word.ours) if one.at is None and alike(one.value, value)), None)
    if place is None:
        return word, "stale"
    ours = tuple(replace(one, at=at) if n == place else one for n, one in enumerate(word.ours))
    known = replace(word, ours=ours)
    if place + 1 < len(ours) or not alike(word.value, ours[place].was):
        return known, "stale"
    return _news(known, word.value, word.at, hub)


def _first(word: Word, value: Json, at: Micros, hub: Json) -> tuple[Word, Heard]:
    said = replace(word, value=value, at=at, spoke=True, holds=value)
    if alike(value, hub):
        return agree(said, value), "agrees"
    if is_empty(hub):
        return said, "changed"
    return said, "fill" if is_empty(value) else "conflict"


def _echo_of(word: Word, value: Json, at: Micros) -> int | None:
    """Which of our writes this is; none where a later one was read back at a version before this word's."""
    for place in reversed(range(len(word.ours))):
        if alike(word.ours[place].value, value):
            return place
        written = word.ours[place].at
        if written is not None and at > written:
            return None
    return None


def _echoed(word: Word, value: Json, at: Micros, place: int) -> Word:
    later = word.ours[place + 1 :]
    said = replace(word, value=value, at=at, spoke=True, ours=later)
    return said if later else agree(replace(said, holds=value), value)


def _after_ours(word: Word, at: Micros) -> bool:
    """Whether its own old value comes at a version later than that of our write: somebody put it back."""
    return any(write.at is not None and at > write.at for write in word.ours)


def _news(word: Word, value: Json, at: Micros, hub: Json) -> tuple[Word, Heard]:
    """``overwritten``: our write reached the object after this change, without knowing of it."""
    overwritten = any(write.at is not None and at < write.at for write in word.ours)
    kept = tuple(write for write in word.ours if write.at is None or at <= write.at)
    holds = word.holds if overwritten else value
    said = replace(word, value=value, at=at, holds=holds, ours=kept)
    if alike(value, hub):
        return agree(said, value), "agrees"
    if word.agreed and alike(word.base, hub) and not overwritten:
        return said, "changed"
    return said, "conflict"


def agree(word: Word, value: Json) -> Word:
    """The hub and this system say the same now."""
    return replace(word, base=value, agreed=True)


def sent(word: Word, effect: str, value: Json) -> Word:
    """Our write is on its way: from now on its value may come back."""
    if any(write.effect == effect for write in word.ours):
        return word
    return replace(word, ours=(*word.ours, Write(effect, value, word.value))[-WRITES_KEPT:])


def unsent(word: Word, effect: str) -> Word:
    """It did not arrive, and will not."""
    return replace(word, ours=tuple(write for write in word.ours if write.effect != effect))


def confirmed(word: Word, effect: str, value: Json, at: Micros | None) -> Word:
    """Our write was read back: the object holds it; ``at``: the object's version then. Said back already: no more."""
    ours = tuple(replace(write, at=at) if write.effect == effect else write for write in word.ours)
    known = any(write.effect == effect for write in ours)
    return agree(replace(word, holds=value, ours=ours), value) if known else word


__all__ = [
    "Conflict",
    "Heard",
    "Policy",
    "Side",
    "TwoWay",
    "Word",
    "Write",
    "agree",
    "alike",
    "confirmed",
    "hear",
    "is_empty",
    "sent",
    "unsent",
]
