"""A pytest plugin (``-p tests.mutants.plant``): the bug ``HUB_PLANTED`` names is in its module when it is imported.

Nothing on disk changes: the module's text is edited on its way into the interpreter.
"""

from __future__ import annotations

import os
import sys
from collections.abc import Sequence
from importlib.machinery import ModuleSpec, PathFinder, SourceFileLoader
from types import CodeType, ModuleType

from tests.mutants.planted import PLANTED, Planted


class Edited(SourceFileLoader):
    """Loads one module with the bug in it."""

    bug: Planted

    def get_code(self, fullname: str) -> CodeType:
        text = self.get_data(self.path).decode()
        if text.count(self.bug.old) != 1:
            raise AssertionError(f"{self.bug.name}: its place is not in {self.bug.file} exactly once")
        return compile(text.replace(self.bug.old, self.bug.new), self.path, "exec", dont_inherit=True)


class Finder:
    """Finds the module a bug lives in; everything else is found as ever."""

    def __init__(self, bug: Planted) -> None:
        self.bug = bug
        self.module = bug.file.removesuffix(".py").replace("/", ".")

    def find_spec(
        self, fullname: str, path: Sequence[str] | None, target: ModuleType | None = None
    ) -> ModuleSpec | None:
        if fullname != self.module:
            return None
        spec = PathFinder.find_spec(fullname, path, target)
        if spec is not None and spec.origin is not None:
            spec.loader = Edited(fullname, spec.origin)
            spec.loader.bug = self.bug
        return spec


if name := os.environ.get("HUB_PLANTED"):
    sys.meta_path.insert(0, Finder(PLANTED[name]))  # type: ignore[arg-type]
