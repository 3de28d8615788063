"""What a run replaces in the product's modules and puts back: crash boundaries, one clock, a planted bug."""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from functools import cache
from types import ModuleType
from typing import Any

import connectors.jira.connector as jira
from hub.model import boundary as boundaries
from hub.sim.clockwork import SimClock


@contextmanager
def put(owner: Any, name: str, value: Any) -> Iterator[None]:
    """The attribute has another value inside the block."""
    before = owner.__dict__[name]
    setattr(owner, name, value)
    try:
        yield
    finally:
        setattr(owner, name, before)


@cache
def _holders() -> tuple[ModuleType, ...]:
    """Every module of the product that passes boundaries."""
    mine = [module for name, module in sorted(sys.modules.items()) if name.startswith("hub.")]
    return tuple(module for module in mine if module.__dict__.get("boundary") is boundaries.boundary)


@contextmanager
def applied(clock: SimClock, boundary: Callable[[str], None], mutant: str = "") -> Iterator[None]:
    """Everything in place for one run."""
    from hub.sim.mutants import MUTANTS

    with ExitStack() as stack:
        for module in _holders():
            stack.enter_context(put(module, "boundary", boundary))
        stack.enter_context(put(jira, "time_ns", clock.nanoseconds))
        if mutant:
            stack.enter_context(MUTANTS[mutant].plant())
        yield
