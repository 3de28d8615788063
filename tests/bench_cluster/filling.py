"""The bench's deliveries in Kafka, as the intake would have put them there: same topic, keys, headers, batches."""

from __future__ import annotations

import asyncio

from hub.log.access import Access
from hub.log.port import Arrival
from hub.log.producing import Producing
from hub.log.wire import encode
from tests.bench import bench_engine

OBJECTS = 4_000
AT_ONCE = 2_000


def arrival(number: int) -> Arrival:
    """A Jira event of about 2.7 KB; objects take turns."""
    body = bench_engine.body(number % OBJECTS, number // OBJECTS)
    return Arrival("jira", body, {}, bench_engine.NOW + number, "webhook", str(number))


async def fill(bootstrap: str, topic: str, count: int) -> int:
    """Put so many there; gives the bytes of their bodies."""
    producing = Producing(Access(tuple(bootstrap.split(","))))
    size = 0
    try:
        for first in range(0, count, AT_ONCE):
            some = [arrival(number) for number in range(first, min(first + AT_ONCE, count))]
            size += sum(len(one.body) for one in some)
            await asyncio.gather(
                *(producing.put(topic, encode(one, f"issue:{n % OBJECTS}")) for n, one in enumerate(some, first))
            )
    finally:
        await producing.close()
    return size
