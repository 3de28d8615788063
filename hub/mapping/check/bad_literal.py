"""Durations, money, shares, days, zones and choices are spelt as documented.

``4 hours`` or ``99.9`` could be guessed in two ways; guessing is not done with money and deadlines.

Example::

    settle: 5 seconds

Fix: write ``5s``, ``4h``, ``1d``; ``50000 CNY``; ``99.9 %``; ``2026-01-01``; ``Asia/Shanghai``.
"""

from __future__ import annotations

from collections.abc import Iterator

from hub.mapping.check.checked import Checked
from hub.model.diagnostic import Diagnostic

ID = "bad-literal"


def check(checked: Checked) -> Iterator[Diagnostic]:
    """Found while the file was read."""
    yield from checked.found.get(ID, ())
