"""Every path of a record to a plain value, as a mapping row would write it; for proposals. Pure."""

from __future__ import annotations

import re
from collections.abc import Iterator

from hub.model.record import Json

DEPTH_MAX = 5
_NAME = re.compile(r"[A-Za-z_]\w*")


def paths(value: Json) -> Iterator[tuple[str, Json]]:
    """(path, value); names that need quotes are left to people, an account stands for the person it is."""
    yield from _below(value, "", 0)


def flat(value: Json) -> dict[str, Json]:
    """The same as a dictionary."""
    return dict(paths(value))


def _below(value: Json, above: str, depth: int) -> Iterator[tuple[str, Json]]:
    if isinstance(value, dict) and depth < DEPTH_MAX:
        for name, part in value.items():
            if _NAME.fullmatch(name):
                yield from _below(part, f"{above}.{name}" if above else name, depth + 1)
        if "accountId" in value:
            yield above, value
    elif value is not None and not isinstance(value, (list, dict)):
        yield above, value
