"""An expression calls only documented functions, as they are called.

Functions are a closed list, so that every copy of the hub gives the same answer.

Example::

    value: 'upper(project.name)'

Fix: use a function of the list; values are changed by converters (``as:``).
"""

from __future__ import annotations

from collections.abc import Iterator

from hub.mapping.check.checked import Checked
from hub.model.diagnostic import Diagnostic

ID = "unknown-function"


def check(checked: Checked) -> Iterator[Diagnostic]:
    """Found while the file was read."""
    yield from checked.found.get(ID, ())
