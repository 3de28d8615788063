"""Versions of a mapping as people name them: a file, ``active``, or the first letters of a recorded hash."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from hub.bootstrap import Workspace
    from hub.history.impact import Stage
    from hub.mapping.catalog import Catalog
    from hub.mapping.files import Library
    from hub.mapping.table import IntegrationDef
    from hub.model.delivery import Delivery
    from hub.model.record import Decoded

PREFIX_MIN = 4


def versions(space: Workspace, one: str, other: str) -> tuple[IntegrationDef, IntegrationDef]:
    """Both versions of one integration. Raises ``UsageError`` when they name none, or two different ones."""
    from hub.errors import UsageError

    second = version(space, other, of=_name(space, one))
    first = version(space, one, of=second.name)
    if first.name != second.name:
        raise UsageError(
            f"{one} is a version of {first.name}, {other} of {second.name}", fix="compare versions of one integration"
        )
    return first, second


def _name(space: Workspace, words: str) -> str:
    """The integration a file is of; empty for words that name none by themselves."""
    return version(space, words).name if Path(words).is_file() else ""


def version(space: Workspace, words: str, of: str = "") -> IntegrationDef:
    """One version. Raises ``NotFound`` or ``ConfigError``."""
    from hub.errors import NotFound

    if Path(words).is_file():
        return checked(space, Path(words).read_bytes(), words, library=_beside(space, Path(words)))
    name, _, hash_part = words.rpartition("@")
    name = name or of
    if hash_part == "active":
        return _active(space, name)
    found = _recorded(space, name, hash_part)
    if found is None:
        raise NotFound(
            f"there is no version {words!r}",
            why="it is no file, and no recorded version begins with that hash",
            fix="give a file, active, or a hash of: hub mapping history",
        )
    return checked(space, found[1].encode(), f"{found[0]}@{hash_part}", recorded=True)


def _active(space: Workspace, name: str) -> IntegrationDef:
    from hub.errors import NotFound, UsageError
    from hub.store import activations

    if not name:
        if len(space.definitions) != 1:
            fix = "name the integration: " + ", ".join(f"{one}@active" for one in sorted(space.definitions))
            raise UsageError("active of which integration?", fix=fix)
        name = next(iter(space.definitions))
    newest = activations.newest(space.store, name)
    if newest is not None:
        return checked(space, newest.source.encode(), f"{name}@active", recorded=True)
    raise NotFound(f"no version of {name} has been active yet", fix="give a file, or run the hub once")


def _recorded(space: Workspace, name: str, prefix: str) -> tuple[str, str] | None:
    """(integration, text) of the newest recorded version whose table or logic hash begins so."""
    from hub.store.queries.governance import source_of

    if len(prefix) < PREFIX_MIN:
        return None
    with space.store.read() as db:
        return source_of(db, name, prefix)


def _beside(space: Workspace, file: Path) -> Library:
    """The shared files a file may name: those beside it, else the workspace's (a copy that is compared)."""
    from hub.mapping.files import Library, folder

    own = folder(file.parent, str(file.parent))
    common = folder(space.root / space.settings.mappings, space.settings.mappings)
    return Library(lambda name: own.find(name) or common.find(name), lambda: (*own.names(), *common.names()))


def checked(
    space: Workspace, source: bytes, file: str, *, recorded: bool = False, library: Library | None = None
) -> IntegrationDef:
    """The version as built; a recorded one over the schemas of then. Raises ``ConfigError`` with all its errors."""
    from hub.errors import ConfigError
    from hub.mapping.build import build
    from hub.mapping.check.run import check_integrations
    from hub.versions import as_then, at_first

    versions = at_first(space.schemas.newest) if recorded else space.schemas.newest
    built = build(source, file, versions, library)
    errors = [
        one for one in check_integrations([built], as_then(space.check_context, [built])) if one.level == "error"
    ]
    if errors or built.definition is None:
        wrong = errors or built.findings
        raise ConfigError(f"{file}: {len(wrong)} problems", wrong, where=file, fix="run: hub check")
    return built.definition


def catalog_with(space: Workspace, definition: IntegrationDef) -> Catalog:
    """The workspace as it is, this integration in that version."""
    from hub.mapping.catalog import Catalog
    from hub.versions import compiled

    others = {name: one for name, one in space.catalog.integrations.items() if name != definition.name}
    live = {**others, definition.name: compiled(space, definition)}
    return Catalog(live, space.connection_facts, space.schemas, space.people, space.settings.language)


@dataclass(frozen=True, slots=True)
class Opening:
    """How every process of an impact run opens the workspace: by folder and texts, which travel well."""

    root: Path
    before: str
    after: str
    since: int = 0

    @contextmanager
    def __call__(self) -> Iterator[Stage]:
        from hub.bootstrap import open_workspace
        from hub.history.impact import Stage
        from hub.history.pairs import Pairs

        space = open_workspace(self.root)
        try:
            one = checked(space, self.before.encode(), "before")
            other = checked(space, self.after.encode(), "after")
            pairs = Pairs(catalog_with(space, one), catalog_with(space, other), other.name)
            yield Stage(pairs, space.log, decoder(space), self.since)
        finally:
            if "store" in space.__dict__:
                space.store.close()


def decoder(space: Workspace) -> Callable[[Delivery], Decoded]:
    """The records of a delivery, by its connection's decode."""
    from hub.model.record import Decoded, Rejected

    decoders = {name: space.connector(name).decode for name in space.settings.connections}

    def decode(delivery: Delivery) -> Decoded:
        found = decoders.get(delivery.connection)
        if found is None:
            words = f"hub.yaml has no connection {delivery.connection}"
            return Decoded(rejected=Rejected("unknown-connection", words))
        return found(delivery.headers, delivery.body)

    return decode
