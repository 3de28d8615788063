"""Faust and mode as the host of a worker: how it ends, what it does not open, and what of it may fail alone."""

from __future__ import annotations

import asyncio
import os
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import psutil
import pytest
from aiokafka import TopicPartition

from tests.cluster.broker import HOST, free_ports
from tests.cluster.child import Child
from tests.contract.kafka.stage import SECONDS, fill, make_topic, until

pytestmark = pytest.mark.real_server


@contextmanager
def hosted(case: str, bootstrap: str, prefix: str, folder: Path) -> Iterator[Child]:
    words = [sys.executable, "-m", "tests.contract.kafka.hosted", case, bootstrap, prefix]
    child = Child(words, folder / "log", env=dict(os.environ))
    try:
        yield child
    finally:
        child.kill()


def said(child: Child, word: str) -> int:
    return child.log.read_text("utf-8").splitlines().count(word)


async def test_sigterm_stops_the_services_and_ends_with_0(kafka: str, topic_prefix: str, tmp_path: Path) -> None:
    make_topic(kafka, f"{topic_prefix}.control")
    with hosted("steady", kafka, topic_prefix, tmp_path) as child:
        await until(lambda: said(child, "beat 2") and said(child, "tick") > 2)
        assert child.stop() == 0
        assert said(child, "stopped") == 1


@pytest.mark.parametrize("case", ["crash", "raise"])
async def test_a_service_that_crashes_ends_the_process_with_1(
    kafka: str, topic_prefix: str, tmp_path: Path, case: str
) -> None:
    """The supervisor's signal to start it anew; the services are still stopped in order."""
    make_topic(kafka, f"{topic_prefix}.control")
    with hosted(case, kafka, topic_prefix, tmp_path) as child:
        assert await asyncio.to_thread(child.wait, SECONDS) == 1
        assert (said(child, "started"), said(child, "stopped")) == (1, 1)
        assert "Crashed reason=RuntimeError" in child.last_words(8000)


async def test_nothing_listens(kafka: str, topic_prefix: str, tmp_path: Path) -> None:
    make_topic(kafka, f"{topic_prefix}.control")
    with hosted("steady", kafka, topic_prefix, tmp_path) as child:
        await until(lambda: said(child, "beat 2") > 0)
        open_ones = psutil.Process(child.pid).net_connections(kind="inet")
        assert open_ones
        assert [one for one in open_ones if one.status == psutil.CONN_LISTEN] == []


async def test_a_failing_agent_leaves_the_services_alone(kafka: str, topic_prefix: str, tmp_path: Path) -> None:
    control = f"{topic_prefix}.control"
    make_topic(kafka, control)
    with hosted("steady", kafka, topic_prefix, tmp_path) as child:
        await until(lambda: said(child, "beat 2") > 0)
        async with asyncio.timeout(SECONDS):
            while not said(child, "told fail"):  # it reads from the end: what was sent too early is not seen
                await fill(kafka, TopicPartition(control, 0), [b"fail"])
                await asyncio.sleep(0.5)
        beats = sum(line.startswith("beat") for line in child.log.read_text("utf-8").splitlines())
        await until(lambda: said(child, f"beat {beats + 5}") > 0)
        assert child.stop() == 0


async def test_without_a_broker_it_ends_with_1_instead_of_waiting(topic_prefix: str, tmp_path: Path) -> None:
    nobody = f"{HOST}:{free_ports(1)[0]}"
    with hosted("steady", nobody, topic_prefix, tmp_path) as child:
        assert await asyncio.to_thread(child.wait, SECONDS) == 1
