"""No anchors and no aliases.

An alias makes one line mean what another line says. A row must say all it means where its owner reads it, and
nested aliases can blow a small file up to gigabytes.

Example::

    tables:
    - &base {entity: project}
    - *base

Fix: write the value out.
"""

from __future__ import annotations

from collections.abc import Iterator

from hub.mapping.check.checked import Checked
from hub.model.diagnostic import Diagnostic

ID = "anchor"


def check(checked: Checked) -> Iterator[Diagnostic]:
    """Found while the file was read."""
    yield from checked.found.get(ID, ())
