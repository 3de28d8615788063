"""A row takes its value from exactly one of ``from``, ``value``, ``const`` and ``fields``.

With two of them nobody could say which wins; with none the field could never be filled.

Example::

    - {field: name, from: fields.summary, const: x}

Fix: keep one.
"""

from __future__ import annotations

from collections.abc import Iterator

from hub.mapping.check.checked import Checked
from hub.model.diagnostic import Diagnostic

ID = "row-source"


def check(checked: Checked) -> Iterator[Diagnostic]:
    """Found while the file was read."""
    yield from checked.found.get(ID, ())
