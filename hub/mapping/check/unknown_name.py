"""A path or expression uses only names of its scope.

In a table these are the record's own top-level names (``hub connector show pm.issue``) and ``each`` names; in a
loop the entity by its kind, ``was``, ``closing``, related names, ``steps``, ``documents`` and ``each`` names; in
``where`` the candidate alone.

Example::

    when: 'projekt.status == "closed"'

Fix: use the name the message suggests.
"""

from __future__ import annotations

from collections.abc import Iterator

from hub.mapping.check.checked import Checked
from hub.model.diagnostic import Diagnostic

ID = "unknown-name"


def check(checked: Checked) -> Iterator[Diagnostic]:
    """Found while the file was read."""
    yield from checked.found.get(ID, ())
