"""The version in force, taken over while the process runs: looked for before each batch, and again inside the batch's
own transaction, so that nothing is concluded under a version whose successor was activated before it.

Any process may activate or roll back; the catalog itself is replaced, never changed. What cannot be loaded leaves it
as it is, and ``problem`` says why. Loops in flight go on under the hash they began with (I10).
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Iterable, Mapping

import structlog

from hub.errors import ConfigError
from hub.mapping.catalog import Catalog
from hub.store import activations
from hub.store.port import Store, Transaction

Reload = Callable[[Iterable[str]], Catalog]
"""Integrations by name -> the catalog of their newest activations. Raises ``ConfigError``."""
logger = structlog.get_logger()


class Live:
    """``adopt`` gets each new catalog; ``names`` are the integrations in force when this process started."""

    def __init__(self, store: Store, names: Iterable[str], reload: Reload, adopt: Callable[[Catalog], None]) -> None:
        self._store, self._reload, self._adopt = store, reload, adopt
        self._names = frozenset(names)
        self._seen = activations.latest(store)
        self._one = asyncio.Lock()
        self.problem = ""

    def stands(self, transaction: Transaction) -> bool:
        """Whether nothing was activated since the last ``refresh``."""
        return transaction.activation() == self._seen

    async def refresh(self) -> bool:
        """Take what was activated since; true when the catalog is another one now."""
        latest = activations.latest(self._store)
        if latest == self._seen:
            return False
        fresh = activations.since(self._store, self._seen)
        self._seen = latest
        return await self.load(fresh)

    async def load(self, fresh: Iterable[activations.Activation] = ()) -> bool:
        """Make the catalog anew, in a thread of its own: the intake answers meanwhile. One at a time."""
        async with self._one:
            return await self._load({one.integration: one for one in fresh})

    async def _load(self, news: Mapping[str, activations.Activation]) -> bool:
        try:
            catalog = await asyncio.to_thread(self._reload, self._names | news.keys())
        except ConfigError as error:
            self.problem = error.what
            findings = [str(one.place) + " " + one.message for one in error.findings]
            logger.error("mapping not loaded", action="mapping.refused", why=error.what, findings=findings)
            return False
        self._names |= news.keys()
        await self._store.write(lambda transaction: transaction.upgrade(catalog.schemas, catalog.indexed))
        await self._store.write(lambda transaction: transaction.index(catalog.sought))
        self._adopt(catalog)
        self.problem = ""
        for one in news.values():
            version = {"integration": one.integration, "table": one.table, "logic": one.logic, "by": one.by}
            logger.info("mapping live", action="mapping.live", **version)
        return True
