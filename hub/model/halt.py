"""A halt: an integration that sends nothing for now, because a person paused it or an invariant broke (I16)."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from hub.model.clock import Micros


@dataclass(frozen=True, slots=True)
class Halt:
    """``who``: a person's code, or ``hub``. ``why`` names the invariant where one broke."""

    integration: str
    kind: Literal["person", "invariant"]
    why: str
    since: Micros
    who: str
