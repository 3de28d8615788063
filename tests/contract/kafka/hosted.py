"""A program hosted by Faust, as ``hub worker`` is: ``python -m tests.contract.kafka.hosted CASE BOOTSTRAP PREFIX``.

It writes one line to stdout per thing that happens; the tests read the lines and the exit code.
"""

from __future__ import annotations

import asyncio
import sys

import faust
from mode import Service


def say(*words: object) -> None:
    print(*words, flush=True)


class Beat(Service):
    """Beats until told otherwise; what ends it depends on the case."""

    abstract = False

    def __init__(self, case: str) -> None:
        super().__init__()
        self.case, self.beats = case, 0

    async def on_stop(self) -> None:
        say("stopped")

    @Service.task
    async def run(self) -> None:
        say("started")
        if self.case == "raise":
            raise RuntimeError("a task that fails")
        if self.case == "crash":
            await self.crash(RuntimeError("what cannot go on"))
            await asyncio.sleep(3600)  # as the pump does: nothing more is done here
        while not self.should_stop:
            self.beats += 1
            say("beat", self.beats)
            await self.sleep(0.2)

    @Service.timer(0.2)
    async def tick(self) -> None:
        say("tick")


def app(case: str, bootstrap: str, prefix: str) -> faust.App:
    made = faust.App(
        f"{prefix}.hosted",
        broker=f"kafka://{bootstrap}",
        store="memory://",
        processing_guarantee="at_least_once",
        web_enabled=False,
        topic_disable_leader=True,
        topic_allow_declare=False,
        worker_redirect_stdouts=False,
        broker_commit_interval=1,
    )

    @made.agent(made.topic(f"{prefix}.control", value_type=bytes, value_serializer="raw"))
    async def control(words: faust.StreamT[bytes]) -> None:
        async for word in words:
            say("told", word.decode())
            if word == b"fail":
                raise RuntimeError("an order that cannot be carried out")

    made.service(type("Hosted", (Beat,), {"__init__": lambda self, **_: Beat.__init__(self, case)}))
    return made


if __name__ == "__main__":
    faust.Worker(app(*sys.argv[1:]), loglevel="ERROR", override_logging=True).execute_from_commandline()
