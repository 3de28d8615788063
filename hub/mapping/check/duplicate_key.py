"""A key stands once in its mapping; an entry stands once in ``values``.

YAML readers silently keep the first or the last of two, so two people reading the file can believe different
things. In ``values`` the source is compared as text: ``1`` and ``"1"`` are the same entry.

Example::

    owner: pmo
    owner: finance

Fix: keep one of them; the message says where the first stands.
"""

from __future__ import annotations

from collections.abc import Iterator

from hub.mapping.check.checked import Checked
from hub.model.diagnostic import Diagnostic

ID = "duplicate-key"


def check(checked: Checked) -> Iterator[Diagnostic]:
    """Found while the file was read."""
    yield from checked.found.get(ID, ())
