"""The file is readable YAML: UTF-8, at most 1 MiB, one document, at most 32 levels deep.

A file that is read only half way would map only half of what its owner meant, so nothing of it is used. Tabs
cannot indent; a quote or bracket that is not closed swallows what follows.

Example::

    tables:
        - entity: project

Fix: indent with spaces; close quotes and brackets.
"""

from __future__ import annotations

from collections.abc import Iterator

from hub.mapping.check.checked import Checked
from hub.model.diagnostic import Diagnostic

ID = "syntax"


def check(checked: Checked) -> Iterator[Diagnostic]:
    """Found while the file was read."""
    yield from checked.found.get(ID, ())
