"""Signs that look like those of YAML and expressions and are others: full-width ones, blanks nobody sees."""

from __future__ import annotations

import re
import unicodedata

ASCII = {
    **{chr(wide): chr(wide - 0xFEE0) for wide in range(0xFF01, 0xFF5F)},
    **dict.fromkeys("“”„«»「」『』", '"'),
    **dict.fromkeys("‘’‚", "'"),
    "，": ",",
    "、": ",",
    "。": ".",
    "【": "[",
    "】": "]",
    "《": "<",
    "》": ">",
    "—": "-",
    "–": "-",
    "−": "-",
    "×": "*",
    "÷": "/",
    "≠": "!=",
    "≤": "<=",
    "≥": ">=",
    "…": "...",
}
"""Sign -> what it was most probably meant to be."""
INVISIBLE = re.compile("[\u00a0\u00ad\u2000-\u200f\u2028\u2029\u202f\u205f\u2060\u3000\ufeff]")
"""Blanks that are none to YAML, and letters without width."""


def name_of(sign: str) -> str:
    """``U+3000 (ideographic space)``."""
    return f"U+{ord(sign):04X} ({unicodedata.name(sign, 'no name').lower()})"
