"""Files that mapping files name: value maps and row groups (``shared/…``), tables of rates (``rates/…``).

Each is read once per build, with places of its own. A version that uses some keeps their texts behind its own
(``bundled``), so that a version rebuilt from its recorded text means what it meant (I10).
"""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from hub.mapping.form import near
from hub.mapping.read import Findings, Node, Scalar, read
from hub.model.diagnostic import Diagnostic, Place

_NAME = re.compile(r"(?:shared|rates)/[\w-]{1,80}\Z")
_MARK = "--- # file: "
_SCHEMAS = re.compile(r"^--- # schemas: ([\w/ -]+)\n?\Z", re.M)
_SCHEMA = re.compile(r"([\w-]+)/v(\d+)")
_SPLIT = re.compile(rf"^{re.escape(_MARK)}((?:shared|rates)/[\w-]+)$\n?", re.M)


@dataclass(frozen=True, slots=True)
class Library:
    """Where such files are found: ``find`` gives what a finding calls the file, and its bytes; None without one."""

    find: Callable[[str], tuple[str, bytes] | None] = lambda name: None
    names: Callable[[], tuple[str, ...]] = tuple


def folder(path: Path, shown: str) -> Library:
    """The files below the folder of a mapping file; ``shown`` is how findings call that folder."""

    def find(name: str) -> tuple[str, bytes] | None:
        file = path / f"{name}.yaml"
        return (str(Path(shown) / f"{name}.yaml"), file.read_bytes()) if file.is_file() else None

    def names() -> tuple[str, ...]:
        found = (*path.glob("shared/*.yaml"), *path.glob("rates/*.yaml"))
        return tuple(sorted(f"{file.parent.name}/{file.stem}" for file in found))

    return Library(find, names)


def schemas_then(text: str) -> tuple[str, dict[str, int]]:
    """A recorded version's text without its last line, and the schema versions that line says it was written for."""
    said = _SCHEMAS.search(text)
    if said is None:
        return text, {}
    return text[: said.start()], {kind: int(number) for kind, number in _SCHEMA.findall(said[1])}


def with_schemas(text: str, schemas: Sequence[str]) -> str:
    """The text with the schema versions it was written for behind it: read again, it means the same (I10)."""
    return f"{text.rstrip(chr(10))}\n--- # schemas: {' '.join(schemas)}\n"


def unbundled(text: str, file: str) -> tuple[str, Library | None]:
    """A recorded version's own text, and the library of the texts kept behind it (None where there are none)."""
    main, *rest = _SPLIT.split(text)
    if not rest:
        return text, None
    kept = {name: (f"{file}#{name}", part.encode()) for name, part in zip(rest[::2], rest[1::2], strict=True)}
    return main, Library(kept.get, lambda: tuple(sorted(kept)))


@dataclass(slots=True)
class Files:
    """The files of one build: each read once, with what is wrong in it. ``closed``: no further file may be named."""

    library: Library = field(default_factory=Library)
    texts: dict[str, str] = field(default_factory=dict)
    """Name -> text, of what was used."""
    shown: dict[str, str] = field(default_factory=dict)
    """What findings call the file -> its text."""
    closed: bool = False
    _read: dict[str, tuple[Node | None, Findings]] = field(default_factory=dict)

    @property
    def found(self) -> list[Diagnostic]:
        return [each for _, findings in self._read.values() for each in findings.found]

    @property
    def named(self) -> list[tuple[str, str, Place]]:
        return [each for _, findings in self._read.values() for each in findings.named]

    def take(self, node: Scalar, findings: Findings, folder_name: str) -> tuple[Node, Findings] | None:
        """The root of the file that ``node`` names, with its findings; None (and a finding) where there is none."""
        name = node.text.strip()
        if name in self._read:
            root, inside = self._read[name]
            return None if root is None else (root, inside)
        found = self.library.find(name) if _NAME.match(name) and name.startswith(f"{folder_name}/") else None
        if found is None or self.closed:
            self._unknown(node, findings, folder_name, there=found is not None)
            return None
        shown, source = found
        self.texts[name] = self.shown[shown] = source.decode("utf-8-sig", "replace")
        root, inside = self._read[name] = read(source, shown)
        return None if root is None else (root, inside)

    def _unknown(self, node: Scalar, findings: Findings, folder_name: str, *, there: bool) -> None:
        names = tuple(name for name in self.library.names() if name.startswith(f"{folder_name}/"))
        why = f"files: {', '.join(names) or 'none'}; they stand in mappings/{folder_name}/"
        message = f'there is no file "{node.text}"'
        if there:
            message, why = f'"{node.text}" cannot be used here', "a shared file uses no other: its rows stand alone"
        fix = near(node.text, names) or f"write {folder_name}/NAME, or add mappings/{folder_name}/NAME.yaml"
        findings.report("unknown-file", node, message, why, fix)

    def bundled(self, text: str) -> str:
        """The version's text with those of the files it used behind it."""
        parts = [f"{_MARK}{name}\n{self.texts[name]}" for name in sorted(self.texts)]
        return "\n".join([text.rstrip("\n"), *(part.rstrip("\n") for part in parts)]) + "\n" if parts else text
