"""What a part cannot do without is there.

A table needs entity, source, key and fields; a loop needs loop, for, when and steps; a step needs step and do.

Example::

    - step: purchase
      with: []

Fix: add the key; the message shows an example.
"""

from __future__ import annotations

from collections.abc import Iterator

from hub.mapping.check.checked import Checked
from hub.model.diagnostic import Diagnostic

ID = "missing-key"


def check(checked: Checked) -> Iterator[Diagnostic]:
    """Found while the file was read."""
    yield from checked.found.get(ID, ())
