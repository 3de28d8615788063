"""Which connectors there are: one explicit line each, loaded when first used; third parties by entry point.

A connector's module offers ``SPEC`` through a class named here; importing this module imports none of them.
"""

from __future__ import annotations

import difflib
from functools import cache
from importlib import import_module
from importlib.metadata import EntryPoint, entry_points

from hub.connector.base import Connection, Connector
from hub.connector.http import Http
from hub.connector.spec import ConnectorSpec
from hub.errors import NotFound

SHIPPED = {
    "erp": "connectors.erp.connector:ErpConnector",
    "file": "connectors.file.connector:FileConnector",
    "jira": "connectors.jira.connector:JiraConnector",
    "mail": "connectors.mail.connector:MailConnector",
    "trello": "connectors.trello.connector:TrelloConnector",
    "tryton": "connectors.tryton.connector:TrytonConnector",
}
ENTRY_POINTS = "projops_hub.connectors"


def names() -> tuple[str, ...]:
    """Every connector that can be named in ``hub.yaml``, ours first."""
    return (*SHIPPED, *sorted(point.name for point in _third_parties() if point.name not in SHIPPED))


@cache
def class_of(name: str) -> type[Connector]:
    """The connector's class. Raises ``NotFound`` with the names there are."""
    target = SHIPPED.get(name)
    if target is not None:
        module, _, attribute = target.partition(":")
        return _checked(name, getattr(import_module(module), attribute))
    for point in _third_parties():
        if point.name == name:
            return _checked(name, point.load())
    near = difflib.get_close_matches(name, names(), n=1)
    raise NotFound(
        f"there is no connector {name!r}",
        why=f"known: {', '.join(names())}",
        fix=f"did you mean {near[0]!r}?" if near else "install its package, or write one of those",
    )


def spec_of(name: str) -> ConnectorSpec:
    return class_of(name).spec


def create(name: str, connection: Connection, http: Http | None = None) -> Connector:
    """A configured connector; without ``http`` it gets the client its settings describe."""
    return class_of(name)(connection, http or Http.of(connection))


def _third_parties() -> tuple[EntryPoint, ...]:
    return tuple(entry_points(group=ENTRY_POINTS))


def _checked(name: str, found: object) -> type[Connector]:
    if isinstance(found, type) and issubclass(found, Connector):
        return found
    raise TypeError(f"connector {name}: {found!r} is not a subclass of hub.connector.base.Connector")
