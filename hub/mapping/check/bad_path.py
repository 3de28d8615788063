"""A path is names joined by dots, with ``[0]``, ``[*]`` or ``["two words"]``.

``from``, ``key``, ``label``, ``currency``, ``starts.of`` and the right side of ``each`` are paths, not expressions.

Example::

    from: fields..summary

Fix: write a path, or use ``value:`` for an expression.
"""

from __future__ import annotations

from collections.abc import Iterator

from hub.mapping.check.checked import Checked
from hub.model.diagnostic import Diagnostic

ID = "bad-path"


def check(checked: Checked) -> Iterator[Diagnostic]:
    """Found while the file was read."""
    yield from checked.found.get(ID, ())
