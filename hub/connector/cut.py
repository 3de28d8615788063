"""Cut the items of a list out of an answer's bytes, so that each polled object is kept exactly as it was sent.

Parsing and writing again would change numbers, key order or escapes, and a delivery is bytes as they came. The
caller has parsed the body before: what is cut here is well-formed JSON. Pure.
"""

from __future__ import annotations

import re

_TOKEN = re.compile(rb'"(?:[^"\\]+|\\.)*"|[\[\]{}]')
_COLON = re.compile(rb"\s*:")


def items(body: bytes, name: str = "") -> list[bytes]:
    """The objects in the list ``name`` of the top-level object; without a name, of the top-level list."""
    depth, wanted, found, start = 0, not name, [], 0
    inside = False
    key = b'"' + name.encode() + b'"'
    base = 2 if name else 1
    for token in _TOKEN.finditer(body):
        text = token[0]
        if text in (b"{", b"["):
            depth += 1
            if wanted and not inside and depth == base and text == b"[":
                inside = True
            elif inside and depth == base + 1:
                start = token.start()
        elif text in (b"}", b"]"):
            if inside and depth == base + 1:
                found.append(body[start : token.end()])
            depth -= 1
            if inside and depth < base:
                return found
        elif name and depth == 1 and not inside:
            wanted = text == key and _COLON.match(body, token.end()) is not None
    return found
