"""No YAML tags.

Types come from the key (``as: money CNY``, ``as: instant``), never from ``!!int`` or an application's tag.

Example::

    const: !!str 10

Fix: remove the tag; quote the value where text is meant: ``"10"``.
"""

from __future__ import annotations

from collections.abc import Iterator

from hub.mapping.check.checked import Checked
from hub.model.diagnostic import Diagnostic

ID = "tag"


def check(checked: Checked) -> Iterator[Diagnostic]:
    """Found while the file was read."""
    yield from checked.found.get(ID, ())
