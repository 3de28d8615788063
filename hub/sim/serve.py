"""Put a profile before its system's twin and serve it: ``hub twin serve --profile NAME``."""

from __future__ import annotations

import asyncio
from collections import Counter
from collections.abc import Mapping
from pathlib import Path

from aiohttp import web

from connectors.erp import twin as erp
from connectors.jira import twin as jira
from connectors.jira.adf import plain
from connectors.trello import twin as trello
from connectors.tryton import twin as tryton
from hub.connector import registry
from hub.connector.base import Connection
from hub.connector.http import Http
from hub.connector.twin import Shelf, serve
from hub.sim.hostile_server import Hostile, Sender
from hub.sim.profile import Profile
from hub.sim.targets import marked


def hostile(profile: Profile, seed: int, state: Path | None = None, sender: Sender | None = None) -> web.Application:
    """The app of a profile."""
    sender = sender or Sender()
    match profile.connector:
        case "erp":
            app = erp.make_app(state)
            books = app[erp.BOOKS]
            return Hostile(profile, seed, books.counts, forget=books.forget).install(app)
        case "tryton":
            app = tryton.make_app()
            return Hostile(profile, seed, app[tryton.BOOKS].counts).install(app)
        case "jira":
            app = jira.make_app(state)
            shelf = shelf_of(app)
            return Hostile(
                profile, seed, lambda: _comments(shelf), lambda body: jira.take(shelf, body), sender
            ).install(app)
    app = trello.make_app(state)
    shelf = shelf_of(app)
    return Hostile(profile, seed, lambda: _actions(shelf), lambda body: trello.take(shelf, body), sender).install(app)


def shelf_of(app: web.Application) -> Shelf:
    return next(value for value in app.values() if isinstance(value, Shelf))


def _comments(shelf: Shelf) -> Mapping[str, int]:
    return Counter(mark for one in shelf.all("comment") if (mark := marked(plain(one.get("body")))))


def _actions(shelf: Shelf) -> Mapping[str, int]:
    return Counter(mark for one in shelf.all("comment") if (mark := marked(str(one["data"].get("text")))))


def serve_profile(
    profile: Profile, seed: int, port: int, state: Path | None, ready: Path | None, hub: str = "", secret: str = ""
) -> None:
    """Serve until Ctrl-C. ``hub``: where a source sends its webhooks, signed with ``secret``."""
    connector = registry.create(profile.connector, Connection(profile.connector, {"database": ""}), Http(""))
    app = hostile(profile, seed, state, Sender(connector, hub, secret))
    asyncio.run(serve(app, port, ready, profile.name))
