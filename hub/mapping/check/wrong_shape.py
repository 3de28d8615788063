"""A value has the shape its key takes.

A list where one word is expected, or a word where keys and values are expected, has no meaning.

Example::

    owner: [pmo]

Fix: write what the message shows.
"""

from __future__ import annotations

from collections.abc import Iterator

from hub.mapping.check.checked import Checked
from hub.model.diagnostic import Diagnostic

ID = "wrong-shape"


def check(checked: Checked) -> Iterator[Diagnostic]:
    """Found while the file was read."""
    yield from checked.found.get(ID, ())
