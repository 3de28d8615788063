"""Only keys of the grammar.

A misspelt key must never be a silent no-op: ``requierd: true`` would require nothing.

Example::

    - {field: name, form: fields.summary}

Fix: use the key the message suggests, or turn the line into a # comment.
"""

from __future__ import annotations

from collections.abc import Iterator

from hub.mapping.check.checked import Checked
from hub.model.diagnostic import Diagnostic

ID = "unknown-key"


def check(checked: Checked) -> Iterator[Diagnostic]:
    """Found while the file was read."""
    yield from checked.found.get(ID, ())
