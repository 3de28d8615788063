"""How the formatter writes one value: plain where that is safe, else in the quotes its role asks for. Pure."""

from __future__ import annotations

from typing import Any, Literal

import yaml

from hub.mapping.format_tree import Leaf
from hub.mapping.read import core, is_ambiguous

Role = Literal["text", "path", "cel"]
_FIRST = frozenset("-?:,[]{}#&*!|>'\"%@`=~<.")
_FLOW = frozenset(",[]{}")
_ESCAPES = {"\\": "\\\\", '"': '\\"', "\n": "\\n", "\t": "\\t", "\r": "\\r", "\0": "\\0"}


def written(leaf: Leaf, role: Role, *, flow: bool) -> str:
    """The value on one line."""
    if role == "cel":
        return quoted(leaf.text.strip(), "'")
    if not leaf.style:
        if not printable(leaf.text):  # a plain text of several lines with empty ones between, odd blanks
            return _double(leaf.text)
        return ("null" if flow else "") if leaf.text == "" else leaf.text
    if plain_is_safe(leaf.text, flow=flow):
        return leaf.text
    return quoted(leaf.text, "'" if role == "path" else '"')


def flow_text(text: str) -> str:
    """A text inside braces: plain where that is safe."""
    return text if plain_is_safe(text, flow=True) else quoted(text, '"')


def quoted(text: str, quote: str) -> str:
    """In quotes: the wanted ones, unless the other kind needs no escapes and the wanted one does."""
    if not printable(text):
        return _double(text)
    if quote == "'":
        return _double(text) if "'" in text and '"' not in text and "\\" not in text else _single(text)
    return _single(text) if ('"' in text or "\\" in text) and "'" not in text else _double(text)


def _single(text: str) -> str:
    return "'" + text.replace("'", "''") + "'"


def _double(text: str) -> str:
    return '"' + "".join(_escaped(letter) for letter in text) + '"'


def _escaped(letter: str) -> str:
    if letter in _ESCAPES:
        return _ESCAPES[letter]
    if printable(letter):
        return letter
    code = ord(letter)
    return f"\\x{code:02x}" if code < 0x100 else f"\\u{code:04x}" if code < 0x10000 else f"\\U{code:08x}"


def printable(text: str) -> bool:
    """Readable as it stands; the wide space of Chinese text is."""
    return text.isprintable() or text.replace("\u3000", "").isprintable()


def plain_is_safe(text: str, *, flow: bool) -> bool:
    """Whether every reader, of YAML 1.1 or 1.2, reads the text without quotes as this very text."""
    if not text or text != text.strip() or not text.isprintable() or text[0] in _FIRST:
        return False
    if any(part in text for part in (": ", " #", "'", '"', "\\")) or text.endswith(":"):
        return False
    if flow and (not _FLOW.isdisjoint(text) or ":" in text):
        return False
    return isinstance(core(text), str) and not is_ambiguous(text) and _is_text(text)


_OLD: Any = yaml.SafeLoader.yaml_implicit_resolvers


def _is_text(text: str) -> bool:
    """Text for a YAML 1.1 reader too."""
    return not any(pattern.match(text) for _, pattern in _OLD.get(text[0], []))
