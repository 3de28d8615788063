"""A name bound by ``each`` or a macro is new in its scope.

One name with two meanings misleads whoever reads the rows below it.

Example::

    each: {project: items}

Fix: use another name.
"""

from __future__ import annotations

from collections.abc import Iterator

from hub.mapping.check.checked import Checked
from hub.model.diagnostic import Diagnostic

ID = "shadowed-name"


def check(checked: Checked) -> Iterator[Diagnostic]:
    """Found while the file was read."""
    yield from checked.found.get(ID, ())
