"""What ``hub.yaml`` says in words: durations, and secrets by reference (``env:NAME``, ``file:path`` …).

A secret's value is looked up when it is needed, never kept in settings and never shown.
"""

from __future__ import annotations

import os
import re
from collections.abc import Mapping
from pathlib import Path

from hub.errors import HubError
from hub.model.clock import SECOND, Micros

_UNITS = {"ms": SECOND // 1000, "s": SECOND, "m": 60 * SECOND, "h": 3600 * SECOND, "d": 86400 * SECOND}
DURATION = re.compile(r"(\d{1,9})(ms|s|m|h|d)")


class SecretMissing(HubError):
    """A secret reference points at nothing, or at an empty value."""

    exit_code = 1
    slug = "secret-missing"


def duration(text: str) -> Micros:
    """``5s`` ``2m`` ``4h`` ``1d`` as microseconds."""
    found = DURATION.fullmatch(text)
    if not found:
        raise ValueError(f"{text!r} is no duration; write 500ms, 30s, 5m, 4h or 1d")
    return int(found[1]) * _UNITS[found[2]]


def is_reference(text: str) -> bool:
    return text.startswith(("env:", "file:", "keyring:"))


def resolve(reference: str, root: Path, environ: Mapping[str, str] = os.environ) -> str:
    """The value behind a secret reference. Raises ``SecretMissing``; never shows a value."""
    kind, _, name = reference.partition(":")
    match kind:
        case "env":
            value = environ.get(name, "")
        case "file":
            file = root / name
            value = file.read_text("utf-8").strip() if file.is_file() else ""
        case "keyring":
            value = _from_keyring(name)
        case _:
            raise SecretMissing(f"{kind}: is no kind of secret reference", fix="use env:, file: or keyring:")
    if not value:
        raise SecretMissing(f"secret {reference} is missing or empty", fix=_how_to_set(kind, name))
    return value


def _how_to_set(kind: str, name: str) -> str:
    return {"env": f"export {name}=…", "file": f"write the secret into {name}"}.get(kind, f"keyring set {name}")


def _from_keyring(name: str) -> str:
    """The operating system's key ring, where the optional ``keyring`` package is installed."""
    import importlib

    service, _, user = name.partition("/")
    try:
        keyring = importlib.import_module("keyring")
    except ModuleNotFoundError as error:
        raise SecretMissing(
            "keyring: needs the package keyring", fix="pip install keyring, or use env: or file:"
        ) from error
    return keyring.get_password(service, user) or ""
