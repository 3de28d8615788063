"""What a run replaces in the product's modules and puts back: crash boundaries, a planted bug."""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from functools import cache
from types import ModuleType
from typing import Any

from hub.model import boundary as boundaries


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
def applied(boundary: Callable[[str], None], mutant: str = "") -> Iterator[None]:
    """Everything in place for one run."""
    from hub.sim.mutants import MUTANTS

    with ExitStack() as stack:
        for module in _holders():
            stack.enter_context(put(module, "boundary", boundary))
        if mutant:
            stack.enter_context(MUTANTS[mutant].plant())
        yield
