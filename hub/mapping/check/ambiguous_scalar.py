"""No unquoted word that YAML readers read differently.

``no``, ``on`` and ``off`` are false to a YAML 1.1 reader and text to a 1.2 reader, ``12:30`` is 750, ``010`` is 8
or 10. Country codes and times of day are the usual victims.

Example::

    values: {NO: Norway}

Fix: quote it where text is meant: ``"NO"``.
"""

from __future__ import annotations

from collections.abc import Iterator

from hub.mapping.check.checked import Checked
from hub.model.diagnostic import Diagnostic

ID = "ambiguous-scalar"


def check(checked: Checked) -> Iterator[Diagnostic]:
    """Found while the file was read."""
    yield from checked.found.get(ID, ())
