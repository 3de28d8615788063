"""``use:`` and ``rates:`` name a file that is there and holds what is used of it.

A value map or a table of rates that is missing would leave the row without its meaning.

Example::

    - {field: status, from: fields.status.name, use: shared/jira-statsu}

Fix: use the file the message suggests, or add it below ``mappings/shared`` or ``mappings/rates``.
"""

from __future__ import annotations

from collections.abc import Iterator

from hub.mapping.check.checked import Checked
from hub.model.diagnostic import Diagnostic

ID = "unknown-file"


def check(checked: Checked) -> Iterator[Diagnostic]:
    """Found while the file was read."""
    yield from checked.found.get(ID, ())
