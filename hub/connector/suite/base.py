"""What the suites that talk to a system share: a stand-in app, a connector in front of it, the usual refusals."""

from __future__ import annotations

from collections.abc import Mapping
from contextlib import AbstractAsyncContextManager
from typing import Any, ClassVar

from aiohttp import web

from hub.connector.base import Connection, Connector
from hub.connector.http import Http
from hub.connector.suite.meddler import Meddler, serving

CANARY = "canary-5f2a-secret-value"
"""A secret no error, log or report may ever show (I15)."""
PATIENCE_SECONDS = 0.3
"""Total time-out in the tests where a system does not answer."""


class TalkingSuite:
    """Give ``connector``, ``settings``, ``secrets`` and ``app()``, a stand-in for the system (a twin's app)."""

    connector: ClassVar[type[Connector]]
    settings: ClassVar[Mapping[str, Any]] = {}
    secrets: ClassVar[Mapping[str, tuple[str, ...]]] = {}

    def app(self) -> web.Application:
        """A fresh stand-in of the system."""
        raise NotImplementedError

    def talking(
        self, app: web.Application | None = None, total_seconds: float = 30.0
    ) -> AbstractAsyncContextManager[tuple[Connector, Meddler]]:
        """The connector in front of a served app."""
        return serving(app or self.app(), self.connector, self.settings, self.secrets, total_seconds=total_seconds)

    def nowhere(self) -> Connector:
        """The connector of a system that is not there (a closed local port)."""
        url = "http://127.0.0.1:1"
        settings = {**self.settings, "url": url, "allow": [url]}
        return self.connector(Connection("tested", settings, self.secrets), Http(url, allow=[url]))


class ProbeSuite(TalkingSuite):
    """Every connector that talks to a system can be probed, and a probe changes nothing there."""

    read_methods: ClassVar[frozenset[str]] = frozenset({"GET", "HEAD", "OPTIONS"})
    """Methods that change nothing in this system (add POST where searching is a POST)."""

    async def test_a_probe_is_good_and_writes_nothing(self) -> None:
        async with self.talking() as (connector, meddler):
            assert (await connector.probe()).ok
            assert {method for method, _ in meddler.calls} <= self.read_methods

    async def test_a_probe_of_a_dead_system_says_so_with_a_fix(self) -> None:
        connector = self.nowhere()
        found = await connector.probe()
        await connector.http.close()
        assert not found.ok
        assert found.detail
        assert found.fix

    async def test_a_probe_with_refused_credentials_says_so_with_a_fix(self) -> None:
        async with self.talking() as (connector, meddler):
            for _ in range(5):
                meddler.plan("status", status=401, body=b'{"message": "no"}')
            found = await connector.probe()
            assert not found.ok
            assert found.fix
