"""A closing certificate as bytes: every part has a digest, the digests a seal, and there is one way to write it.

So that whoever flips one of them is told where. Pure; what the parts must say to each other is ``verify``'s matter.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from hashlib import sha256
from typing import Any

import orjson

from hub.model.chain import canonical
from hub.model.record import Json

FORMAT = "projops-hub closing certificate 1"
WHOLE = ("format", "made", "subject", "closing", "mapping", "head")
"""Parts with one digest each; of the others every entry has its own."""
LISTS = ("obligations", "decisions", "deliveries", "events", "blocks")
SEALED = ("digests", "seal")
SIGNATURE = "signature"
NAMES = frozenset({*WHOLE, *LISTS, *SEALED})
_OPTIONS = orjson.OPT_INDENT_2 | orjson.OPT_SORT_KEYS | orjson.OPT_APPEND_NEWLINE


def digest(value: Json) -> str:
    return sha256(canonical(value)).hexdigest()


def digests(certificate: Mapping[str, Any]) -> dict[str, str]:
    """Place -> digest of what stands there."""
    return dict(_digests(certificate))


def _digests(certificate: Mapping[str, Any]) -> Iterator[tuple[str, str]]:
    for name in WHOLE:
        yield f"/{name}", digest(certificate.get(name))
    for name in LISTS:
        found = certificate.get(name)
        if not isinstance(found, list):
            yield f"/{name}", digest(found)
            continue
        yield f"/{name}", digest(len(found))
        for place, part in enumerate(found):
            yield f"/{name}/{place}", digest(part)


def sealed(parts: Mapping[str, Any]) -> dict[str, Any]:
    """The parts with their digests and the seal over them."""
    found = digests(parts)
    return {**parts, "digests": found, "seal": digest(found)}


def written(certificate: Mapping[str, Any]) -> bytes:
    """The one way it is written."""
    return orjson.dumps(certificate, option=_OPTIONS)
