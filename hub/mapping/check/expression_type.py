"""The types in an expression go together, and the result is what its key takes.

A condition gives true or false, ``approve.of`` gives money; text never equals a number, money has a currency.

Example::

    if: 'project.budget > 1000'

Fix: write ``project.budget > money("1000 CNY")``.
"""

from __future__ import annotations

from collections.abc import Iterator

from hub.mapping.check.checked import Checked
from hub.model.diagnostic import Diagnostic

ID = "expression-type"


def check(checked: Checked) -> Iterator[Diagnostic]:
    """Found while the file was read."""
    yield from checked.found.get(ID, ())
