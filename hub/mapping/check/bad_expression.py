"""An expression is in our language: a subset of CEL.

It is parsed before any record arrives, so that a typing error cannot stop a loop at night.

Example::

    when: 'project.status = "closed"'

Fix: compare with ``==``, join with ``&&`` and ``||``; the message names the place.
"""

from __future__ import annotations

from collections.abc import Iterator

from hub.mapping.check.checked import Checked
from hub.model.diagnostic import Diagnostic

ID = "bad-expression"


def check(checked: Checked) -> Iterator[Diagnostic]:
    """Found while the file was read."""
    yield from checked.found.get(ID, ())
