"""A pattern of ``matches`` is RE2.

Other regular expressions can take exponential time on a hostile text.

Example::

    only: 'key.matches("(?=OPS)")'

Fix: write it without look-ahead, look-behind and back-references.
"""

from __future__ import annotations

from collections.abc import Iterator

from hub.mapping.check.checked import Checked
from hub.model.diagnostic import Diagnostic

ID = "bad-pattern"


def check(checked: Checked) -> Iterator[Diagnostic]:
    """Found while the file was read."""
    yield from checked.found.get(ID, ())
