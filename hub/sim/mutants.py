"""Planted bugs, as patches by name: what the simulation must catch."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import AbstractContextManager
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Mutant:
    """A bug of the kind people make. ``breaks``: the invariants that may show it."""

    name: str
    about: str
    breaks: tuple[str, ...]
    plant: Callable[[], AbstractContextManager[None]]


MUTANTS: dict[str, Mutant] = {}
