"""A halt: an integration that sends nothing for now: a person paused it, its store came from a backup, or an
invariant broke (I16)."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from hub.model.clock import Micros


@dataclass(frozen=True, slots=True)
class Halt:
    """``who``: a person's code, or ``hub``. ``why`` names the invariant where one broke."""

    integration: str
    kind: Literal["person", "restored", "invariant"]
    why: str
    since: Micros
    who: str


WEIGHT = {"person": 0, "restored": 1, "invariant": 2}
"""A graver halt replaces a lighter one, never the other way round."""
