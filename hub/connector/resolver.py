"""Name resolution under the outbound policy: what was checked is what gets connected to.

Kept apart from ``http`` because importing aiohttp costs a tenth of a second, and most commands call nobody.
"""

from __future__ import annotations

import socket

from aiohttp.abc import AbstractResolver, ResolveResult
from aiohttp.resolver import ThreadedResolver

from hub.connector.guard import Guard


class GuardedResolver(AbstractResolver):
    """Resolves once, checks every address, hands on what was checked: that is what gets connected to."""

    def __init__(self, guard: Guard) -> None:
        self._guard, self._inner = guard, ThreadedResolver()

    async def resolve(
        self, host: str, port: int = 0, family: socket.AddressFamily = socket.AF_UNSPEC
    ) -> list[ResolveResult]:
        found = await self._inner.resolve(host, port, family)
        for result in found:
            self._guard.check(result["host"])
        return found

    async def close(self) -> None:
        await self._inner.close()
