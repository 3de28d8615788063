"""An expression inside ``{}`` or ``[]`` is quoted.

There a comma, a colon or a brace would end it early and leave a different expression.

Example::

    - {check: filled(project.cost_center), else: {en: missing}}

Fix: put single quotes around it; texts inside use double quotes.
"""

from __future__ import annotations

from collections.abc import Iterator

from hub.mapping.check.checked import Checked
from hub.model.diagnostic import Diagnostic

ID = "unquoted-expression"


def check(checked: Checked) -> Iterator[Diagnostic]:
    """Found while the file was read."""
    yield from checked.found.get(ID, ())
