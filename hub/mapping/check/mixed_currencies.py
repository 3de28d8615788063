"""Amounts of different currencies are not added or compared.

There is no declared rate between them, and a rate of today would change yesterday's documents.

Example::

    of: 'money("1 CNY") + money("1 EUR")'

Fix: keep one sum per currency.
"""

from __future__ import annotations

from collections.abc import Iterator

from hub.mapping.check.checked import Checked
from hub.model.diagnostic import Diagnostic

ID = "mixed-currencies"


def check(checked: Checked) -> Iterator[Diagnostic]:
    """Found while the file was read."""
    yield from checked.found.get(ID, ())
